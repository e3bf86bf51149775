import { z } from 'zod'
import type { CollectionRow } from './collections.ts'
import { type Answer, address } from './page.ts'

export const collectionQuery = z.strictObject({ address })

/** The head of a manifest. */
export interface Collection extends Answer, CollectionRow {
  manifestRevision: number | null
  renderDigest: string | null
  renderRevision: number | null
  sourceDigest: string | null
  sourceByteLength: number | null
  createdAt: string
  createdBy: string | null
}
