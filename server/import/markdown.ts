import { fromMarkdown } from 'mdast-util-from-markdown'
import { gfmFromMarkdown } from 'mdast-util-gfm'
import { gfm } from 'micromark-extension-gfm'
import type { RootContent } from 'mdast'
import { bomLength, frontMatterEnd, isBlankByte, lineStartAt, nextLine } from './lines.ts'
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
  // Text is not needed either: leaving it out saves half of the tree.
  {
    enter: { data: skip, codeFlowValue: skip, htmlFlowData: skip },
    exit: { data: skip, codeFlowValue: skip, htmlFlowData: skip, lineEnding: skip },
  },
]

/** Bytes handed to the parser at a time, when blocks are not longer. */
const WINDOW = 8 * 1024

/** Limits that decide, from the bytes alone, that a file is not for the parser. */
export interface Limits {
  /** Bytes parsed at once, which the longest block must fit in. */
  window: number
  /** The sum, over what is parsed at once, of the square of its lines: the parser's worst cases grow like it. */
  work: number
  /** `>`, `*`, `+`, `-` and `1.` that open nested containers on one line. */
  depth: number
}
export const LIMITS: Limits = { window: 1 << 20, work: 2e8, depth: 64 }

/**
 * Where the top-level blocks of a Markdown text (CommonMark with GFM tables and footnotes, and front matter) begin, in
 * bytes; null when the text exceeds a limit. Takes UTF-8.
 *
 * The parser sees one character per byte, so its offsets are bytes. Block structure is ASCII, and looks the same but
 * for one thing: a link label may be 999 bytes long, not 999 characters.
 *
 * The parser's time and memory grow faster than its input, so it gets a window at a time: the blocks that further text
 * could still change are left, and the next window begins with them.
 */
export function markdownBlocks(content: Buffer, limits: Limits = LIMITS, window = WINDOW): Block[] | null {
  const blocks: Block[] = []
  let start = frontMatterEnd(content)
  if (start > bomLength(content)) blocks.push({ kind: 'front_matter', start: 0, level: 0 })
  while (start < content.length && isBlankByte(content[start]!)) start++
  start = lineStartAt(content, start, bomLength(content))
  let work = 0
  let size = window
  while (start < content.length) {
    const end = windowEnd(content, start, size)
    const measure = measureLines(content, start, end)
    if (size > window) work += measure.lines ** 2
    if (end - start > limits.window || work > limits.work || measure.depth > limits.depth) return null
    const nodes = parse(content.latin1Slice(start, end))
    const sure = end === content.length ? nodes.length : settled(nodes, content, start)
    for (const node of nodes.slice(0, sure)) {
      blocks.push({ kind: KIND_OF_NODE[node.type] ?? 'text', start: start + offsetOf(node), level: node.type === 'heading' ? node.depth : 0 })
    }
    if (end === content.length) break
    size = sure === 0 ? 2 * size : window
    if (sure > 0) start = lineStartAt(content, start + offsetOf(nodes[sure]!), start)
  }
  return blocks
}

/** End of the window at `start`: whole lines, of about `size` bytes or a line for every 32 of them. */
function windowEnd(content: Buffer, start: number, size: number): number {
  let end = start
  for (let lines = size / 32; lines > 0 && end < start + size; lines--) end = nextLine(content, end)
  return end
}

function parse(text: string): RootContent[] {
  return fromMarkdown(text, { extensions: SYNTAX, mdastExtensions: TREE }).children
}

function offsetOf(node: RootContent): number {
  return node.position!.start.offset!
}

/**
 * How many of a window's blocks stand whatever follows it, such that the parser can begin afresh at the next one.
 *
 * More text can change the last block, and with it a definition just before, whose title may end further on. A line
 * after a definition may read otherwise at a beginning (as indented code, say), unless it is plainly a definition.
 */
function settled(nodes: RootContent[], content: Buffer, start: number): number {
  for (let i = nodes.length - 2; i > 0; i--) {
    const at = start + offsetOf(nodes[i]!)
    const plainly = nodes[i]!.type === 'definition' && content[at] === 0x5b && content[at + 1] !== 0x5e && lineStartAt(content, at, 0) === at
    if (nodes[i - 1]!.type !== 'definition' || plainly) return i
  }
  return 0
}

/** The number of lines in [start, end), and the most container markers that any of them begins with. */
function measureLines(content: Buffer, start: number, end: number): { lines: number, depth: number } {
  let lines = 0
  let depth = 0
  for (let line = start; line < end; line = nextLine(content, line)) {
    lines++
    depth = Math.max(depth, markers(content, line))
  }
  return { lines, depth }
}

/** Container markers at the start of a line, where `>` may touch what follows and the others may not. */
function markers(content: Buffer, at: number): number {
  let count = 0
  for (;;) {
    const byte = content[at]!
    if (byte === 0x20 || byte === 0x09) at++
    else if (byte === 0x3e) {
      count++
      at++
    }
    else {
      const length = byte === 0x2a || byte === 0x2b || byte === 0x2d ? 1 : byte >= 0x30 && byte <= 0x39 ? ordinal(content, at) : 0
      if (length === 0 || !(isBlankByte(content[at + length]!))) return count
      if (content[at + length] === 0x0a || content[at + length] === 0x0d) return count + 1
      count++
      at += length
    }
  }
}

/** Length of an ordered list's marker (`12.` or `12)`) at `at`, or 0. */
function ordinal(content: Buffer, at: number): number {
  let length = 0
  while (length < 10 && content[at + length]! >= 0x30 && content[at + length]! <= 0x39) length++
  return content[at + length] === 0x2e || content[at + length] === 0x29 ? length + 1 : 0
}
