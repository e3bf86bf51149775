import GithubSlugger from 'github-slugger'
import { toHtml } from 'hast-util-to-html'
import type { RenderedPiece } from '../../../shared/read-models/collection-rendered.ts'
import { PIECE_TEXT_LIMIT } from '../../../shared/read-models/collection-piece.ts'
import { clip } from '../../../shared/clip.ts'
import { costOf, definitionsIn, FORMAT_LIMIT, isHeavy, parse, withDefinitions } from './parse.ts'
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

/** What formatting a window may cost: a third of a second, on the machine that it was measured on. */
const WINDOW_LIMIT = 300_000
/** Plain text of a piece that could not be formatted, in characters. */
const PLAIN_LIMIT = 4_000

/** With the definitions, in order, that the window refers to, wherever they stand in the document. */
export function renderWindow(pieces: PieceText[], asSource: boolean, defined: string[]): RenderedPiece[] {
  if (asSource) return pieces.map(piece => plain(piece, 'source', PIECE_TEXT_LIMIT))
  const scope: Scope = { prefix: '', level: 2, slugger: new GithubSlugger() }
  const definitions = definitionsIn(defined)
  let spent = 0
  return pieces.map((piece) => {
    if (piece.body.length > FORMAT_LIMIT) return plain(piece, 'too_large', PLAIN_LIMIT)
    const text = piece.unitKind === 'definition' ? piece.body : withDefinitions(piece.body, definitions)
    spent += costOf(text)
    if (spent > WINDOW_LIMIT) return plain(piece, 'over_budget', PLAIN_LIMIT)
    scope.prefix = `p${piece.ordinal}-`
    const html = format(piece, text, scope)
    return html === null ? plain(piece, 'over_budget', PLAIN_LIMIT) : { ...head(piece), html, text: null, plain: null, truncated: false }
  })
}

function format(piece: PieceText, text: string, scope: Scope): string | null {
  if (piece.unitKind === 'front_matter') return toHtml(plainBlock(piece.body, 'md-front-matter'))
  if (piece.unitKind === 'html') return toHtml(plainBlock(piece.body, 'md-html'))
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
  return { ...head(piece), html: null, text: clip(whole, limit), plain: reason, truncated: whole.length > limit }
}

function head({ ordinal, unitAddress, byteLength }: PieceText) {
  return { ordinal, unitAddress, byteLength }
}
