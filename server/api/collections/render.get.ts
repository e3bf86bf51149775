import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { collectionQuery } from '~~/shared/read-models/collection.ts'
import { connect } from '~~/server/db/client.ts'
import { renderCollection } from '~~/server/db/queries/render.ts'

/** A collection's exact bytes, streamed from one snapshot. */
export default defineEventHandler(async (event) => {
  const { res } = event.node
  try {
    const query = collectionQuery.safeParse(getQuery(event))
    if (!query.success) throw invalidQuery(query.error)
    const client = await connect(consolePool('downloads'))
    let isDone = false
    try {
      const rendering = await renderCollection(client, query.data.address)
      setHeaders(event, {
        'content-type': 'text/markdown; charset=utf-8',
        'content-disposition': attachment(rendering.address),
        'cache-control': 'no-store',
      })
      await pipeline(Readable.from(rendering.chunks), res)
      isDone = true
    }
    finally {
      // A reader who left early leaves a transaction open: that connection is closed, not reused.
      client.release(!isDone)
    }
  }
  catch (error) {
    // Once bytes are out there is no other answer: the reader sees the connection break off.
    return res.headersSent ? undefined : sendProblem(event, error)
  }
})
