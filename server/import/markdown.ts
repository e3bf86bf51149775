import { fromMarkdown } from 'mdast-util-from-markdown'
import type { CompileContext, Token } from 'mdast-util-from-markdown'
import { gfmFromMarkdown } from 'mdast-util-gfm'
import { gfm } from 'micromark-extension-gfm'
import type { RootContent } from 'mdast'
import { LIMITS } from './limits.ts'
import { bomLength, frontMatterEnd, isBlankByte, lineStartAt, nextLine, skipSpaces } from './lines.ts'
import type { Block, PieceKind } from './pieces.ts'

const KIND_OF_NODE: Partial<Record<RootContent['type'], PieceKind>> = {
  heading: 'heading',
  paragraph: 'paragraph',
  list: 'list',
  code: 'code',
  blockquote: 'quote',
  table: 'table',
  html: 'html',
  thematicBreak: 'thematic_break',
  definition: 'definition',
  footnoteDefinition: 'definition',
}

/** Everything that only matters inside a line: the parser is asked where blocks begin, nothing else. */
const INLINE = [
  'attention', 'autolink', 'characterEscape', 'characterReference', 'codeText', 'hardBreakEscape', 'htmlText', 'labelEnd',
  'labelStartImage', 'labelStartLink',
]

const { document, flow } = gfm()
const SYNTAX = [{ document, flow }, { disable: { null: INLINE } }]

const skip = (): undefined => undefined
const TREE = [
  ...gfmFromMarkdown().map(({ enter, exit }) => ({ enter, exit })),
  // The parser has an underlined heading begin with the definitions right above it; its text begins where it should.
  {
    enter: {
      setextHeadingText(this: CompileContext, token: Token): undefined {
        this.stack.at(-1)!.position!.start = { ...token.start }
      },
    },
  },
  // The text itself is not needed either; leaving it out saves much of the tree.
  {
    enter: { data: skip, codeFlowValue: skip, htmlFlowData: skip },
    exit: { data: skip, codeFlowValue: skip, htmlFlowData: skip, lineEnding: skip },
  },
]

/** Bytes handed to the parser at a time, as long as blocks are no longer. */
const WINDOW = 8 * 1024

/**
 * Where the top-level blocks of a Markdown text (CommonMark, GFM tables and footnotes, front matter) begin, in bytes;
 * null when a block exceeds the limits. Takes UTF-8, and expects `isParseable` to have been asked.
 *
 * The parser sees one character per byte, so its offsets are bytes. Block structure is ASCII and comes out the same but
 * for one thing: the label of a link definition may be 999 bytes long, not 999 characters.
 *
 * The parser's time and memory grow faster than its input, so it gets a window at a time: the blocks that further text
 * could still change are left, and the next window begins with them. `window` is its size in bytes, for tests.
 */
export function markdownBlocks(content: Buffer, window = WINDOW): Block[] | null {
  const blocks: Block[] = []
  let start = frontMatterEnd(content)
  if (start > bomLength(content)) blocks.push({ kind: 'front_matter', start: 0, level: 0 })
  start = skipBlankLines(content, start)
  let size = window
  let squares = 0
  while (start < content.length) {
    const { end, lines } = windowAt(content, start, size)
    if (size > window) squares += lines ** 2
    if (end - start > LIMITS.window || squares > LIMITS.squares) return null
    const nodes = fromMarkdown(content.toString('latin1', start, end), { extensions: SYNTAX, mdastExtensions: TREE }).children
    const last = end === content.length
    const sure = last ? nodes.length : settled(nodes, content, start)
    for (const node of nodes.slice(0, sure)) {
      blocks.push({ kind: KIND_OF_NODE[node.type] ?? 'text', start: start + offsetOf(node), level: node.type === 'heading' ? node.depth : 0 })
    }
    if (last) break
    size = sure === 0 ? 2 * size : window
    if (sure > 0) start = lineStartAt(content, start + offsetOf(nodes[sure]!), start)
  }
  return blocks
}

/** End and number of the whole lines that make a window: about `size` bytes, and no more lines than one per 32 of them. */
function windowAt(content: Buffer, start: number, size: number): { end: number, lines: number } {
  let end = start
  let lines = 0
  for (; end < content.length && end < start + size && lines < size / 32; lines++) end = nextLine(content, end)
  return { end, lines }
}

/**
 * How many of a window's blocks stand whatever follows it, such that the parser can begin afresh at the next one.
 *
 * More text can change the last block, and with it a definition just before, whose title may end further on. And a line
 * can read otherwise at a beginning than after another (as a list, say); not so after a block that is surely over, nor
 * when it is plainly what it is. The cut must not depend on where windows happen to end.
 */
function settled(nodes: RootContent[], content: Buffer, start: number): number {
  for (let i = nodes.length - 2; i > 0; i--) {
    const at = start + offsetOf(nodes[i]!)
    const line = lineStartAt(content, at, start)
    if (line > start && (isOver(nodes[i - 1]!, content, line, start) || isUnmistakable(nodes[i]!, content, at, line))) return i
  }
  return 0
}

/** Whether a block is over for the parser at `line`. A blank line does not end indented code, lists and other containers for it. */
function isOver(node: RootContent, content: Buffer, line: number, floor: number): boolean {
  switch (node.type) {
    case 'heading':
    case 'thematicBreak': return true
    case 'paragraph':
    case 'definition':
    case 'table':
    case 'html': return isBlankBefore(content, line, floor)
    default: return false
  }
}

/** Whether the line before the one that starts at `line` is blank. */
function isBlankBefore(content: Buffer, line: number, floor: number): boolean {
  let end = line - 1
  if (content[end] === 0x0a && content[end - 1] === 0x0d) end--
  return skipSpaces(content, lineStartAt(content, end, floor)) === end
}

/** Whether a block would be the same at the beginning of a text: a `#` heading, a break, an unindented definition. */
function isUnmistakable(node: RootContent, content: Buffer, at: number, line: number): boolean {
  switch (node.type) {
    case 'heading': return content[at] === 0x23
    case 'definition': return at === line && content[at + 1] !== 0x5e
    default: return node.type === 'thematicBreak'
  }
}

function offsetOf(node: RootContent): number {
  return node.position!.start.offset!
}

function skipBlankLines(content: Buffer, start: number): number {
  let at = start
  while (at < content.length && isBlankByte(content[at]!)) at++
  return at === content.length ? at : lineStartAt(content, at, start)
}
