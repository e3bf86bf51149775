import { sessionQuery } from '~~/shared/read-models/session.ts'
import { readSession } from '~~/server/db/queries/operations.ts'

export default defineRead(sessionQuery, (db, _, who) => readSession(db, who))
