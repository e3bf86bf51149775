import { boolean, integer, text, uuid } from 'drizzle-orm/pg-core'
import { instant, iuCore } from './columns.ts'

export const syncLayer = iuCore.view('v_iu_sync_layer', {
  layerCode: text('layer_code', { enum: ['database', 'directus', 'console', 'knowledge_base', 'vector_index'] }).notNull(),
  layerNo: integer('layer_no').notNull(),
  name: text('name').notNull(),
  description: text('description').notNull(),
  fedBy: text('fed_by').notNull(),
  state: text('state', { enum: ['in_step', 'behind', 'not_connected', 'unknown'] }).notNull(),
  seenAt: instant('seen_at'),
  saw: text('saw'),
  digest: text('digest'),
  behind: integer('behind'),
  detail: text('detail').notNull(),
}).existing()

export const consoleProcess = iuCore.view('v_iu_console_process', {
  processId: uuid('process_id').notNull(),
  host: text('host').notNull(),
  pid: integer('pid').notNull(),
  contractUnit: text('contract_unit').notNull(),
  contractDigest: text('contract_digest').notNull(),
  startedAt: instant('started_at').notNull(),
  lastSeenAt: instant('last_seen_at').notNull(),
  isStale: boolean('is_stale').notNull(),
  isInStep: boolean('is_in_step').notNull(),
}).existing()

export const exporter = iuCore.view('v_iu_exporter', {
  exporterId: integer('exporter_id').notNull(),
  host: text('host').notNull(),
  folder: text('folder').notNull(),
  pending: integer('pending').notNull(),
  changed: integer('changed').notNull(),
  exported: integer('exported').notNull(),
  exportedAt: instant('exported_at'),
  isRunning: boolean('is_running').notNull(),
  edited: integer('edited').notNull(),
  unrendered: integer('unrendered').notNull(),
}).existing()
