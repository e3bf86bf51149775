import { parseExactly } from '../../shared/exact-json'
import { trimmedId } from '../../shared/visible'
import { isCarried, isSilent, labelOfParam } from './parameter-words'
import { LINE } from './parameters'

/** The part of JSON Schema that the contracts use. */
export interface JsonSchema {
  type?: string
  enum?: string[]
  description?: string
  properties?: Record<string, JsonSchema>
  required?: string[]
  items?: JsonSchema
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  pattern?: string
}

export type FieldKind = 'line' | 'text' | 'password' | 'choice' | 'number' | 'switch' | 'lines' | 'json' | 'time' | 'place'

/** One control of a command's form. */
export interface Field {
  name: string
  kind: FieldKind
  label: string
  help?: string
  isRequired: boolean
  /** asked for only by who wants to */
  isExtra: boolean
  schema: JsonSchema
}

export type Values = Record<string, string | boolean>
export type Params = Record<string, unknown>
export type FieldErrors = Record<string, string>

const TEXTS = new Set(['body', 'text', 'joiner', 'separator'])
const EXTRAS = new Set(['cause', 'from', 'to', 'what', 'joiner', 'separator', 'pinned_version', 'expect_version', 'expect_revision', 'through', 'limit', 'worker', 'passes', 'batch_size', 'display_name'])
/** Which of many. Who comes from a list has chosen there, and narrows it here only by the way. */
const WHICH = ['cause', 'failure_code', 'event_type', 'route', 'from', 'to', 'through']
const PLACE = ['to', 'after', 'before', 'position', 'at']
/** Either or: what the first that is known belongs to is asked for, else the first group. */
const GROUPS: Record<string, string[][]> = {
  dot_iu_import_text: [['source_path', 'text'], ['collection', 'checkpoint', 'expect_revision']],
  dot_iu_revise_piece: [['body', 'title', 'expect_version'], ['version']],
  dot_iu_refresh_metadata_axes: [['collection'], ['piece']],
}

function kindOf(name: string, schema: JsonSchema): FieldKind {
  if (name === 'password' || name === 'current_password') return 'password'
  if (name === 'expires_at') return 'time'
  if (name === 'payload') return 'json'
  if (schema.enum) return 'choice'
  if (schema.type === 'integer' || schema.type === 'number') return 'number'
  if (schema.type === 'boolean') return 'switch'
  if (schema.type === 'array') return schema.items?.type === 'string' ? 'lines' : 'json'
  if (schema.type === 'object') return 'json'
  return TEXTS.has(name) ? 'text' : 'line'
}

/** What is known already, in the order of the contract. */
export function factsOf(schema: JsonSchema, known: Params): { name: string, value: string }[] {
  const names = Object.keys(schema.properties ?? {})
  const order = (name: string) => names.includes(name) ? names.indexOf(name) : names.length
  return Object.entries(known).filter(([name]) => !isSilent(name)).sort(([a], [b]) => order(a) - order(b))
    .map(([name, value]) => ({ name, value: typeof value === 'string' ? value : JSON.stringify(value) }))
}

/** The controls for what is not known yet. The five ways to say a place are one control. */
export function fieldsOf(command: string, schema: JsonSchema, known: Params, self?: string): Field[] {
  const properties = schema.properties ?? {}
  const groups = GROUPS[command] ?? []
  const chosen = groups.find(group => group.some(name => name in known)) ?? groups[0]
  // One's own password is changed with the present one; another's without.
  const isOwn = known.account === self
  const isOpen = (name: string) => (name !== 'current_password' || isOwn || !('account' in known)) && !(name in known) && !isCarried(name) && !groups.some(group => group !== chosen && group.includes(name))
  const hasPlace = 'to' in properties && 'after' in properties
  const required = new Set([...schema.required ?? [], ...(groups.length ? chosen!.filter(name => !['title', 'expect_version', 'expect_revision'].includes(name)) : [])])
  if (isOwn) required.add('current_password')
  const isChosen = 'cause' in properties && WHICH.some(name => name in known)
  const field = (name: string, property: JsonSchema): Field => ({
    name, kind: kindOf(name, property), label: name === 'password' && 'current_password' in properties ? 'New password' : labelOfParam(name), help: property.description, isRequired: required.has(name), isExtra: (EXTRAS.has(name) || (isChosen && WHICH.includes(name))) && !required.has(name), schema: property,
  })
  return Object.entries(properties).flatMap(([name, property]) => {
    if (!hasPlace || !PLACE.includes(name)) return isOpen(name) ? [field(name, property)] : []
    if (name !== 'to' || PLACE.some(way => way in known)) return []
    return [{ name: 'to', kind: 'place', label: 'Place', isRequired: command === 'dot_iu_reorder_piece', isExtra: false, schema: property }]
  })
}

/** Where a form keeps that an empty text is meant. */
export const nameOfEmpty = (name: string): string => `${name} is empty`

/** What the controls begin with. */
export function valuesOf(fields: Field[], draft: Params): Values {
  const values: Values = {}
  for (const { name, kind, schema, isRequired } of fields) {
    const given = draft[name]
    if (kind === 'text' && isRequired) values[nameOfEmpty(name)] = false
    if (kind === 'switch') values[name] = given === true
    else if (Array.isArray(given) && kind === 'lines') values[name] = given.join('\n')
    else if (kind === 'choice' && given === undefined && schema.enum?.length === 1) values[name] = schema.enum[0]!
    else values[name] = given === undefined ? '' : typeof given === 'string' && kind !== 'json' ? given : JSON.stringify(given, null, 2)
  }
  return values
}

/** Any line of text may begin and end as it likes; ids, and the path that a document is known by, do not. */
const isId = ({ kind, name, schema }: Field): boolean => kind === 'line' && (name === 'source_path' || (schema.pattern !== undefined && schema.pattern !== LINE))

/** What the controls say, as parameters; what cannot be one is told per field. Everything else is the server's to judge. */
export function paramsOf(fields: Field[], values: Values): { params: Params, errors: FieldErrors } {
  const params: Params = {}
  const errors: FieldErrors = {}
  for (const field of fields) {
    const value = values[field.name] ?? ''
    if (field.kind === 'switch') {
      if (value === true) params[field.name] = true
      continue
    }
    if (field.kind === 'place') {
      const { place, error } = placeOf(values)
      Object.assign(params, place)
      if (error) errors.to = error
      else if (field.isRequired && Object.keys(place).length === 0) errors.to = 'Say where to.'
      continue
    }
    const text = isId(field) ? trimmedId(String(value)) : String(value)
    if (text === '') {
      // A text may be empty where there must be one; nobody sends that by having forgotten it.
      if (values[nameOfEmpty(field.name)] === true) params[field.name] = ''
      else if (field.isRequired) errors[field.name] = field.kind === 'text' ? 'There is no text. Type it, or say below that it is empty.' : 'This is missing.'
      continue
    }
    const read = READ[field.kind]?.(text) ?? { value: text }
    if (read.error) errors[field.name] = read.error
    else params[field.name] = read.value
  }
  return { params, errors }
}

type Read = { value?: unknown, error?: string }
const READ: Partial<Record<FieldKind, (text: string) => Read>> = {
  number: text => /^-?\d{1,15}$/.test(text.trim()) ? { value: Number(text) } : { error: 'A whole number, please.' },
  lines: text => ({ value: text.split('\n').map(trimmedId).filter(Boolean) }),
  time: text => Number.isNaN(Date.parse(text)) ? { error: 'This is no time.' } : { value: new Date(text).toISOString() },
  json: (text) => {
    try {
      return { value: parseExactly(text) }
    }
    catch (error) {
      return { error: `This is no JSON: ${(error as Error).message}` }
    }
  },
}

/** A place is said in one of these ways; `to` holds the way, or an end. */
export const PLACES_OF_A_PIECE = [
  { value: 'first', label: 'First' },
  { value: 'last', label: 'Last' },
  { value: 'after', label: 'After …' },
  { value: 'before', label: 'Before …' },
  { value: 'position', label: 'Number …' },
]

function placeOf(values: Values): { place: Params, error?: string } {
  const how = String(values.to ?? '')
  const beside = trimmedId(String(values.beside ?? ''))
  if (how === '' || how === 'first' || how === 'last') return { place: how ? { to: how } : {} }
  if (!beside) return { place: {}, error: how === 'position' ? 'Which number?' : 'Which piece?' }
  if (how !== 'position') return { place: { [how]: beside } }
  return /^\d{1,8}$/.test(beside) && Number(beside) > 0 ? { place: { position: Number(beside) } } : { place: {}, error: 'A number from 1, please.' }
}

/** The control that a field of the server's belongs to; the five ways to say a place have one. */
export function controlOf(field: string, fields: Field[]): string {
  const name = field.replace(/^params\./, '').split(/[.[]/)[0]!
  return PLACE.includes(name) && fields.some(({ kind }) => kind === 'place') ? 'to' : name
}

/** The server's words about parameters, each at its control. */
export function errorsOf(errors: { field: string, message: string }[] | undefined, fields: Field[]): FieldErrors {
  const found: FieldErrors = {}
  for (const { field, message } of errors ?? []) {
    const name = field.split(/[.[]/).at(-1)!
    found[controlOf(field, fields)] ??= message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message
  }
  return found
}

/** What to do about it, said where it is to be done: at the one field that is at fault. */
export function withHint(errors: FieldErrors, hint: string | undefined): FieldErrors {
  const [name, ...others] = Object.keys(errors)
  return hint && name && !others.length ? { [name]: `${errors[name]!.replace(/\.$/, '')}. ${hint}` } : errors
}
