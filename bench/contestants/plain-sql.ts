import pg from 'pg'
import { WORKER } from '../../tests/db/world.ts'
import type { Contestant } from './contestant.ts'

/** Events as wide as ours. */
const EVENT = `
  CREATE TABLE event (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_domain text NOT NULL, event_type text NOT NULL, event_subject_table text NOT NULL,
    event_subject_ref text NOT NULL, payload jsonb NOT NULL, actor text NOT NULL DEFAULT session_user, created_at timestamptz NOT NULL DEFAULT clock_timestamp())`
const LOAD = `
  INSERT INTO event (event_domain, event_type, event_subject_table, event_subject_ref, payload)
  SELECT 'application', 'app.plain', 'app_table', 'subject ' || n % 1000, jsonb_build_object('n', n, 'note', 'the event ' || n) FROM generate_series(1, $1::integer) AS n`
/** And what was decided, as our attempts have it. */
const ATTEMPT = `
  CREATE TABLE attempt (event_id bigint, route_id integer, attempt_no integer, status text NOT NULL, failure_code text, failure_detail text, target_kind text, target_ref text,
    worker_code text NOT NULL, created_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (event_id, route_id, attempt_no))`

/** One connection, its tables, and what takes a batch from them. */
function plain(name: string, schema: string, batch: (client: pg.Client) => Promise<number>): Contestant {
  let client: pg.Client
  return {
    name,
    async prepare(url) {
      client = new pg.Client(url)
      await client.connect()
      await client.query(schema)
    },
    load: async (events) => { await client.query(LOAD, [events]) },
    warm: () => batch(client),
    async drain() {
      while (await batch(client)) { /* until nothing is left */ }
    },
    close: () => client.end(),
  }
}

/** What one writes oneself: a mark on the event, SKIP LOCKED, and a row that says what was decided. */
export const poller = (batchSize: number): Contestant => plain('plain-SQL poller with audit row', `${EVENT}; ${ATTEMPT};
  ALTER TABLE event ADD COLUMN processed_at timestamptz;
  CREATE INDEX event_open ON event (id) WHERE processed_at IS NULL`,
async (client) => {
  const text = `
    WITH batch AS (SELECT id FROM event WHERE processed_at IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED),
         audited AS (INSERT INTO attempt (event_id, route_id, attempt_no, status, target_kind, target_ref, worker_code) SELECT id, 1, 1, 'dry_run', 'log', 'iu_route_attempt', '${WORKER}' FROM batch)
    UPDATE event SET processed_at = now() FROM batch WHERE event.id = batch.id`
  return (await client.query({ name: 'drain', text, values: [batchSize] })).rowCount!
})

/** The limit: attempts are inserted and nothing is decided. */
export function insertLimit(batchSize: number): Contestant {
  // Ids have no gaps here.
  let last = 0
  return plain('INSERT…SELECT limit', `${EVENT}; ${ATTEMPT}`,
    async (client) => {
      const text = `
      INSERT INTO attempt (event_id, route_id, attempt_no, status, target_kind, target_ref, worker_code)
      SELECT id, 1, 1, 'dry_run', 'log', 'iu_route_attempt', '${WORKER}' FROM event WHERE id > $1 AND id <= $1 + $2::integer`
      const rows = (await client.query({ name: 'drain', text, values: [last, batchSize] })).rowCount!
      last += rows
      return rows
    })
}
