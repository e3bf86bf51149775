import { JsonError, readNumber } from './routing/decimal.ts'

/** JSON with the source of a number, and numbers written as they are given: engines have both or neither. */
interface Engine {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown
  rawJSON?: (text: string) => unknown
}

/** A number as two that are equal are both written. */
function canonical(source: string): string {
  const { isNegative, digits, scale } = readNumber(source)
  let end = digits.length
  while (digits[end - 1] === '0') end--
  const significant = digits.slice(0, end)
  return significant === '' ? '0' : `${isNegative ? '-' : ''}${significant}e${digits.length - significant.length - scale}`
}

/** Whether a double is the number that is written there; by their digits, never by what an exponent stands for. @throws {JsonError} where the database would refuse that. */
function isExact(value: number, source: string): boolean {
  if (String(value) === source) return true
  const written = canonical(source)
  return Number.isFinite(value) && canonical(String(value)) === written
}

/**
 * As `JSON.parse`, for what is passed on by `JSON.stringify`: a number that a double would change stays what is written,
 * as `JSON.rawJSON`. The database keeps decimals of any length, and 9007199254740993 must not reach it as another.
 * @throws {SyntaxError} for what is no JSON, {JsonError} for a number that cannot be kept.
 */
export function parseExactly(text: string): unknown {
  const engine = JSON as unknown as Engine
  const { rawJSON } = engine
  if (rawJSON) {
    return engine.parse(text, (_, value, { source }) => typeof value !== 'number' || isExact(value, source!) ? value : rawJSON(source!))
  }
  const value = JSON.parse(text) as unknown
  // What stands outside of strings and begins with a digit is a number.
  const numbers = text.replace(/"(?:\\.|[^"\\])*"/g, '').match(/-?\d[\d.eE+-]*/g) ?? []
  if (!numbers.every(source => isExact(Number(source), source))) throw new JsonError('it has a number that this browser cannot hold; a newer one can')
  return value
}
