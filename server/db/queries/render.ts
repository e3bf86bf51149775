import type { ClientBase } from 'pg'

/** A collection's exact bytes, to be read once and to the end. */
export interface Rendering {
  address: string
  title: string
  byteLength: number
  /** SHA-256 in hex of the rendering when it was last sealed; null when it changed since, or never was */
  digest: string | null
  chunks: AsyncGenerator<Buffer>
}

const BATCH = 500

/**
 * Renders a collection piece by piece, so that its size does not matter, in one snapshot, so that a
 * change in mid-reading does not. The client is in use until the chunks are read or given up.
 * @throws an error with code IU003 when there is no such collection.
 */
export async function renderCollection(client: ClientBase, address: string): Promise<Rendering> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  const { rows: [collection] } = await client.query<{ collection_id: string, title: string, byte_length: string, digest: string | null }>(
    `SELECT collection_id, title, byte_length, CASE WHEN render_revision = revision THEN render_digest END AS digest
     FROM iu_core.v_iu_collection_manifest WHERE canonical_address = $1`, [address])
  if (!collection) {
    await client.query('COMMIT')
    throw Object.assign(new Error(`no collection has the address ${address}`), { code: 'IU003', column: 'address' })
  }
  async function* chunks(): AsyncGenerator<Buffer> {
    try {
      let after: string | null = null
      for (;;) {
        const { rows }: { rows: { position: string, text: string }[] } = await client.query<{ position: string, text: string }>(
          `SELECT position, body || separator AS text FROM iu_core.v_iu_collection_piece
           WHERE collection_id = $1 AND ($2::numeric IS NULL OR position > $2) ORDER BY position LIMIT ${BATCH}`, [collection!.collection_id, after])
        if (rows.length) yield Buffer.from(rows.map(row => row.text).join(''))
        if (rows.length < BATCH) break
        after = rows.at(-1)!.position
      }
    }
    finally {
      await client.query('COMMIT')
    }
  }
  return { address, title: collection.title, byteLength: Number(collection.byte_length), digest: collection.digest, chunks: chunks() }
}
