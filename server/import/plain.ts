import { bomLength, frontMatterEnd, lineEndAt, nextLine, skipSpaces } from './lines.ts'
import type { Block, PieceKind } from './pieces.ts'

/** Tens of millions of tiny pieces would be of no use to anybody. */
const MOST_BLOCKS = 400_000

interface Fence { marker: number, length: number }

/**
 * Cuts without a Markdown parser, in one pass over the lines: front matter, `#` headings and fenced code, and runs of
 * other lines between blank ones. For files a parser would take too long over; costs about a nanosecond per byte.
 * In a file of more blocks than a collection should hold, those shorter than `least` bytes join what follows, as `text`.
 */
export function plainBlocks(content: Buffer, least = 0): Block[] {
  const blocks: Block[] = []
  const begin = (block: Block) => {
    const last = blocks.at(-1)
    if (last && block.start - last.start < least) Object.assign(last, { kind: 'text', level: 0 })
    else blocks.push(block)
  }
  let line = frontMatterEnd(content)
  if (line > bomLength(content)) blocks.push({ kind: 'front_matter', start: 0, level: 0 })
  let fence: Fence | null = null
  let inRun = false
  for (; line < content.length; line = nextLine(content, line)) {
    if (blocks.length > MOST_BLOCKS && least === 0) return plainBlocks(content, Math.ceil(content.length / MOST_BLOCKS))
    const first = skipSpaces(content, line)
    const end = lineEndAt(content, first)
    const mark = first - line <= 3 ? fenceAt(content, first, end) : null
    if (fence) {
      if (mark && closes(content, mark, fence, first, end)) fence = null
      continue
    }
    if (first === end) {
      inRun = false
      continue
    }
    const level = first - line <= 3 ? headingLevel(content, first, end) : 0
    if (mark || level > 0) {
      begin({ kind: mark ? 'code' : 'heading', start: line, level })
      fence = mark
      inRun = false
    }
    else if (!inRun) {
      begin({ kind: kindOf(content.toString('latin1', first, Math.min(end, first + 11))), start: line, level: 0 })
      inRun = true
    }
  }
  return blocks
}

/** What a run of lines is, judged by the first bytes of its first line. */
function kindOf(text: string): PieceKind {
  if (/^(?:[-+*]|\d{1,9}[.)])(?:[ \t]|$)/.test(text)) return 'list'
  if (text.startsWith('>')) return 'quote'
  if (text.startsWith('|')) return 'table'
  return text.startsWith('<') ? 'html' : 'paragraph'
}

/** Number of `#` that begin a heading at `at`, or 0. */
function headingLevel(content: Buffer, at: number, end: number): number {
  let level = 0
  while (level < 7 && content[at + level] === 0x23) level++
  const after = at + level
  return level > 0 && level < 7 && (after === end || skipSpaces(content, after) > after) ? level : 0
}

/** The run of three or more ticks or tildes at `at` that can open code there; ticks allow no tick after them in the line. */
function fenceAt(content: Buffer, at: number, end: number): Fence | null {
  const marker = content[at]!
  if (marker !== 0x60 && marker !== 0x7e) return null
  let after = at
  while (after < end && content[after] === marker) after++
  if (after - at < 3) return null
  const tick = marker === 0x60 && content.subarray(after, end).includes(marker)
  return tick ? null : { marker, length: after - at }
}

function closes(content: Buffer, mark: Fence, fence: Fence, first: number, end: number): boolean {
  return mark.marker === fence.marker && mark.length >= fence.length && skipSpaces(content, first + mark.length) === end
}
