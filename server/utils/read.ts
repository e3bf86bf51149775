import type { z } from 'zod'
import { type Isolation, type Snapshot, inSnapshot } from '../db/client.ts'
import type { Who } from '../db/functions/session.ts'
import { trimmedId } from '../../shared/visible.ts'

/** A read: check who asks and the query's shape, make one call in one snapshot, answer; any fault becomes a problem. */
export function defineRead<Query extends z.ZodType, Answer extends object>(
  query: Query, read: (db: Snapshot, query: z.output<Query>, who: Who) => Promise<Answer>, isolation?: Isolation) {
  return defineEventHandler(async (event) => {
    try {
      setHeader(event, 'cache-control', 'no-store')
      const who = await whoAsks(event)
      // What comes along when an id is pasted is not of it, nor of what is searched for.
      const parsed = query.safeParse(Object.fromEntries(Object.entries(getQuery(event)).map(([name, value]) => [name, typeof value === 'string' ? trimmedId(value) : value])))
      if (!parsed.success) throw invalidQuery(parsed.error)
      return await inSnapshot(consolePool(), db => read(db, parsed.data, who), isolation)
    }
    catch (error) {
      return sendProblem(event, error)
    }
  })
}
