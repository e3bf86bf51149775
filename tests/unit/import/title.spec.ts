import { describe, expect, it, vi } from 'vitest'
import { titleOf } from '../../../server/import/title.ts'
import type { PieceKind } from '../../../server/import/pieces.ts'

describe('titles', () => {
  it.each<[PieceKind, string, string]>([
    ['heading', '# A title #  ', 'A title'],
    ['heading', '\ufeff\n  ## C# and F#', 'C# and F#'],
    ['heading', '#', ''],
    ['heading', '### ###', ''],
    ['heading', 'Over\n  two lines\n  ===  ', 'Over two lines'],
    ['heading', 'Lone\r---', 'Lone'],
    ['heading', '# The **bold** and *slanted* ~~gone~~ `**code** snake_case`', 'The bold and slanted gone **code** snake_case'],
    ['heading', '# snake_case_name and 2 * 3 * 4 \\*not\\*', 'snake_case_name and 2 * 3 * 4 *not*'],
    ['heading', '# [![badge](a.svg)](/b) See [the *docs*](/c "t") or [ref][r] <https://x.y>', 'badge See the docs or ref https://x.y'],
    ['heading', '# [1.2.0] - 2020', '[1.2.0] - 2020'],
    ['heading', '# <a name="x"></a>Text <br> 1 < 2', 'Text 1 < 2'],
    ['heading', '# a\tb \u00a0 c\u0007\u0085\u202Ed', 'a b cd'],
    ['code', '``` js title="x"\ncode\n```', 'js title="x"'],
    ['code', '```\ncode\n```', ''],
    ['code', '    let *x* = 1\n    more', 'let *x* = 1'],
    ['paragraph', 'First *line*  \nsecond', 'First line'],
    ['list', '- [x] done\n- more', '[x] done'],
    ['list', '12) twelve', 'twelve'],
    ['quote', '> > - said', 'said'],
    ['table', '| a | **b** |\n|---|---|', 'a b'],
    ['html', '<p align="center">Hi</p>', 'Hi'],
    ['html', '<div>', ''],
    ['thematic_break', '---', ''],
  ])('%s %j', (kind, body, title) => {
    expect(titleOf(kind, Buffer.from(body))).toBe(title)
  })

  it('end between code points, at 120 of them', () => {
    for (const pad of ['', 'a', 'ab', 'é', '漢']) {
      const title = titleOf('paragraph', Buffer.from(pad + '😀'.repeat(2000)))
      expect([...title]).toHaveLength(120)
      expect(title.isWellFormed()).toBe(true)
      expect(title).not.toContain('\ufffd')
    }
  })

  // That no pattern takes more than in proportion to these is a rule of ESLint's.
  it('are made of 2,048 bytes of a line at most, whatever the markup', () => {
    for (const part of ['*a ', '[', '![', '](', '`', '``` ', '<a ', '_', '~~', '\\', '*_', '> ', '1. ', '# ', ' ', '😀']) {
      for (const kind of ['heading', 'paragraph', 'code', 'table'] as const) {
        const body = Buffer.from(`# ${part.repeat(100_000)}`)
        const decoded = vi.spyOn(body, 'toString')
        titleOf(kind, body)
        expect(decoded.mock.results.map(({ value }) => Buffer.byteLength(value as string)).reduce((sum, bytes) => sum + bytes)).toBeLessThanOrEqual(2048)
      }
    }
  })
})
