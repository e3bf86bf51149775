import { z } from 'zod'
import { collectionPiecesQuery } from './collection-pieces.ts'
import { count, pageOf } from './page.ts'

export const collectionRenderedQuery = collectionPiecesQuery.extend({
  view: z.enum(['source']).optional().describe('the text as it is, in place of HTML'),
})
export type CollectionRenderedQuery = z.output<typeof collectionRenderedQuery>

/** One piece of the window: safe HTML, or its text where it was too large to format or text was asked for. */
export const renderedPiece = z.object({
  ordinal: count,
  unitAddress: z.string(),
  html: z.string().nullable(),
  text: z.string().nullable(),
  /** why there is text in place of HTML */
  plain: z.enum(['source', 'too_large', 'over_budget']).nullable(),
  truncated: z.boolean(),
  byteLength: count,
})
export type RenderedPiece = z.output<typeof renderedPiece>

export const collectionRenderedAnswer = z.object({ ...pageOf(renderedPiece), pieceCount: count })
export type CollectionRendered = z.output<typeof collectionRenderedAnswer>
