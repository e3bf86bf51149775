import { and, desc, eq, sql } from 'drizzle-orm'
import { collectionCheckpoint as checkpoint, collectionCheckpointPiece as frozen, collectionPiece as piece, parkedPiece } from '../../../drizzle/schema/collections.ts'
import type { CollectionCheckpoints, CollectionCheckpointsQuery, PieceDifference } from '../../../shared/read-models/collection-checkpoints.ts'
import type { CollectionParked } from '../../../shared/read-models/collection-parked.ts'
import type { Snapshot } from '../client.ts'
import { boundedCount } from './keyset.ts'
import { notFound } from './not-found.ts'

const MOST_CHECKPOINTS = 100
const MOST_DIFFERENCES = 500
const MOST_PARKED = 200

export async function readCheckpoints(db: Snapshot, { address, from, to }: CollectionCheckpointsQuery): Promise<Omit<CollectionCheckpoints, 'asOf'>> {
  const here = eq(checkpoint.collectionAddress, address)
  const { collectionAddress: _, ...columns } = {
    collectionAddress: checkpoint.collectionAddress, checkpoint: checkpoint.checkpoint, label: checkpoint.label, revision: checkpoint.revision, manifestDigest: checkpoint.manifestDigest,
    pieceCount: checkpoint.pieceCount, byteLength: checkpoint.byteLength, createdAt: checkpoint.createdAt, createdBy: checkpoint.createdBy, isCurrent: checkpoint.isCurrent,
  }
  for (const asked of [from, to].filter(no => no !== undefined && Number(no) > 0)) {
    const [known] = await db.select({ no: checkpoint.checkpoint }).from(checkpoint).where(and(here, eq(checkpoint.checkpoint, Number(asked))))
    if (!known) notFound(`the collection has no checkpoint ${asked}`)
  }
  return {
    checkpoints: await db.select(columns).from(checkpoint).where(here).orderBy(desc(checkpoint.checkpoint)).limit(MOST_CHECKPOINTS),
    total: await boundedCount(db, sql`${checkpoint}`, here),
    difference: from === undefined ? null : await difference(db, address, Number(from), to === undefined ? null : Number(to)),
  }
}

/** What differs between a checkpoint and another, or the collection as it is now. A piece has moved when its order among those in both differs. */
async function difference(db: Snapshot, address: string, from: number, to: number | null): Promise<CollectionCheckpoints['difference']> {
  const manifest = (no: number | null) => no === null
    ? sql`select unit_address, title, version_seq, content_digest, position from ${piece} where collection_address = ${address}`
    : sql`select unit_address, title, version_seq, content_digest, position from ${frozen} where collection_address = ${address} and checkpoint_no = ${no}`
  const { rows } = await db.execute<Record<string, unknown> & { total: number }>(sql`
    with a as (select *, row_number() over (order by position)::int as ordinal from (${manifest(from)}) as m),
         b as (select *, row_number() over (order by position)::int as ordinal from (${manifest(to)}) as m),
         paired as (
           select coalesce(a.unit_address, b.unit_address) as unit_address, coalesce(b.title, a.title) as title, a.version_seq as from_version, b.version_seq as to_version,
                  a.ordinal as from_ordinal, b.ordinal as to_ordinal, a.content_digest is distinct from b.content_digest as is_changed,
                  row_number() over (partition by a.ordinal is not null and b.ordinal is not null order by a.ordinal)
                    <> row_number() over (partition by a.ordinal is not null and b.ordinal is not null order by b.ordinal) as is_moved
           from a full join b on b.unit_address = a.unit_address)
    select unit_address as "unitAddress", title, from_version as "fromVersion", to_version as "toVersion", from_ordinal as "fromOrdinal", to_ordinal as "toOrdinal",
           case when from_ordinal is null then 'added' when to_ordinal is null then 'removed' when is_moved and is_changed then 'moved_changed' when is_moved then 'moved' else 'changed' end as change,
           (count(*) over ())::int as total
    from paired where from_ordinal is null or to_ordinal is null or is_moved or is_changed
    order by coalesce(to_ordinal, from_ordinal), unit_address limit ${MOST_DIFFERENCES}`)
  return { from, to, total: rows[0]?.total ?? 0, pieces: rows.map(({ total: _, ...row }) => row as unknown as PieceDifference) }
}

export async function readParked(db: Snapshot, address: string): Promise<Omit<CollectionParked, 'asOf'>> {
  const here = eq(parkedPiece.collectionAddress, address)
  return {
    pieces: await db.select({ unitAddress: parkedPiece.unitAddress, unitKind: parkedPiece.unitKind, title: parkedPiece.title }).from(parkedPiece).where(here).orderBy(parkedPiece.position).limit(MOST_PARKED),
    total: await boundedCount(db, sql`${parkedPiece}`, here),
  }
}
