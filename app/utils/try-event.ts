import { type Json, jsonText, parseJson } from '../../shared/routing/json.ts'
import { isLike } from '../../shared/routing/pattern.ts'
import type { KnownTypeRow, Routing } from '../../shared/read-models/routing.ts'
import type { RoutingWorld } from '../../shared/routing/decide.ts'

type Schema = Record<string, Json>

const asSchema = (json: Json | undefined): Schema => typeof json === 'object' && json !== null && !Array.isArray(json) ? json as Schema : {}

/** A text that a plain pattern asks for: literals, one of a class, so many times. What is more than that has to be written. */
function likePattern(pattern: Json | undefined): string {
  if (typeof pattern !== 'string') return 'text'
  const text = pattern.replace(/^\^|\$$/g, '').replace(/(?:\[([^\]^])[^\]]{0,99}\]|\\(.)|(.))(?:\{(\d{1,5})(?:,\d{0,5})?\}|[+*?])?/g,
    (_, ofClass?: string, escaped?: string, literal?: string, times?: string) => (ofClass ?? (escaped === 'd' ? '0' : escaped === 'w' ? 'a' : escaped) ?? literal ?? '').repeat(Math.min(Number(times ?? 1), 255)))
  return text.length <= 1000 && isLike(text, pattern) ? text : 'text'
}

/** What a schema asks for at the least, to begin with. */
function example(schema: Schema): unknown {
  const [type] = [schema.type ?? 'object'].flat()
  if (schema.const !== undefined) return JSON.parse(jsonText(schema.const))
  if (Array.isArray(schema.enum)) return JSON.parse(jsonText(schema.enum[0]!))
  if (type === 'object') {
    const properties = asSchema(schema.properties)
    return Object.fromEntries((Array.isArray(schema.required) ? schema.required as string[] : []).map(name => [name, example(asSchema(properties[name] ?? { type: 'string' }))]))
  }
  if (type === 'array') return []
  if (type === 'integer' || type === 'number') return schema.minimum === undefined ? 1 : JSON.parse(jsonText(schema.minimum))
  return type === 'boolean' ? true : type === 'null' ? null : likePattern(schema.pattern)
}

/** A payload of a type to begin with: what its schema asks for at the least. */
export const examplePayload = (type: KnownTypeRow): string => JSON.stringify(example(asSchema(parseJson(type.payloadSchema))), null, 2)

/** The read model as the decision takes it: schemas read once. */
export const routingWorld = ({ types, ...rest }: Routing): RoutingWorld => ({ ...rest, types: types.map(type => ({ ...type, payloadSchema: parseJson(type.payloadSchema) })) })
