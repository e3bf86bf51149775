import { routingQuery } from '~~/shared/read-models/routing.ts'
import { readRouting } from '~~/server/db/queries/proof.ts'

export default defineRead(routingQuery, readRouting)
