import { z } from 'zod'
import type { Answer } from './page.ts'

export const accountingQuery = z.strictObject({})

/** Every event is exactly one of these; `unexplained` is 0 or something is lost. */
export interface Accounting extends Answer {
  events: number
  attempted: number
  held: number
  released: number
  discarded: number
  notYetRouted: number
  unexplained: number
}
