/** What is small as bytes and boundless once it is written out or judged: numbers, names, depths and patterns, at every door of the database. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { audit, emit, expectWhole, openDatabase, pass, refusal } from '../world.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
})
afterAll(() => db.drop())

/** JSON that no person would write, by the name of what it is. */
const BOUNDLESS: [string, string][] = [
  ['a huge number', '{"n": 1e131071}'],
  ['ten thousand of them', `{"n": [${Array(10_000).fill('1e131071').join()}]}`],
  ['a huge negative number', '[-9.9e40000]'],
  ['a tiny number', '{"n": 1e-16000}'],
  ['a nought of ten thousand digits', '[[0e-10000]]'],
  ['a one with ten thousand noughts behind the point', `{"n": 1.${'0'.repeat(10_000)}}`],
  ['a number of six hundred digits', `[${'7'.repeat(600)}]`],
  ['one among many small ones', `[${Array(5000).fill('1').join()}, 1e501]`],
  ['one in the name of another', '{"a": {"b": [{"c": [1, 2, {"d": 3e9999}]}]}}'],
  ['a value nested deeper than anybody reads', `${'['.repeat(102)}1${']'.repeat(102)}`],
  ['one nested so deep that the stack ends', `${'{"a":'.repeat(3000)}1${'}'.repeat(3000)}`],
]
/** The most that is taken. */
const BOUNDED = ['{"n": 1.7976931348623157e308}', '{"n": 5e-324}', `[${'7'.repeat(500)}]`, '[0e-500, 1e499, -1e-500]', `${'['.repeat(100)}1${']'.repeat(100)}`, `{"text": ${JSON.stringify('x'.repeat(1_000_000))}}`]

describe('a value that cannot be written out', () => {
  test.each(BOUNDLESS)('%s is no payload, and no parameter', async (_, json) => {
    expect(await refusal(db.pool.query(`SELECT iu_core.fn_iu_emit_event('app.plain', 't', 's', $1)`, [json]))).toEqual({ code: 'IU002', column: 'payload' })
    expect(await refusal(db.pool.query(`SELECT iu_core.fn_dot_command_run('dot_iu_run_probe', 'plan', $1)`, [`{"p": ${json}}`]))).toEqual({ code: 'IU002', column: 'p' })
    expect(await refusal(db.pool.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, $1)`, [`{"app.x": {"description": "x", "payload_schema": {"examples": [${json}]}}}`])))
      .toEqual({ code: 'IU002', column: 'payload_schema' })
  })

  test('is none when it is as large as is taken', async () => {
    for (const json of BOUNDED) await db.pool.query(`SELECT iu_core.fn_iu_emit_event('app.plain', 't', 's', $1)`, [json])
  })

  test('may also be a large one', async () => {
    const most = JSON.stringify({ text: 'x'.repeat(1_100_000) })
    expect(await refusal(db.pool.query(`SELECT iu_core.fn_iu_emit_event('app.plain', 't', 's', $1)`, [most]))).toEqual({ code: 'IU002', column: 'payload' })
    // By its bytes it would pass; as a text it is forty megabytes.
    const wide = `[${Array(50_000).fill('1e499').join()}]`
    expect(await refusal(db.pool.query(`SELECT iu_core.fn_iu_emit_event('app.plain', 't', 's', $1)`, [wide]))).toEqual({ code: 'IU002', column: 'payload' })
    // One that lies packed in a table is as large as it is, not as its bytes there.
    await db.pool.query('CREATE TABLE public.packed AS SELECT $1::jsonb AS payload', [most])
    expect(await refusal(db.pool.query(`SELECT iu_core.fn_iu_emit_event('app.plain', 't', 's', payload) FROM public.packed`))).toEqual({ code: 'IU002', column: 'payload' })
  })

  test('is dead-lettered where it got past every door, and everything beside it is decided', async () => {
    await db.pool.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, $1)`, [JSON.stringify({ 'app.code': { description: 'one of few', payload_schema: { type: 'object', properties: { n: { enum: ['a', 'b'] } } } } })])
    await db.pool.query('SELECT iu_core.fn_iu_routes_register($1)', [{ 'app.code.log': { event_type: 'app.code', target_kind: 'log', target_ref: 'x', enabled: true } }])
    while ((await pass(db.pool)).status === 'routed');
    const before = await emit(db.pool, 'before', { n: 'a' }, 'app.code')
    const bad = await emit(db.pool, 'bad', { n: 'c' }, 'app.code')
    // As rows of a database that is older than the bound.
    const { rows: poison } = await db.pool.query<{ id: string }>(`INSERT INTO iu_core.event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane)
      SELECT 'application', 'app.code', 't', 'poison', j::jsonb, 'delayed' FROM unnest($1::text[]) AS j RETURNING id`, [BOUNDLESS.filter(([name]) => !name.includes('stack')).map(([, json]) => json)])
    const after = await emit(db.pool, 'after', { n: 'b' }, 'app.code')
    expect(await pass(db.pool)).toMatchObject({ status: 'routed', seen: poison.length + 3 })
    expect(await pass(db.pool)).toMatchObject({ status: 'idle' })
    const { rows } = await db.pool.query<{ event_id: string, status: string, failure_code: string | null }>('SELECT event_id, status, failure_code FROM iu_core.iu_route_attempt WHERE event_id >= $1 ORDER BY event_id', [before])
    const of = (id: number | string) => rows.filter(row => row.event_id === String(id)).map(({ status, failure_code: code }) => code ?? status)
    expect([of(before), of(bad), of(after)]).toEqual([['dry_run'], ['payload_schema'], ['dry_run']])
    // One without a name n meets its schema, whatever else is in it; an array is no object, and says so without its numbers.
    expect(new Set(poison.flatMap(({ id }) => of(id)))).toEqual(new Set(['cannot_be_judged', 'dry_run']))
    expect(of(poison[0]!.id)).toEqual(['cannot_be_judged'])
    expect(of(poison[1]!.id)).toEqual(['cannot_be_judged'])
    const { rows: [letter] } = await db.pool.query<{ id: string, detail: string }>(`SELECT id, failure_detail AS detail FROM iu_core.iu_route_dead_letter WHERE event_id = $1 AND status = 'open'`, [poison[1]!.id])
    expect(letter!.detail).toBe('payload: it has a number of more than 500 digits before or behind the point (IU002)')

    // Attempted again it fails again, as what it is.
    const { rows: [again] } = await db.pool.query('SELECT status, decision, attempt_no FROM iu_core.fn_iu_route_dead_letter_replay($1)', [letter!.id])
    expect(again).toEqual({ status: 'failed_again', decision: 'failed', attempt_no: 2 })
    const { rows: [code] } = await db.pool.query('SELECT failure_code FROM iu_core.iu_route_dead_letter WHERE id = $1', [letter!.id])
    expect(code).toEqual({ failure_code: 'cannot_be_judged' })
    await audit(db.pool)
    await expectWhole(db.pool)
  })
})

describe('a payload of many names', () => {
  test('is judged without a look at each name that its schema does not know', async () => {
    const names = (count: number) => JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, `v${n}`])))
    const schema = { type: 'object', required: ['order_no', 'parcels'], properties: { order_no: { type: 'string' }, parcels: { type: 'integer' }, k7: { type: 'integer' } } }
    // Packed, as a large value lies in its table: each look would unpack it. A hundred thousand looks are minutes, one is none.
    await db.pool.query('CREATE TABLE public.names AS SELECT $1::jsonb AS payload', [names(100_000)])
    const { rows: [open] } = await db.pool.query('SELECT iu_core.fn_iu_payload_problems(payload, $1) AS problems FROM public.names', [schema])
    expect(open).toEqual({ problems: ['$.order_no: missing', '$.parcels: missing', '$.k7: want integer, have string'] })
    const { rows: [closed] } = await db.pool.query<{ problems: string[] }>('SELECT iu_core.fn_iu_payload_problems(payload, $1) AS problems FROM public.names', [{ ...schema, additionalProperties: false }])
    expect(closed!.problems).toHaveLength(20)
  })
})

describe('a pattern', () => {
  const register = (pattern: string) => db.pool.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, $1)`, [{ 'app.pattern': { description: 'x', payload_schema: { properties: { a: { pattern } } } } }])

  /** Sets that tell 2^count characters apart, each from each. */
  const kinds = (count: number) => Array.from({ length: count }, (_, bit) => `[${Array.from({ length: 2 ** count }, (_, n) => n >> bit & 1 ? String.fromCharCode(0x4E00 + 7 * n) : '').join('')}]`).join('')

  test.each([
    `${kinds(7)}(.*){2,30}(\u4E23{1,9}){2,30}|\\w`, `${kinds(7)}.{250}.{140}.?`, `(.?){0,40}${kinds(7)}(.*){2,}`, `${kinds(5)}(.*){2,30}(\\w{1,9}){2,20}`,
    '^(\\w?){255}(\\w?){255}!$', '^(a*)(a*)(a*)(a*)\\1\\2\\3\\4b', '(a)\\1', '(?=.*a)(?=.*b)c', '(?!a)b', '(?<=a)b', '(?<!a)b', '(?i)a', '***:a', '***=a', '(?b)\\(a\\)\\1',
    '((a{1,100}){1,100})', '(a?b?c?){100}', `${'a?'.repeat(200)}!`, `${'(a|b)?'.repeat(100)}!`, '(\\m|\\M|a){255}', '(^|a){255}', '(a|){60}', '(|a){60}', 'a'.repeat(1001),
    `${'('.repeat(30)}a${')*'.repeat(30)}`, '[[.a.]]', '[[=a=]]', '[]](a?){60}[[]', '[^]](a?){60}[]]', '[\\]](a?){60}[\\]]', '[[:alpha:]](\\w?){60}[[:alpha:]]', '((((x?){10})){10})', '(\\w*?){100}',
  ])('%s is refused when its type is registered', async (pattern) => {
    expect(await refusal(register(pattern))).toEqual({ code: 'IU002', column: 'payload_schema' })
  })

  test.each([
    '^[A-Z]{3}-[0-9]{4}$', '^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,255}\\.[A-Za-z]{2,}$', '^[0-9a-f]{64}$', '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d(\\.\\d+)?)?(Z|[+-]\\d\\d:\\d\\d)$',
    '^[a-z0-9_]+([.][a-z0-9_]+)*$', '[[:alpha:]]+', '^(EUR|USD|GBP|CHF)$', '^.{0,255}$', 'a{1,255}', '\\mword\\M', '[]a]', '[^]a]', '\\\\1', '{,3}', '\\{3}', '(?:a|b)+?c', `${kinds(6)}.{250}`,
    '^https://[a-z0-9-]+\\.example\\.com/orders/\\d{1,12}\\?token=[A-Za-z0-9_-]{32}$', '^[A-Z]{2}\\d{2}[A-Z0-9]{4}\\d{7}([A-Z0-9]?){0,16}$',
  ])('%s is taken', async (pattern) => {
    await register(pattern)
  })

  test('is worded as it judges: of line feeds, too', async () => {
    for (const [pattern, value] of [['^a.b$', 'a\nb'], ['^a[^c]b$', 'a\nb'], ['^b$', 'a\nb'], ['a$', 'a\nb'], ['\\Ab', 'a\nb'], ['\n', 'a\nb'], ['#b', '#b'], ['a b', 'ab']]) {
      const { rows: [row] } = await db.pool.query<{ meets: boolean, problems: string[] }>(`SELECT jsonb_build_object('a', $2::text) @@ iu_core.fn_iu_schema_predicate($1, true)::jsonpath AS meets,
        iu_core.fn_iu_payload_problems(jsonb_build_object('a', $2::text), $1) AS problems`, [{ properties: { a: { pattern } } }, value])
      expect(row!.problems, pattern).toEqual(row!.meets ? [] : [`$.a: want a text like ${JSON.stringify(pattern)}`])
    }
  })

  test('is one of 32 at most', async () => {
    const properties = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`p${n}`, { pattern: `^${n}$` }]))
    const registered = (count: number) => db.pool.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, $1)`, [{ 'app.patterns': { description: 'x', payload_schema: { properties: properties(count) } } }])
    await registered(32)
    expect(await refusal(registered(33))).toEqual({ code: 'IU002', column: 'payload_schema' })
  })

  test('that was registered before it was refused judges nothing, and stops nothing', async () => {
    await db.pool.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, $1)`, [{ 'app.old': { description: 'x', payload_schema: { properties: { a: { pattern: '^a' } } } } }])
    await db.pool.query('SELECT iu_core.fn_iu_routes_register($1)', [{ 'app.old.log': { event_type: 'app.old', target_kind: 'log', target_ref: 'x', enabled: true } }])
    await db.pool.query(`UPDATE iu_core.iu_event_type SET payload_schema = $1, payload_predicate = 'lax exists($.never)' WHERE event_type = 'app.old'`, [{ properties: { a: { pattern: '^(\\w?){255}(\\w?){255}!$' } } }])
    const { rows: [recompiled] } = await db.pool.query<{ n: string }>('SELECT iu_core.fn_iu_event_types_recompile() AS n')
    expect(recompiled).toEqual({ n: '1' })
    const old = await emit(db.pool, 's', { a: 'a'.repeat(1000) }, 'app.old')
    const plain = await emit(db.pool, 's')
    await pass(db.pool)
    const { rows } = await db.pool.query('SELECT event_id::int AS id, status, failure_code FROM iu_core.iu_route_attempt WHERE event_id = ANY ($1) ORDER BY event_id', [[old, plain]])
    expect(rows).toEqual([{ id: old, status: 'failed', failure_code: 'cannot_be_judged' }, { id: plain, status: 'dry_run', failure_code: null }])
    const replay = async () => (await db.pool.query<{ status: string }>(`SELECT r.status FROM iu_core.iu_route_dead_letter AS d CROSS JOIN LATERAL iu_core.fn_iu_route_dead_letter_replay(d.id) AS r WHERE d.event_id = $1`, [old])).rows[0]!.status
    expect(await replay()).toBe('failed_again')
    // Registered anew it judges again.
    await db.pool.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, $1)`, [{ 'app.old': { description: 'x', payload_schema: { properties: { a: { pattern: '^a' } } } } }])
    expect(await replay()).toBe('replayed')
  })
})

test('an event whose judgement outlasts the statement is dead-lettered when it is taken by itself', async () => {
  while ((await pass(db.pool)).status === 'routed');
  const slow = await emit(db.pool, 'slow', { n: 0 }, 'app.strict')
  const next = await emit(db.pool, 'next', { n: 1 }, 'app.strict')
  const client = await db.connect()
  await client.query('BEGIN')
  // The words for one payload take for ever, as a pattern could that nobody thought of.
  await client.query(`CREATE OR REPLACE FUNCTION iu_core.fn_iu_payload_problems(p_payload jsonb, p_schema jsonb, p_path text DEFAULT '$') RETURNS text[] LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, iu_core, pg_temp
    AS $$ BEGIN LOOP END LOOP; END $$`)
  await client.query('SAVEPOINT s')
  await client.query(`SET LOCAL statement_timeout = '2s'`)
  await expect(client.query(`SELECT * FROM iu_core.fn_iu_route_worker_run('iu_outbound_default', 1000)`)).rejects.toMatchObject({ code: '57014' })
  await client.query('ROLLBACK TO s')
  await client.query(`SET LOCAL statement_timeout = '2s'`)
  const { rows: [one] } = await client.query(`SELECT status, seen, dead_lettered FROM iu_core.fn_iu_route_worker_run('iu_outbound_default', 1)`)
  expect(one).toEqual({ status: 'routed', seen: 1, dead_lettered: 1 })
  await client.query('RESET statement_timeout')
  const { rows: [two] } = await client.query(`SELECT status, seen, dead_lettered FROM iu_core.fn_iu_route_worker_run('iu_outbound_default', 1)`)
  expect(two).toEqual({ status: 'routed', seen: 1, dead_lettered: 0 })
  const { rows } = await client.query('SELECT event_id::int AS id, status, failure_code, failure_detail FROM iu_core.iu_route_attempt WHERE event_id >= $1 ORDER BY event_id', [slow])
  expect(rows).toEqual([{ id: slow, status: 'failed', failure_code: 'cannot_be_judged', failure_detail: expect.stringContaining('(57014)') }, { id: next, status: 'dry_run', failure_code: null, failure_detail: null }])
  await client.query('ROLLBACK')
})
