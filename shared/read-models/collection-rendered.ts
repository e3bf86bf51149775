import { z } from 'zod'
import { collectionPiecesQuery } from './collection-pieces.ts'
import type { Page } from './page.ts'

export const collectionRenderedQuery = collectionPiecesQuery.extend({
  view: z.enum(['source']).optional(),
})
export type CollectionRenderedQuery = z.output<typeof collectionRenderedQuery>

/** One piece of the window: safe HTML, or its text where it was too large to format or text was asked for. */
export interface RenderedPiece {
  ordinal: number
  unitAddress: string
  html: string | null
  text: string | null
  /** why there is text in place of HTML */
  plain: 'source' | 'too_large' | 'over_budget' | null
  truncated: boolean
  byteLength: number
}

export interface CollectionRendered extends Page<RenderedPiece> {
  pieceCount: number
}
