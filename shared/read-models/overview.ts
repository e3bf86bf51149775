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

export const overviewAnswer = z.object({
  ...answer,
  workers: z.array(workerHealth),
  gates: z.array(gate),
  backlog: z.array(backlogRow),
  largest: z.array(collectionSummary),
  recent: z.array(collectionSummary),
  collections: boundedCount,
  routes: z.object({ total: count, enabled: count, dryRun: count }),
})
export type Overview = z.output<typeof overviewAnswer>
