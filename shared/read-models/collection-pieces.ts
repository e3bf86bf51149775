import { z } from 'zod'
import { address, count, cursors, pageOf } from './page.ts'

/**
 * `<position>~<ordinal>~<revision>`: the ordinal saves counting the pieces before the page, and is
 * only believed while the collection still has that revision.
 */
export const pieceCursor = z.string().regex(/^-?\d{1,40}(\.\d{1,40})?~\d{1,9}~\d{1,15}$/, 'is not a cursor of this list')

export const collectionPiecesQuery = z.strictObject({
  address: address.describe('a collection\'s address'),
  ...cursors(pieceCursor),
})
export type CollectionPiecesQuery = z.output<typeof collectionPiecesQuery>

export const pieceRow = z.object({
  ordinal: count,
  unitId: count,
  unitAddress: z.string(),
  unitKind: z.string(),
  lifecycleStatus: z.string(),
  title: z.string().nullable(),
  sectionLevel: count,
  /** sections that stand around it */
  depth: count,
  versionSeq: count,
  pinned: z.boolean(),
  contentDigest: z.string(),
  byteLength: count,
  usedIn: count,
})
export type PieceRow = z.output<typeof pieceRow>

export const collectionPiecesAnswer = z.object({ ...pageOf(pieceRow), pieceCount: count })
export type CollectionPieces = z.output<typeof collectionPiecesAnswer>
