import { type Json, jsonText, parseJson } from '~~/shared/routing/json'
import type { KnownTypeRow, Routing } from '~~/shared/read-models/routing'
import type { RoutingWorld } from '~~/shared/routing/decide'

type Schema = Record<string, Json>

const asSchema = (json: Json | undefined): Schema => typeof json === 'object' && json !== null && !Array.isArray(json) ? json as Schema : {}

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
  return type === 'boolean' ? true : type === 'null' ? null : schema.pattern === '^[0-9a-f]{64}$' ? '0'.repeat(64) : 'text'
}

/** A payload of a type to begin with: what its schema asks for at the least. */
export const examplePayload = (type: KnownTypeRow): string => JSON.stringify(example(asSchema(parseJson(type.payloadSchema))), null, 2)

/** The read model as the decision takes it: schemas read once. */
export const routingWorld = ({ types, ...rest }: Routing): RoutingWorld => ({ ...rest, types: types.map(type => ({ ...type, payloadSchema: parseJson(type.payloadSchema) })) })
