import { z } from 'zod'
import type { AttemptStatus } from './attempts.ts'
import type { Answer } from './page.ts'

export const attemptSummaryQuery = z.strictObject({})

/** One row of the matrix route × outcome. */
export interface RouteSummary {
  routeId: number
  routeCode: string
  eventType: string | null
  enabled: boolean | null
  dryRun: boolean | null
  counts: Record<AttemptStatus, number>
  total: number
  lastAttemptAt: string | null
}

export interface AttemptSummary extends Answer {
  routes: RouteSummary[]
  totals: Record<AttemptStatus, number>
  total: number
  eventTypes: string[]
}
