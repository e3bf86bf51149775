/** What the specs of the layers share: collections that are rendered, and the layers as the view tells them. */
import { createHash } from 'node:crypto'
import { cut } from '../../../server/import/cut.ts'
import { importFile } from '../collections/documents.ts'
import type { Queryable } from '../world.ts'
import type { TestDatabase } from '../harness.ts'

export const sha256 = (data: Buffer | string): string => createHash('sha256').update(data).digest('hex')

/** Imports a text, which renders it; its address. */
export async function importText(db: TestDatabase, sourcePath: string, text: string): Promise<string> {
  const content = Buffer.from(text)
  return (await importFile(db.pool, sourcePath, content, await cut(content))).address
}

/** Renders a collection, as the command does. */
export async function render(db: Queryable, address: string): Promise<void> {
  await db.query('SELECT iu_core.fn_iu_collection_seal(id) FROM iu_core.iu_collection WHERE canonical_address = $1', [address])
}

export interface Layer { code: string, state: string, saw: string | null, digest: string | null, behind: number | null, detail: string, seen: boolean }

/** Every layer by its code. */
export async function layers(db: Queryable): Promise<Record<string, Layer>> {
  const { rows } = await db.query<Layer>('SELECT layer_code AS code, state, saw, digest, behind, detail, seen_at IS NOT NULL AS seen FROM iu_core.v_iu_sync_layer ORDER BY layer_no')
  return Object.fromEntries(rows.map(layer => [layer.code, layer]))
}
