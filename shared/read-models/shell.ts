import { z } from 'zod'
import type { Answer } from './page.ts'

export const shellQuery = z.strictObject({})

export type DeliveryMode = 'DRY RUN' | 'LIVE' | 'STOPPED'

/** What the header strip of every page shows. */
export interface Shell extends Answer {
  deliveryMode: DeliveryMode
  blockedBy: string | null
  openDeadLetters: number
  healthy: boolean
}
