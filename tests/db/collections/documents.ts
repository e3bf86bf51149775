import type pg from 'pg'
import { expect } from 'vitest'
import type { Cut } from '../../../server/import/cut.ts'
import type { Piece } from '../../../server/import/pieces.ts'
import type { TestDatabase } from '../harness.ts'

type Queryable = pg.Pool | pg.ClientBase

/** What an import did to one source. Counts are of pieces; byteLength in bytes; digest is SHA-256 in hex. */
export interface Imported {
  outcome: 'created' | 'updated' | 'unchanged'
  address: string
  pieces: number
  piecesCreated: number
  versionsCreated: number
  piecesRemoved: number
  piecesMoved: number
  byteLength: number
  contentDigest: string
}

const SQL = `SELECT outcome, canonical_address AS "address", pieces, pieces_created AS "piecesCreated", versions_created AS "versionsCreated",
  pieces_removed AS "piecesRemoved", pieces_moved AS "piecesMoved", byte_length::float8 AS "byteLength", content_digest AS "contentDigest"
FROM iu_core.fn_iu_import_file($1, $2, $3::text[], $4::integer[], $5::integer[], $6::text[], $7::smallint[])`

/** Imports one cut source through iu_core.fn_iu_import_file, in a transaction of its own. Raises its refusals (IU001, IU002, IU004, IU006). */
export async function importFile(db: Queryable, sourcePath: string, content: Buffer, { pieces }: { pieces: Piece[] }): Promise<Imported> {
  const column = (key: keyof Piece) => pieces.map(piece => piece[key])
  const { rows } = await db.query<Imported>(SQL, [
    sourcePath, content, column('kind'), column('start'), column('length'), column('title'), column('level'),
  ])
  return rows[0]!
}

export const GATE = 'iu_core.composer_enabled'
export const MASTER = 'iu_core.routes_master_enabled'

export async function setGate(db: TestDatabase, gate: string, open: boolean): Promise<void> {
  await db.pool.query('SELECT iu_core.fn_iu_gate_set($1, $2, \'test\')', [gate, open])
}

/** A document as its blocks, each with what separates it from the next. */
export type Block = [text: string, separator: string]

/** The bytes of a document and the cut into exactly these blocks. A block that begins with `#` is a heading. */
export function documentOf(blocks: Block[]): { content: Buffer, cut: Cut } {
  const pieces: Piece[] = []
  let at = 0
  for (const [text, separator] of blocks) {
    const length = Buffer.byteLength(text)
    const level = /^#{1,6}(?= )/.exec(text)?.[0].length ?? 0
    pieces.push({ kind: level ? 'heading' : text.startsWith('- ') ? 'list' : 'paragraph', start: at, length, title: text.replace(/^#+ /, '').slice(0, 30), level })
    at += length + Buffer.byteLength(separator)
  }
  return { content: Buffer.from(blocks.flat().join('')), cut: { how: 'plain', pieces } }
}

/** Paragraphs with an empty line between them, and a line end after the last. */
export function paragraphs(...texts: string[]): Block[] {
  return texts.map((text, i) => [text, i === texts.length - 1 ? '\n' : '\n\n'])
}

export async function importBlocks(db: Queryable, sourcePath: string, blocks: Block[]): Promise<Imported> {
  const { content, cut } = documentOf(blocks)
  return importFile(db, sourcePath, content, cut)
}

/** The rows of a table: its key to what it holds and where it stands; a row that was written anew stands elsewhere. */
export type Rows = Map<string, string>
const TABLES = {
  information_unit: 'id', unit_version: 'unit_id || \'/\' || version_seq', iu_collection: 'id', iu_collection_piece: 'collection_id || \'/\' || unit_id',
  iu_tree_path: 'unit_id', event_outbox: 'id',
}
export type Table = keyof typeof TABLES

export async function rowsOf(db: Queryable): Promise<Record<Table, Rows>> {
  const all = {} as Record<Table, Rows>
  for (const [table, key] of Object.entries(TABLES) as [Table, string][]) {
    const { rows } = await db.query<{ key: string, row: string }>(`SELECT (${key})::text AS key, concat_ws(' ', t.xmin, t.ctid, to_jsonb(t)) AS row FROM iu_core.${table} AS t`)
    all[table] = new Map(rows.map(({ key, row }) => [key, row]))
  }
  return all
}

export interface Touched { added: number, changed: number, gone: number }
export function touched(before: Rows, after: Rows): Touched {
  const added = [...after.keys()].filter(key => !before.has(key)).length
  const changed = [...after].filter(([key, row]) => before.has(key) && before.get(key) !== row).length
  const gone = [...before.keys()].filter(key => !after.has(key)).length
  return { added, changed, gone }
}

/** What `work` did to each table. */
export async function difference(db: Queryable, work: () => Promise<unknown>): Promise<Record<Table, Touched>> {
  const before = await rowsOf(db)
  await work()
  const after = await rowsOf(db)
  return Object.fromEntries((Object.keys(TABLES) as Table[]).map(table => [table, touched(before[table], after[table])])) as Record<Table, Touched>
}
export const UNTOUCHED: Touched = { added: 0, changed: 0, gone: 0 }
export const added = (count: number): Touched => ({ ...UNTOUCHED, added: count })
export const changed = (count: number): Touched => ({ ...UNTOUCHED, changed: count })

export interface PieceRow { unit_id: string, unit_address: string, unit_kind: string, title: string, body: string, separator: string, version_seq: number, content_digest: string, byte_length: number, position: string, section_level: number }
export async function piecesOf(db: Queryable, address: string): Promise<PieceRow[]> {
  return (await db.query<PieceRow>('SELECT * FROM iu_core.v_iu_collection_piece WHERE collection_address = $1 ORDER BY position', [address])).rows
}

export const rendered = (pieces: PieceRow[]) => pieces.map(piece => piece.body + piece.separator).join('')

/** The types and payloads of the events that `work` emitted, in the order of writing. */
export async function eventsOf(db: Queryable, work: () => Promise<unknown>): Promise<{ event_type: string, event_subject_table: string, event_subject_ref: string, delivery_lane: string, payload: Record<string, unknown> }[]> {
  const { rows: [last] } = await db.query<{ id: string }>('SELECT coalesce(max(id), 0) AS id FROM iu_core.event_outbox')
  await work()
  return (await db.query('SELECT event_type, event_subject_table, event_subject_ref, delivery_lane, payload FROM iu_core.event_outbox WHERE id > $1 ORDER BY id', [last!.id])).rows
}

export const textOf = (blocks: Block[]) => blocks.flat().join('')
export const numbered = (count: number) => paragraphs(...Array.from({ length: count }, (_, i) => `Paragraph ${i}.`))

/** Imports `before`, then `after`: what the second import says and what it touched. The collection must render to `after`. */
export async function reimport(db: Queryable, source: string, before: Block[], after: Block[]) {
  await importBlocks(db, source, before)
  let imported!: Imported
  const touched = await difference(db, async () => {
    imported = await importBlocks(db, source, after)
  })
  expect(rendered(await piecesOf(db, source))).toBe(textOf(after))
  const { rows } = await db.query('SELECT healthy FROM iu_core.v_iu_collection_health WHERE canonical_address = $1', [source])
  expect(rows).toEqual([{ healthy: true }])
  const { outcome, pieces, piecesCreated: created, versionsCreated: versions, piecesRemoved: removed, piecesMoved: moved } = imported
  return { imported: { outcome, pieces, created, versions, removed, moved }, touched }
}
export const counts = (pieces: number, what: { created?: number, versions?: number, removed?: number, moved?: number } = {}) =>
  ({ outcome: 'updated', pieces, created: 0, versions: 0, removed: 0, moved: 0, ...what })
