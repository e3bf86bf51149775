const TAB = 9
const LF = 10
const CR = 13
const SPACE = 32

/** Whether a byte is one of the four a blank line may hold: tab, line feed, carriage return, space. */
export function isBlankByte(byte: number): boolean {
  return byte === SPACE || byte === LF || byte === CR || byte === TAB
}

/** Offset of the first `\n` or `\r` at or after `at`, or `limit` when there is none before it. */
export function lineEndAt(content: Uint8Array, at: number, limit = content.length): number {
  while (at < limit && content[at] !== LF && content[at] !== CR) at++
  return at
}

/** Offset of the first byte after the line that `at` is in: past its `\n`, `\r\n` or lone `\r`, or the end of `content`. */
export function nextLine(content: Uint8Array, at: number): number {
  const end = lineEndAt(content, at)
  if (end === content.length) return end
  return content[end] === CR && content[end + 1] === LF ? end + 2 : end + 1
}

/** Offset of the start of the line that `at` is in; the search goes no further back than `floor`, and returns it then. */
export function lineStartAt(content: Uint8Array, at: number, floor: number): number {
  while (at > floor && content[at - 1] !== LF && content[at - 1] !== CR) at--
  return at
}

/** First offset at or after `at` that holds neither a space nor a tab. */
export function skipSpaces(content: Uint8Array, at: number): number {
  while (content[at] === SPACE || content[at] === TAB) at++
  return at
}

/** Length in bytes of the byte order mark at the start: 3 or 0. */
export function bomLength(content: Uint8Array): number {
  return content[0] === 0xef && content[1] === 0xbb && content[2] === 0xbf ? 3 : 0
}

/**
 * Offset just after front matter: a first line of `---` or `+++`, down to the next such line, each followed by nothing
 * but spaces and tabs. Where there is none, or it is never closed, the length of the byte order mark.
 */
export function frontMatterEnd(content: Uint8Array): number {
  const start = bomLength(content)
  const marker = content[start]
  if ((marker !== 0x2d && marker !== 0x2b) || !isFence(content, start, marker)) return start
  for (let line = nextLine(content, start); line < content.length; line = nextLine(content, line)) {
    if (isFence(content, line, marker)) return nextLine(content, line)
  }
  return start
}

function isFence(content: Uint8Array, at: number, marker: number): boolean {
  if (content[at] !== marker || content[at + 1] !== marker || content[at + 2] !== marker) return false
  const end = skipSpaces(content, at + 3)
  return end >= content.length || content[end] === LF || content[end] === CR
}
