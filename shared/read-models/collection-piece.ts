import { z } from 'zod'
import { address, answer, count } from './page.ts'

/** More of a piece than this is not put on a page; the download has all of it. */
export const PIECE_TEXT_LIMIT = 65_536

export const collectionPieceQuery = z.strictObject({
  address: address.describe('a collection\'s address'),
  unit: z.string().regex(/^\d{1,15}$/, 'is not a unit\'s number').describe('the number of a unit that is a piece of it'),
})

/** One piece's exact text. */
export const collectionPieceAnswer = z.object({ ...answer, unitId: count, body: z.string(), truncated: z.boolean(), byteLength: count })
export type CollectionPiece = z.output<typeof collectionPieceAnswer>
