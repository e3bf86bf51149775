import { z } from 'zod'
import { collectionRow } from './collections.ts'
import { gate, type Gates } from './gates.ts'
import { answer, boundedCount, count, time } from './page.ts'
import { deliveryMode } from './shell.ts'

export const overviewQuery = z.strictObject({})

export const workerHealth = z.object({
  workerCode: z.string(),
  healthy: z.boolean(),
  reasons: z.array(z.string()),
  workerGateOpen: z.boolean(),
  masterGateOpen: z.boolean(),
  deliveryMode,
  blockedBy: z.string().nullable(),
  inert: z.string().nullable().describe('the gate that keeps it from routing, who closed it and why: a state, and no ill health'),
  backlog: count,
  /** false: at least so many wait */
  backlogIsExact: z.boolean(),
  oldestUnroutedAt: time.nullable(),
  heldBackSince: time.nullable(),
  openDeadLetters: count,
  lastPassAt: time.nullable(),
  lastPassSeen: count.nullable(),
})
export type WorkerHealth = z.output<typeof workerHealth>

export type Gate = Gates['gates'][number]
export type GateState = Gate['state']

export const backlogRow = z.object({ workerCode: z.string(), eventDomain: z.string(), eventType: z.string(), pending: count, oldestAt: time.nullable(), isExact: z.boolean() })
export type BacklogRow = z.output<typeof backlogRow>

export const collectionSummary = collectionRow.pick({ address: true, title: true, kind: true, pieceCount: true, byteLength: true, updatedAt: true, roundTrip: true })
export type CollectionSummary = z.output<typeof collectionSummary>

/** The composer's own part of the backlog. */
export const composerBacklog = z.object({
  pending: count,
  types: count.describe('event types that they are of'),
  oldestAt: time.nullable(),
  isExact: z.boolean().describe('false: at least so many wait'),
})
export type ComposerBacklog = z.output<typeof composerBacklog>

/** What the digests that are kept tell of all collections; none of them is counted anew for it. */
export const collectionsKept = z.object({
  total: boundedCount,
  notRendered: boundedCount.describe('changed since their last rendering, or never rendered'),
  differing: boundedCount.describe('not what was imported, though nobody has edited them'),
})
export type CollectionsKept = z.output<typeof collectionsKept>

export const overviewAnswer = z.object({
  ...answer,
  workers: z.array(workerHealth),
  gates: z.array(gate),
  backlog: z.array(backlogRow),
  composerBacklog,
  largest: z.array(collectionSummary),
  recent: z.array(collectionSummary),
  collections: collectionsKept,
  routes: z.object({ total: count, enabled: count, dryRun: count }),
})
export type Overview = z.output<typeof overviewAnswer>
