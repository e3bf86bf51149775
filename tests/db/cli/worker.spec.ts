/** `iu worker` beside its passes: it audits, where no console does. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runAudits } from '../../../server/worker/audit.ts'
import type { TestDatabase } from '../harness.ts'
import { accounting, emit, openDatabase } from '../world.ts'

const IU = join(import.meta.dirname, '../../../server/cli/iu.ts')

let db: TestDatabase
beforeEach(async () => {
  db = await openDatabase()
})
afterEach(() => db.drop())

const worker = (...args: string[]) => spawn(process.execPath, [IU, 'worker', ...args], { env: { ...process.env, DATABASE_URL: db.url }, stdio: ['ignore', 'pipe', 'inherit'] })
const audited = async () => (await db.pool.query<{ n: number }>('SELECT coalesce(sum(attempted), 0)::int AS n FROM iu_core.iu_event_audit')).rows[0]!.n

test('audits behind its passes until it is stopped', async () => {
  await emit(db.pool, 'a')
  const running = worker()
  const ended = once(running, 'exit')
  try {
    await expect.poll(audited).toBe(1)
    await emit(db.pool, 'b')
    await expect.poll(audited).toBe(2)
  }
  finally {
    running.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  }
})

test('has audited in the end what it has routed, be it one pass or all', async () => {
  for (const subject of ['a', 'b', 'c']) await emit(db.pool, subject)
  expect(await once(worker('--once', '--batch', '1'), 'exit')).toEqual([0, null])
  expect(await audited()).toBe(1)
  expect(await once(worker('--drain'), 'exit')).toEqual([0, null])
  expect(await audited()).toBe(3)
  expect(await accounting(db.pool)).toMatchObject({ events: 3, attempted: 3 })
})

test('a fault of the audit is told, and it goes on', async () => {
  const stop = new AbortController()
  const told: string[] = []
  let rounds = 0
  await runAudits({
    signal: stop.signal, until: 'forever',
    audit: async () => {
      rounds += 1
      if (rounds === 1) throw new Error('the database is away')
    },
    onFault: error => told.push(error.message),
    onRound: () => {
      told.push('over')
      stop.abort()
    },
  })
  expect(told).toEqual(['the database is away', 'over'])
  await expect(runAudits({
    signal: new AbortController().signal, until: 'drain', audit: () => Promise.reject(new Error('no right')),
    onFault: (error) => {
      throw error
    },
  })).rejects.toThrow('no right')
})
