import fc from 'fast-check'
import type { Piece } from '../../../server/import/cut.ts'

const FRAGMENTS = [
  '# Heading', '## Heading ##', '####### seven', '#', 'Setext', '===', '---', '- - -', '***', '+++', '- item', '* item', '+ item',
  '1. one', '2) two', '-', '  - nested', '    - deep', '\t- tabbed', '> quote', '>', '> - both', '>> twice', 'lazy', '```', '````', '```js', '~~~',
  '    code', '\tcode', ' \tcode', '  indented', '| a | b |', '|---|---|', 'a | b', '--|--', '<div>', '</div>', '<span>', '<!--', '-->', '<script>',
  '<?php', '<![CDATA[', ']]>', '[a]: /b', '[a]: /b "title"', '[a]:', '/b', '"title', 'title"', '\'t\'', '    [c]: /d', '[^1]: note', '    note',
  '[a', 'b]: /c', 'word *em* `code` [link](/u)', '*', '`', '[', '\\', 'é ü', '漢字 テスト', '😀', 'שלום', '\u00a0', '\u2028', '\u0085', '\f', '\u0001',
  'trailing  ', 'trailing\t', '', '', '', '   ', '\t', 'title: x', '\ufeff',
]
const LINE_ENDS = ['\n', '\n', '\n', '\r\n', '\r', '\n\n', '\r\n\r\n']

/** Text built from lines that Markdown has a meaning for, with any line ends, with and without a last one. */
export const nastyText: fc.Arbitrary<string> = fc.tuple(
  fc.constantFrom('', '', '', '\ufeff', '---\n', '---\ntitle: x\n---\n', '+++\r\na = 1\r\n+++\r\n', '\n \n'),
  fc.array(fc.tuple(fc.constantFrom(...FRAGMENTS), fc.constantFrom('', '', '', ...FRAGMENTS), fc.constantFrom(...LINE_ENDS)), { maxLength: 24 }),
  fc.constantFrom('', ...FRAGMENTS),
).map(([head, lines, last]) => head + lines.map(line => line.join('')).join('') + last)

const BLOCKS = [
  '# Heading', 'Setext\n---', 'One line', 'Two\nlines  ', '- a\n- b\n\n  more', '1. a\n2. b', '> quote\n> more', '```js\ncode\n\ncode\n```', '<div>\nx\n</div>',
  '| a | b |\n|---|---|\n| 1 | 2 |', '***', '[ref]: /url "title"', '[^1]: A note', '漢字 😀',
]

/** Ordinary documents, as lists of blocks that are to stand a blank line apart. */
export const ordinaryBlocks: fc.Arbitrary<string[]> = fc
  .array(fc.constantFrom(...BLOCKS), { minLength: 1, maxLength: 12 })
  .map(withoutListsInARow)

/** Two lists in a row may be one list. */
export function withoutListsInARow(blocks: string[]): string[] {
  return blocks.filter((block, i) => i === 0 || !/^(?:-|1\.) /.test(block) || !/^(?:-|1\.) /.test(blocks[i - 1]!))
}

export function bodies(content: Buffer, pieces: Piece[]): string[] {
  return pieces.map(({ start, length }) => content.toString('utf8', start, start + length))
}

export function separators(content: Buffer, pieces: Piece[]): string[] {
  return pieces.map(({ start, length }, i) => content.toString('latin1', start + length, pieces[i + 1]?.start ?? content.length))
}
