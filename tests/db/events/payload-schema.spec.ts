import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testDatabase, type TestDatabase } from '../harness.ts'
import { refusal } from '../world.ts'
import { payload, schema, storable } from './schemas.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

interface Verdict { met: boolean | null, problems: string[] }

/** What the compiled schema and the describing function say of each payload. */
async function judge(schema: unknown, payloads: unknown[]): Promise<Verdict[]> {
  const { rows } = await db.pool.query<Verdict>(`
    SELECT iu_core.fn_iu_payload_meets(p, compiled.predicate, compiled.keys) AS met, iu_core.fn_iu_payload_problems(p, $1) AS problems
    FROM (SELECT iu_core.fn_iu_schema_compile($1) AS predicate, iu_core.fn_iu_schema_keys($1) AS keys) AS compiled
    CROSS JOIN jsonb_array_elements($2) WITH ORDINALITY AS e(p, n) ORDER BY n`, [JSON.stringify(schema), JSON.stringify(payloads)])
  return rows
}

describe('the compiled schema', () => {
  test('agrees with the words for any schema and any payload, and is never unknown', async () => {
    let passed = 0
    let failed = 0
    await fc.assert(fc.asyncProperty(schema.filter(storable), fc.array(payload.filter(storable), { minLength: 5, maxLength: 20 }), async (given, payloads) => {
      for (const [i, { met, problems }] of (await judge(given, payloads)).entries()) {
        expect({ payload: payloads[i], met }).toEqual({ payload: payloads[i], met: problems.length === 0 })
        if (met) passed += 1
        else failed += 1
      }
    }), { numRuns: 1000 })
    // The generators must not make it a test of one answer.
    expect(Math.min(passed, failed)).toBeGreaterThan(300)
  })

  test.each([
    [{ type: 'object' }, [{ i: 1 }], '$: want object, have array'],
    [{ type: 'integer' }, 1.5, '$: want integer, have number'],
    [{ type: ['string', 'null'] }, 1, '$: want string or null, have number'],
    [{ required: ['n'] }, {}, '$.n: missing'],
    [{ properties: { n: { minimum: 1 } } }, { n: 0 }, '$.n: want at least 1, have 0'],
    [{ properties: { n: { exclusiveMaximum: 1 } } }, { n: 1 }, '$.n: want less than 1, have 1'],
    [{ additionalProperties: false }, { x: 1 }, '$.x: not in the schema'],
    [{ items: { type: 'string' } }, ['a', 1], '$[1]: want string, have number'],
    [{ enum: ['a', 'b'] }, 'c', '$: want one of ["a", "b"], have "c"'],
    [{ const: null }, 0, '$: want null, have 0'],
    [{ pattern: '^[0-9]+$' }, 'x', '$: want a text like "^[0-9]+$"'],
  ])('%j refuses %j: %s', async (given, value, problem) => {
    expect(await judge(given, [value])).toEqual([{ met: false, problems: [problem] }])
  })

  test.each([
    [{}, null], [{ type: 'integer' }, 2.0], [{ type: 'number' }, 1e300], [{ minimum: 1 }, 'text'], [{ required: ['a'] }, []],
    [{ properties: { a: { type: 'string' } } }, { b: 1 }], [{ items: { type: 'string' } }, []], [{ const: 1 }, 1.0], [{ additionalProperties: false, properties: { a: {} } }, { a: [] }],
  ])('%j accepts %j', async (given, value) => {
    expect(await judge(given, [value])).toEqual([{ met: true, problems: [] }])
  })

  test('names twenty problems at most, and quickly', async () => {
    const [verdict] = await judge({ items: { type: 'string' } }, [Array.from({ length: 50_000 }, (_, i) => i)])
    expect(verdict!.met).toBe(false)
    expect(verdict!.problems).toHaveLength(20)
  })
})

describe('a schema outside the subset', () => {
  const deep = (levels: number): unknown => levels === 0 ? {} : { items: deep(levels - 1) }

  test.each([
    ['a keyword that is not supported', { oneOf: [] }],
    ['one in a property', { properties: { a: { $ref: '#' } } }],
    ['one in the items', { items: { format: 'date' } }],
    ['no object', true],
    ['an unknown type', { type: 'date' }],
    ['no type at all', { type: [] }],
    ['a type of the wrong type', { type: 1 }],
    ['required that is no list', { required: 'a' }],
    ['required that holds no names', { required: [1] }],
    ['properties that are no object', { properties: [] }],
    ['a property without a schema', { properties: { a: 1 } }],
    ['additionalProperties as a schema', { additionalProperties: {} }],
    ['items as a list', { items: [{}] }],
    ['an empty enum', { enum: [] }],
    ['an enum with an object', { enum: [{}] }],
    ['a const that is a list', { const: [] }],
    ['a minimum that is no number', { minimum: '1' }],
    ['a pattern that is no text', { pattern: 1 }],
    ['a pattern that is no expression', { pattern: '(' }],
    ['a schema nested too deep', deep(9)],
  ])('%s is refused', async (_, given) => {
    const register = db.pool.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, $1)`, [{ 'app.refused': { description: 'x', payload_schema: given } }])
    expect(await refusal(register)).toEqual({ code: 'IU002', column: 'payload_schema' })
  })

  test('the deepest that is allowed is compiled', async () => {
    await judge(deep(8), [[[[[[[[[]]]]]]]]])
  })
})
