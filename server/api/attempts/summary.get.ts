import { attemptSummaryQuery } from '~~/shared/read-models/attempt-summary.ts'
import { readAttemptSummary } from '~~/server/db/queries/attempts.ts'

export default defineRead(attemptSummaryQuery, readAttemptSummary)
