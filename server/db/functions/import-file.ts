import type { ClientBase, Pool } from 'pg'

/** A piece of a cut file: where its body lies in the file's bytes, and what the cut knows of it. */
export interface CutPiece { kind: string, start: number, length: number, title: string, level: number }

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
export async function importFile(db: Pool | ClientBase, sourcePath: string, content: Buffer, { pieces }: { pieces: CutPiece[] }): Promise<Imported> {
  const column = (key: keyof CutPiece) => pieces.map(piece => piece[key])
  const { rows } = await db.query<Imported>(SQL, [
    sourcePath, content, column('kind'), column('start'), column('length'), column('title'), column('level'),
  ])
  return rows[0]!
}
