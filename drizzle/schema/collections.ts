import { bigint, boolean, integer, numeric, text } from 'drizzle-orm/pg-core'
import { instant, iuCore } from './columns.ts'

export const collectionManifest = iuCore.view('v_iu_collection_manifest', {
  collectionId: bigint('collection_id', { mode: 'number' }).notNull(),
  address: text('canonical_address').notNull(),
  kind: text('collection_kind').notNull(),
  title: text('title'),
  status: text('status').notNull(),
  sourcePath: text('source_path'),
  revision: bigint('revision', { mode: 'number' }).notNull(),
  pieceCount: integer('piece_count').notNull(),
  byteLength: bigint('byte_length', { mode: 'number' }).notNull(),
  manifestDigest: text('manifest_digest'),
  manifestRevision: bigint('manifest_revision', { mode: 'number' }),
  manifestCurrent: boolean('manifest_current').notNull(),
  renderDigest: text('render_digest'),
  renderRevision: bigint('render_revision', { mode: 'number' }),
  sourceDigest: text('source_digest'),
  sourceByteLength: bigint('source_byte_length', { mode: 'number' }),
  roundTrip: text('round_trip', { enum: ['identical', 'differs', 'stale', 'no_source'] }).notNull(),
  createdAt: instant('created_at').notNull(),
  createdBy: text('created_by'),
  updatedAt: instant('updated_at').notNull(),
}).existing()

export const collectionHealth = iuCore.view('v_iu_collection_health', {
  collectionId: bigint('collection_id', { mode: 'number' }).notNull(),
  address: text('canonical_address').notNull(),
  healthy: boolean('healthy').notNull(),
  pieces: integer('pieces').notNull(),
  piecesKept: integer('pieces_counted').notNull(),
  bytes: bigint('bytes', { mode: 'number' }).notNull(),
  bytesKept: bigint('bytes_counted', { mode: 'number' }).notNull(),
  missingBody: integer('missing_body').notNull(),
  retiredInside: integer('retired_inside').notNull(),
  renderStale: boolean('render_stale').notNull(),
  differsFromSource: boolean('differs_from_source').notNull(),
  findings: integer('findings').notNull(),
}).existing()

export const collectionPiece = iuCore.view('v_iu_collection_piece', {
  collectionId: bigint('collection_id', { mode: 'number' }).notNull(),
  collectionAddress: text('collection_address').notNull(),
  position: numeric('position').notNull(),
  unitId: bigint('unit_id', { mode: 'number' }).notNull(),
  unitAddress: text('unit_address').notNull(),
  unitKind: text('unit_kind').notNull(),
  lifecycleStatus: text('lifecycle_status').notNull(),
  title: text('title'),
  sectionLevel: integer('section_level').notNull(),
  depth: integer('depth').notNull(),
  versionSeq: integer('version_seq').notNull(),
  pinned: boolean('pinned').notNull(),
  contentDigest: text('content_digest').notNull(),
  byteLength: integer('byte_length').notNull(),
  separator: text('separator').notNull(),
  body: text('body').notNull(),
  usedIn: integer('used_in').notNull(),
}).existing()

export const collectionCheckpoint = iuCore.view('v_iu_collection_checkpoint', {
  collectionAddress: text('collection_address').notNull(),
  checkpoint: integer('checkpoint_no').notNull(),
  label: text('label').notNull(),
  revision: bigint('revision', { mode: 'number' }).notNull(),
  manifestDigest: text('manifest_digest').notNull(),
  pieceCount: integer('piece_count').notNull(),
  byteLength: bigint('byte_length', { mode: 'number' }).notNull(),
  createdAt: instant('created_at').notNull(),
  createdBy: text('created_by').notNull(),
  isCurrent: boolean('is_current').notNull(),
}).existing()

export const collectionCheckpointPiece = iuCore.view('v_iu_collection_checkpoint_piece', {
  collectionAddress: text('collection_address').notNull(),
  checkpoint: integer('checkpoint_no').notNull(),
  position: numeric('position').notNull(),
  unitAddress: text('unit_address').notNull(),
  title: text('title').notNull(),
  versionSeq: integer('version_seq').notNull(),
  contentDigest: text('content_digest').notNull(),
}).existing()

export const parkedPiece = iuCore.view('v_iu_collection_piece_parked', {
  collectionAddress: text('collection_address').notNull(),
  position: numeric('position').notNull(),
  unitAddress: text('unit_address').notNull(),
  unitKind: text('unit_kind').notNull(),
  title: text('title').notNull(),
}).existing()
