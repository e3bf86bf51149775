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
  archived: count.describe('in archives, and not in the outbox any more'),
  notYetRouted: count,
  unexplained: count,
  isExact: z.boolean().describe('false while more than 10,000 events are neither audited nor looked at: then the counts are the least that it can be'),
  auditedThrough: count.describe('the audit has gone by every event up to this one'),
})
export type Accounting = z.output<typeof accountingAnswer>
