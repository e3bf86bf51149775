import type { Queryable } from '../tests/db/world.ts'
import { MIX, PAYLOAD } from './contestants/ours.ts'

/** How large a past is made. */
export interface History {
  /** all events of lane delayed */
  events: number
  /** how many of them, the oldest, are routed already; the others wait */
  routed: number
  /** over how many days they are spread, up to now */
  days: number
}

/** What 5 M events and 1 M attempts are: 1.17 attempts an event that is routed. */
export const LARGE: History = { events: 5_000_000, routed: 855_000, days: 30 }

/** Events a transaction: some hundred transactions, or the planner would take a transaction's id for a rare thing to look by. */
const partOf = (events: number): number => Math.min(50_000, Math.max(500, Math.ceil(events / 200)))

/**
 * Gives a furnished database a past, set-wise and as its owner: events over many transactions and a thousand subjects,
 * the attempts that the worker would have made of the oldest, with the times that they would have had, the dead letters and
 * roll-ups that belong to them, and a cursor that stands behind them. The rest waits. Nothing else may be under way.
 */
export async function makeHistory(db: Queryable, { events, routed, days }: History, tell: (line: string) => void = () => {}): Promise<void> {
  const each = days * 86_400 / events
  const part = partOf(events)
  for (let from = 0; from < events;) {
    if (from === routed) await routeAll(db, part, tell)
    const to = Math.min(from + part, from < routed ? routed : events)
    await db.query(`
      INSERT INTO iu_core.event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, actor, created_at)
      SELECT 'application', ${MIX}, 'app_table', 'subject ' || n % 1000, ${PAYLOAD}, 'delayed', 'history', now() - make_interval(secs => ($3 - n) * $4::float8)
      FROM generate_series($1::integer, $2::integer) AS n`, [from, to - 1, events, each])
    tell(`${to.toLocaleString('en')} events`)
    from = to
  }
  if (routed >= events) await routeAll(db, part, tell)
  await db.query('VACUUM ANALYZE')
}

/** What the worker would have made of all that is there; the cursor stands behind it. */
async function routeAll(db: Queryable, part: number, tell: (line: string) => void): Promise<void> {
  const { rows: [last] } = await db.query<{ id: number }>('SELECT coalesce(max(id), 0)::float8 AS id FROM iu_core.event_outbox')
  await db.query('ANALYZE iu_core.event_outbox')
  for (let from = 0; from < last!.id; from += part) {
    await db.query(`
      INSERT INTO iu_core.iu_route_attempt (event_id, route_id, attempt_no, status, failure_code, failure_detail, target_kind, target_ref, worker_code, created_at)
      SELECT d.event_id, d.route_id, 1, d.decision, d.failure_code, d.failure_detail, d.target_kind, d.target_ref, 'iu_outbound_default', e.created_at + interval '50 milliseconds'
      FROM iu_core.v_iu_route_decision AS d JOIN iu_core.event_outbox AS e ON e.id = d.event_id
      WHERE e.id > $1 AND e.id <= $2`, [from, from + part])
  }
  await db.query(`
    INSERT INTO iu_core.iu_route_dead_letter (event_id, route_id, attempt_no, failure_code, failure_detail, event_domain, event_type,
                                              event_subject_table, event_subject_ref, payload, actor, event_created_at, created_at)
    SELECT e.id, a.route_id, 1, a.failure_code, a.failure_detail, e.event_domain, e.event_type, e.event_subject_table, e.event_subject_ref, e.payload, e.actor, e.created_at, a.created_at
    FROM iu_core.iu_route_attempt AS a JOIN iu_core.event_outbox AS e ON e.id = a.event_id WHERE a.status = 'failed' ORDER BY e.id`)
  await db.query(`
    INSERT INTO iu_core.iu_route_attempt_rollup (worker_code, span_start, route_id, status, attempts, last_attempt_at)
    SELECT a.worker_code, span_start, a.route_id, a.status, count(*), max(a.created_at)
    FROM iu_core.iu_route_attempt AS a CROSS JOIN LATERAL (VALUES ('-infinity'::timestamptz), (date_trunc('hour', a.created_at, 'UTC'))) AS span(span_start)
    GROUP BY a.worker_code, span_start, a.route_id, a.status`)
  await db.query(`
    UPDATE iu_core.iu_route_worker_cursor
    SET system_identifier = iu_core.fn_iu_system_identifier(), snap_from = iu_core.fn_iu_snapshot_fenced(pg_current_snapshot(), pg_current_xact_id(), pg_current_xact_id()),
        floor_id = $1, events_seen = $1, last_pass_at = now(), last_pass_seen = 1000`, [last!.id])
  tell(`${last!.id.toLocaleString('en')} of them routed`)
}
