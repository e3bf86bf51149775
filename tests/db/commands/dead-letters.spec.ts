/** Dead letters as operators handle them: by cause and window, corrected, in the background, and what a disabled route skipped. */
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { drain, emit, expectRollups, expectWhole, furnish, refusal, setGate } from '../world.ts'
import { beside, waiting } from './beside.ts'
import { carry, openDatabase, type Options, type Params, type Receipt, run, signedIn, verify } from './world.ts'

let db: TestDatabase
let token: string
let strict: number
beforeAll(async () => {
  db = await openDatabase()
  await furnish(db.pool)
  token = await signedIn(db.pool, 'alice', 'approver')
  strict = Number((await db.pool.query(`SELECT id FROM iu_core.iu_outbound_route WHERE route_code = 'app.strict.log'`)).rows[0].id)
})
afterAll(() => db.drop())

const as = (options: Options = {}): Options => ({ token, reason: 'a test', ...options })
const rows = async <T extends object>(sql: string, values: unknown[] = []) => (await db.pool.query<T>(sql, values)).rows
const open = async () => (await rows<{ id: number }>('SELECT dead_letter_id::int AS id FROM iu_core.v_iu_route_dead_letter_open ORDER BY 1')).map(({ id }) => id)
const attempts = async (event: number, route = strict) => (await rows<{ it: string }>('SELECT coalesce(failure_code, status) AS it FROM iu_core.iu_route_attempt WHERE (event_id, route_id) = ($1, $2) ORDER BY attempt_no', [event, route])).map(({ it }) => it)
const letter = async (id: number) => (await rows<Params>(`SELECT status, resolved_by AS by, resolved_attempt_no AS attempt, corrected_by_event_id::int AS event, replay_job_id::int AS replay FROM iu_core.iu_route_dead_letter WHERE id = $1`, [id]))[0]
const job = async (id: unknown) => (await rows<Params>('SELECT status, total, done, replayed, failed_again, left_alone, waits_for FROM iu_core.v_iu_replay_job WHERE job_id = $1', [id]))[0]
const schema = (payload_schema: Params = {}) => db.pool.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, $1)`, [{ 'app.strict': { description: 'strict', payload_schema } }])
const STRICT = { type: 'object', required: ['n'], properties: { n: { type: 'integer', minimum: 1 } }, additionalProperties: false }
const relax = () => schema()
const route = (name: string, enabled: boolean) => db.pool.query('UPDATE iu_core.iu_outbound_route SET enabled = $2 WHERE route_code = $1', [name, enabled])
const step = async (limit = 1000) => (await rows<{ status: string, job_id: string | null, attempted: number, wait_ms: number | null }>('SELECT * FROM iu_core.fn_iu_replay_step($1)', [limit]))[0]!

/** Dead letters of these payloads, in order. */
async function letters(...payloads: unknown[]): Promise<number[]> {
  const events: number[] = []
  for (const [n, payload] of payloads.entries()) events.push(await emit(db.pool, `s${n}`, payload, 'app.strict'))
  await drain(db.pool)
  return (await rows<{ id: number }>('SELECT id::int FROM iu_core.iu_route_dead_letter WHERE event_id = ANY ($1) ORDER BY id', [events])).map(({ id }) => id)
}
const eventOf = async (id: number) => (await rows<{ id: number }>('SELECT event_id::int AS id FROM iu_core.iu_route_dead_letter WHERE id = $1', [id]))[0]!.id
const start = (params: Params = {}) => carry(db.pool, 'dot_iu_start_replay', params, as())

beforeEach(async () => {
  // Whatever a test left is not the next one's.
  await schema(STRICT)
  for (const name of ['app.strict.log', 'app.twice.a']) await route(name, true)
  await route('app.disabled.log', false)
  const left = await run(db.pool, 'dot_iu_discard_dead_letters', 'plan', {}, as())
  if (left.status === 'planned') await run(db.pool, 'dot_iu_discard_dead_letters', 'apply', {}, as({ plan: left.plan_digest }))
  for (const { id } of await rows<{ id: number }>(`SELECT id::int FROM iu_core.iu_replay_job WHERE status = 'running'`)) await run(db.pool, 'dot_iu_stop_replay', 'apply', { replay: id }, as())
})

describe('a cause', () => {
  const cause = async (detail: string, code = 'payload_schema', routeId = 1, type = 'app.x') => (await rows<{ it: string }>('SELECT iu_core.fn_iu_dead_letter_cause($1, $2, $3, $4) AS it', [code, routeId, type, detail]))[0]!.it

  it.each([
    ['$.n: want integer, have 1.5', '$.n: want integer, have "x; $.y"'],
    ['$.n: want at least 3, have -2', '$.n: want at least 3, have 2'],
    ['$.items[3].name: missing', '$.items[17].name: missing'],
    ['$.items[0].n: missing; $.items[1].n: missing', '$.items[4].n: missing'],
    ['$.a: missing; $.b: missing', '$.b: missing; $.a: missing'],
    ['$.k: want one of ["a", "b"], have "c"', '$.k: want one of ["a", "b"], have {"d": [1, "a string that is cut in the mid'],
    ['connection to 10.0.0.7:443 refused after 31 ms (08006)', 'connection to 10.0.0.8:8443 refused after 2 ms (08006)'],
    ['order "A-1" of 0b9af2c1-6a57-4b0f-8d6e-1c2d3e4f5a6b failed', 'order "B" of 11111111-2222-3333-4444-555555555555 failed'],
  ])('is one for %s and %s', async (one, other) => {
    expect(await cause(one)).toBe(await cause(other))
    expect(await cause(one)).toMatch(/^[0-9a-f]{16}$/)
  })

  it.each([['$.n: want integer, have string', '$.n: want integer, have null'], ['$.a: missing', '$.b: missing'], ['$.n: want integer, have 1.5', '$.n: want string, have 1.5'], ['a', 'a; b']])('is another for %s and %s', async (one, other) => {
    expect(await cause(one)).not.toBe(await cause(other))
  })

  it('is told alike of a fault with something quoted and of one without, which are read in two ways', async () => {
    const part = fc.constantFrom('$.a', ': ', 'want ', ', have ', ', have', 'string', 'null', 'array', '1', '2.5', '1,000:3', '-7', 'x', ' ', '; ', '…', '#', 'abc123', 'é')
    const texts = fc.sample(fc.array(part, { maxLength: 9 }).map(parts => parts.join('')).filter(text => !/; \$|[0-9a-f]{12}/.test(text)), 4000)
    const { rows: told } = await db.pool.query<{ text: string, plain: string, quoted: string }>(
      `SELECT t AS text, iu_core.fn_iu_failure_kind(t) AS plain, iu_core.fn_iu_failure_kind('"quoted" ' || t) AS quoted FROM unnest($1::text[]) AS t`, [texts])
    expect(told.filter(({ plain, quoted }) => quoted !== `… ${plain}`)).toEqual([])
    expect(new Set(told.map(({ plain }) => plain)).size).toBeGreaterThan(1000)
  })

  it('is another for another code, route or type, and follows the letter when that fails otherwise', async () => {
    expect(new Set([await cause('x'), await cause('x', 'worker_process_error'), await cause('x', 'payload_schema', 2), await cause('x', 'payload_schema', 1, 'app.y')]).size).toBe(4)
    const [id] = await letters({ n: 'x' })
    const before = (await rows<{ cause: string }>('SELECT cause FROM iu_core.v_iu_route_dead_letter_open WHERE dead_letter_id = $1', [id]))[0]!.cause
    await schema({ type: 'object', required: ['m'] })
    await carryOut('dot_iu_replay_dead_letter', { dead_letter: id })
    expect((await rows<{ cause: string }>('SELECT cause FROM iu_core.v_iu_route_dead_letter_open WHERE dead_letter_id = $1', [id]))[0]!.cause).not.toBe(before)
  })

  it('is a group: counted, dated, with a sample; and chooses what is replayed and discarded', async () => {
    const ids = await letters({}, { n: 'x' }, { n: 'y' }, { n: 0 }, { n: -7 }, { n: 'z' })
    const groups = await rows<{ cause: string, failure_kind: string, letters: number, sample_id: string, first_at: Date, last_at: Date }>('SELECT * FROM iu_core.v_iu_route_dead_letter_cause ORDER BY letters DESC, failure_kind')
    expect(groups.map(({ failure_kind: kind, letters: n, sample_id: sample }) => [kind, n, ids.indexOf(Number(sample))])).toEqual([
      ['$.n: want integer, have string', 3, 5], ['$.n: want at least #, have …', 2, 4], ['$.n: missing', 1, 0],
    ])
    for (const group of groups) expect(group.first_at.getTime()).toBeLessThanOrEqual(group.last_at.getTime())
    await schema({ type: 'object', required: ['n'], properties: { n: { type: ['integer', 'string'] } } })
    const replayed = await carry(db.pool, 'dot_iu_replay_dead_letters', { cause: groups[0]!.cause }, as())
    expect(replayed.result).toMatchObject({ letters: 3, attempts: 3, results: { replayed: 3 } })
    expect(await open()).toEqual([ids[0], ids[3], ids[4]])
    const discarded = await carry(db.pool, 'dot_iu_discard_dead_letters', { cause: groups[1]!.cause }, as())
    expect(discarded.result).toMatchObject({ letters: 2, discarded: 2 })
    expect(await open()).toEqual([ids[0]])
    await expectWhole(db.pool)
  })
})

/** Applies a command that may leave a check that does not hold. */
async function carryOut(command: string, params: Params): Promise<Receipt> {
  const plan = await run(db.pool, command, 'plan', params, as())
  expect(plan, JSON.stringify(plan)).toMatchObject({ status: 'planned' })
  const applied = await run(db.pool, command, 'apply', params, as({ plan: plan.plan_digest }))
  expect(applied, JSON.stringify(applied)).toMatchObject({ status: 'succeeded' })
  return applied
}

describe('a replay of many', () => {
  it('takes those of a window of time, tells what each would become, and leaves later ones alone', async () => {
    const early = await letters({}, { n: 1, more: true })
    const [{ now }] = await rows<{ now: string }>(`SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS now`) as [{ now: string }]
    const late = await letters({}, {})
    await schema({ type: 'object', properties: { n: { type: 'integer' } }, additionalProperties: false })
    const plan = await run(db.pool, 'dot_iu_replay_dead_letters', 'plan', { to: now }, as())
    expect(plan.result).toMatchObject({ letters: 2, results: { replayed: 1, failed_again: 1 }, sample: [
      { dead_letter: early[0], becomes: 'replayed' }, { dead_letter: early[1], becomes: 'failed_again', because: '$.more: not in the schema' }] })
    const applied = await run(db.pool, 'dot_iu_replay_dead_letters', 'apply', { to: now }, as({ plan: plan.plan_digest }))
    // That one fails again is told, not hidden.
    expect(await run(db.pool, 'dot_iu_replay_dead_letters', 'verify', {}, { token, run: applied.run })).toMatchObject({ status: 'unverified' })
    expect(await open()).toEqual([early[1], ...late])
    expect((await carry(db.pool, 'dot_iu_replay_dead_letters', { from: now, through: late[0] }, as())).result).toMatchObject({ letters: 1 })
    expect(await open()).toEqual([early[1], late[1]])
    await expectWhole(db.pool)
  })

  it('that would do nothing is an error which says why', async () => {
    const [one] = await letters({})
    await route('app.strict.log', false)
    const nothing = { status: 'refused', code: 'nothing_to_do', hint: 'Enable the route first.' }
    expect(await run(db.pool, 'dot_iu_replay_dead_letter', 'plan', { dead_letter: one }, as())).toMatchObject({ ...nothing, field: 'dead_letter', detail: expect.stringContaining('app.strict.log is disabled') })
    for (const command of ['dot_iu_replay_dead_letters', 'dot_iu_start_replay']) expect(await run(db.pool, command, 'plan', {}, as())).toMatchObject({ ...nothing, detail: expect.stringContaining('(app.strict.log)') })
    await route('app.strict.log', true)
    expect(await run(db.pool, 'dot_iu_replay_dead_letters', 'plan', { event_type: 'app.plain' }, as())).toMatchObject({ code: 'nothing_to_do' })
    expect(await run(db.pool, 'dot_iu_replay_dead_letters', 'plan', { route: 'app.none' }, as())).toMatchObject({ code: 'not_found', field: 'route' })
    expect(await run(db.pool, 'dot_iu_replay_dead_letters', 'plan', { from: '2026-13-01T00:00:00Z' }, as())).toMatchObject({ code: 'invalid_parameter', field: 'from' })
    // Resolved between plan and apply.
    for (const command of ['dot_iu_replay_dead_letters', 'dot_iu_start_replay', 'dot_iu_discard_dead_letters']) {
      const plan = await run(db.pool, command, 'plan', {}, as())
      await beside(db, async (client) => {
        await client.query(`UPDATE iu_core.iu_route_dead_letter SET status = 'discarded', resolved_at = now() WHERE id = $1`, [one])
        expect(await run(client, command, 'apply', {}, as({ plan: plan.plan_digest }))).toMatchObject({ code: 'nothing_to_do' })
      })
    }
    await carry(db.pool, 'dot_iu_discard_dead_letter', { dead_letter: one }, as())
    expect(await run(db.pool, 'dot_iu_replay_dead_letter', 'plan', { dead_letter: one }, as())).toMatchObject({ code: 'nothing_to_do', field: 'dead_letter' })
    expect(await attempts(await eventOf(one!))).toEqual(['payload_schema'])
  })
})

describe('what a route skipped while it was disabled', () => {
  const off = async () => Number((await rows<{ id: number }>(`SELECT id FROM iu_core.iu_outbound_route WHERE route_code = 'app.disabled.log'`))[0]!.id)

  it('is attempted once it is enabled: once, within the window, and becomes a dead letter where it fails', async () => {
    const events: number[] = []
    for (const payload of [{ n: 1 }, {}, { n: 2 }]) events.push(await emit(db.pool, 's', payload, 'app.disabled'))
    await drain(db.pool)
    expect(await run(db.pool, 'dot_iu_replay_skipped', 'plan', { route: 'app.disabled.log' }, as())).toMatchObject({ code: 'nothing_to_do', field: 'route', hint: 'Enable the route first.' })
    await route('app.disabled.log', true)
    await db.pool.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, '{"app.disabled": {"description": "strict", "payload_schema": {"type": "object", "required": ["n"]}}}')`)
    const first = await carry(db.pool, 'dot_iu_replay_skipped', { route: 'app.disabled.log', through: events[1] }, as())
    expect(first.result).toMatchObject({ events: 2, attempts: 2, results: { replayed: 1, failed_again: 1 } })
    expect(first.objects).toEqual([
      { ref: `event:${events[0]}`, change: 'update', before: { attempt: 1, outcome: 'skipped' }, after: { attempt: 2, outcome: 'dry_run' } },
      { ref: `event:${events[1]}`, change: 'update', before: { attempt: 1, outcome: 'skipped' }, after: { attempt: 2, outcome: 'failed' } },
    ])
    expect((await rows<{ event: number, attempt: number }>('SELECT event_id::int AS event, attempt_no AS attempt FROM iu_core.v_iu_route_dead_letter_open'))).toEqual([{ event: events[1], attempt: 2 }])
    const rest = await start({ what: 'skipped', route: 'app.disabled.log' })
    expect(rest.objects[0]).toMatchObject({ after: { total: 1, what: 'skipped' } })
    expect(await step()).toMatchObject({ status: 'stepped', attempted: 1 })
    expect(await attempts(events[2]!, await off())).toEqual(['route_disabled', 'dry_run'])
    for (const command of ['dot_iu_replay_skipped', 'dot_iu_start_replay']) expect(await run(db.pool, command, 'plan', { route: 'app.disabled.log', ...command === 'dot_iu_start_replay' && { what: 'skipped' } }, as())).toMatchObject({ code: 'nothing_to_do' })
    expect(await run(db.pool, 'dot_iu_start_replay', 'plan', { what: 'skipped' }, as())).toMatchObject({ code: 'not_found', field: 'route' })
    expect(await run(db.pool, 'dot_iu_start_replay', 'plan', { what: 'skipped', route: 'app.disabled.log', cause: '0123456789abcdef' }, as())).toMatchObject({ code: 'invalid_parameter', field: 'what' })
    await expectWhole(db.pool)
  })

  it('is attempted once also by two who replay it at the same time', async () => {
    const event = await emit(db.pool, 's', { n: 1 }, 'app.disabled')
    await drain(db.pool)
    await route('app.disabled.log', true)
    const replay = (client: { query: typeof db.pool.query }) => client.query('SELECT decision FROM iu_core.fn_iu_replay(ARRAY[$1::bigint], ARRAY[$2::int])', [event, strictOff])
    const strictOff = await off()
    const other = await db.connect()
    await other.query('BEGIN')
    expect((await replay(other as never)).rows).toEqual([{ decision: 'dry_run' }])
    const second = replay(db.pool)
    await waiting(db, 1)
    await other.query('COMMIT')
    expect((await second).rows).toEqual([{ decision: 'already_resolved' }])
    expect(await attempts(event, strictOff)).toEqual(['route_disabled', 'dry_run'])
  })
})

describe('a correction', () => {
  it('emits a new event for the same subject, keeps the old one with its payload, and answers every letter of it', async () => {
    await db.pool.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, $1)`, [{ 'app.twice': { description: 'strict', payload_schema: STRICT } }])
    const event = await emit(db.pool, 'the subject', { n: 'one' }, 'app.twice')
    await drain(db.pool)
    const [a, b] = await open()
    for (const [payload, problem] of [[{ n: 'two' }, 'payload.n: want integer, have string'], [[], 'payload: want object, have array'], [{ n: 0, m: 1 }, 'payload.m: not in the schema; payload.n: want at least 1, have 0']]) {
      expect(await run(db.pool, 'dot_iu_correct_dead_letter', 'plan', { dead_letter: a, payload }, as())).toMatchObject({ code: 'invalid_parameter', field: 'payload', detail: `payload: ${problem}` })
    }
    expect(await run(db.pool, 'dot_iu_correct_dead_letter', 'plan', { dead_letter: a, payload: { n: 'one' } }, as())).toMatchObject({ code: 'nothing_to_do', field: 'payload' })
    const receipt = await carry(db.pool, 'dot_iu_correct_dead_letter', { dead_letter: a, payload: { n: 1 } }, as())
    expect(receipt).toMatchObject({ events: [{ type: 'app.twice', lane: 'delayed', count: 1 }], result: { corrects_event: event }, params: { payload: { bytes: 8, sha256: expect.any(String) } }, notes: [expect.stringContaining('2 open dead letters')] })
    const corrected = receipt.result.event as number
    for (const id of [a, b]) expect(await letter(id!)).toMatchObject({ status: 'corrected', by: 'alice', event: corrected })
    const { rows: events } = await db.pool.query(`SELECT payload, event_subject_table, event_subject_ref, actor FROM iu_core.event_outbox WHERE id = ANY ($1) ORDER BY id`, [[event, corrected]])
    expect(events).toEqual([{ payload: { n: 'one' }, event_subject_table: 'app_table', event_subject_ref: 'the subject', actor: 'db:iu_deployer' }, { payload: { n: 1 }, event_subject_table: 'app_table', event_subject_ref: 'the subject', actor: 'alice' }])
    await drain(db.pool)
    expect(await open()).toEqual([])
    expect(await run(db.pool, 'dot_iu_correct_dead_letter', 'plan', { dead_letter: a, payload: { n: 2 } }, as())).toMatchObject({ code: 'nothing_to_do', detail: expect.stringContaining('was corrected by alice') })
    await verify(db.pool, receipt, { token })
    await expectWhole(db.pool)
  })

  it('has a key on lane immediate, is held while the master gate is closed, and says whose routes get it as well', async () => {
    await db.pool.query(`SELECT iu_core.fn_iu_event_types_register('application', 'immediate', false, '{"app.once": {"description": "strict", "payload_schema": {"type": "object", "required": ["n"]}}}')`)
    const event = await emit(db.pool, 's', {}, 'app.once', 'key')
    await drain(db.pool)
    const [id] = await open()
    // A route that had decided the event.
    await db.pool.query(`INSERT INTO iu_core.iu_route_attempt (event_id, route_id, status, worker_code) SELECT $1, id, 'dry_run', 'x' FROM iu_core.iu_outbound_route WHERE route_code = 'app.plain.log'`, [event])
    await setGate(db.pool, 'routes_master_enabled', false)
    const receipt = await carry(db.pool, 'dot_iu_correct_dead_letter', { dead_letter: id, payload: { n: 1 } }, as())
    await setGate(db.pool, 'routes_master_enabled', true)
    expect(receipt.notes).toEqual([expect.stringContaining('app.plain.log'), expect.stringContaining('HELD')])
    expect((await rows('SELECT delivery_lane, idempotency_key FROM iu_core.event_outbox WHERE id = $1', [receipt.result.event]))).toEqual([{ delivery_lane: 'held', idempotency_key: `corrects event ${event}` }])
    await carry(db.pool, 'dot_iu_release_held_events', {}, as())
    await db.pool.query('ALTER TABLE iu_core.iu_route_attempt DISABLE TRIGGER ALL')
    await db.pool.query(`DELETE FROM iu_core.iu_route_attempt WHERE worker_code = 'x'`)
    await db.pool.query('ALTER TABLE iu_core.iu_route_attempt ENABLE TRIGGER ALL; ALTER TABLE iu_core.iu_route_attempt ENABLE ALWAYS TRIGGER trg_iu_route_attempt_append_only')
    await drain(db.pool)
    await expectWhole(db.pool)
  })

  it('is a new event each time, also of one that was corrected before and fails on a route that was disabled then', async () => {
    await db.pool.query(`SELECT iu_core.fn_iu_event_types_register('application', 'immediate', false, '{"app.keyed": {"description": "strict", "payload_schema": {"type": "object", "required": ["n"]}}}')`)
    const log = (enabled: boolean) => ({ event_type: 'app.keyed', target_kind: 'log', target_ref: 'x', enabled })
    await db.pool.query('SELECT iu_core.fn_iu_routes_register($1)', [{ 'app.keyed.a': log(true), 'app.keyed.b': log(false) }])
    const event = await emit(db.pool, 's', {}, 'app.keyed', 'key')
    await drain(db.pool)
    const [first] = await open()
    const corrections = [(await carry(db.pool, 'dot_iu_correct_dead_letter', { dead_letter: first, payload: { n: 1 } }, as())).result.event]
    await route('app.keyed.b', true)
    await carry(db.pool, 'dot_iu_replay_skipped', { route: 'app.keyed.b' }, as())
    const [second] = await open()
    corrections.push((await carry(db.pool, 'dot_iu_correct_dead_letter', { dead_letter: second, payload: { n: 2 } }, as())).result.event)
    expect(await rows('SELECT payload, idempotency_key AS key FROM iu_core.event_outbox WHERE id = ANY ($1) ORDER BY id', [corrections])).toEqual([
      { payload: { n: 1 }, key: `corrects event ${event}` }, { payload: { n: 2 }, key: `corrects event ${event}, dead letter ${second}` }])
    expect([await letter(first!), await letter(second!)]).toMatchObject(corrections.map(it => ({ status: 'corrected', event: it })))
    await drain(db.pool)
    expect(await open()).toEqual([])
  })

  it('is refused for what the system states, and for a type that is not registered', async () => {
    const letterOf = async (type: string) => (await rows<{ id: number }>(`
      INSERT INTO iu_core.iu_route_dead_letter (event_id, route_id, attempt_no, failure_code, failure_detail, event_domain, event_type, event_subject_table, event_subject_ref, payload, actor, event_created_at)
      VALUES (0, 0, 1, 'payload_schema', '$: x', 'unit', $1, 't', 'r', '{}', 'x', now()) ON CONFLICT (event_id, route_id) WHERE status = 'open' DO UPDATE SET event_type = excluded.event_type RETURNING id::int`, [type]))[0]!.id
    expect(await run(db.pool, 'dot_iu_correct_dead_letter', 'plan', { dead_letter: await letterOf('iu.created'), payload: {} }, as())).toMatchObject({ code: 'reserved_event_type' })
    expect(await run(db.pool, 'dot_iu_correct_dead_letter', 'plan', { dead_letter: await letterOf('app.gone'), payload: {} }, as())).toMatchObject({ code: 'unknown_event_type' })
    // Neither can it be replayed: there is no such event, and so no route that takes it.
    expect(await run(db.pool, 'dot_iu_replay_dead_letters', 'plan', {}, as())).toMatchObject({ code: 'nothing_to_do', detail: 'nothing would be attempted: 1 no route' })
    expect(await run(db.pool, 'dot_iu_start_replay', 'plan', {}, as())).toMatchObject({ code: 'nothing_to_do', detail: expect.stringContaining('no route takes them') })
    await carry(db.pool, 'dot_iu_discard_dead_letters', {}, as())
  })
})

describe('a replay in the background', () => {
  it('is not started where it would do nothing, also when that is so since its plan', async () => {
    await letters({ n: 'x' }, { n: 'y' })
    const plan = await run(db.pool, 'dot_iu_start_replay', 'plan', {}, as())
    await route('app.strict.log', false)
    expect(await run(db.pool, 'dot_iu_start_replay', 'apply', {}, as({ plan: plan.plan_digest }))).toMatchObject({ code: 'nothing_to_do', detail: expect.stringContaining('disabled') })
    expect(await step()).toMatchObject({ status: 'idle' })
  })

  it('does what its plan froze, each once, in batches; what fails is a dead letter again, and the operator is on record', async () => {
    const ids = await letters(...Array.from({ length: 5 }, (_, n) => n === 3 ? { more: n } : {}))
    const plan = await run(db.pool, 'dot_iu_start_replay', 'plan', {}, as())
    expect(plan.result).toMatchObject({ letters: 5, would_become: { failed_again: 5 } })
    const later = await letters({})
    await schema({ type: 'object', properties: {}, additionalProperties: false })
    const started = await run(db.pool, 'dot_iu_start_replay', 'apply', {}, as({ plan: plan.plan_digest }))
    const replay = started.result.replay as number
    expect(await job(replay)).toMatchObject({ status: 'running', total: 5, done: 0 })
    for (const done of [2, 4, 5]) {
      expect(await step(2)).toMatchObject({ status: 'stepped', job_id: String(replay) })
      expect(await job(replay)).toMatchObject({ done, status: done === 5 ? 'done' : 'running' })
    }
    expect(await step()).toMatchObject({ status: 'idle', attempted: 0 })
    expect(await job(replay)).toEqual({ status: 'done', total: 5, done: 5, replayed: 4, failed_again: 1, left_alone: 0, waits_for: null })
    expect(await open()).toEqual([ids[3], ...later])
    expect(await letter(ids[0]!)).toMatchObject({ status: 'replayed', by: 'alice', attempt: 2, replay })
    expect(await letter(ids[3]!)).toMatchObject({ status: 'open', replay })
    for (const id of ids) expect(await attempts(await eventOf(id))).toHaveLength(2)
    expect((await rows('SELECT FROM iu_core.dot_iu_acting'))).toEqual([])
    await verify(db.pool, started, { token })
    await expectWhole(db.pool)
  })

  it('is stopped, goes on where it was, and neither twice', async () => {
    await letters({}, {}, {})
    await relax()
    const replay = (await start()).result.replay as number
    await step(1)
    await carry(db.pool, 'dot_iu_stop_replay', { replay }, as())
    expect(await step()).toMatchObject({ status: 'idle' })
    expect(await job(replay)).toMatchObject({ status: 'stopped', done: 1 })
    expect(await run(db.pool, 'dot_iu_stop_replay', 'apply', { replay }, as())).toMatchObject({ code: 'nothing_to_do', field: 'replay' })
    await carry(db.pool, 'dot_iu_resume_replay', { replay }, as())
    expect(await run(db.pool, 'dot_iu_resume_replay', 'apply', { replay }, as())).toMatchObject({ code: 'nothing_to_do' })
    await step()
    expect(await job(replay)).toMatchObject({ status: 'done', replayed: 3 })
    for (const command of ['dot_iu_stop_replay', 'dot_iu_resume_replay']) {
      expect(await run(db.pool, command, 'apply', { replay }, as())).toMatchObject({ code: 'nothing_to_do' })
      expect(await run(db.pool, command, 'apply', { replay: 99 }, as())).toMatchObject({ code: 'not_found', field: 'replay' })
    }
  })

  it('waits for a closed gate and loses nothing; Stop needs none', async () => {
    await letters({}, {})
    await relax()
    const replay = (await start()).result.replay as number
    for (const gate of ['operator_runtime_enabled', 'route_worker_enabled', 'routes_master_enabled']) {
      await setGate(db.pool, gate, false)
      expect(await step()).toMatchObject({ status: 'gate_closed', attempted: 0 })
      expect(await job(replay)).toMatchObject({ status: 'running', done: 0, waits_for: `iu_core.${gate}` })
      expect(await run(db.pool, 'dot_iu_stop_replay', 'apply', { replay }, as())).toMatchObject({ status: 'succeeded' })
      expect(await run(db.pool, 'dot_iu_resume_replay', 'apply', { replay }, as())).toMatchObject({ code: 'gate_closed' })
      await setGate(db.pool, gate, true)
      await carry(db.pool, 'dot_iu_resume_replay', { replay }, as())
    }
    expect(await step()).toMatchObject({ status: 'stepped', attempted: 2 })
  })

  it('goes no faster than it may, and a step that is rolled back is made again', async () => {
    await letters({}, {}, {}, {})
    await relax()
    const replay = (await start({ per_second: 2 })).result.replay as number
    await beside(db, async (client) => {
      await client.query('SELECT iu_core.fn_iu_replay_step(1000)')
    })
    expect(await job(replay)).toMatchObject({ done: 0 })
    // As many as a second may have, at most; after two such batches it waits for the clock.
    await step()
    expect(await job(replay)).toMatchObject({ done: 2 })
    const [{ ahead }] = await rows<{ ahead: number }>(`SELECT extract(epoch FROM next_at - last_batch_at)::float8 AS ahead FROM iu_core.iu_replay_job WHERE id = $1`, [replay]) as [{ ahead: number }]
    expect(ahead).toBeLessThan(1.01)
    await db.pool.query(`UPDATE iu_core.iu_replay_job SET next_at = clock_timestamp() + interval '1 hour' WHERE id = $1`, [replay])
    const waits = await step()
    expect(waits).toMatchObject({ status: 'waiting', attempted: 0 })
    expect(waits.wait_ms).toBeGreaterThan(3_590_000)
    expect(await refusal(db.pool.query('SELECT iu_core.fn_iu_replay_step(0)'))).toEqual({ code: 'IU002', column: 'limit' })
  })

  it('leaves alone what others resolved, or whose route was disabled meanwhile', async () => {
    const [first] = await letters({}, {})
    await relax()
    const replay = (await start()).result.replay as number
    await carry(db.pool, 'dot_iu_replay_dead_letter', { dead_letter: first }, as())
    await route('app.strict.log', false)
    expect(await step()).toMatchObject({ status: 'stepped', attempted: 0 })
    expect(await job(replay)).toMatchObject({ status: 'done', left_alone: 2 })
    expect(await attempts(await eventOf(first!))).toEqual(['payload_schema', 'dry_run'])
    await expectRollups(db.pool)
  })

  it('is one process\'s at a time: another takes another replay, or comes again', async () => {
    await letters({}, {})
    await relax()
    const one = (await start()).result.replay as number
    await beside(db, async (client) => {
      await client.query('SELECT iu_core.fn_iu_replay_step(1)')
      expect(await step()).toMatchObject({ status: 'waiting', attempted: 0 })
      const two = (await run(db.pool, 'dot_iu_start_replay', 'plan', {}, as()))
      expect(two.objects[0]!.ref).toBe(`replay:${one + 1}`)
    })
  })

  it('may be pushed on by the console and by a worker, and by nobody else', async () => {
    for (const role of ['iu_console', 'iu_worker']) expect((await db.as(role, client => client.query('SELECT status FROM iu_core.fn_iu_replay_step(1)'))).rows).toEqual([{ status: 'idle' }])
    for (const role of ['iu_reader', 'iu_emitter', 'iu_operator']) expect(await db.as(role, client => refusal(client.query('SELECT iu_core.fn_iu_replay_step(1)')))).toMatchObject({ code: '42501' })
  })
})
