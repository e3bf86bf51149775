import { isBlankByte, lineEndAt, nextLine, skipSpaces } from './lines.ts'

/**
 * What a file may hold and still go to the Markdown parser. Each bounds a cost that was measured (on one slow core), so
 * that a file at all the limits takes some seconds; being counts, they decide the same for the same bytes everywhere.
 */
export const LIMITS = {
  /** Bytes of the file: up to 0.6 µs each. */
  bytes: 8 << 20,
  /** Lines that are not blank: up to 35 µs each. */
  lines: 150_000,
  /** Table bars, and containers (quotes and list items) that lines are in, summed over the lines: up to 20 µs each. */
  marks: 150_000,
  /** Containers that one line may be in: the parser's time for each grows with their number. */
  depth: 100,
  /** Bytes parsed at once, which a block and the start of the next two fit in: some hundred bytes of memory each. */
  window: 1 << 20,
  /** The sum of the squared numbers of lines in long blocks: up to 20 ns each. */
  squares: 1e8,
}

/** Whether a file is within the limits that can be told before it is parsed; one pass over its bytes. */
export function isParseable(content: Uint8Array): boolean {
  if (content.length > LIMITS.bytes) return false
  let lines = 0
  let marks = 0
  for (let line = 0; line < content.length; line = nextLine(content, line)) {
    const first = skipSpaces(content, line)
    const end = lineEndAt(content, first)
    if (first === end) continue
    const depth = depthOf(content, line, end)
    if (depth > LIMITS.depth) return false
    lines++
    marks += depth
    for (let at = first; at < end; at++) if (content[at] === 0x7c) marks++
    if (lines > LIMITS.lines || marks > LIMITS.marks) return false
  }
  return true
}

/**
 * An upper estimate of the containers that a line opens or continues: the `>`, `-`, `*`, `+`, `1.` and `1)` it begins
 * with, or as many as its indentation before a list marker allows, at two columns each.
 */
function depthOf(content: Uint8Array, line: number, end: number): number {
  let count = 0
  let column = 0
  for (let at = skipSpaces(content, line); at < end; at = skipSpaces(content, at)) {
    const length = markerLength(content, at)
    if (length === 0) break
    count++
    column = at - line
    at += length
  }
  return Math.max(count, column >> 1)
}

/** Length of the container marker at `at`, or 0; all but `>` must stand before a blank or the line's end. */
function markerLength(content: Uint8Array, at: number): number {
  const byte = content[at]!
  if (byte === 0x3e) return 1
  let length = 0
  while (length < 9 && isDigit(content[at + length])) length++
  const closing = content[at + length]
  const marker = length > 0 ? closing === 0x2e || closing === 0x29 : byte === 0x2a || byte === 0x2b || byte === 0x2d
  const after = content[at + length + 1]
  return marker && (after === undefined || isBlankByte(after)) ? length + 1 : 0
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}
