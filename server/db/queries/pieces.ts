import { and, asc, desc, eq, lte, sql } from 'drizzle-orm'
import { collectionManifest as manifest, collectionPiece as piece } from '../../../drizzle/schema/collections.ts'
import { clip } from '../../../shared/clip.ts'
import { type CollectionPiece, PIECE_TEXT_LIMIT } from '../../../shared/read-models/collection-piece.ts'
import type { CollectionPieces, CollectionPiecesQuery } from '../../../shared/read-models/collection-pieces.ts'
import { PAGE_SIZE } from '../../../shared/read-models/page.ts'
import type { Snapshot } from '../client.ts'
import { keysetPage } from './keyset.ts'
import { notFound } from './not-found.ts'

const row = {
  position: piece.position, unitId: piece.unitId, unitAddress: piece.unitAddress, unitKind: piece.unitKind, lifecycleStatus: piece.lifecycleStatus,
  title: piece.title, sectionLevel: piece.sectionLevel, depth: piece.depth, versionSeq: piece.versionSeq, pinned: piece.pinned,
  contentDigest: piece.contentDigest, byteLength: piece.byteLength, usedIn: piece.usedIn,
}
/** A window's text: what may be shown of each piece, never more. */
const textRow = {
  position: piece.position, unitAddress: piece.unitAddress, unitKind: piece.unitKind, byteLength: piece.byteLength,
  body: sql<string>`left(${piece.body}, ${PIECE_TEXT_LIMIT + 64})`, separator: piece.separator,
}

export function readPieces(db: Snapshot, query: CollectionPiecesQuery): Promise<Omit<CollectionPieces, 'asOf'>> {
  return readWindow(db, query, (where, order, limit) => db.select(row).from(piece).where(where).orderBy(order).limit(limit))
}

export function readPieceTexts(db: Snapshot, query: CollectionPiecesQuery) {
  return readWindow(db, query, (where, order, limit) => db.select(textRow).from(piece).where(where).orderBy(order).limit(limit))
}

/** More than this is no link's definition. */
const DEFINITION_BYTES = 4_000

/** The texts of a document's definitions of such labels, in order. A label is as micromark compares it, nearly: in lower case, with single blanks. */
export async function readDefinitions(db: Snapshot, address: string, labels: string[]): Promise<string[]> {
  if (!labels.length) return []
  const found = await db.select({ body: piece.body }).from(piece).where(and(
    eq(piece.collectionAddress, address), eq(piece.unitKind, 'definition'), lte(piece.byteLength, DEFINITION_BYTES),
    sql`EXISTS (SELECT FROM regexp_matches(${piece.body}, '^ {0,3}\\[((?:[^][\\\\]|\\\\.)+)\\]:', 'gw') AS m(label)
      WHERE lower(regexp_replace(btrim(m.label[1], E' \\t\\r\\n'), '\\s+', ' ', 'g')) = ANY (${sql.param(labels)}::text[]))`,
  )).orderBy(asc(piece.position)).limit(2_000)
  return found.map(({ body }) => body)
}

type Fetch<Row> = (where: ReturnType<typeof and>, order: ReturnType<typeof asc>, limit: number) => Promise<Row[]>

/** One page of a manifest, each row with its place in the whole. Costs the same at the start and the end of any collection. */
async function readWindow<Row extends { position: string }>(db: Snapshot, query: CollectionPiecesQuery, fetch: Fetch<Row>) {
  const [collection] = await db.select({ id: manifest.collectionId, pieceCount: manifest.pieceCount, revision: manifest.revision })
    .from(manifest).where(eq(manifest.address, query.address))
  if (!collection) return notFound(`no collection has the address ${query.address}`)
  const own = eq(piece.collectionId, collection.id)
  const page = await keysetPage(query, ({ cursor, backwards, limit }) => {
    const position = cursor?.split('~')[0]
    return fetch(and(own, position === undefined ? undefined : backwards ? sql`${piece.position} < ${position}::numeric` : sql`${piece.position} > ${position}::numeric`),
      (backwards ? desc : asc)(piece.position), limit)
  }, found => found.position)
  const first = await firstOrdinal(db, collection, query, page)
  const cursor = (position: string | null, ordinal: number) => position === null ? null : `${position}~${ordinal}~${collection.revision}`
  return {
    pieceCount: collection.pieceCount,
    rows: page.rows.map(({ position: _, ...found }, index) => ({ ...found, ordinal: first + index })),
    prev: cursor(page.prev, first),
    next: cursor(page.next, first + page.rows.length - 1),
  }
}

/** The place of the page's first row: from the cursor while it is of this revision, else counted. */
async function firstOrdinal(db: Snapshot, collection: { id: number, revision: number }, query: CollectionPiecesQuery, page: { rows: { position: string }[], prev: string | null }): Promise<number> {
  const first = page.rows[0]
  if (!first || page.prev === null) return 1
  const [, ordinal, revision] = (query.before ?? query.after ?? '').split('~')
  if (Number(revision) === collection.revision) return query.before === undefined ? Number(ordinal) + 1 : Number(ordinal) - PAGE_SIZE
  const [counted] = await db.select({ n: sql<number>`count(*)::int` }).from(piece)
    .where(and(eq(piece.collectionId, collection.id), sql`${piece.position} < ${first.position}::numeric`))
  return (counted?.n ?? 0) + 1
}

export async function readPiece(db: Snapshot, address: string, unitId: number): Promise<Omit<CollectionPiece, 'asOf'>> {
  const [found] = await db.select({ unitId: piece.unitId, byteLength: piece.byteLength, body: textRow.body, length: sql<number>`length(${piece.body})` })
    .from(piece).where(and(eq(piece.collectionAddress, address), eq(piece.unitId, unitId)))
  if (!found) return notFound('the collection has no such piece')
  const { length, ...rest } = found
  const body = clip(rest.body, PIECE_TEXT_LIMIT)
  return { ...rest, body, truncated: length > PIECE_TEXT_LIMIT || body.length < rest.body.length }
}
