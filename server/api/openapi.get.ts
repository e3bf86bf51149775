import { z } from 'zod'
import { openapiDocument } from '~~/shared/openapi.ts'

const nothing = z.strictObject({})

/** The whole API as an OpenAPI document, for the name under which this server was asked. */
export default defineEventHandler(async (event) => {
  try {
    setHeader(event, 'cache-control', 'no-store')
    await whoAsks(event)
    const query = nothing.safeParse(getQuery(event))
    if (!query.success) throw invalidQuery(query.error)
    return openapiDocument(getRequestURL(event).origin)
  }
  catch (error) {
    return sendProblem(event, error)
  }
})
