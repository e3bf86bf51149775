import { z } from 'zod'
import type { CollectionRow } from './collections.ts'
import type { Answer } from './page.ts'
import type { DeliveryMode } from './shell.ts'

export const overviewQuery = z.strictObject({})

export interface WorkerHealth {
  workerCode: string
  healthy: boolean
  reasons: string[]
  workerGateOpen: boolean
  masterGateOpen: boolean
  deliveryMode: DeliveryMode
  blockedBy: string | null
  backlog: number
  oldestUnroutedAt: string | null
  heldBackSince: string | null
  openDeadLetters: number
  lastPassAt: string | null
  lastPassSeen: number | null
}

export type GateState = 'open' | 'closed' | 'expired' | 'malformed' | 'missing'

export interface Gate {
  gate: string
  state: GateState
  isOpen: boolean
  description: string | null
  reason: string | null
  changedBy: string | null
  changedAt: string | null
  expiresAt: string | null
}

export interface BacklogRow {
  workerCode: string
  eventDomain: string
  eventType: string
  pending: number
  oldestAt: string | null
}

export type CollectionSummary = Pick<CollectionRow, 'address' | 'title' | 'kind' | 'pieceCount' | 'byteLength' | 'updatedAt' | 'roundTrip'>

export interface Overview extends Answer {
  workers: WorkerHealth[]
  gates: Gate[]
  backlog: BacklogRow[]
  largest: CollectionSummary[]
  recent: CollectionSummary[]
  collections: number
  routes: { total: number, enabled: number, dryRun: number }
}
