import { z } from 'zod'
import { address, answer, count, time } from './page.ts'

const checkpointNo = z.string().regex(/^\d{1,9}$/, 'is no checkpoint\'s number')

export const collectionCheckpointsQuery = z.strictObject({
  address: address.describe('a collection\'s address'),
  from: checkpointNo.optional().describe('the checkpoint to compare'),
  to: checkpointNo.optional().describe('the checkpoint to compare it with; without it, the collection as it is now'),
})
export type CollectionCheckpointsQuery = z.output<typeof collectionCheckpointsQuery>

export const checkpointRow = z.object({
  checkpoint: count, label: z.string(), revision: count, manifestDigest: z.string(), pieceCount: count, byteLength: count,
  createdAt: time, createdBy: z.string(), isCurrent: z.boolean(),
})
export type CheckpointRow = z.output<typeof checkpointRow>

/** One piece that differs between two manifests. */
export const pieceDifference = z.object({
  unitAddress: z.string(), title: z.string().nullable(), change: z.enum(['added', 'removed', 'moved', 'changed', 'moved_changed']),
  fromVersion: count.nullable(), toVersion: count.nullable(), fromOrdinal: count.nullable(), toOrdinal: count.nullable(),
})
export type PieceDifference = z.output<typeof pieceDifference>

/** The checkpoints of a collection, newest first (100 at most), and the difference of two manifests where it was asked for (500 pieces at most). */
export const collectionCheckpointsAnswer = z.object({
  ...answer,
  checkpoints: z.array(checkpointRow),
  total: count,
  difference: z.object({ from: count, to: count.nullable(), pieces: z.array(pieceDifference), total: count }).nullable(),
})
export type CollectionCheckpoints = z.output<typeof collectionCheckpointsAnswer>
