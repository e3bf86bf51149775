import { z } from 'zod'
import { address, answer, count } from './page.ts'

export const collectionParkedQuery = z.strictObject({ address: address.describe('a collection\'s address') })

export const parkedPiece = z.object({ unitAddress: z.string(), unitKind: z.string(), title: z.string() })

/** Deleted pieces that stood in the collection (200 at most): what a restore would bring back. */
export const collectionParkedAnswer = z.object({ ...answer, pieces: z.array(parkedPiece), total: count })
export type CollectionParked = z.output<typeof collectionParkedAnswer>
