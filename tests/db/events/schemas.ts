/** What the specs of payloads draw from: schemas of the whole subset, and payloads that meet them now and then. */
import fc from 'fast-check'

/** Few names and values, so that schemas and payloads meet; some of them hard to quote. */
export const names = fc.constantFrom('a', 'b', 'note', '', 'a b', '"', '\\', '$', '@', '\'', '%s', 'é', '日本', '\u0001', '\n', '😀')
const numbers = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(0.5, -1.5, 1e21, 1e-7, -0), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }))
const strings = fc.oneof(names, fc.constantFrom('abc', 'ABC', 'a1', '2026-01-01'), fc.string())
const scalars = fc.oneof(numbers, strings, fc.boolean(), fc.constant(null))
const patterns = fc.constantFrom('^a', 'a$', '^[0-9a-f]{2,4}$', '[[:alpha:]]', '\\d', '^$', 'a|b', '"', '\\\\', '日', '\\.')
const types = fc.constantFrom('string', 'number', 'integer', 'boolean', 'object', 'array', 'null')

export const { schema } = fc.letrec<{ schema: Record<string, unknown> }>((tie) => {
  const nested = fc.oneof({ maxDepth: 3, withCrossShrink: true }, fc.constant({}), tie('schema'))
  const keywords = {
    type: fc.oneof(types, fc.uniqueArray(types, { minLength: 1, maxLength: 3 })),
    required: fc.uniqueArray(names, { maxLength: 3 }),
    properties: fc.dictionary(names, nested, { maxKeys: 3 }),
    additionalProperties: fc.boolean(),
    items: nested,
    enum: fc.array(scalars, { minLength: 1, maxLength: 4 }),
    const: scalars,
    minimum: numbers, maximum: numbers, exclusiveMinimum: numbers, exclusiveMaximum: numbers,
    pattern: patterns,
    title: strings, description: strings, examples: fc.array(scalars),
  }
  // With all keywords at once hardly any payload would pass.
  const some = fc.shuffledSubarray(Object.keys(keywords) as (keyof typeof keywords)[], { maxLength: 4 })
  return { schema: some.chain(kept => fc.record(Object.fromEntries(kept.map(keyword => [keyword, keywords[keyword]])))) }
})

export const { payload } = fc.letrec(tie => ({
  payload: fc.oneof({ maxDepth: 4, withCrossShrink: true, depthSize: 'small' }, scalars, fc.array(tie('payload'), { maxLength: 3 }), fc.dictionary(names, tie('payload'), { maxKeys: 4 })),
}))

/** jsonb has no place for U+0000 and lone surrogates. */
export const storable = (value: unknown): boolean => !/\\u0000|\\ud[89a-f]/i.test(JSON.stringify(value))
