import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decide, type KnownRoute, type KnownType } from '../../../shared/routing/decide.ts'
import { isEqual, jsonText, parseJson } from '../../../shared/routing/json.ts'
import { isLike, loadPatterns } from '../../../shared/routing/pattern.ts'
import { payloadProblems } from '../../../shared/routing/payload-problems.ts'
import { payload, schema, storable } from '../events/schemas.ts'
import { testDatabase, type TestDatabase } from '../harness.ts'
import { type Queryable, setGate } from '../world.ts'

let db: TestDatabase
beforeAll(async () => {
  await loadPatterns()
  db = await testDatabase()
  // What is no expression of the database's is null, and does not end a whole list of them.
  await db.pool.query(`CREATE FUNCTION public.try_like(p_text jsonb, p_pattern jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN RETURN p_text @@ ('$ like_regex ' || p_pattern::text)::jsonpath; EXCEPTION WHEN OTHERS THEN RETURN NULL; END $$`)
  await db.pool.query(`CREATE FUNCTION public.try_jsonb(p_text text) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN RETURN CASE WHEN iu_core.fn_iu_json_unbounded(p_text::jsonb, 1048576) IS NULL THEN p_text::jsonb::text END; EXCEPTION WHEN OTHERS THEN RETURN NULL; END $$`)
})
afterAll(() => db.drop())

describe('JSON, as the mirror reads it', () => {
  const digits = (max: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: max })
  const number = fc.tuple(fc.constantFrom('', '-'), fc.oneof(fc.constant('0'), digits(30).map(text => text.replace(/^0+(?=\d)/, ''))), fc.option(digits(20)), fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e+', 'e-'), digits(2))))
    .map(([sign, whole, fraction, exponent]) => `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${exponent ? exponent.join('') : ''}`)
  const text = fc.oneof(number, payload.map(value => JSON.stringify(value)), fc.string({ maxLength: 6 }), fc.json(), fc.array(number).map(list => `[${list.join(' , ')}]`),
    fc.array(fc.tuple(fc.string({ maxLength: 3, unit: 'grapheme' }), number)).map(list => `{${list.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`),
    fc.constantFrom('1e131071', '1e131072', '1e499', '1e500', '1e-500', '1e-501', '0e-500', '0e-501', '0.1e501', '10e499', `${'['.repeat(100)}1${']'.repeat(100)}`, `${'[{"a":'.repeat(50)}[1]${'}]'.repeat(50)}`, `${'['.repeat(101)}${']'.repeat(101)}`, '0e999999', '0e1073741822', '0e1073741824', '[0e99999999999]', '1e-16383', '1e-16384', '0.00e-16381', '0.00e-16382', '"\\u0000"', '"\\ud800"', '{"a":1,"a":2}', '{"__proto__":1}', ' 1 ', '01', '1.', '"\u007f\u0001\\/"', ''))

  test('is read, or refused, and written as jsonb does', async () => {
    const texts = fc.sample(text, 4000).filter(it => !it.includes('\0') && it.isWellFormed())
    const { rows } = await db.pool.query<{ text: string | null }>('SELECT public.try_jsonb(t) AS text FROM unnest($1::text[]) WITH ORDINALITY AS x(t, n) ORDER BY n', [texts])
    const mirrored = texts.map((it) => {
      try {
        return jsonText(parseJson(it))
      }
      catch {
        return null
      }
    })
    for (const [index, it] of texts.entries()) expect({ it, text: mirrored[index] }).toEqual({ it, text: rows[index]!.text })
    expect(Math.min(mirrored.filter(it => it === null).length, mirrored.filter(it => it !== null).length)).toBeGreaterThan(300)
  })

  test('compares numbers by what they are', async () => {
    const pairs = fc.sample(fc.tuple(number, number), 1000).flatMap(([a, b]) => [[a, b], [a, a.includes('e') || a.includes('E') ? a : `${a}${a.includes('.') ? '' : '.'}00`]])
    const { rows } = await db.pool.query<{ same: boolean }>('SELECT a::jsonb = b::jsonb AS same FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS x(a, b, n) ORDER BY n', [pairs.map(([a]) => a), pairs.map(([, b]) => b)])
    expect(pairs.map(([a, b]) => isEqual(parseJson(a!), parseJson(b!)))).toEqual(rows.map(({ same }) => same))
  })
})

test('a pattern is judged as the database judges it, or not at all', async () => {
  const part = fc.constantFrom('a', 'b', '1', '-', '_', '.', '^', '$', '*', '+', '?', '|', '(', ')', '(?:', '[', ']', '[^', '[a-c', '[^a', '{2}', '{1,2}', '{,2}', '\\d', '\\w', '\\s', '\\.', '\\\\', '\\/', '\\n', '\\b', '\\m', '\\1', '(?=', '(?i)', '[[:alpha:]]', 'é', '\n', ' ', '/', '}', '***=')
  const piece = fc.constantFrom('a', 'b', 'c', '1', '-', '_', '.', '^', ']', '\n', '\r', '\t', '\u2028', ' ', 'é', 'B', '\\', '/', '😀', '}')
  const asked = fc.sample(fc.tuple(fc.array(part, { maxLength: 5 }).map(parts => parts.join('')), fc.array(piece, { maxLength: 4 }).map(parts => parts.join(''))), 6000)
    .concat(['^[0-9a-f]{64}$', '^[a-z0-9_]+([.][a-z0-9_]+)*$', '^[^a-z]+$', '^.$', '^[\\w.-]+@[\\w-]+\\.[a-z]{2,}$', '\\s', '^\\d+$'].flatMap(pattern => ['0'.repeat(64), 'a.b', 'x\n', '\n', 'a@b.de', 'é', '٣', ' ', '12'].map((text): [string, string] => [pattern, text])))
  const { rows } = await db.pool.query<{ like: boolean | null }>('SELECT public.try_like(to_jsonb(t), to_jsonb(p)) AS like FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS x(p, t, n) ORDER BY n', [asked.map(([pattern]) => pattern), asked.map(([, text]) => text)])
  const told = { true: 0, false: 0, undefined: 0 }
  for (const [index, [pattern, text]] of asked.entries()) {
    const wanted = rows[index]!.like
    // A pattern that the database does not take is never registered.
    if (wanted === null) continue
    const like = isLike(text, pattern)
    told[`${like}`] += 1
    if (like !== undefined) expect({ pattern, text, like }).toEqual({ pattern, text, like: wanted })
  }
  expect(Math.min(told.true, told.false, told.undefined)).toBeGreaterThan(200)
})

test('a payload\'s problems are told in the database\'s own words', async () => {
  const asked = fc.sample(fc.tuple(schema.filter(storable), fc.oneof(payload, payload.map(value => [value, value])).filter(storable)), 4000)
  const bounds = [{ minLength: 2, maxLength: 3 }, { minItems: 1, maxItems: 1 }, { properties: { a: { maxLength: 1 } } }].flatMap(given => ['', 'ab', '😀', 'abcd', [], [1, 2], { a: 'xy' }].map(value => [given, value] as [typeof given, unknown]))
  const texts = [...asked, ...bounds].map(pair => pair.map(it => JSON.stringify(it)) as [string, string])
  const { rows } = await db.pool.query<{ problems: string[] }>('SELECT iu_core.fn_iu_payload_problems(p::jsonb, s::jsonb) AS problems FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS x(s, p, n) ORDER BY n', [texts.map(([s]) => s), texts.map(([, p]) => p)])
  let unsure = 0
  for (const [index, [given, value]] of texts.entries()) {
    const mirrored = payloadProblems(parseJson(value), parseJson(given))
    if (mirrored.unsure.length) unsure += 1
    else expect({ given, value, problems: mirrored.problems }).toEqual({ given, value, problems: rows[index]!.problems })
  }
  expect(unsure).toBeLessThan(asked.length / 10)
  expect(rows.filter(({ problems }) => problems.length > 0).length).toBeGreaterThan(500)
})

describe('a decision', () => {
  interface RandomType { schema: unknown, immediate: boolean, routes: { enabled: boolean, live: boolean }[], payloads: unknown[] }
  const randomType: fc.Arbitrary<RandomType> = fc.record({
    schema: fc.oneof({ weight: 1, arbitrary: fc.constant({}) }, { weight: 4, arbitrary: schema.filter(storable) }),
    immediate: fc.boolean(),
    routes: fc.array(fc.record({ enabled: fc.boolean(), live: fc.boolean() }), { maxLength: 3 }),
    payloads: fc.array(payload.filter(storable), { minLength: 1, maxLength: 12 }),
  })
  const world = fc.record({ types: fc.array(randomType, { minLength: 1, maxLength: 8 }), masterGateOpen: fc.boolean(), workerGateOpen: fc.boolean() })
  type World = typeof world extends fc.Arbitrary<infer T> ? T : never

  async function register(client: Queryable, { types }: World): Promise<void> {
    for (const lane of ['immediate', 'delayed']) {
      const given = Object.fromEntries(types.map((type, index) => [`app.t${index}`, { type, entry: { description: 'drawn', payload_schema: type.schema } }] as const).filter(([, { type }]) => type.immediate === (lane === 'immediate')).map(([name, { entry }]) => [name, entry]))
      await client.query(`SELECT iu_core.fn_iu_event_types_register('application', $1, false, $2)`, [lane, JSON.stringify(given)])
    }
    const routes = types.flatMap((type, index) => type.routes.map((route, number) => ({ name: `app.t${index}.r${number}`, index, ...route })))
    await client.query('SELECT iu_core.fn_iu_routes_register($1)', [JSON.stringify(Object.fromEntries(routes.map(({ name, index, enabled }) => [name, { event_type: `app.t${index}`, target_kind: 'log', target_ref: 'x', enabled }])))])
    await client.query('UPDATE iu_core.iu_outbound_route SET dry_run = false, approval_digest = definition_digest WHERE route_code = ANY ($1)', [routes.filter(({ live }) => live).map(({ name }) => name)])
  }

  test('is what the database does with the event, for random types, routes, gates and payloads', async () => {
    const told: Record<string, number> = {}
    let events = 0
    await fc.assert(fc.asyncProperty(world, async (drawn) => {
      const client = await db.connect()
      try {
        await client.query('BEGIN')
        await register(client, drawn)
        await setGate(client, 'routes_master_enabled', drawn.masterGateOpen)
        await setGate(client, 'route_worker_enabled', drawn.workerGateOpen)
        const asked = drawn.types.flatMap(({ payloads }, index) => payloads.map(value => ({ eventType: `app.t${index}`, payload: JSON.stringify(value) })))
        const { rows: emitted } = await client.query<{ id: string }>(`SELECT iu_core.fn_iu_emit_event(t, 'app_table', 's' || n, p::jsonb, 'k') AS id FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS x(t, p, n) ORDER BY n`,
          [asked.map(({ eventType }) => eventType), asked.map(it => it.payload)])
        const ids = emitted.map(({ id }) => id)
        const { rows: lanes } = await client.query<{ id: string, lane: string }>('SELECT id, delivery_lane AS lane FROM iu_core.event_outbox WHERE id = ANY ($1)', [ids])
        const { rows: decided } = await client.query<{ event_id: string, route_id: number, decision: string, failure_code: string | null, failure_detail: string | null }>(
          'SELECT event_id, route_id, decision, failure_code, failure_detail FROM iu_core.v_iu_route_decision WHERE event_id = ANY ($1) ORDER BY event_id, route_id', [ids])
        const { rows: types } = await client.query<Omit<KnownType, 'payloadSchema'> & { payloadSchema: string }>('SELECT event_type AS "eventType", delivery_lane AS "deliveryLane", is_system AS "isSystem", payload_schema AS "payloadSchema", payload_fault AS "payloadFault" FROM iu_core.v_iu_event_type')
        const { rows: routes } = await client.query<KnownRoute>('SELECT route_id AS "routeId", route_code AS "routeCode", event_type AS "eventType", enabled, dry_run AS "dryRun" FROM iu_core.v_iu_outbound_route')
        const { rows: [ran] } = await client.query<{ status: string }>(`SELECT status FROM iu_core.fn_iu_route_worker_run('iu_outbound_default', 1000)`)
        const { rows: attempts } = await client.query<{ event_id: string, route_id: number, status: string, failure_code: string | null }>('SELECT event_id, route_id, status, failure_code FROM iu_core.iu_route_attempt WHERE event_id = ANY ($1) ORDER BY event_id, route_id', [ids])
        const known = { ...drawn, types: types.map(type => ({ ...type, payloadSchema: parseJson(type.payloadSchema) })), routes }

        for (const [index, { eventType, payload: text }] of asked.entries()) {
          const mirrored = decide(eventType, parseJson(text), known)
          const id = ids[index]!
          const attempted = attempts.filter(({ event_id: event }) => event === id)
          expect({ text, lane: lanes.find(row => row.id === id)!.lane }).toEqual({ text, lane: 'lane' in mirrored.emitted ? mirrored.emitted.lane : undefined })
          expect(mirrored.routing).toBe(!drawn.masterGateOpen ? 'held' : drawn.workerGateOpen ? 'routed' : 'waits')
          expect(attempted.length > 0).toBe(mirrored.routing === 'routed')
          if (mirrored.unsure.length) continue
          events += 1
          expect({ text, routes: mirrored.routes.map(({ routeId, decision, code, detail }) => ({ routeId, decision, code, detail })) }).toEqual({
            text, routes: decided.filter(({ event_id: event }) => event === id).map(row => ({ routeId: row.route_id, decision: row.decision, code: row.failure_code, detail: row.failure_detail })) })
          for (const { decision, code } of mirrored.routes) told[code ?? decision] = (told[code ?? decision] ?? 0) + 1
          // Live delivery is not built: it fails, closed.
          if (attempted.length) {
            expect(attempted.map(({ status, failure_code: code }) => ({ status, code }))).toEqual(
              mirrored.routes.map(({ decision, code }) => decision === 'live' ? { status: 'failed', code: 'worker_process_error' } : { status: decision, code }))
          }
        }
        expect(ran!.status).toBe(!drawn.workerGateOpen ? 'worker_gate_closed' : !drawn.masterGateOpen ? 'master_gate_closed' : 'routed')
      }
      finally {
        await client.query('ROLLBACK')
        await client.end()
      }
    }), { numRuns: 100 })
    expect(events).toBeGreaterThan(2000)
    expect(Object.keys(told).sort()).toEqual(['dry_run', 'live', 'no_route', 'payload_schema', 'route_disabled'])
    expect(Math.min(...Object.values(told))).toBeGreaterThan(20)
  })

  test('on what may not be emitted is the database\'s refusal', async () => {
    const { rows: types } = await db.pool.query<Omit<KnownType, 'payloadSchema'> & { payloadSchema: string }>('SELECT event_type AS "eventType", delivery_lane AS "deliveryLane", is_system AS "isSystem", payload_schema AS "payloadSchema", payload_fault AS "payloadFault" FROM iu_core.v_iu_event_type')
    const world = { types: types.map(type => ({ ...type, payloadSchema: parseJson(type.payloadSchema) })), routes: [], masterGateOpen: true, workerGateOpen: true }
    for (const [eventType, state, code] of [['nobody.knows', 'IU007', 'unknown_event_type'], ['iu.created', 'IU008', 'reserved_event_type']] as const) {
      await expect(db.pool.query(`SELECT iu_core.fn_iu_emit_event($1, 't', 'r', '{}')`, [eventType])).rejects.toMatchObject({ code: state })
      expect(decide(eventType, parseJson('{}'), world)).toMatchObject({ emitted: { status: 'refused', code }, routing: 'none' })
    }
    expect(decide('nobody.knows', null, world).routes).toEqual([{ routeId: 0, routeCode: null, decision: 'failed', code: 'unknown_event_type', detail: 'the type is not registered' }])
  })
})
