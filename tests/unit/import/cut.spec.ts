import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { closeCutters, cut, PIECE_KINDS } from '../../../server/import/cut.ts'
import { LIMITS } from '../../limits.ts'
import { bodies, nastyText, ordinaryBlocks, separators } from './samples.ts'

afterAll(() => closeCutters())

async function cutText(text: string) {
  const content = Buffer.from(text)
  const { how, pieces } = await cut(content, PATIENT)
  return { how, pieces, content, bodies: bodies(content, pieces), separators: separators(content, pieces) }
}

/** Counts alone decide how a file is cut, however long this machine takes over it. */
const PATIENT = { budgetMs: LIMITS.wait }

async function kindsOf(text: string): Promise<string[]> {
  return (await cutText(text)).pieces.map(({ kind, level }) => kind + (level || ''))
}

describe('what becomes a piece', () => {
  it.each<[string, string[]]>([
    ['', []],
    ['# A\n## B\n###### F', ['heading1', 'heading2', 'heading6']],
    ['A\n===\nB\nb\n---\n', ['heading1', 'heading2']],
    ['a\nb\n\nc', ['paragraph', 'paragraph']],
    ['- a\n\n- b\n  - c\n\n1. d', ['list', 'list']],
    ['```\na\n\n# b\n```\n\n    indented', ['code', 'code']],
    ['~~~\nnever closed\n\n# not a heading\n', ['code']],
    ['> a\nlazy\n\n> b', ['quote', 'quote']],
    ['|a|b|\n|-|-|\n|1|2|\n\n`a|b`\n', ['table', 'paragraph']],
    ['<div>\n\n*a*\n\n<!-- x\n\ny -->', ['html', 'paragraph', 'html']],
    ['---\na: b\n---\n# c', ['front_matter', 'heading1']],
    ['+++\na = 1\n+++  \n\ntext', ['front_matter', 'paragraph']],
    ['\ufeff---\r\na: b\r\n---\r\ntext', ['front_matter', 'paragraph']],
    ['---\nnever closed\n\ntext', ['thematic_break', 'paragraph', 'paragraph']],
    ['text\n\n---\na: b\n---\n', ['paragraph', 'thematic_break', 'heading2']],
    ['***\n[a]: /b\n[c]: /d "e\nf"\n\n[^1]: note\n\n    more', ['thematic_break', 'definition', 'definition', 'definition']],
  ])('%j', async (text, kinds) => {
    expect(await kindsOf(text)).toEqual(kinds)
  })

  it('makes one piece of a file of whitespace, and none of an empty one', async () => {
    for (const text of [' ', '\n', '\r\n \t\r', '\ufeff', '\ufeff\n\n']) {
      const { pieces, content } = await cutText(text)
      expect(pieces).toEqual([{ kind: 'text', start: 0, length: content.length, title: '', level: 0 }])
    }
    expect((await cutText('')).pieces).toEqual([])
  })

  it('keeps whole lines in bodies, and only line ends and blank lines between them', async () => {
    const { bodies, separators } = await cutText('\ufeff\n  # A  \r\n \t\r\n  two  \rlines\t\n\n\n- a\n\n  b\n \n```\n\n')
    expect(bodies).toEqual(['\ufeff\n  # A  ', '  two  \rlines\t', '- a\n\n  b', '```'])
    expect(separators).toEqual(['\r\n \t\r\n', '\n\n\n', '\n \n', '\n\n'])
  })

  it('takes other spaces than tab and space for content', async () => {
    expect((await cutText('a\n\n\u00a0\n\n\u3000\n\n\f\n\nb')).bodies).toEqual(['a', '\u00a0', '\u3000', '\f', 'b'])
  })

  it('counts in bytes, in any script', async () => {
    const { pieces, bodies } = await cutText('# Ünï\n\n漢字😀\r\nשלום\r\n\r\n\t> ✓\n> é\n')
    expect(bodies).toEqual(['# Ünï', '漢字😀\r\nשלום', '\t> ✓', '> é'])
    expect(pieces.map(piece => piece.start)).toEqual([0, 9, 33, 40])
  })
})

describe('properties of every cut', () => {
  it('keeps every byte, in pieces of whole lines, the same each time', async () => {
    await fc.assert(fc.asyncProperty(nastyText, async (text) => {
      const { content, pieces, bodies, separators, how } = await cutText(text)
      expect(how).toBe('markdown')
      expect(pieces.length > 0).toBe(content.length > 0)
      expect(pieces[0]?.start ?? 0).toBe(0)
      expect(Buffer.from(bodies.map((body, i) => body + separators[i]).join('')).equals(content)).toBe(true)
      for (const [i, { kind, length, title, level }] of pieces.entries()) {
        expect(PIECE_KINDS).toContain(kind)
        expect(length).toBeGreaterThanOrEqual(1)
        expect(separators[i]).toMatch(/^[\r\n \t]*$/)
        if (i + 1 < pieces.length) expect(separators[i]).toMatch(/^[\r\n]/)
        if (i + 1 < pieces.length) expect(separators[i]).toMatch(/[\r\n]$/)
        if (kind !== 'text') expect(bodies[i]).toMatch(/[^\r\n \t][ \t]*$/)
        expect(level > 0).toBe(kind === 'heading')
        expect([...title].length).toBeLessThanOrEqual(120)
        expect(title).not.toMatch(/[\p{Cc}\ufffd]|^\s|\s$|\s\s/u)
      }
      expect((await cut(content, PATIENT)).pieces).toEqual(pieces)
    }), { numRuns: 1000 })
  })

  it('leaves all other bodies as they are when a paragraph is put in or added', async () => {
    await fc.assert(fc.asyncProperty(ordinaryBlocks, fc.nat(), fc.constantFrom('\n', '\r\n'), async (blocks, where, eol) => {
      const text = blocks.join('\n\n').replaceAll('\n', eol)
      const before = await cutText(text)
      const at = before.pieces[where % before.pieces.length]!.start
      const put = await cutText(before.content.toString('utf8', 0, at) + `New paragraph.${eol}${eol}` + before.content.toString('utf8', at))
      const i = before.pieces.findIndex(piece => piece.start === at)
      expect(put.bodies).toEqual(before.bodies.toSpliced(i, 0, 'New paragraph.'))
      expect((await cutText(`${text}${eol}${eol}New`)).bodies).toEqual([...before.bodies, 'New'])
    }), { numRuns: 300 })
  })
})

describe('files that are too much for the parser', () => {
  const MB = 1_000_000
  const nested = (levels: number) => Array.from({ length: levels }, (_, i) => `${'  '.repeat(i)}- a\n`).join('')
  it.each<[string, () => string, 'markdown' | 'plain', number?]>([
    ['a line of 10 MB', () => 'word '.repeat(2 * MB), 'plain', 1],
    ['a line of 5 MB between others', () => `# A\n\n${'word '.repeat(MB)}\n\n# B\n`, 'plain', 3],
    ['100,000 headings', () => '# h\n'.repeat(100_000), 'markdown', 100_000],
    ['nested quotes', () => '>'.repeat(MB), 'plain'],
    ['nested quotes, spaced', () => '> '.repeat(MB / 2), 'plain'],
    ['nested items', () => '- '.repeat(MB / 2), 'plain'],
    ['what is almost a thematic break', () => `${'* '.repeat(MB / 2)}a`, 'plain'],
    ['a list of 2,000 levels', () => nested(2000), 'plain'],
    ['many lists of 90 levels', () => nested(90).repeat(100), 'plain'],
    ['brackets', () => '['.repeat(MB / 2), 'markdown'],
    ['stars', () => '*'.repeat(MB), 'markdown'],
    ['ticks', () => '`'.repeat(MB), 'markdown'],
    ['less-than signs', () => '<'.repeat(MB / 2), 'markdown'],
    ['bars', () => '|'.repeat(MB), 'plain'],
    ['a table of 100,000 rows', () => `|a|b|\n|-|-|\n${'|1|2|\n'.repeat(100_000)}`, 'plain'],
    ['a very wide table', () => `${'|a'.repeat(MB / 4)}\n${'|-'.repeat(MB / 4)}\n`, 'plain'],
    ['200,000 definitions', () => '[a]: /b\n'.repeat(200_000), 'plain'],
    ['333,333 paragraphs', () => 'a\n\n'.repeat(MB / 3), 'plain', 333_333],
    ['a paragraph of 15,000 lazy lines', () => `> a\n${'b\n'.repeat(15_000)}`, 'plain'],
    ['15,000 lines of a title that never ends', () => `[a]: /b "\n${'b\n'.repeat(15_000)}`, 'plain'],
    ['5,000 setext headings', () => 'a\n===\n'.repeat(5000), 'markdown', 5000],
    ['an unclosed fence of 10 MB', () => `\`\`\`\n${'some code\n'.repeat(MB)}`, 'plain', 1],
    ['10 MB of blank lines', () => '\n'.repeat(10 * MB), 'plain', 1],
    ['20 MB of paragraphs', () => `${'words and words '.repeat(20)}\n\n`.repeat(60_000), 'plain', 60_000],
  ])('%s', async (_, make, how, count) => {
    const content = Buffer.from(make())
    const made = await cut(content, PATIENT)
    expect(made.how).toBe(how)
    if (count) expect(made.pieces.length).toBe(count)
    // The parts are compared by their sizes here: that bodies and separators are what they should be is tested above.
    expect(made.pieces[0]!.start).toBe(0)
    expect(made.pieces.every((piece, i) => piece.start + piece.length <= (made.pieces[i + 1]?.start ?? content.length))).toBe(true)
  })
})

describe('the parser thread', () => {
  it('is left once a file has cost more than its budget, and the next file is parsed', async () => {
    const slow = Buffer.from('a\n===\n'.repeat(60_000))
    const { how, pieces } = await cut(slow, { budgetMs: 1 })
    expect(how).toBe('plain')
    expect(pieces).toHaveLength(1)
    expect(await kindsOf('a\n===\n')).toEqual(['heading1'])
  })

  it('serves many files, also when asked all at once, and after being closed', async () => {
    const cuts = await Promise.all(Array.from({ length: 500 }, (_, i) => cut(Buffer.from(`# ${i}\n\ntext\n`))))
    expect(cuts.map(({ pieces }) => pieces[0]!.title)).toEqual(Array.from({ length: 500 }, (_, i) => `${i}`))
    await closeCutters()
    expect(await kindsOf('# A')).toEqual(['heading1'])
  })

  it('neither ends the process before the answer nor keeps it after, when nobody closes it', async () => {
    const module = fileURLToPath(new URL('../../../server/import/cut.ts', import.meta.url))
    const script = `const { cut } = await import(${JSON.stringify(module)}); console.log((await cut(Buffer.from('# A'))).how)`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
    expect(stdout.trim()).toBe('markdown')
  })
})
