import { fieldsOf, type JsonSchema } from './command-form'
import { formatCount } from './format'

/** The part of JSON Schema that contracts use. */
export interface Schema {
  type?: string
  enum?: unknown[]
  description?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
  pattern?: string
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
}

export interface Parameter {
  name: string
  type: string
  isRequired: boolean
  limits: string[]
  pattern: string | undefined
  description: string | undefined
}

/** One line of text, as the contracts write it. */
export const LINE = '^[^\\u0001-\\u001f\\u007f]*$'
const MANY = 1_000_000_000_000
const range = (from: number | undefined, to: number | undefined, what: string): string[] => {
  const most = to === undefined || to > MANY ? undefined : formatCount(to)
  if (from !== undefined && (from > 0 || what === '')) return [most === undefined ? `from ${formatCount(from)}${what}` : `${formatCount(from)} to ${most}${what}`]
  return most === undefined ? [] : [`at most ${most}${what}`]
}

/** A command's parameters, one a row; those of a list's items come right behind it. */
export function parametersOf(schema: Schema, prefix = ''): Parameter[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, part]) => [
    {
      name: prefix + name,
      type: typeOf(part),
      isRequired: schema.required?.includes(name) ?? false,
      limits: [...range(part.minLength, part.maxLength, ' characters'), ...range(part.minimum, part.maximum, ''), ...range(part.minItems, part.maxItems, ' items'), ...(part.pattern === LINE ? ['one line'] : [])],
      pattern: [part.pattern, part.items?.pattern].find(pattern => pattern !== undefined && pattern !== LINE),
      description: part.description,
    },
    ...(part.items?.properties ? parametersOf(part.items, `${prefix}${name}[].`) : []),
  ])
}

function typeOf({ type, enum: values, items }: Schema): string {
  if (values) return values.join(' | ')
  return type === 'array' ? `list of ${items?.type ?? 'any'}` : type ?? 'any'
}

/** Parameters that stand for the real ones in a line to copy: what the dialog would ask for, and nothing else. */
export function exampleOf(command: string, schema: Schema): Record<string, unknown> {
  return Object.fromEntries(fieldsOf(command, schema as JsonSchema, {}).filter(({ isRequired }) => isRequired).map(({ name }) => [name, valueOf(schema.properties?.[name] ?? {})]))
}

function valueOf(part: Schema): unknown {
  if (part.enum) return part.enum[0]
  if (part.type === 'integer') return part.minimum ?? 1
  if (part.type === 'boolean') return true
  if (part.type === 'array') return [valueOf(part.items ?? {})]
  return part.type === 'object' ? {} : '…'
}
