import { eq, inArray, sql } from 'drizzle-orm'
import { collectionHealth as health } from '../../../drizzle/schema/collections.ts'
import type { CollectionFinding, CollectionFindings, CollectionsHealth } from '../../../shared/read-models/collection-health.ts'
import type { CollectionsQuery } from '../../../shared/read-models/collections.ts'
import type { Snapshot } from '../client.ts'
import { collectionsPage } from './collections.ts'
import { notFound } from './not-found.ts'

/** Each piece is read and digested: of a page of the list no more are than these. */
const MOST_PIECES = 5_000
/** As many as Validate tells. */
const MOST_FINDINGS = 200

/** The collections, in order, that are counted within so many pieces; one that does not fit is left out, and the smaller ones behind it are not. */
export function countedWithin<Row extends { pieceCount: number }>(rows: Row[], most = MOST_PIECES): Row[] {
  let left = most
  return rows.filter(({ pieceCount }) => {
    // One without pieces is rendered as well.
    const cost = Math.max(1, pieceCount)
    if (cost > left) return false
    left -= cost
    return true
  })
}

/** The health of a page of the list: of those collections alone, and not of more pieces than a list is worth. */
export async function readCollectionsHealth(db: Snapshot, query: CollectionsQuery): Promise<Omit<CollectionsHealth, 'asOf'>> {
  const { rows } = await collectionsPage(db, query)
  const counted = countedWithin(rows).map(({ address }) => address)
  const found = await db.select({ address: health.address, healthy: health.healthy, findings: health.findings }).from(health).where(inArray(health.address, counted))
  const known = new Map(found.map(row => [row.address, row]))
  return { rows: rows.map(({ address }) => known.get(address) ?? { address, healthy: null, findings: null }) }
}

/** One collection counted anew, and what Validate finds in it. */
export async function readFindings(db: Snapshot, address: string): Promise<Omit<CollectionFindings, 'asOf'>> {
  const [row] = await db.select().from(health).where(eq(health.address, address))
  if (!row) notFound(`no collection has the address ${address}`)
  const { collectionId, ...counted } = row
  // Nearly always there are none, and the collection is not read twice.
  return { ...counted, found: row.healthy ? [] : await findingsOf(db, collectionId) }
}

async function findingsOf(db: Snapshot, collectionId: number): Promise<CollectionFinding[]> {
  const { rows } = await db.execute<CollectionFinding & Record<string, unknown>>(
    sql`select finding, piece, detail from iu_core.fn_iu_collection_findings(${collectionId}) order by finding, piece limit ${MOST_FINDINGS}`)
  return rows
}
