import type { ClientBase } from 'pg'

/** A collection that holds its source as it is. */
export interface Unchanged { sourcePath: string, address: string, pieces: number, byteLength: number }

/** Of these sources, those that an import would leave as they are; none where the caller may not import, of which the command tells. */
export async function findUnchanged(client: ClientBase, sources: { sourcePath: string, digest: string }[], token?: string): Promise<Unchanged[]> {
  const { rows } = await client.query<Unchanged>(
    'SELECT source_path AS "sourcePath", canonical_address AS address, pieces, byte_length::float8 AS "byteLength" FROM iu_core.fn_iu_import_unchanged($1, $2, $3)',
    [sources.map(({ sourcePath }) => sourcePath), sources.map(({ digest }) => digest), token ?? null])
  return rows
}
