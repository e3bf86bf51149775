import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { testDatabase, type TestDatabase } from '../harness.ts'
import { audit, emit, furnish, pass } from '../world.ts'

const IU = join(import.meta.dirname, '../../../server/cli/iu.ts')

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

/** Runs `iu`; what it said, and its exit status. */
function iu(...args: string[]): Promise<{ status: number, out: string, err: string }> {
  return new Promise(resolve => execFile(process.execPath, [IU, ...args], { env: { ...process.env, DATABASE_URL: db.url } }, (error, out, err) => resolve({ status: error ? Number(error.code) : 0, out, err })))
}

it('`iu probe` and `iu db verify` tell each check by name, and say with their status that all hold', async () => {
  // Two probes at once may meet at a gate: one after the other.
  const [words, json, verify] = [await iu('probe'), await iu('probe', '--json'), await iu('db', 'verify')]
  expect([words.status, json.status, verify.status]).toEqual([0, 0, 0])
  expect(words.out.match(/^✓ [A-H]: .+ \(\d+\.\d ms\)$/gm)).toHaveLength(8)
  expect(words.out).toMatch(/^event_outbox +0$/m)
  expect(words.out).toMatch(/^8 of 8 passed in \d+ ms; nothing is left \(run \d+\)$/m)
  const told = JSON.parse(json.out) as { passed: number, left: number, verified: boolean, scenarios: { status: string }[], leftovers: { rows: number }[] }
  expect(told).toMatchObject({ passed: 8, left: 0, verified: true })
  expect([told.scenarios.length, told.leftovers.length, told.leftovers.every(({ rows }) => rows === 0)]).toEqual([8, 12, true])
  expect(verify.out).toMatch(/^✓ 0001_foundation$/m)
  expect(verify.out.match(/^✓ W[1-9] [a-z ]+: .+$/gm)).toHaveLength(9)
  expect(verify.out).toMatch(/^✓ accounting: 0 events, as counting every row gives$/m)
})

it('`iu db verify` counts every row, and says where the audit has it otherwise', async () => {
  await furnish(db.pool)
  for (const subject of ['a', 'b', 'c', 'd']) await emit(db.pool, subject)
  await pass(db.pool, 3)
  expect(await audit(db.pool)).toBe(3)
  const right = await iu('db', 'verify')
  expect([right.status, right.out]).toEqual([0, expect.stringMatching(/^✓ accounting: 4 events, as counting every row gives$/m)])
  await db.pool.query('UPDATE iu_core.iu_event_audit SET attempted = attempted + 5, archived = 2')
  const [words, json] = await Promise.all([iu('db', 'verify'), iu('db', 'verify', '--json')])
  expect([words.status, json.status]).toEqual([1, 1])
  expect(words.out).toMatch(/^✗ accounting: events is 11 by the audit, 4 by counting every row; attempted is 8 by the audit, 3 by counting every row; archived is 2 by the audit, 0 by counting every row$/m)
  expect(JSON.parse(json.out)).toMatchObject({ accounting: { events: 4, miscounts: [{ field: 'events', audited: 11, counted: 4 }, { field: 'attempted', audited: 8, counted: 3 }, { field: 'archived', audited: 2, counted: 0 }] } })
  await db.pool.query('UPDATE iu_core.iu_event_audit SET attempted = attempted - 5, archived = 0')
})

it('a probe that others hold up is cut off, and says so', async () => {
  const holder = await db.connect()
  await holder.query('BEGIN')
  await holder.query('LOCK TABLE iu_core.event_outbox IN ACCESS EXCLUSIVE MODE')
  const { status, err } = await iu('probe')
  await holder.query('ROLLBACK')
  expect([status, err]).toEqual([1, expect.stringContaining('cut off after 5 seconds, and all of it is taken back')])
})

it('a world that is broken is told with ✗ and status 1, check by check', async () => {
  await db.pool.query(`CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_deliver(p_event_id bigint, p_route_id integer) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, iu_core, pg_temp AS $$ BEGIN END $$`)
  const [words, verify, json] = await Promise.all([iu('probe'), iu('db', 'verify'), iu('db', 'verify', '--json')])
  expect([words.status, verify.status, json.status]).toEqual([1, 1, 1])
  expect(words.out).toMatch(/^✗ E: .+(\n {2}.+)*\n {2}dead_letters: want 2, have 1\n {2}worker_process_error: want 1, have nothing$/m)
  expect(words.out).toMatch(/^6 of 8 passed .+ nothing is left/m)
  expect(verify.out).toMatch(/^✗ W6 seam fails closed: fn_iu_route_deliver returned, and live delivery is not built$/m)
  expect(verify.out.match(/^✓ W/gm)).toHaveLength(8)
  expect(JSON.parse(json.out)).toMatchObject({ verified: [], error: expect.stringContaining('not working: W6'), works: expect.arrayContaining([expect.objectContaining({ code: 'W6', ok: false })]) })
})
