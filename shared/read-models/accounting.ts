import { z } from 'zod'
import { answer, count } from './page.ts'

export const accountingQuery = z.strictObject({})

/** Every event is exactly one of these; `unexplained` is 0 or something is lost. */
export const accountingAnswer = z.object({
  ...answer,
  events: count,
  attempted: count,
  held: count,
  released: count,
  discarded: count,
  notYetRouted: count,
  unexplained: count,
})
export type Accounting = z.output<typeof accountingAnswer>
