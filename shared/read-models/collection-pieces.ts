import { z } from 'zod'
import { type Page, address } from './page.ts'

/**
 * `<position>~<ordinal>~<revision>`: the ordinal saves counting the pieces before the page, and is
 * only believed while the collection still has that revision.
 */
export const pieceCursor = z.string().regex(/^-?\d{1,40}(\.\d{1,40})?~\d{1,9}~\d{1,15}$/, 'is not a cursor of this list')

export const collectionPiecesQuery = z.strictObject({
  address,
  after: pieceCursor.optional(),
  before: pieceCursor.optional(),
})
export type CollectionPiecesQuery = z.output<typeof collectionPiecesQuery>

export interface PieceRow {
  ordinal: number
  unitId: number
  unitAddress: string
  unitKind: string
  lifecycleStatus: string
  title: string | null
  sectionLevel: number
  /** sections that stand around it */
  depth: number
  versionSeq: number
  pinned: boolean
  contentDigest: string
  byteLength: number
  usedIn: number
}

export interface CollectionPieces extends Page<PieceRow> {
  pieceCount: number
}
