/** What the Markdown parser is given of a file that it gets at all: its time is bounded by these counts. */
import { expect, it, vi } from 'vitest'
import { isParseable, LIMITS } from '../../../server/import/limits.ts'
import { markdownBlocks } from '../../../server/import/markdown.ts'

const work = vi.hoisted(() => ({ bytes: 0, squares: 0 }))
vi.mock(import('mdast-util-from-markdown'), async (original) => {
  const real = await original()
  return { ...real, fromMarkdown: (...of: Parameters<typeof real.fromMarkdown>) => {
    work.bytes += of[0]!.length
    work.squares += (of[0] as string).split('\n').length ** 2
    return real.fromMarkdown(...of)
  } } as typeof real
})

it.each<[string, string, boolean]>([
  ['20,000 headings', '# h\n'.repeat(20_000), true],
  ['1 MB of paragraphs', `${'words and words '.repeat(20)}\n\n`.repeat(3_000), true],
  ['a paragraph of 4,000 lazy lines', `> a\n${'b\n'.repeat(4_000)}`, true],
  ['8,000 lines of a title that never ends', `[a]: /b "\n${'b\n'.repeat(8_000)}`, true],
  ['5,000 setext headings', 'a\n===\n'.repeat(5_000), true],
  ['a list of 20,000 items', '- a\n'.repeat(20_000), false],
])('the parser reads every byte twice at most, and no more long blocks than it may: %s', (_, text, isDone) => {
  Object.assign(work, { bytes: 0, squares: 0 })
  const content = Buffer.from(text)
  expect(isParseable(content)).toBe(true)
  expect(markdownBlocks(content) !== null).toBe(isDone)
  // And a window's share more for each of the windows, whose last block is read again.
  expect(work.bytes).toBeLessThan(2.2 * content.length)
  expect(work.squares).toBeLessThan(1.2 * LIMITS.squares)
})
