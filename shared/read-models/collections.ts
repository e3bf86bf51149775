import { z } from 'zod'
import { type BoundedCount, type Page, address, text } from './page.ts'

export const COLLECTION_KINDS = ['file', 'workflow', 'section', 'design_doc'] as const

export const collectionsQuery = z.strictObject({
  q: text(200).optional(),
  kind: z.enum(COLLECTION_KINDS).optional(),
  after: address.optional(),
  before: address.optional(),
})
export type CollectionsQuery = z.output<typeof collectionsQuery>

export type RoundTrip = 'identical' | 'differs' | 'stale' | 'no_source'

export interface CollectionRow {
  address: string
  kind: string
  title: string | null
  sourcePath: string | null
  revision: number
  pieceCount: number
  byteLength: number
  manifestDigest: string | null
  manifestCurrent: boolean
  roundTrip: RoundTrip
  updatedAt: string
}

export interface Collections extends Page<CollectionRow> {
  total: BoundedCount
}
