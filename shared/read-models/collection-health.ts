import { z } from 'zod'
import { answer, count } from './page.ts'

const healthy = z.boolean().describe('Validate finds nothing')

/** The health of one row of the list. */
export const collectionHealthRow = z.object({
  address: z.string(),
  healthy: healthy.nullable().describe('Validate finds nothing; null: it was not counted, because the collections of this page have more pieces than are counted for a list'),
  findings: count.nullable(),
})
export type CollectionHealthRow = z.output<typeof collectionHealthRow>

export const collectionsHealthAnswer = z.object({ ...answer, rows: z.array(collectionHealthRow) })
export type CollectionsHealth = z.output<typeof collectionsHealthAnswer>

const finding = z.object({
  finding: z.string().describe('missing_body, digest_mismatch, retired_piece, order or count_mismatch'),
  piece: z.string().nullable().describe('the address of the piece; null: it is the collection\'s own'),
  detail: z.string(),
})
export type CollectionFinding = z.output<typeof finding>

/** One collection, counted anew from its rows. */
export const collectionFindingsAnswer = z.object({
  ...answer,
  address: z.string(),
  healthy,
  findings: count,
  pieces: count,
  piecesKept: count.describe('as the collection itself says'),
  bytes: count,
  bytesKept: count.describe('as the collection itself says'),
  missingBody: count.describe('pieces whose version has no body'),
  retiredInside: count.describe('pieces that are retired or deleted'),
  renderStale: z.boolean().describe('it changed since its last rendering: a state, and no ill health'),
  differsFromSource: z.boolean().describe('it is not what was imported, though nobody has edited it'),
  found: z.array(finding).describe('the first 200 findings, as Validate names them'),
})
export type CollectionFindings = z.output<typeof collectionFindingsAnswer>
