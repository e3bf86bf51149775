import type { ClientBase } from 'pg'

/** A rendering that a folder does not have yet. */
export interface PendingExport {
  collectionId: string
  address: string
  eventId: string
  /** it changed since, and cannot be rendered as it was */
  isChanged: boolean
  /** SHA-256, in hex, of the files that this exporter is known to have put there, or to have been about to */
  known: string[]
}

/** What the collection was sealed as, with the manifest as text. */
export interface Sealed {
  eventId: string
  revision: string
  renderDigest: string
  manifestDigest: string
  manifest: string
}

/** iu_core.fn_iu_export_begin: holds the folder for this session; undefined where another does. */
export async function beginExport(client: ClientBase, host: string, folder: string): Promise<number | undefined> {
  const { rows } = await client.query<{ id: number | null }>('SELECT iu_core.fn_iu_export_begin($1, $2) AS id', [host, folder])
  return rows[0]!.id ?? undefined
}

const MOST = 500

/** The next renderings of which the folder has no files, oldest first, after those that `passed` names by their event and collection. */
export async function listPendingExports(client: ClientBase, exporter: number, passed?: Pick<PendingExport, 'eventId' | 'collectionId'>): Promise<PendingExport[]> {
  const { rows } = await client.query<PendingExport>(`
    SELECT p.collection_id AS "collectionId", p.canonical_address AS address, p.event_id AS "eventId", p.is_changed AS "isChanged",
      coalesce(e.intended, '{}') || array_remove(ARRAY[e.render_digest, e.manifest_digest], NULL) AS known
    FROM iu_core.v_iu_export_pending AS p LEFT JOIN iu_core.v_iu_export AS e ON (e.exporter_id, e.collection_id) = (p.exporter_id, p.collection_id)
    WHERE p.exporter_id = $1 AND (p.event_id, p.collection_id) > ($2::bigint, $3::bigint)
    ORDER BY p.event_id, p.collection_id LIMIT ${MOST}`, [exporter, passed?.eventId ?? '-1', passed?.collectionId ?? '0'])
  return rows
}

/** What the collection was last sealed as; undefined where it changed since. For the snapshot in which it is rendered. */
export async function readSealed(client: ClientBase, collectionId: string): Promise<Sealed | undefined> {
  const { rows } = await client.query<Sealed>(`
    SELECT p.rendered_event_id AS "eventId", p.render_revision AS revision, p.render_digest AS "renderDigest", p.manifest_digest AS "manifestDigest",
      iu_core.fn_iu_collection_manifest_text(p.collection_id) AS manifest
    FROM iu_core.v_iu_collection_sealed AS p WHERE p.collection_id = $1`, [collectionId])
  return rows[0]
}

/** iu_core.fn_iu_export_intend: these files are about to be put in place. */
export async function intendExport(client: ClientBase, exporter: number, collectionId: string, digests: string[]): Promise<void> {
  await client.query('SELECT iu_core.fn_iu_export_intend($1, $2, $3::bytea[])', [exporter, collectionId, digests.map(digest => Buffer.from(digest, 'hex'))])
}

/** iu_core.fn_iu_export_record: these files were read back. Raises IU006 where they are not what was rendered. */
export async function recordExport(client: ClientBase, exporter: number, collectionId: string, sealed: Sealed, byteLength: number): Promise<void> {
  await client.query('SELECT iu_core.fn_iu_export_record($1, $2, $3, $4, $5, $6, $7)', [
    exporter, collectionId, sealed.eventId, sealed.revision, Buffer.from(sealed.renderDigest, 'hex'), Buffer.from(sealed.manifestDigest, 'hex'), byteLength])
}

/** What was read back from a folder once: SHA-256, in hex, of the two files. */
export interface RecordedExport { collectionId: string, address: string, renderDigest: string, manifestDigest: string }

/** What the folder is recorded to hold, in the order of the addresses, after the one that `passed` names. */
export async function listRecordedExports(client: ClientBase, exporter: number, passed = ''): Promise<RecordedExport[]> {
  const { rows } = await client.query<RecordedExport>(`
    SELECT collection_id AS "collectionId", canonical_address AS address, render_digest AS "renderDigest", manifest_digest AS "manifestDigest"
    FROM iu_core.v_iu_export WHERE exporter_id = $1 AND event_id IS NOT NULL AND canonical_address > $2 ORDER BY canonical_address LIMIT ${MOST}`, [exporter, passed])
  return rows
}

/** iu_core.fn_iu_export_lose: these are not in the folder any more as they were recorded. */
export async function loseExports(client: ClientBase, exporter: number, collectionIds: string[]): Promise<void> {
  await client.query('SELECT iu_core.fn_iu_export_lose($1, $2::bigint[])', [exporter, collectionIds])
}

/** iu_core.fn_iu_export_forget: takes the folder off the record; how many collections had been exported into it. */
export async function forgetExport(client: ClientBase, exporter: number): Promise<number> {
  const { rows } = await client.query<{ n: number }>('SELECT iu_core.fn_iu_export_forget($1) AS n', [exporter])
  return rows[0]!.n
}
