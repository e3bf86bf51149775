/** The inventory as units are deployed and rolled back, as drift stands meanwhile, and as others look on. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, inject, it } from 'vitest'
import { restoreBackup } from '../../../server/backup/restore.ts'
import { takeBackup } from '../../../server/backup/take.ts'
import { DRIZZLE, deployUnits, readUnits, rollbackUnits } from '../../../server/deploy/index.ts'
import type { Unit } from '../../../server/deploy/units.ts'
import { emptyDatabase, folder } from '../backup/world.ts'
import { carry, openDatabase } from '../commands/world.ts'
import { testDatabase, type TestDatabase } from '../harness.ts'
import { conformance, drift, named } from './drift.ts'

const UNITS = readUnits(DRIZZLE)
const databases: TestDatabase[] = []
afterAll(() => Promise.all(databases.map(db => db.drop())))
const kept = (db: TestDatabase): TestDatabase => (databases.push(db), db)

/** One unit more than there is. */
const further = (migration: string, rollback: string): Unit[] => {
  const number = UNITS.length + 1
  return [...UNITS, { tag: `${String(number).padStart(4, '0')}_further`, number, kind: 'schema', migration, rollback, verify: 'SELECT', hash: migration }]
}
const BODY = (n: number) => `CREATE OR REPLACE FUNCTION iu_core.fn_extra() RETURNS integer LANGUAGE sql SET search_path = pg_catalog, iu_core, pg_temp AS 'SELECT ${n}'`
const WITH_VIEW = further(
  `${BODY(1)}; CREATE VIEW iu_core.v_extra AS SELECT 1 AS one; ALTER TABLE iu_core.iu_relation ADD COLUMN more text; CREATE VIEW iu_core.v_slow AS SELECT id FROM iu_core.iu_relation`,
  'DROP VIEW iu_core.v_slow; ALTER TABLE iu_core.iu_relation DROP COLUMN more; DROP VIEW iu_core.v_extra; DROP FUNCTION iu_core.fn_extra()')

describe('a unit', () => {
  it('registers what it makes under its tag, and takes it out again when it is rolled back', async () => {
    const client = await kept(await testDatabase()).connect()
    const inventory = async () => (await client.query('SELECT class, identity, encode(digest, \'hex\') AS digest FROM iu_core.dot_inventory ORDER BY class, identity')).rows
    const before = await inventory()
    await deployUnits(client, WITH_VIEW)
    expect(await drift(client)).toEqual([])
    const { rows } = await client.query(`SELECT class || ' ' || identity AS name FROM iu_core.dot_inventory WHERE registered_by_unit = $1 ORDER BY 1`, [WITH_VIEW.at(-1)!.tag])
    expect(rows.map(row => row.name)).toEqual(['function fn_extra()', 'table iu_relation', 'view v_extra', 'view v_slow'])
    await rollbackUnits(client, WITH_VIEW, UNITS.at(-1)!.tag)
    expect(await drift(client)).toEqual([])
    expect(await inventory()).toEqual(before)
  })

  it('does not take over what had drifted before it, and what it has half changed the deploy finds out', async () => {
    const client = await kept(await testDatabase()).connect()
    // One that the unit does not touch, and one that it does.
    await client.query('ALTER FUNCTION iu_core.fn_iu_slug(text) COST 7; ALTER TABLE iu_core.iu_relation ADD COLUMN by_hand text')
    const drifted = ['function fn_iu_slug(text) changed', 'table iu_relation changed']
    expect(named(await drift(client))).toEqual(drifted)
    await deployUnits(client, WITH_VIEW)
    const found = await drift(client)
    expect(named(found)).toEqual(drifted)
    const table = found.find(row => row.class === 'table')!
    expect(table.expected).toMatch(/^ {2}more text,?$/m)
    expect(table.expected).not.toContain('by_hand')
    expect(table.live).toMatch(/^ {2}by_hand text,?$/m)
  })
})

describe('the inventory', () => {
  it('of another major, or altered, is made anew by a deploy from what the units build beside it, so that drift goes on standing', async () => {
    const db = kept(await openDatabase())
    const client = await db.connect()
    await carry(client, 'dot_iu_register_event_type', { event_type: 'app.known', description: 'x' })
    await client.query(`
      ALTER FUNCTION iu_core.fn_iu_slug(text) COST 7;
      UPDATE iu_core.dot_inventory SET definition = definition || ' ' WHERE class = 'view';
      UPDATE iu_core.dot_inventory SET server_major = 14, definition = 'as 14 spelled it', digest = sha256('as 14 spelled it') WHERE class IN ('table', 'function');`)
    expect(await drift(client)).toMatchObject([{ class: null, state: 'unknown' }])
    expect(await deployUnits(client, UNITS)).toEqual([])
    expect(named(await drift(client))).toEqual(['function fn_iu_slug(text) changed'])
  })
})

describe('while a deploy runs in another session', () => {
  it('no drift is seen that is none', async () => {
    const db = kept(await testDatabase())
    const deployer = await db.connect()
    const readers = await Promise.all(Array.from({ length: 3 }, () => db.connect('iu_reader')))
    let isDone = false
    const seen = new Set<string>()
    const reading = Promise.all(readers.map(async (reader) => {
      while (!isDone) {
        const rows = await drift(reader)
        for (const row of rows) seen.add(`${row.class} ${row.identity} ${row.state}: ${row.suggested_action}`)
      }
    }))
    for (let round = 0; round < 2; round++) {
      await deployUnits(deployer, WITH_VIEW)
      await rollbackUnits(deployer, WITH_VIEW, UNITS.at(-1)!.tag)
    }
    isDone = true
    await reading
    expect([...seen].filter(row => row !== 'null null unknown: A deploy is under way. Wait until it has ended.')).toEqual([])
    expect(await drift(readers[0]!)).toEqual([])
  })

  it('a deploy that waits for those who compare is told as one: it begins as soon as they let go', async () => {
    const db = kept(await testDatabase())
    const [other, deployer, reader] = await Promise.all([db.connect(), db.connect(), db.connect('iu_reader')])
    await other.query(`SELECT pg_advisory_lock_shared(hashtext('iu_core deploy'))`)
    expect(await drift(reader)).toEqual([])
    const deploying = deployer.query(`SELECT pg_advisory_lock(hashtext('iu_core deploy'))`)
    await expect.poll(async () => (await other.query(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)).rowCount, { timeout: 60_000 }).toBe(1)
    expect(await drift(reader)).toMatchObject([{ class: null, state: 'unknown', suggested_action: 'A deploy is under way. Wait until it has ended.' }])
    await other.query('SELECT pg_advisory_unlock_all()')
    await deploying
  })

  it('it is said so at once, though the deploy holds the objects', async () => {
    const db = kept(await testDatabase())
    const [deployer, reader] = await Promise.all([db.connect(), db.connect()])
    await deployer.query(`SELECT pg_advisory_lock(hashtext('iu_core deploy')); BEGIN; ALTER TABLE iu_core.event_outbox ADD COLUMN more text`)
    // If it waited, it would be for ever.
    expect(await drift(reader)).toMatchObject([{ class: null, state: 'unknown', suggested_action: expect.stringContaining('A deploy is under way.') }])
    expect((await conformance(reader)).map(check => [check.ok, check.unknown > 0])).toEqual(Array.from({ length: 10 }, () => [false, true]))
    await deployer.query('ROLLBACK')
  })

  it('a change by hand under way is waited for half a second, and then it is not known', async () => {
    const db = kept(await testDatabase())
    const [other, reader] = await Promise.all([db.connect(), db.connect()])
    await other.query('BEGIN; LOCK TABLE iu_core.iu_outbound_route IN ACCESS EXCLUSIVE MODE')
    expect(await drift(reader)).toMatchObject([{ class: null, state: 'unknown', suggested_action: expect.stringContaining('Another session is changing') }])
    await other.query('ROLLBACK')
    expect(await drift(reader)).toEqual([])
  })

  it('a deploy that changes the inventory itself is told as one', async () => {
    const db = kept(await testDatabase())
    const [deployer, reader] = await Promise.all([db.connect(), db.connect()])
    await deployer.query(`BEGIN; SELECT pg_advisory_xact_lock(hashtext('iu_core deploy')); LOCK TABLE iu_core.dot_inventory IN ACCESS EXCLUSIVE MODE`)
    expect(await drift(reader)).toMatchObject([{ class: null, state: 'unknown', suggested_action: 'A deploy is under way. Wait until it has ended.' }])
    await deployer.query('ROLLBACK')
    expect(await drift(reader)).toEqual([])
  })
})

describe('the rungs of the ladder, pulled by command', () => {
  it('leave every check ok, and can be put back', async () => {
    const db = kept(await openDatabase())
    const client = await db.connect()
    const expectWhole = async () => {
      expect(await drift(client)).toEqual([])
      expect((await conformance(client)).filter(check => !check.ok)).toEqual([])
    }
    const pulled = [
      await carry(client, 'dot_iu_disable_route', { route: 'iu.created.log' }),
      await carry(client, 'dot_iu_disable_triggers'),
      await carry(client, 'dot_iu_close_gate', { gate: 'iu_core.routes_master_enabled' }),
      await carry(client, 'dot_iu_close_gate', { gate: 'iu_core.route_worker_enabled' }),
    ]
    await expectWhole()
    for (const receipt of pulled.toReversed()) await carry(client, receipt.inverse!.command, receipt.inverse!.params)
    await expectWhole()
    await carry(client, 'dot_iu_open_gate', { gate: 'iu_core.execution_enabled', expires_at: new Date(Date.now() + 3_600_000).toISOString() })
    await carry(client, 'dot_iu_register_event_type', { event_type: 'app.made', description: 'x' })
    await carry(client, 'dot_iu_register_route', { route: 'app.made.log', event_type: 'app.made', target_kind: 'log', target_ref: 'x', enabled: true })
    await carry(client, 'dot_iu_disable_route', { route: 'app.made.log' })
    await carry(client, 'dot_iu_register_event_type', { event_type: 'app.made', description: 'described otherwise' })
    await expectWhole()
    // What was put in by hand is taken in by the command that would have made it.
    await client.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, '{"app.by_hand": {"description": "x"}}')`)
    expect(named(await drift(client))).toEqual(['event_type app.by_hand unexpected'])
    await carry(client, 'dot_iu_register_event_type', { event_type: 'app.by_hand', description: 'x' })
    await expectWhole()
    await client.query(`UPDATE iu_core.iu_outbound_route SET enabled = true WHERE route_code = 'app.made.log'`)
    expect(named(await drift(client))).toEqual(['route app.made.log changed'])
  })
})

/** Programs of the server's own major, where this machine has them. */
const PROGRAMS = `/usr/lib/postgresql/${inject('server').version.split('.')[0]}/bin`

/** Ways out of one database and into an empty one. */
const WAYS: Record<string, (from: TestDatabase, to: TestDatabase) => Promise<unknown>> = {
  async backup(from, to) {
    const taken = await takeBackup(await from.connect(), { folder: folder(), kind: 'copy', units: UNITS })
    await restoreBackup(await to.connect(), taken.backup.path, UNITS)
  },
  ...existsSync(join(PROGRAMS, 'pg_dump')) && {
    async dump(from: TestDatabase, to: TestDatabase) {
      const run = promisify(execFile)
      const { stdout } = await run(join(PROGRAMS, 'pg_dump'), ['--dbname', from.url], { maxBuffer: 100_000_000 })
      const psql = run(join(PROGRAMS, 'psql'), ['--dbname', to.url, '--quiet', '--set', 'ON_ERROR_STOP=1'], { maxBuffer: 100_000_000 })
      psql.child.stdin!.end(stdout)
      await Promise.all([psql, once(psql.child, 'close')])
    },
  },
}

describe('restored elsewhere', () => {
  it.each(Object.keys(WAYS))('from a %s, a database has no drift', { timeout: 600_000 }, async (way) => {
    const from = kept(await openDatabase())
    const client = await from.connect()
    await carry(client, 'dot_iu_disable_triggers')
    await carry(client, 'dot_iu_register_event_type', { event_type: 'app.made', description: 'it\'s "made"' })
    const to = await emptyDatabase()
    await WAYS[way]!(from, to)
    const restored = await to.connect()
    expect(await drift(restored)).toEqual([])
    expect((await conformance(restored)).filter(check => !check.ok)).toEqual([])
  })
})
