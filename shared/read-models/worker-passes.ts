import { z } from 'zod'
import { count, cursors, numericCursor, pageOf, time } from './page.ts'

export const workerPassesQuery = z.strictObject(cursors(numericCursor(1)))
export type WorkerPassesQuery = z.output<typeof workerPassesQuery>

export const workerPass = z.object({
  passId: count,
  workerCode: z.string(),
  startedAt: time,
  finishedAt: time,
  seen: count,
  attemptsWritten: count,
  skipped: count,
  deadLettered: count,
  runBy: z.string(),
})
export type WorkerPass = z.output<typeof workerPass>

export const workerPassesAnswer = z.object(pageOf(workerPass))
export type WorkerPasses = z.output<typeof workerPassesAnswer>
