import fc from 'fast-check'
import { fromMarkdown } from 'mdast-util-from-markdown'
import { frontmatterFromMarkdown } from 'mdast-util-frontmatter'
import { gfmFromMarkdown } from 'mdast-util-gfm'
import { frontmatter } from 'micromark-extension-frontmatter'
import { gfm } from 'micromark-extension-gfm'
import type { RootContent } from 'mdast'
import { describe, expect, it } from 'vitest'
import { markdownBlocks } from '../../../server/import/markdown.ts'
import { toPieces } from '../../../server/import/pieces.ts'
import { plainBlocks } from '../../../server/import/plain.ts'
import { nastyText, ordinaryBlocks, withoutListsInARow } from './samples.ts'

const KINDS: Record<string, string> = {
  blockquote: 'quote', yaml: 'front_matter', toml: 'front_matter', thematicBreak: 'thematic_break', footnoteDefinition: 'definition',
}

const FRONT_MATTER = /^\ufeff?(---|\+\+\+)[ \t]*[\r\n](?:[^]*?[\r\n])??\1[ \t]*(?:[\r\n]|$)/

/**
 * The blocks of the whole text by the parser in full: with inline markup, in UTF-16, all at once. Its front matter is
 * left out where there is none: when it is never closed, the extension loses the list or quote in the next line.
 */
function reference(text: string) {
  const tree = fromMarkdown(text, {
    extensions: [gfm(), FRONT_MATTER.test(text) ? frontmatter(['yaml', 'toml']) : {}],
    mdastExtensions: [gfmFromMarkdown(), frontmatterFromMarkdown(['yaml', 'toml'])],
  })
  const bom = text.startsWith('\ufeff') ? 1 : 0
  // An underlined heading is said to begin with the definitions right above it; its first word knows better.
  const startOf = (node: RootContent, i: number) =>
    node.type === 'heading' && i > 0 && tree.children[i - 1]!.type === 'definition' ? node.children[0]?.position ?? node.position! : node.position!
  return tree.children.map((node, i) => ({
    kind: KINDS[node.type] ?? node.type,
    // A `#` heading begins with its signs, whatever stands above it.
    start: Buffer.byteLength(text.slice(0, (text[node.position!.start.offset! + bom] === '#' ? node.position! : startOf(node, i)).start.offset! + bom)),
    level: node.type === 'heading' ? node.depth : 0,
  }))
}

/** Front matter after a byte order mark is reported from byte 0, which its piece begins at anyway. */
const fromLineStart = (text: string, blocks: { kind: string, start: number, level: number }[]) =>
  blocks.map((block, i) => (i === 0 && block.kind === 'front_matter' ? { ...block, start: 0 } : block))

describe('blocks by the Markdown parser', () => {
  it.each([['in one window', 8192], ['in small windows', 64], ['a line at a time', 1]])('are those of the parser in full, %s', (_, window) => {
    fc.assert(fc.property(nastyText, (text) => {
      expect(markdownBlocks(Buffer.from(text), window)).toEqual(fromLineStart(text, reference(text)))
    }), { numRuns: 800 })
  })

  it('are the same in a long text, whose blocks cross windows', () => {
    fc.assert(fc.property(fc.array(nastyText, { minLength: 60, maxLength: 80 }), (texts) => {
      const text = texts.join('\n')
      expect(markdownBlocks(Buffer.from(text))).toEqual(fromLineStart(text, reference(text)))
    }), { numRuns: 12 })
  })
})

it('a heading right below definitions is a block of its own', () => {
  const text = '[a]: /b\n[c]: /d\nText\n===\n'
  expect(markdownBlocks(Buffer.from(text))!.map(({ kind, start }) => [kind, start])).toEqual([['definition', 0], ['definition', 8], ['heading', 16]])
})

describe('blocks without a parser', () => {
  it('are those of the parser in ordinary documents', () => {
    fc.assert(fc.property(ordinaryBlocks, fc.constantFrom('\n', '\r\n', '\r'), (blocks, eol) => {
      // The plain cut knows neither definitions nor setext headings nor breaks, and cuts a list at its blank lines.
      const known = withoutListsInARow(blocks.filter(block => !/^\[|---$|^\*\*\*|\n\n {2}/.test(block)))
      const content = Buffer.from(known.join('\n\n').replaceAll('\n', eol))
      expect(toPieces(content, plainBlocks(content))).toEqual(toPieces(content, markdownBlocks(content)!))
    }))
  })

  it('keep every byte of any text, in order', () => {
    fc.assert(fc.property(nastyText, (text) => {
      const content = Buffer.from(text)
      const pieces = toPieces(content, plainBlocks(content))
      let end = 0
      for (const { start, length } of pieces) {
        expect(content.toString('utf8', end, start)).toMatch(end === 0 ? /^$/ : /^[\r\n][\r\n \t]*$/)
        expect(length).toBeGreaterThanOrEqual(1)
        end = start + length
      }
      expect(content.toString('utf8', end)).toMatch(/^[\r\n \t]*$/)
    }))
  })

  it.each<[string, string[]]>([
    ['# A\ntext\n## B', ['heading', 'paragraph', 'heading']],
    ['```\n\n# a\n``\n````\nb', ['code', 'paragraph']],
    ['~~~ a`b\n```\n~~~x\n\nend', ['code']],
    ['``` a`b\ntext', ['paragraph']],
    ['- a\n\n1) b\n\n> c\n\n|d\n\n<e>\n\n#f', ['list', 'list', 'quote', 'table', 'html', 'paragraph']],
    ['---\na\n---\nb', ['front_matter', 'paragraph']],
  ])('%j', (text, kinds) => {
    expect(plainBlocks(Buffer.from(text)).map(block => block.kind)).toEqual(kinds)
  })
})
