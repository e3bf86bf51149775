import { z } from 'zod'
import { address, boundedCount, count, cursors, pageOf, text, time } from './page.ts'

export const COLLECTION_KINDS = ['file', 'workflow', 'section', 'design_doc'] as const

export const collectionsQuery = z.strictObject({
  q: text(200).optional().describe('text to find in title, address or source path'),
  kind: z.enum(COLLECTION_KINDS).optional(),
  ...cursors(address),
})
export type CollectionsQuery = z.output<typeof collectionsQuery>

/** Whether the rendering is, byte for byte, what was imported. */
export const roundTrip = z.enum(['identical', 'edited', 'differs', 'stale', 'no_source'])
export type RoundTrip = z.output<typeof roundTrip>

export const collectionRow = z.object({
  address: z.string(),
  kind: z.string(),
  title: z.string().nullable(),
  sourcePath: z.string().nullable(),
  revision: count,
  pieceCount: count,
  byteLength: count,
  manifestDigest: z.string().nullable(),
  manifestCurrent: z.boolean(),
  roundTrip,
  updatedAt: time,
})
export type CollectionRow = z.output<typeof collectionRow>

export const collectionsAnswer = z.object({ ...pageOf(collectionRow), total: boundedCount })
export type Collections = z.output<typeof collectionsAnswer>
