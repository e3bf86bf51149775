import { z } from 'zod'
import { collectionRow } from './collections.ts'
import { address, answer, count, time } from './page.ts'

export const collectionQuery = z.strictObject({ address: address.describe('a collection\'s address') })

/** The head of a manifest. */
export const collectionAnswer = z.object({
  ...answer,
  ...collectionRow.shape,
  manifestRevision: count.nullable(),
  renderDigest: z.string().nullable(),
  renderRevision: count.nullable(),
  sourceDigest: z.string().nullable(),
  sourceByteLength: count.nullable(),
  createdAt: time,
  createdBy: z.string().nullable(),
})
export type Collection = z.output<typeof collectionAnswer>
