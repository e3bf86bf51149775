import { integer, jsonb, text } from 'drizzle-orm/pg-core'
import { instant, iuCore } from './columns.ts'

export const comparison = iuCore.view('v_dot_comparison', {
  checkedAt: instant('checked_at').notNull(),
  state: text('state', { enum: ['matches', 'accepted', 'drift', 'unknown'] }).notNull(),
  digest: text('digest'),
  expected: integer('expected').notNull(),
  matching: integer('matching').notNull(),
  drift: integer('drift').notNull(),
  unknown: integer('unknown').notNull(),
  summary: text('summary').notNull(),
  why: text('why'),
  checks: jsonb('checks').notNull(),
  objects: jsonb('objects').notNull(),
  accepted: jsonb('accepted').notNull(),
}).existing()
