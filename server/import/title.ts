import { bomLength, isBlankByte, lineEndAt, lineStartAt } from './lines.ts'
import type { PieceKind } from './pieces.ts'

/** Longest title, in code points. */
export const TITLE_LIMIT = 120

/** Bytes of a body that are looked at: a title is short, so a long line costs no more than a short one. */
const WINDOW = 2048

const ATX = /^ {0,3}#{1,6}(?=[ \t]|$)/
const CONTROLS = /[^\P{Cc}\s]|[\u202A-\u202E\u2066-\u2069]/gu

/**
 * A piece's title, for people to recognise it by: a heading's text, the info string or first line of code, otherwise
 * the first line's words; without markup, on one line, at most `TITLE_LIMIT` code points, and possibly ''.
 */
export function titleOf(kind: PieceKind, body: Buffer): string {
  if (kind === 'thematic_break' || kind === 'front_matter') return ''
  const text = kind === 'heading' ? headingText(body) : firstLine(body)
  if (kind === 'code') return tidy(text.replace(/^\s*(?:`{3,}|~{3,})/, ''))
  if (kind === 'heading') return tidy(plainWords(text))
  return tidy(plainWords(text.replace(/^(?:\s*(?:>|[-+*](?=\s|$)|\d{1,9}[.)](?=\s|$)))+/, '').replaceAll('|', kind === 'table' ? ' ' : '|')))
}

function headingText(body: Buffer): string {
  const line = firstLine(body)
  if (ATX.test(line)) return line.replace(ATX, '').replace(/(?<=[ \t])#+[ \t]*$/, '')
  // A setext heading: everything above its underline, which is its last line.
  return textOf(body, contentStart(body), Math.max(0, lineStartAt(body, body.length, 0) - 1))
}

function firstLine(body: Buffer): string {
  const start = contentStart(body)
  return textOf(body, start, lineEndAt(body, start))
}

/** First byte of a body that is neither the byte order mark nor in a blank line. */
function contentStart(body: Buffer): number {
  let at = bomLength(body)
  while (at < body.length && isBlankByte(body[at]!)) at++
  return at
}

/** Decodes at most `WINDOW` bytes, never ending inside a character. */
function textOf(body: Buffer, start: number, end: number): string {
  let stop = Math.min(end, start + WINDOW)
  if (stop < end) while (stop > start && (body[stop]! & 0xc0) === 0x80) stop--
  return body.toString('utf8', start, stop)
}

/**
 * Drops inline Markdown: code ticks, images and links (their text stays), tags, emphasis and escapes. It is meant to
 * read well, not to be exact, and takes time in proportion to the text whatever the text.
 */
function plainWords(text: string): string {
  return withoutEmphasis(text
    .replace(/!\[([^[\]]*)\](?:\([^()]*\)|\[[^[\]]*\])/g, '$1')
    .replace(/\[([^[\]]*)\](?:\([^()]*\)|\[[^[\]]*\])/g, '$1')
    .replace(/<([a-z][a-z\d+.-]*:[^\s<>]*)>/gi, '$1')
    .replace(/<\/?[a-z!?][^<>]*>/gi, ''))
    .replace(/\\([!-/:-@[-`{-~])/g, '$1')
}

/** Removes pairs of `*`, `_` and `~~` that enclose words, and the ticks around code, whose inside stays as it is. */
function withoutEmphasis(text: string): string {
  const tokens = text.match(/\\[^]|`+(?:[^`]+`+)?|\*+|_+|~~|[^\\`*_~]+|[^]/g) ?? []
  const open = new Map<string, number>()
  tokens.forEach((token, i) => {
    if (/^`+[^`]/.test(token)) {
      tokens[i] = token.replace(/^`+ ?|(?<!`) ?`+$/g, '').replace(/[!-/:-@[-`{-~]/g, '\\$&')
    }
    if (!/^(?:\*+|_+|~~)$/.test(token)) return
    const before = tokens[i - 1]?.at(-1) ?? ' '
    const after = tokens[i + 1]?.[0] ?? ' '
    // An underscore inside a word is a letter of it: snake_case.
    const inWord = token.startsWith('_') && /[\p{L}\p{N}]/u.test(before) && /[\p{L}\p{N}]/u.test(after)
    const opener = open.get(token)
    if (opener !== undefined && /\S/.test(before) && !inWord) {
      tokens[opener] = tokens[i] = ''
      open.delete(token)
    }
    else if (/\S/.test(after) && !inWord) open.set(token, i)
  })
  return tokens.join('')
}

/** One line of visible characters, cut between code points. Bidirectional overrides go too: they would reorder what stands beside a title. */
function tidy(text: string): string {
  const line = text.replace(CONTROLS, '').replace(/\s+/g, ' ').trim()
  return line.length <= TITLE_LIMIT ? line : [...line.slice(0, 2 * TITLE_LIMIT)].slice(0, TITLE_LIMIT).join('').trimEnd()
}
