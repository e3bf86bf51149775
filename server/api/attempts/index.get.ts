import { attemptsQuery } from '~~/shared/read-models/attempts.ts'
import { readAttempts } from '~~/server/db/queries/attempts.ts'

export default defineRead(attemptsQuery, readAttempts)
