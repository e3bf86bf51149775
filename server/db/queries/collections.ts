import { and, asc, desc, eq, gt, ilike, lt, or, sql } from 'drizzle-orm'
import type { SQL } from 'drizzle-orm'
import { collectionManifest as manifest } from '../../../drizzle/schema/collections.ts'
import type { Collection } from '../../../shared/read-models/collection.ts'
import type { Collections, CollectionsQuery } from '../../../shared/read-models/collections.ts'
import type { CollectionsKept, CollectionSummary } from '../../../shared/read-models/overview.ts'
import { COUNT_LIMIT } from '../../../shared/read-models/page.ts'
import type { Snapshot } from '../client.ts'
import { boundedCount, keysetPage } from './keyset.ts'
import { notFound } from './not-found.ts'

const row = {
  address: manifest.address, kind: manifest.kind, title: manifest.title, sourcePath: manifest.sourcePath, revision: manifest.revision,
  pieceCount: manifest.pieceCount, byteLength: manifest.byteLength, manifestDigest: manifest.manifestDigest,
  manifestCurrent: manifest.manifestCurrent, roundTrip: manifest.roundTrip, updatedAt: manifest.updatedAt,
}
const summary = {
  address: manifest.address, title: manifest.title, kind: manifest.kind, pieceCount: manifest.pieceCount,
  byteLength: manifest.byteLength, updatedAt: manifest.updatedAt, roundTrip: manifest.roundTrip,
}

export async function readCollections(db: Snapshot, query: CollectionsQuery): Promise<Omit<Collections, 'asOf'>> {
  return { ...await collectionsPage(db, query), total: await boundedCount(db, sql`${manifest}`, filterOf(query)) }
}

/** One page of the list, by address. */
export function collectionsPage(db: Snapshot, query: CollectionsQuery) {
  return keysetPage(query, ({ cursor, backwards, limit }) => db.select(row).from(manifest)
    .where(and(filterOf(query), cursor === undefined ? undefined : (backwards ? lt : gt)(manifest.address, cursor)))
    .orderBy((backwards ? desc : asc)(manifest.address)).limit(limit), found => found.address)
}

const filterOf = ({ q, kind }: CollectionsQuery): SQL | undefined => and(matches(q), kind && eq(manifest.kind, kind))

/** What was typed is a piece of text to find, never a pattern. */
function matches(q: string | undefined): SQL | undefined {
  const words = q?.trim()
  if (!words) return undefined
  const pattern = `%${words.replace(/[\\%_]/g, '\\$&')}%`
  return or(ilike(manifest.title, pattern), ilike(manifest.address, pattern), ilike(manifest.sourcePath, pattern))
}

/** All collections by what is kept of each: a count anew would read every piece. */
export async function readCollectionsKept(db: Snapshot): Promise<CollectionsKept> {
  const first = db.select({ revision: manifest.revision, renderRevision: manifest.renderRevision, roundTrip: manifest.roundTrip }).from(manifest).limit(COUNT_LIMIT + 1).as('first')
  const [kept] = await db.select({
    total: sql<number>`count(*)::int`,
    notRendered: sql<number>`count(*) filter (where ${first.renderRevision} is distinct from ${first.revision})::int`,
    differing: sql<number>`count(*) filter (where ${first.roundTrip} = 'differs')::int`,
  }).from(first)
  return kept!
}

export async function readCollection(db: Snapshot, address: string): Promise<Omit<Collection, 'asOf'>> {
  const [found] = await db.select({
    ...row, manifestRevision: manifest.manifestRevision, renderDigest: manifest.renderDigest, renderRevision: manifest.renderRevision,
    sourceDigest: manifest.sourceDigest, sourceByteLength: manifest.sourceByteLength, createdAt: manifest.createdAt, createdBy: manifest.createdBy,
  }).from(manifest).where(eq(manifest.address, address))
  return found ?? notFound(`no collection has the address ${address}`)
}

export const largestCollections = (db: Snapshot): Promise<CollectionSummary[]> =>
  db.select(summary).from(manifest).orderBy(desc(manifest.pieceCount), asc(manifest.address)).limit(5)

export const recentCollections = (db: Snapshot): Promise<CollectionSummary[]> =>
  db.select(summary).from(manifest).orderBy(desc(manifest.updatedAt), asc(manifest.address)).limit(5)
