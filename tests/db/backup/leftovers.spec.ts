/** What commands that were killed or interrupted leave: nothing for long, and nothing of anybody who lives. */
import { readdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { restoreBackup } from '../../../server/backup/restore.ts'
import { takeBackup, writeBackup } from '../../../server/backup/take.ts'
import { LIMITS, openConnection } from '../../../server/db/connection.ts'
import { Interrupted } from '../../../server/deploy/interrupt.ts'
import { deployUnits } from '../../../server/deploy/index.ts'
import { inScratch, sweepScratches } from '../../../server/deploy/scratch.ts'
import { alone } from '../../../server/deploy/transaction.ts'
import { unit, UNITS } from '../deploy/world.ts'
import { exclusively, testDatabase, type TestDatabase } from '../harness.ts'
import { emptyDatabase, folder } from './world.ts'

let db: TestDatabase
let client: pg.Client
beforeAll(async () => {
  db = await testDatabase()
  client = await db.connect()
})
afterAll(() => db.drop())

const scratches = async (): Promise<string[]> => (await db.pool.query<{ name: string }>(`SELECT datname AS name FROM pg_database WHERE datname LIKE 'iu\\_scratch\\_%' ORDER BY 1`)).rows.map(({ name }) => name)
const exists = async (name: string): Promise<boolean> => (await scratches()).includes(name)

describe('a scratch database', () => {
  test('is dropped by the next command when the session that made it is gone, and told; one of a living session is not', async () => {
    let name = ''
    const living = await db.connect()
    await inScratch(living, async (scratch) => {
      name = (await scratch.query<{ name: string }>('SELECT current_database() AS name')).rows[0]!.name
      // Between two connections, as while pg_restore begins.
      await scratch.end()
      const dead = name.replace(/_\d+_\d+_/, '_999999_1_')
      const old = `iu_scratch_${name.slice(-12)}`
      for (const made of [dead, old]) await exclusively(admin => admin.query(`CREATE DATABASE ${made} TEMPLATE template0 STRATEGY file_copy`))
      const told: string[] = []
      await sweepScratches(client, line => told.push(line))
      expect(await Promise.all([name, dead, old].map(exists))).toEqual([true, false, false])
      for (const swept of [dead, old]) expect(told).toContain(`dropped ${swept}: a command that was killed had left it`)
      await sweepScratches(client, line => told.push(line))
      expect(told.filter(line => line.includes(dead))).toHaveLength(1)
    })
    expect(await exists(name)).toBe(false)
  })

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('is dropped, and the untried file removed, on %s', async (signal) => {
    const to = folder()
    let before: string[] = []
    const main = await openConnection(db.url, 'a backup', LIMITS.work)
    try {
      const taken = takeBackup(main, {
        folder: to, kind: 'copy', units: UNITS,
        onStep: (step) => {
          if (step.startsWith('restoring')) void scratches().then(names => before = names)
        },
      })
      const caught = taken.catch((error: Error) => error)
      const own = async () => (await db.pool.query<{ name: string }>(`SELECT a.datname AS name FROM pg_stat_activity AS a WHERE a.application_name = 'iu scratch'
        AND a.datname LIKE 'iu\\_scratch\\_' || (SELECT pid FROM pg_stat_activity WHERE datname = $1 AND application_name = 'a backup') || '\\_%'`, [db.name])).rows
      await expect.poll(own).toHaveLength(1)
      const [{ name } = { name: '' }] = await own()
      process.emit(signal, signal)
      expect(await caught).toBeInstanceOf(Interrupted)
      expect([readdirSync(to), await exists(name)]).toEqual([[], false])
    }
    finally {
      await main.end()
    }
    expect(before).toBeDefined()
    expect(process.listenerCount(signal)).toBeLessThan(3)
  })

  test('and the half of a file that was killed goes with the next backup into the folder; that of a living process stays', async () => {
    const to = folder()
    const names = [`iu-x-1.tar.${hostname()}-999999.part`, `iu-x-1.tar.${hostname()}-${process.pid}.part`, 'iu-x-1.tar.elsewhere-999999.part']
    for (const name of names) writeFileSync(join(to, name), 'x')
    await writeBackup(client, { folder: to, kind: 'copy', units: UNITS })
    expect(readdirSync(to).filter(name => name.endsWith('.part')).sort()).toEqual(names.slice(1).sort())
  })
})

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('a restore that %s ends leaves the database as empty as it was', async (signal) => {
  const path = await writeBackup(client, { folder: folder(), kind: 'copy', units: UNITS })
  const into = await emptyDatabase()
  const main = await into.connect()
  const caught = restoreBackup(main, path, UNITS).catch((error: Error) => error)
  const sessions = async () => (await db.pool.query('SELECT FROM pg_stat_activity WHERE application_name = $1 AND datname = $2', ['iu restore', into.name])).rowCount
  await expect.poll(sessions).toBe(1)
  process.emit(signal, signal)
  expect(await caught).toBeInstanceOf(Interrupted)
  await expect.poll(sessions).toBe(0)
  const { checks } = await restoreBackup(main, path, UNITS)
  expect(checks.filter(({ ok }) => !ok)).toEqual([])
})

describe('a deploy', () => {
  test('waits for a table for seconds only, and says who holds it', async () => {
    const next = unit('locked', { migration: 'ALTER TABLE iu_core.iu_vocabulary ADD COLUMN locked_out text' })
    await db.as('iu_owner', async (other) => {
      await other.query(`SET application_name = 'a long reader'; BEGIN; LOCK TABLE iu_core.iu_vocabulary IN ACCESS SHARE MODE`)
      await expect(deployUnits(client, [...UNITS, next])).rejects.toThrow(/another session held a table for 5s, and all of it is taken back\. It is held by pid \d+ \(iu_deployer, a long reader.*idle in transaction.*SELECT pg_terminate_backend\(\d+\)/)
      await other.query('ROLLBACK')
    })
    expect((await client.query('SHOW lock_timeout')).rows[0].lock_timeout).toBe('0')
  })

  test('takes its turn: whoever has it goes first', async () => {
    const other = await db.connect()
    const order: string[] = []
    let second = Promise.resolve()
    await alone(other, async () => {
      second = alone(client, async () => void order.push('second'))
      await expect.poll(async () => (await db.pool.query(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = $1)`, [db.name])).rowCount).toBe(1)
      order.push('first')
    })
    await second
    expect(order).toEqual(['first', 'second'])
  })
})
