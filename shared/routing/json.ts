import { compare, Decimal, JsonError, readDecimal } from './decimal.ts'

/**
 * JSON as PostgreSQL's jsonb has it: numbers are decimals of any length that keep their trailing zeros, of a
 * key that comes twice the last counts, and keys stand in jsonb's own order. `JSON.parse` alone rounds
 * numbers, and would judge a payload that nobody sent.
 */
export type Json = null | boolean | string | Decimal | Json[] | { [key: string]: Json }

/** A string, a number, a word or a sign, behind white space. */
// eslint-disable-next-line no-control-regex
const TOKEN = /[ \t\n\r]*(?:("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]))|(true|false|null)\b|([[\]{},:]))/y
const WORDS = { true: true, false: false, null: null }

/** A value within so many others is refused by the database, and by whatever reads it by calling itself. */
const MOST_LEVELS = 100

/** One reading of a text. A reviver's source would save it, where engines did not mix up the keys. */
class Reader {
  readonly text: string
  at = 0
  constructor(text: string) {
    this.text = text
  }

  fail(): never {
    const found = /^[ \t\n\r]*(.{0,20})/su.exec(this.text.slice(this.at))![1]!
    throw new JsonError(found ? `it is no JSON at ${JSON.stringify(found)}` : 'it is no JSON: it ends too early')
  }

  next(): RegExpExecArray {
    TOKEN.lastIndex = this.at
    const token = TOKEN.exec(this.text) ?? this.fail()
    this.at = TOKEN.lastIndex
    return token
  }

  /** Whether the next sign is this one; if so it is passed. */
  passes(sign: string): boolean {
    const before = this.at
    TOKEN.lastIndex = before
    const token = TOKEN.exec(this.text)
    if (token?.[4] !== sign) return false
    this.at = TOKEN.lastIndex
    return true
  }

  expect(sign: string): void {
    if (!this.passes(sign)) this.fail()
  }

  string(quoted: string): string {
    const text = JSON.parse(quoted) as string
    if (!text.isWellFormed() || text.includes('\0')) throw new JsonError('a text has a NUL or half a surrogate pair, which the database does not keep')
    return text
  }

  value(level = 0): Json {
    if (level > MOST_LEVELS) throw new JsonError(`it is nested deeper than ${MOST_LEVELS}`)
    const before = this.at
    const [, quoted, number, word, sign] = this.next()
    if (quoted !== undefined) return this.string(quoted)
    if (number !== undefined) return readDecimal(number)
    if (word !== undefined) return WORDS[word as keyof typeof WORDS]
    if (sign === '[') return this.list(level)
    if (sign === '{') return this.object(level)
    this.at = before
    return this.fail()
  }

  list(level: number): Json[] {
    const list: Json[] = []
    if (this.passes(']')) return list
    do list.push(this.value(level + 1))
    while (this.passes(','))
    this.expect(']')
    return list
  }

  object(level: number): { [key: string]: Json } {
    const found = new Map<string, Json>()
    if (!this.passes('}')) {
      do {
        const quoted = this.next()[1] ?? this.fail()
        this.expect(':')
        found.set(this.string(quoted), this.value(level + 1))
      } while (this.passes(','))
      this.expect('}')
    }
    return Object.fromEntries(found)
  }
}

/** Reads a text as jsonb would. @throws {JsonError} for what is no JSON, and for what jsonb refuses. */
export function parseJson(text: string): Json {
  const reader = new Reader(text)
  const value = reader.value()
  if (/[^ \t\n\r]/.test(text.slice(reader.at))) reader.fail()
  return value
}

export type JsonType = 'null' | 'boolean' | 'string' | 'number' | 'array' | 'object'

export function typeOf(value: Json): JsonType {
  if (value === null) return 'null'
  if (value instanceof Decimal) return 'number'
  if (Array.isArray(value)) return 'array'
  return typeof value as 'boolean' | 'string' | 'object'
}

export const isObject = (value: Json | undefined): value is { [key: string]: Json } => value !== undefined && typeOf(value) === 'object'

const bytes = new TextEncoder()

/** jsonb's order of keys: by length in bytes, then by bytes. */
function byKey(a: string, b: string): number {
  const [x, y] = [bytes.encode(a), bytes.encode(b)]
  if (x.length !== y.length) return x.length - y.length
  const at = x.findIndex((byte, index) => byte !== y[index])
  return at < 0 ? 0 : x[at]! - y[at]!
}

/** The members of an object in jsonb's order. */
export const members = (value: { [key: string]: Json }): [string, Json][] => Object.entries(value).sort(([a], [b]) => byKey(a, b))

/** Whether two values are one to jsonb: numbers by what they are, not by how they are written. */
export function isEqual(a: Json, b: Json): boolean {
  if (typeOf(a) !== typeOf(b)) return false
  if (a instanceof Decimal) return compare(a, b as Decimal) === 0
  if (Array.isArray(a)) return a.length === (b as Json[]).length && a.every((item, index) => isEqual(item, (b as Json[])[index]!))
  if (!isObject(a) || !isObject(b)) return a === b
  return Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([key, item]) => Object.hasOwn(b, key) && isEqual(item, b[key]!))
}

function numberText({ digits, scale }: Decimal): string {
  const text = `${digits < 0n ? -digits : digits}`.padStart(scale + 1, '0')
  return `${digits < 0n ? '-' : ''}${text.slice(0, text.length - scale)}${scale ? `.${text.slice(-scale)}` : ''}`
}

/** A value as jsonb writes it. */
export function jsonText(value: Json): string {
  if (value instanceof Decimal) return numberText(value)
  if (Array.isArray(value)) return `[${value.map(jsonText).join(', ')}]`
  if (isObject(value)) return `{${members(value).map(([key, item]) => `${JSON.stringify(key)}: ${jsonText(item)}`).join(', ')}}`
  return JSON.stringify(value)
}
