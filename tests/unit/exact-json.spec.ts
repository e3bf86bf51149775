import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { parseExactly } from '../../shared/exact-json.ts'
import { isEqual, parseJson } from '../../shared/routing/json.ts'

const through = (text: string): string => JSON.stringify(parseExactly(text))
afterEach(() => vi.unstubAllGlobals())

describe('JSON that is passed on', () => {
  test('keeps numbers that a double would change, and is what JSON.parse makes of all others', () => {
    expect(through('{"id": 9007199254740993, "deep": [{"n": 0.1000000000000000000001}], "much": 1e400, "s": "9007199254740993"}'))
      .toBe('{"id":9007199254740993,"deep":[{"n":0.1000000000000000000001}],"much":1e400,"s":"9007199254740993"}')
    expect(parseExactly('[1.50, -0, 1e2, 9007199254740992, 1e21, 0.1]')).toEqual(JSON.parse('[1.50, -0, 1e2, 9007199254740992, 1e21, 0.1]'))
    expect(() => parseExactly('{')).toThrow(SyntaxError)
    expect(() => parseExactly('1e999999')).toThrow('more digits')
  })

  test('is equal to what was written, whatever that is', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 40 })
    const number = fc.tuple(fc.constantFrom('', '-'), digits.map(text => text.replace(/^0+(?=\d)/, '')), fc.option(digits), fc.option(fc.integer({ min: -400, max: 400 })))
      .map(([sign, whole, fraction, exponent]) => `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${exponent === null ? '' : `e${exponent}`}`)
    const key = fc.constantFrom('a', '', '1', '10', '0', '__proto__', 'constructor', 'rawJSON', 'é').map(name => JSON.stringify(name))
    const { value } = fc.letrec<{ value: string }>(tie => ({
      value: fc.oneof({ maxDepth: 4 }, number, key, fc.constantFrom('true', 'null'), fc.array(tie('value'), { maxLength: 3 }).map(list => `[${list.join()}]`),
        fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map(list => `{${list.map(([name, part]) => `${name}:${part}`).join()}}`)),
    }))
    fc.assert(fc.property(value, text => isEqual(parseJson(text), parseJson(through(text)))), { numRuns: 3000 })
  })

  test('is refused by an engine that would change it', () => {
    vi.stubGlobal('JSON', { parse: JSON.parse.bind(JSON), stringify: JSON.stringify.bind(JSON) })
    expect(parseExactly('{"n": 1.50, "-0": -0, "9007199254740993": "1e400 \\\\\\" 1e400"}')).toEqual({ 'n': 1.5, '-0': -0, '9007199254740993': '1e400 \\" 1e400' })
    expect(() => parseExactly('{"n": 9007199254740993}')).toThrow('cannot hold')
    expect(() => parseExactly('[1e400]')).toThrow('cannot hold')
  })
})
