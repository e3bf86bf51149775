/** What the specs of events and routing share: open gates, an application's event types, and short ways to act and to count. */
import type { ClientBase, Pool } from 'pg'
import { expect } from 'vitest'
import type { Pass } from '../../server/db/functions/worker-run.ts'
import { testDatabase, type TestDatabase } from './harness.ts'

export const WORKER = 'iu_outbound_default'

/** Anything that takes a query. */
export type Queryable = Pick<ClientBase | Pool, 'query'>

/** Event types of an application, each named after what becomes of it. */
const TYPES = {
  delayed: {
    'app.plain': { description: 'any payload, one route' },
    'app.twice': { description: 'two routes' },
    'app.unwanted': { description: 'no route' },
    'app.disabled': { description: 'its route is disabled' },
    'app.strict': {
      description: 'a payload with a schema',
      payload_schema: { type: 'object', required: ['n'], properties: { n: { type: 'integer', minimum: 1 }, note: { type: 'string' } }, additionalProperties: false },
    },
  },
  immediate: {
    'app.once': { description: 'deduplicated by key' },
  },
}

const log = (eventType: string, enabled = true) => ({ event_type: eventType, target_kind: 'log', target_ref: 'iu_route_attempt', enabled })

const ROUTES = {
  'app.plain.log': log('app.plain'),
  'app.twice.a': log('app.twice'),
  'app.twice.b': log('app.twice'),
  'app.disabled.log': log('app.disabled', false),
  'app.strict.log': log('app.strict'),
  'app.once.log': log('app.once'),
}

/** A database with open gates and the application's types and routes. */
export async function openDatabase(): Promise<TestDatabase> {
  const db = await testDatabase()
  await furnish(db.pool)
  return db
}

/** Opens the gates of a deployed database and registers the application's types and routes. */
export async function furnish(db: Queryable): Promise<void> {
  for (const gate of ['routes_master_enabled', 'route_worker_enabled', 'composer_enabled']) await setGate(db, gate, true)
  for (const [lane, types] of Object.entries(TYPES)) {
    await db.query(`SELECT iu_core.fn_iu_event_types_register('application', $1, false, $2)`, [lane, types])
  }
  await db.query('SELECT iu_core.fn_iu_routes_register($1)', [ROUTES])
}

/** A gate as if it had been deployed so: one that is set by hand has drifted. */
export async function setGate(db: Queryable, gate: string, open: boolean): Promise<void> {
  await db.query('SELECT iu_core.fn_iu_gate_set($1, $2, $3)', [`iu_core.${gate}`, open, 'a test'])
  await db.query(`UPDATE iu_core.dot_inventory SET switched = jsonb_build_object('value', $2::boolean::text, 'expires_at', NULL),
    switched_after_run = (SELECT coalesce(max(id), 0) FROM iu_core.dot_iu_command_run) WHERE class = 'config' AND identity = $1`, [`iu_core.${gate}`, open])
}

/** Runs statements as if they had been deployed: what they change has not drifted. */
export async function asDeployed(db: Queryable, sql: string): Promise<void> {
  await db.query(sql)
  await db.query(`SELECT iu_core.fn_dot_inventory_register('a test', NULL)`)
}

/** Emits one event; its id. */
export async function emit(db: Queryable, subject: string, payload: unknown = {}, eventType = 'app.plain', key?: string): Promise<number> {
  const { rows } = await db.query<{ id: string }>('SELECT iu_core.fn_iu_emit_event($1, $2, $3, $4, $5) AS id', [eventType, 'app_table', subject, JSON.stringify(payload), key ?? null])
  return Number(rows[0]!.id)
}

/** One pass. */
export async function pass(db: Queryable, batchSize = 1000, worker = WORKER): Promise<Pass> {
  const { rows } = await db.query<Pass>('SELECT * FROM iu_core.fn_iu_route_worker_run($1, $2)', [worker, batchSize])
  return rows[0]!
}

/** Passes until nothing is left; the totals. */
export async function drain(db: Queryable, batchSize = 1000, worker = WORKER): Promise<{ passes: number, seen: number, attempts: number }> {
  const total = { passes: 0, seen: 0, attempts: 0 }
  for (;;) {
    const { status, seen, attempts_written: attempts } = await pass(db, batchSize, worker)
    if (status === 'idle') return total
    expect(status).toBe('routed')
    total.passes += 1
    total.seen += seen
    total.attempts += attempts
  }
}

/** The event ids that have a first attempt, in the order in which they were routed. */
export async function routed(db: Queryable): Promise<number[]> {
  const { rows } = await db.query<{ id: string }>('SELECT event_id AS id FROM iu_core.iu_route_attempt WHERE attempt_no = 1 ORDER BY created_at, event_id, route_id')
  return rows.map(row => Number(row.id))
}

export interface Accounting { events: number, attempted: number, held: number, released: number, discarded: number, archived: number, not_yet_routed: number, unexplained: number }

/** The identity as the pages read it, but without their bound; it must be the one that counting every row gives. */
export async function accounting(db: Queryable): Promise<Accounting> {
  const { rows } = await db.query<{ page: Accounting & { is_exact: boolean, audited_through: number }, recount: Accounting }>(
    'SELECT to_json(a) AS page, to_json(r) AS recount FROM iu_core.fn_iu_event_account(2147483647) AS a, iu_core.v_iu_accounting_recount AS r')
  const { page: { is_exact: isExact, audited_through: _, ...account }, recount } = rows[0]!
  expect(isExact).toBe(true)
  expect(account).toEqual(recount)
  const { events, ...parts } = account
  expect(Object.values(parts).reduce((a, b) => a + b)).toBe(events)
  return account
}

/** Steps of the audit until nothing is left that could be counted; how many events it counted. */
export async function audit(db: Queryable, limit = 20_000): Promise<number> {
  let audited = 0
  for (;;) {
    const { rows: [step] } = await db.query<{ status: string, audited: number }>('SELECT * FROM iu_core.fn_iu_event_audit($1)', [limit])
    audited += step!.audited
    if (step!.status === 'idle' || step!.audited === 0) return audited
  }
}

/** The SQLSTATE and the column that a query is refused with. */
export async function refusal(work: Promise<unknown>): Promise<{ code?: string, column?: string }> {
  try {
    await work
  }
  catch (error) {
    const { code, column } = error as { code?: string, column?: string }
    return { code, column }
  }
  throw new Error('it was not refused')
}

/** The id of the transaction under way, or null: whether it has written anything. */
export async function ownXid(db: Queryable): Promise<string | null> {
  const { rows } = await db.query<{ xid: string | null }>('SELECT pg_current_xact_id_if_assigned()::text AS xid')
  return rows[0]!.xid
}

/**
 * What must hold whenever nothing is under way and all is routed: every event accounted for, exactly one first
 * attempt for each event and route (or one with the reason why there is none), and roll-ups that equal a recount.
 */
export async function expectWhole(db: Queryable): Promise<void> {
  const account = await accounting(db)
  expect(account).toMatchObject({ not_yet_routed: 0, unexplained: 0 })
  const { rows: wrong } = await db.query(`
    SELECT e.id, array_agg(a.route_id) AS attempted, wanted.routes AS wanted
    FROM iu_core.event_outbox AS e
    CROSS JOIN LATERAL (
      SELECT coalesce(array_agg(r.id ORDER BY r.id), '{0}') AS routes FROM iu_core.iu_outbound_route AS r WHERE r.event_type = e.event_type
    ) AS wanted
    LEFT JOIN iu_core.iu_route_attempt AS a ON a.event_id = e.id AND a.attempt_no = 1
    WHERE e.delivery_lane <> 'held'
    GROUP BY e.id, wanted.routes
    HAVING array_agg(a.route_id ORDER BY a.route_id) IS DISTINCT FROM wanted.routes
    LIMIT 10`)
  expect(wrong).toEqual([])
  await expectRollups(db)
  await audit(db)
  expect(await accounting(db)).toEqual(account)
  await expectBlocks(db)
}

/** Nothing is left to audit, and the blocks in which attempts are found equal a recount. */
export async function expectBlocks(db: Queryable): Promise<void> {
  const { rows } = await db.query(`
    WITH counted AS (
      SELECT e.event_type, a.route_id, a.status, b.block_no, count(*) AS attempts
      FROM iu_core.iu_route_attempt AS a JOIN iu_core.event_outbox AS e ON e.id = a.event_id CROSS JOIN LATERAL (VALUES (-1::bigint), (e.id / 256)) AS b(block_no)
      WHERE a.worker_code <> 'replay' GROUP BY 1, 2, 3, 4
    )
    SELECT event_type, route_id, status, block_no, counted.attempts AS counted, kept.attempts AS kept
    FROM counted FULL JOIN (SELECT * FROM iu_core.iu_route_attempt_block WHERE attempts > 0) AS kept USING (event_type, route_id, status, block_no)
    WHERE counted.attempts IS DISTINCT FROM kept.attempts`)
  expect(rows).toEqual([])
}

/** The roll-ups, over all time and of each hour, equal a recount. */
export async function expectRollups(db: Queryable): Promise<void> {
  const { rows } = await db.query(`
    WITH counted AS (
      SELECT worker_code, span_start, route_id, status, count(*) AS attempts, max(created_at) AS last_attempt_at
      FROM iu_core.iu_route_attempt CROSS JOIN LATERAL (VALUES ('-infinity'::timestamptz), (date_trunc('hour', created_at, 'UTC'))) AS span(span_start)
      GROUP BY 1, 2, 3, 4
    )
    SELECT worker_code, span_start, route_id, status, counted.attempts AS counted, kept.attempts AS kept, counted.last_attempt_at AS last_counted, kept.last_attempt_at AS last_kept
    FROM counted FULL JOIN iu_core.iu_route_attempt_rollup AS kept USING (worker_code, span_start, route_id, status)
    WHERE (counted.attempts, counted.last_attempt_at) IS DISTINCT FROM (kept.attempts, kept.last_attempt_at)`)
  expect(rows).toEqual([])
}

/** Has the transactions of a session pass every trigger, also those that keep history as it is: what only a superuser can do, and only as long as nobody compares. */
export async function pastTriggers<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  const each = (what: string) => client.query(`DO $$ DECLARE t record; BEGIN
    FOR t IN SELECT tgrelid::regclass AS relation, tgname FROM pg_trigger WHERE tgname ~ 'append_only$' LOOP EXECUTE format('ALTER TABLE %s ${what} TRIGGER %I', t.relation, t.tgname); END LOOP; END $$`)
  await each('DISABLE')
  await client.query('SET session_replication_role = replica')
  const done = await work()
  await client.query('RESET session_replication_role')
  await each('ENABLE ALWAYS')
  return done
}
