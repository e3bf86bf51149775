import { toHtml } from 'hast-util-to-html'
import type { RenderedPiece } from '../../../shared/read-models/collection-rendered.ts'
import { PIECE_TEXT_LIMIT } from '../../../shared/read-models/collection-piece.ts'
import { FORMAT_LIMIT, isHeavy, parse, withDefinitions } from './parse.ts'
import type { Scope } from './safe.ts'
import { plainBlock, toSafeHtml } from './to-html.ts'

export interface PieceText {
  ordinal: number
  unitAddress: string
  unitKind: string
  byteLength: number
  body: string
  separator: string
}

/** All of a window's text that is formatted, in characters, and the time that it may take, in milliseconds. */
const WINDOW_LIMIT = 200_000
const TIME_LIMIT = 300
/** Plain text of a piece that could not be formatted, in characters. */
const PLAIN_LIMIT = 4_000

export function renderWindow(pieces: PieceText[], asSource: boolean): RenderedPiece[] {
  if (asSource) return pieces.map(piece => plain(piece, 'source', PIECE_TEXT_LIMIT))
  const scope: Scope = { prefix: '', level: 2, slugs: new Map() }
  const definitions = pieces.filter(piece => piece.unitKind === 'definition').map(piece => piece.body).join('\n').slice(0, 4_000)
  const deadline = performance.now() + TIME_LIMIT
  let spent = 0
  return pieces.map((piece) => {
    if (piece.body.length > FORMAT_LIMIT) return plain(piece, 'too_large', PLAIN_LIMIT)
    spent += piece.body.length
    if (spent > WINDOW_LIMIT || performance.now() > deadline) return plain(piece, 'over_budget', PLAIN_LIMIT)
    scope.prefix = `p${piece.ordinal}-`
    const html = format(piece, definitions, scope)
    return html === null ? plain(piece, 'over_budget', PLAIN_LIMIT) : { ...head(piece), html, text: null, plain: null, truncated: false }
  })
}

function format(piece: PieceText, definitions: string, scope: Scope): string | null {
  if (piece.unitKind === 'front_matter') return toHtml(plainBlock(piece.body, 'md-front-matter'))
  if (piece.unitKind === 'html') return toHtml(plainBlock(piece.body, 'md-html'))
  const text = piece.unitKind === 'definition' ? piece.body : withDefinitions(piece.body, definitions)
  try {
    return isHeavy(text) ? null : toSafeHtml(parse(text), scope)
  }
  catch (error) {
    // Nested deeper than the stack: the text itself can still be shown.
    if (error instanceof RangeError) return null
    throw error
  }
}

function plain(piece: PieceText, reason: 'source' | 'too_large' | 'over_budget', limit: number): RenderedPiece {
  const whole = reason === 'source' ? piece.body + piece.separator : piece.body
  return { ...head(piece), html: null, text: whole.slice(0, limit), plain: reason, truncated: whole.length > limit }
}

function head({ ordinal, unitAddress, byteLength }: PieceText) {
  return { ordinal, unitAddress, byteLength }
}
