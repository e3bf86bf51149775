import { describe, expect, test } from 'vitest'
import { clip, table } from '../../../server/cli/report.ts'
import { hasColors } from '../../../server/cli/output.ts'

describe('a table', () => {
  test('has columns as wide as a terminal shows them: CJK, emoji, combining marks', () => {
    const lines = table(['NAME', 'N'], [['漢字', '1'], ['👩‍👩‍👧', '2'], ['e\u0301te', '3'], ['🇩🇪 x', '4'], ['plain', '5']], false).split('\n')
    expect(lines).toEqual(['NAME   N', '漢字   1', '👩‍👩‍👧     2', 'e\u0301te    3', '🇩🇪 x   4', 'plain  5'])
  })

  test('has every cell whole where no terminal sets a width, and keeps a character whole where one does', () => {
    const long = `${'a'.repeat(100)}漢${'👩‍👩‍👧'.repeat(100)}`
    expect(table(['WHAT'], [[long]], false)).toBe(`WHAT\n${long}`)
    for (let n = 0; n < 4; n++) {
      const [, cell] = table(['WHAT'], [['x'.repeat(n) + '👩‍👩‍👧'.repeat(60)]], true).split('\n')
      expect(cell).toMatch(/^x*(?:👩‍👩‍👧)+…(?:👩‍👩‍👧)+$/u)
    }
    expect(table([], [])).toBe('')
    expect(table(['A', 'B'], [['', '']], false)).toBe('A  B\n')
  })

  test('is clipped between characters', () => {
    expect([clip('漢字漢字', 5), clip('abc', 5), clip('e\u0301'.repeat(9), 3), clip('👩‍👩‍👧', 1)]).toEqual(['漢字', 'abc', 'e\u0301'.repeat(3), ''])
  })
})

describe('colours', () => {
  test.each([
    [{}, true, true], [{}, false, false], [{ TERM: 'dumb' }, true, false],
    [{ NO_COLOR: '1' }, true, false], [{ NO_COLOR: 'true' }, true, false], [{ NO_COLOR: '0' }, true, false], [{ NO_COLOR: '' }, true, true],
    [{ FORCE_COLOR: '1' }, false, true], [{ FORCE_COLOR: '' }, false, true], [{ FORCE_COLOR: '0' }, true, false], [{ FORCE_COLOR: 'false' }, true, false],
    [{ FORCE_COLOR: '3', NO_COLOR: 'yes' }, true, false],
  ])('%o, on a terminal %s: %s', (env, isTerminal, has) => {
    expect(hasColors(env, isTerminal)).toBe(has)
  })
})
