import { deadLetterQuery } from '~~/shared/read-models/dead-letter.ts'
import { readDeadLetter } from '~~/server/db/queries/dead-letters.ts'

export default defineRead(deadLetterQuery, (db, { id }) => readDeadLetter(db, Number(id)))
