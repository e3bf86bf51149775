import { Readable } from 'node:stream'
import { collectionQuery } from '~~/shared/read-models/collection.ts'
import { connect } from '~~/server/db/client.ts'
import { renderCollection } from '~~/server/db/queries/render.ts'

/** A collection's exact bytes, streamed from one snapshot. */
export default defineEventHandler(async (event) => {
  try {
    const query = collectionQuery.safeParse(getQuery(event))
    if (!query.success) throw invalidQuery(query.error)
    const client = await connect(consolePool())
    const rendering = await renderCollection(client, query.data.address).catch((error: unknown) => {
      client.release(true)
      throw error
    })
    const stream = Readable.from(rendering.chunks)
    // A reader who leaves early leaves the transaction open: that connection is closed, not reused.
    stream.once('close', () => client.release(!stream.readableEnded))
    setHeaders(event, {
      'content-type': 'text/markdown; charset=utf-8',
      'content-disposition': attachment(rendering.address),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    return await sendStream(event, stream)
  }
  catch (error) {
    return sendProblem(event, error)
  }
})
