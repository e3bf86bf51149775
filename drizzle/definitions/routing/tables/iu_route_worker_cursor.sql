-- A snapshot window, as PgQ has it. Everything visible in snap_from is done. A window is the rows
-- that became visible between snap_from and snap_to, paged by id. Both are stored fenced.
CREATE TABLE iu_core.iu_route_worker_cursor (
  worker_code text COLLATE "C" CONSTRAINT iu_route_worker_cursor_pkey PRIMARY KEY,
  lock_no integer GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_route_worker_cursor_lock_key UNIQUE,
  bucket_from smallint NOT NULL,
  bucket_to smallint NOT NULL,
  system_identifier bigint,
  snap_from pg_snapshot NOT NULL DEFAULT '1:1:',
  floor_id bigint NOT NULL DEFAULT 0,
  snap_to pg_snapshot,
  floor_to_id bigint NOT NULL DEFAULT 0,
  trusted_id bigint NOT NULL DEFAULT 0,
  last_id bigint NOT NULL DEFAULT 0,
  own_xid xid8,
  own_last_id bigint NOT NULL DEFAULT 0,
  events_seen bigint NOT NULL DEFAULT 0,
  last_pass_at timestamptz,
  last_pass_seen integer,
  reread_id bigint NOT NULL DEFAULT 0,
  CONSTRAINT iu_route_worker_cursor_code_chk CHECK (worker_code ~ '^[a-z0-9_]+$' AND octet_length(worker_code) <= 63),
  CONSTRAINT iu_route_worker_cursor_buckets_chk CHECK (bucket_from >= 0 AND bucket_from <= bucket_to AND bucket_to <= 15),
  CONSTRAINT iu_route_worker_cursor_apart_excl EXCLUDE USING gist (int4range(bucket_from, bucket_to, '[]') WITH &&)
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE iu_core.iu_route_worker_cursor IS 'How far each worker is; each owns a range of buckets that no other has';
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.lock_no IS 'second half of the advisory lock that a pass holds';
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.system_identifier IS 'the cluster that the snapshots belong to; another (or null) makes the next pass read everything once more';
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.floor_id IS 'rows of transactions that snap_from does not know have ids above it';
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.snap_to IS 'the end of the window being paged; null between windows';
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.floor_to_id IS 'floor_id of the next window';
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.trusted_id IS 'rows up to here are taken whatever their transaction id: it may be another cluster''s';
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.last_id IS 'the page''s end inside the window';
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.own_xid IS 'the writing transaction that ran a pass over its own events';
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.own_last_id IS 'how far that transaction''s own events are routed';
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.reread_id IS 'rows up to here may be read once more after a join or a reset: what has an attempt is passed over';
