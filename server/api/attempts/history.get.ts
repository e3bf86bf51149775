import { attemptHistoryQuery } from '~~/shared/read-models/attempt-history.ts'
import { readAttemptHistory } from '~~/server/db/queries/attempts.ts'

export default defineRead(attemptHistoryQuery, readAttemptHistory)
