/** A small checker of JSON Schema: the keywords that our document uses, and no others. */
import type { Document, Schema } from '../../shared/openapi/types.ts'

const TYPES: Record<string, (value: unknown) => boolean> = {
  string: value => typeof value === 'string',
  integer: value => Number.isInteger(value),
  number: value => typeof value === 'number',
  boolean: value => typeof value === 'boolean',
  null: value => value === null,
  array: value => Array.isArray(value),
  object: value => typeof value === 'object' && value !== null && !Array.isArray(value),
}

const KEYWORDS = new Set(['$ref', 'title', 'description', 'type', 'format', 'enum', 'const', 'default', 'pattern', 'minLength', 'maxLength', 'minimum', 'maximum', 'minItems', 'maxItems', 'properties', 'required', 'additionalProperties', 'items', 'oneOf', 'anyOf'])

/** What a JSON pointer names; undefined for nothing. */
export const resolve = (document: Document, ref: string): unknown =>
  ref.slice(2).split('/').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], document)

/** Every schema within a schema, itself first. */
export function* schemasIn(schema: Schema): Generator<Schema> {
  yield schema
  const children = [
    ...Object.values(schema.properties ?? {}), ...schema.oneOf ?? [], ...schema.anyOf ?? [],
    ...(schema.items ? [schema.items] : []), ...(typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : []),
  ]
  for (const child of children) yield* schemasIn(child)
}

/** What is wrong with a schema itself, in words. */
export function flaws(schema: Schema): string[] {
  return [...schemasIn(schema)].flatMap((part) => {
    const { type, pattern, enum: values, required = [], properties, minLength = 0, maxLength = Infinity, minimum = -Infinity, maximum = Infinity } = part
    return [
      ...Object.keys(part).filter(key => !KEYWORDS.has(key)).map(key => `keyword ${key}`),
      ...[type ?? []].flat().filter(name => !(name in TYPES)).map(name => `type ${name}`),
      ...(values && (values.length === 0 || new Set(values).size !== values.length) ? ['enum'] : []),
      ...required.filter(name => properties && !(name in properties)).map(name => `required ${name}`),
      ...(pattern !== undefined && !isPattern(pattern) ? [`pattern ${pattern}`] : []),
      ...(minLength > maxLength || minimum > maximum ? ['an empty range'] : []),
    ]
  })
}

function isPattern(pattern: string): boolean {
  try {
    return Boolean(new RegExp(pattern, 'u'))
  }
  catch {
    return false
  }
}

/** Where a value is not of its schema, each with its path; nothing when it is. */
export function mismatches(document: Document, schema: Schema, value: unknown, path = '$'): string[] {
  const { type, enum: values, pattern, properties = {}, required = [], additionalProperties, items, oneOf, anyOf } = schema
  const wrong = (what: string) => [`${path}: ${what}`]
  if (type !== undefined && ![type].flat().some(name => TYPES[name]!(value))) return wrong(`is no ${[type].flat().join(' or ')}`)
  const found: string[] = []
  if (schema.$ref) found.push(...mismatches(document, resolve(document, schema.$ref) as Schema, value, path))
  if (values && !values.includes(value)) found.push(...wrong(`is none of ${values.join(', ')}`))
  if ('const' in schema && schema.const !== value) found.push(...wrong(`is not ${String(schema.const)}`))
  if (typeof value === 'string') {
    const length = [...value].length
    if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) found.push(...wrong(`does not match ${pattern}`))
    if (schema.format === 'date-time' && Number.isNaN(Date.parse(value))) found.push(...wrong('is no time'))
    if (length < (schema.minLength ?? 0) || length > (schema.maxLength ?? Infinity)) found.push(...wrong('has another length'))
  }
  if (typeof value === 'number' && (value < (schema.minimum ?? -Infinity) || value > (schema.maximum ?? Infinity))) found.push(...wrong('is out of range'))
  if (Array.isArray(value)) {
    if (value.length < (schema.minItems ?? 0) || value.length > (schema.maxItems ?? Infinity)) found.push(...wrong('has another number of items'))
    if (items) found.push(...value.flatMap((item, index) => mismatches(document, items, item, `${path}[${index}]`)))
  }
  else if (TYPES.object!(value)) {
    const given = value as Record<string, unknown>
    found.push(...required.filter(name => !(name in given)).flatMap(name => wrong(`has no ${name}`)))
    for (const [name, member] of Object.entries(given)) {
      if (Object.hasOwn(properties, name)) found.push(...mismatches(document, properties[name]!, member, `${path}.${name}`))
      else if (additionalProperties === false) found.push(`${path}.${name}: is not known`)
      else if (typeof additionalProperties === 'object') found.push(...mismatches(document, additionalProperties, member, `${path}.${name}`))
    }
  }
  const fitting = (schemas: Schema[]) => schemas.filter(one => mismatches(document, one, value, path).length === 0).length
  if (oneOf && fitting(oneOf) !== 1) found.push(...wrong('does not fit exactly one'))
  if (anyOf && fitting(anyOf) === 0) found.push(...wrong('fits none'))
  return found
}
