import { bigint, boolean, doublePrecision, integer, jsonb, text } from 'drizzle-orm/pg-core'
import { instant, iuCore } from './columns.ts'

export const works = iuCore.view('v_iu_works', {
  code: text('check_code').notNull(),
  name: text('name').notNull(),
  ok: boolean('ok').notNull(),
  detail: text('detail').notNull(),
}).existing()

export const probe = iuCore.view('v_iu_probe', {
  runId: bigint('run_id', { mode: 'number' }).notNull(),
  actor: text('actor').notNull(),
  finishedAt: instant('finished_at').notNull(),
  passed: integer('passed').notNull(),
  ms: doublePrecision('ms').notNull(),
  scenarios: jsonb('scenarios').notNull(),
  leftovers: jsonb('leftovers').notNull(),
}).existing()

export const eventType = iuCore.view('v_iu_event_type', {
  eventType: text('event_type').notNull(),
  eventDomain: text('event_domain').notNull(),
  deliveryLane: text('delivery_lane', { enum: ['immediate', 'delayed'] }).notNull(),
  isSystem: boolean('is_system').notNull(),
  description: text('description').notNull(),
  payloadSchema: text('payload_schema').notNull(),
  payloadFault: text('payload_fault'),
}).existing()
