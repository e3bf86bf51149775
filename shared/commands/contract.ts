import { z } from 'zod'
import type { ReadModelName } from '../read-models/registry.ts'
import { trimmedId } from '../visible.ts'

export const RIGHTS = ['reviewer', 'operator', 'approver', 'admin'] as const
/** Each may what the lower may. */
export type Right = (typeof RIGHTS)[number]

export const AREAS = ['pieces', 'collections', 'delivery', 'gates', 'registry', 'accounts'] as const
export type Area = (typeof AREAS)[number]

/** One command: everything about it that is not its SQL handler. The database's registry holds the same. */
export interface CommandContract {
  /** the handler's name in the database */
  code: `dot_iu_${string}`
  area: Area
  /** on the button */
  label: string
  description: string
  /** 1: a click; 2: a plan and a reason; 3: the name typed once more, and for a gate a second person */
  tier: 1 | 2 | 3
  right: Right
  /** must be open at the beginning and at the end of an apply */
  gates: readonly string[]
  /** a reason is asked for though the tier does not */
  reason?: true
  /** the parameter that is typed once more; tier 3 */
  confirm?: string
  /** values that the ledger does not keep */
  secrets?: readonly string[]
  /** what a client sends */
  input: z.ZodObject
  /** what the dispatcher takes, where the server makes it of the input: a cut, a password's key */
  wire?: z.ZodObject
  /** read models that a success makes old */
  refreshes: readonly ReadModelName[]
}

export const define = <const C extends CommandContract>(contract: C): C & CommandContract => contract

export const COMPOSER = ['iu_core.operator_runtime_enabled', 'iu_core.composer_enabled']
export const RUNTIME = ['iu_core.operator_runtime_enabled']
export const ROUTING = ['iu_core.operator_runtime_enabled', 'iu_core.route_worker_enabled', 'iu_core.routes_master_enabled']

const isStorable = (text: string) => text.isWellFormed() && !text.includes('\0')

const MOST_DEPTH = 64

/** Whether PostgreSQL can keep a JSON value: every text in it, and its depth. */
function isKept(value: unknown, depth = 0): boolean {
  if (typeof value === 'string') return isStorable(value)
  if (typeof value !== 'object' || value === null) return true
  return depth < MOST_DEPTH && Object.entries(value).every(([key, part]) => isStorable(key) && isKept(part, depth + 1))
}

/** A JSON object of any shape, as PostgreSQL can keep it. */
export const anyObject = () => z.looseObject({}).refine(value => isKept(value), `holds a text with a NUL or half a surrogate pair, or is more than ${MOST_DEPTH} levels deep`)

/** A JSON value of any shape, as PostgreSQL can keep it. */
export const anyJson = () => z.unknown().refine(value => value !== undefined, 'is missing').refine(value => isKept(value), `holds a text with a NUL or half a surrogate pair, or is more than ${MOST_DEPTH} levels deep`)

/** Text of any shape, as PostgreSQL can keep it; `max` in characters. */
export const body = (max = 8_000_000) => z.string().max(max).refine(isStorable, 'is no text that can be kept: it has a NUL or half a surrogate pair')
/** One line of text, without control characters. */
// eslint-disable-next-line no-control-regex
const LINE = /^[^\u0001-\u001f\u007f]*$/
export const line = (max: number, min = 0) => z.string().min(min).max(max).regex(LINE, 'must be one line without control characters').refine(isStorable, 'has a NUL or half a surrogate pair')
/** An id, without what comes along when it is pasted. The database cuts it off as well, for whoever comes another way. */
export const pasted = z.string().overwrite(trimmedId)

const NAMES = z.registry<{ named: true }>()
/** A text that names a thing, by its pattern: the ledger keeps it. Of any other text it keeps the digest. */
export function named<S extends z.ZodString>(schema: S): S {
  NAMES.add(schema as z.ZodString, { named: true })
  return schema
}

/** Whether the ledger keeps a value of this kind as it is: a number, one of a few, or what names a thing. Whatever is not told to be so is a text. */
function isReference(schema: z.core.$ZodType): boolean {
  const { def } = schema._zod as unknown as { def: { type: string, innerType?: z.core.$ZodType, element?: z.core.$ZodType } }
  switch (def.type) {
    case 'optional': return isReference(def.innerType!)
    case 'array': return isReference(def.element!)
    case 'number': case 'boolean': case 'enum': return true
    default: return NAMES.get(schema)?.named === true
  }
}

/** The parameters of which the ledger keeps the digest only. */
export const bodiesOf = ({ input, wire }: CommandContract): string[] => Object.entries((wire ?? input).shape).filter(([, schema]) => !isReference(schema as z.core.$ZodType)).map(([name]) => name)

/** A term of the vocabulary, or the name of something that a program made. */
export const term = (max = 60) => named(pasted.min(1).max(max).regex(/^[a-z0-9_.-]+$/, 'use a-z 0-9 _ . -'))
export const address = named(pasted.min(1).max(512).regex(/^[a-z0-9_-]+([./][a-z0-9_-]+)*$/, 'use segments of a-z 0-9 _ - joined by . and /, as in docs/api.md/0001-title'))
export const gate = named(pasted.min(1).max(120).regex(/^[a-z0-9_.]+$/, 'is no gate'))
/** A name of dot-joined words: an event type, a route. */
export const dotted = named(pasted.min(1).max(128).regex(/^[a-z0-9_]+([.][a-z0-9_]+)*$/, 'use a-z 0-9 _ joined by dots'))
export const id = z.int().min(1)
/** A time with its zone, as in 2030-01-31T12:00:00Z. */
export const instant = named(pasted.max(40).regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/, 'write it as 2030-01-31T12:00:00Z')
  .refine(text => !Number.isNaN(Date.parse(text)), 'is no time: write it as 2030-01-31T12:00:00Z'))

/** Where a piece goes: one of these, or last. */
export const place = {
  to: z.enum(['first', 'last']).optional().describe('an end of the collection'),
  after: address.optional().describe('the piece that it stands behind'),
  before: address.optional().describe('the piece that it stands before'),
  position: z.int().min(1).max(10_000_000).optional().describe('its number in the collection, from 1'),
}
/** An exact position key, as receipts carry it. */
export const positionKey = named(z.string().regex(/^-?\d{1,30}(\.\d{1,200})?$/, 'is no position key'))

/** The parameters as JSON Schema, in the subset that the database checks. */
export function paramSchema({ input, wire }: CommandContract): Record<string, unknown> {
  return strip(z.toJSONSchema(wire ?? input, { io: 'input' })) as Record<string, unknown>
}

/** The keywords that the database knows; a list of anything needs no look at each item. */
function strip(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strip)
  if (typeof schema !== 'object' || schema === null) return schema
  return Object.fromEntries(Object.entries(schema)
    .filter(([key, value]) => key !== '$schema' && key !== 'format' && !(key === 'items' && Object.keys(value as object).length === 0))
    .map(([key, value]) => [key, key === 'properties' ? Object.fromEntries(Object.entries(value as object).map(([name, property]) => [name, strip(property)])) : strip(value)]))
}
