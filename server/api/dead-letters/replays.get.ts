import { replaysQuery } from '~~/shared/read-models/replays.ts'
import { readReplays } from '~~/server/db/queries/dead-letters.ts'

export default defineRead(replaysQuery, db => readReplays(db))
