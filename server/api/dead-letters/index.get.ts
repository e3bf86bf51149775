import { deadLettersQuery } from '~~/shared/read-models/dead-letters.ts'
import { readDeadLetters } from '~~/server/db/queries/dead-letters.ts'

export default defineRead(deadLettersQuery, readDeadLetters)
