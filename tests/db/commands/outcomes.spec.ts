/** What came of a run: a command that was carried out, and what it was for did not happen, is told as that, in the plan first. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { tell } from '../../../server/cli/receipt.ts'
import type { Receipt as Told } from '../../../shared/commands/receipt.ts'
import type { TestDatabase } from '../harness.ts'
import { drain, emit, furnish } from '../world.ts'
import { carry, imported, openDatabase, run } from './world.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
  await furnish(db.pool)
})
afterAll(() => db.drop())

const letters = async () => (await db.pool.query<{ id: number }>(`SELECT id::integer AS id FROM iu_core.iu_route_dead_letter WHERE status = 'open' ORDER BY id`)).rows.map(({ id }) => id)
const outcomeOf = async (id: number) => (await db.pool.query('SELECT status, outcome FROM iu_core.v_dot_iu_command_run WHERE run_id = $1', [id])).rows[0]
const relaxed = (schema: object) => db.pool.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, $1)`, [JSON.stringify({ 'app.strict': { description: 'changed', payload_schema: schema } })])

it('a replay that fails again is failed again: in the first line of its plan, receipt, ledger and registry', async () => {
  for (let n = 0; n < 2; n++) await emit(db.pool, `bad ${n}`, {}, 'app.strict')
  await drain(db.pool)
  const [first] = await letters()
  const before = (await db.pool.query(`SELECT succeeded, otherwise FROM iu_core.v_dot_iu_command_registry WHERE command_code = 'dot_iu_replay_dead_letter'`)).rows[0]
  const one = await run(db.pool, 'dot_iu_replay_dead_letter', 'apply', { dead_letter: first }) as unknown as Told
  expect(one).toMatchObject({ status: 'succeeded', outcome: 'failed_again', headline: '0 succeeded, 1 failed again' })
  expect(await outcomeOf(one.run)).toEqual({ status: 'succeeded', outcome: 'failed_again' })
  expect(tell(one).split('\n').slice(0, 2)).toEqual([`dot_iu_replay_dead_letter apply: failed again (run ${one.run})`, '  0 succeeded, 1 failed again'])
  expect((await db.pool.query(`SELECT succeeded, otherwise, last_status FROM iu_core.v_dot_iu_command_registry WHERE command_code = 'dot_iu_replay_dead_letter'`)).rows[0])
    .toEqual({ succeeded: before.succeeded, otherwise: Number(before.otherwise) + 1, last_status: 'failed_again' })
  const plan = await run(db.pool, 'dot_iu_replay_dead_letters', 'plan') as unknown as Told
  expect(plan).toMatchObject({ status: 'planned', outcome: 'failed_again', headline: '0 would succeed, 2 would fail again' })
  expect(tell(plan).split('\n')[1]).toBe('  0 would succeed, 2 would fail again')
  const background = await run(db.pool, 'dot_iu_start_replay', 'plan') as unknown as Told
  expect(background).toMatchObject({ headline: '0 would succeed, 2 would fail again' })
})

it('a replay of many that succeeds in part says so, and one that succeeds is a success', async () => {
  await relaxed({ type: 'object', required: ['m'] })
  await emit(db.pool, 'good by then', { n: 1 }, 'app.strict')
  await drain(db.pool)
  await relaxed({ type: 'object', required: ['n'] })
  const { plan_digest: plan } = await run(db.pool, 'dot_iu_replay_dead_letters', 'plan')
  expect(await run(db.pool, 'dot_iu_replay_dead_letters', 'apply', {}, { plan, reason: 'a test' })).toMatchObject({ outcome: 'partly_failed_again', headline: '1 succeeded, 2 failed again' })
  await relaxed({})
  const whole = await carry(db.pool, 'dot_iu_replay_dead_letters') as unknown as Told
  expect(whole.headline).toBe('2 succeeded, 0 failed again')
  expect(whole).not.toHaveProperty('outcome')
  expect(await outcomeOf(whole.run)).toEqual({ status: 'succeeded', outcome: null })
})

it('a collection that is not valid, a pass that found nothing, and a world that does not work are no successes either', async () => {
  await carry(db.pool, 'dot_iu_import_text', await imported('o.md', '# O\n\none\n'))
  expect(await run(db.pool, 'dot_iu_validate_collection', 'apply', { collection: 'o.md' })).toMatchObject({ headline: 'Nothing is wrong with it.' })
  await carry(db.pool, 'dot_iu_retire_piece', { piece: (await db.pool.query<{ address: string }>(`SELECT unit_address AS address FROM iu_core.v_iu_collection_piece WHERE collection_address = 'o.md' ORDER BY position LIMIT 1`)).rows[0]!.address })
  const healthy = async () => (await db.pool.query(`SELECT healthy, findings FROM iu_core.v_iu_collection_health WHERE canonical_address = 'o.md'`)).rows[0]
  expect(await run(db.pool, 'dot_iu_validate_collection', 'apply', { collection: 'o.md' })).toMatchObject({ outcome: 'not_valid', headline: '1 finding' })
  expect(await healthy()).toEqual({ healthy: false, findings: 1 })
  await drain(db.pool)
  // What the first run's own event leaves is routed by the first pass.
  await run(db.pool, 'dot_iu_run_worker', 'apply')
  expect(await run(db.pool, 'dot_iu_run_worker', 'apply')).toMatchObject({ outcome: 'nothing_waited', headline: '0 events routed, 0 dead-lettered' })
  await db.as('iu_deployer', async (client) => {
    await client.query('BEGIN')
    await client.query('ALTER TABLE iu_core.event_outbox DISABLE TRIGGER trg_event_outbox_append_only')
    expect(await run(client, 'dot_iu_run_probe', 'apply')).toMatchObject({ status: 'succeeded', outcome: 'not_passed', headline: expect.stringMatching(/^\d of 8 scenarios passed$/) })
    await client.query('ROLLBACK')
  })
})

it('the counts of the ledger are those of a count', async () => {
  const { rows: [counts] } = await db.pool.query('SELECT runs, apply, applied, refused, failed, unverified, otherwise FROM iu_core.v_dot_iu_command_run_health')
  const { rows: [counted] } = await db.pool.query(`
    SELECT count(*)::integer AS runs, count(*) FILTER (WHERE mode = 'apply')::integer AS apply, count(*) FILTER (WHERE mode = 'apply' AND status = 'succeeded')::integer AS applied,
           count(*) FILTER (WHERE status = 'refused')::integer AS refused, count(*) FILTER (WHERE status = 'failed')::integer AS failed,
           count(*) FILTER (WHERE status = 'unverified')::integer AS unverified, count(*) FILTER (WHERE outcome IS NOT NULL AND status = 'succeeded')::integer AS otherwise FROM iu_core.dot_iu_command_run`)
  expect(counts).toEqual(counted)
})
