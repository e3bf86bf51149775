import { describe, expect, it } from 'vitest'
import { type DiffRow, definitionDiff, type Side } from '../../app/utils/definition-diff.ts'

const shown = (side: Side | undefined) => side && `${side.sign}${side.parts.map(({ text, isMarked }) => isMarked ? `[${text}]` : text).join('')}`
const told = (rows: DiffRow[]) => rows.map(row => row.alike ?? [shown(row.left), shown(row.right)])
const numbered = (count: number, from = 1) => Array.from({ length: count }, (_, at) => `line ${at + from}`)

describe('two definitions', () => {
  it('that are alike have no line that differs', () => {
    expect(told(definitionDiff('a\nb', 'a\nb'))).toEqual([[' a', ' a'], [' b', ' b']])
  })

  it('stand beside each other line by line, and what differs within a line is marked', () => {
    expect(told(definitionDiff('a\nCOST 100\nz', 'a\nCOST 7\nmore\nz'))).toEqual([[' a', ' a'], ['−COST [100]', '+COST [7]'], [undefined, '+more'], [' z', ' z']])
    expect(told(definitionDiff('a\nb\nc', 'a\nc'))).toEqual([[' a', ' a'], ['−b', undefined], [' c', ' c']])
  })

  it('of which one is not there have the lines of the other alone', () => {
    expect(told(definitionDiff('', 'a\n\nb'))).toEqual([[undefined, '+a'], [undefined, '+'], [undefined, '+b']])
    expect(told(definitionDiff('a', ''))).toEqual([['−a', undefined]])
  })

  it('leave out equal lines that are far from any other, and never one alone', () => {
    const lines = [...numbered(10), 'here', ...numbered(10, 11)]
    const other = lines.map(line => line === 'here' ? 'there' : line)
    expect(told(definitionDiff(lines.join('\n'), other.join('\n')))).toEqual([
      7, ...numbered(3, 8).map(line => [` ${line}`, ` ${line}`]), ['−[here]', '+[there]'], ...numbered(3, 11).map(line => [` ${line}`, ` ${line}`]), 7])
    expect(told(definitionDiff([...numbered(4), 'x'].join('\n'), numbered(4).join('\n')))).toHaveLength(5)
  })

  it('have every line on its side, whatever differs', () => {
    const [expected, live] = [[...numbered(30), 'end'], numbered(30).filter((_, at) => at % 7).flatMap((line, at) => at % 5 ? [line] : [line, 'new'])]
    const rows = definitionDiff(expected.join('\n'), live.join('\n'))
    const count = (of: (row: DiffRow) => Side | undefined) => rows.reduce((sum, row) => sum + (row.alike ?? (of(row) ? 1 : 0)), 0)
    expect([count(row => row.left), count(row => row.right)]).toEqual([expected.length, live.length])
  })

  it('that have nothing alike, or lines without an end, are not searched through', () => {
    const [expected, live] = [numbered(20_000).map(line => `old ${line}`), numbered(20_000).map(line => `new ${line}`)]
    expect(definitionDiff(expected.join('\n'), live.join('\n'))).toHaveLength(20_000)
    const line = (seed: number) => Array.from({ length: 20_000 }, (_, n) => `w${(n * seed) % 7919}`).join(' ')
    expect(told(definitionDiff(`a\n${line(3)}`, `a\n${line(5)}`))[1]).toEqual([`−${line(3)}`, `+${line(5)}`])
  }, 300_000)
})
