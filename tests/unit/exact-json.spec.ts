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
    expect(() => parseExactly('1e999999')).toThrow('more than 500 digits')
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

  test('with numbers that nobody could write out is refused before anything is made of their exponents', () => {
    // A hundred thousand of them were minutes when each was written out; a limit of the whole, not a time, ends this test then.
    for (const number of ['1e131071', '-9e99999', '1e-16383', '0e-9999', '1e501', `1.${'0'.repeat(600)}`, '7'.repeat(600), '1e99999999999999999999', '0e1073741824']) {
      const text = `[${Array(1000).fill(number).join()}]`
      expect(() => parseExactly(text), number.slice(0, 40)).toThrow('more than 500 digits')
      expect(() => parseJson(text), number.slice(0, 40)).toThrow('more than 500 digits')
    }
    const most = ['0.05e501', '1e-500', '0e500', '0e-500', '1.7976931348623157e308', '5e-324', '7'.repeat(500)]
    expect(through(`[${most.join()}]`)).toBe(`[0.05e501,1e-500,0,0,1.7976931348623157e+308,5e-324,${'7'.repeat(500)}]`)
  })

  test('is refused by an engine that would change it', () => {
    vi.stubGlobal('JSON', { parse: JSON.parse.bind(JSON), stringify: JSON.stringify.bind(JSON) })
    expect(parseExactly('{"n": 1.50, "-0": -0, "9007199254740993": "1e400 \\\\\\" 1e400"}')).toEqual({ 'n': 1.5, '-0': -0, '9007199254740993': '1e400 \\" 1e400' })
    expect(() => parseExactly('{"n": 9007199254740993}')).toThrow('cannot hold')
    expect(() => parseExactly('[1e400]')).toThrow('cannot hold')
    expect(() => parseExactly(`[${Array(1000).fill('1e131071').join()}]`)).toThrow('more than 500 digits')
  })
})
