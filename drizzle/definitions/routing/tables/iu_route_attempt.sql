-- The primary key is the only index over all rows and there are no foreign keys: both would cost the worker a
-- multiple of its work. Integrity is a verify query; idempotency_key is derived in the view; attempts of one kind
-- are found through iu_route_attempt_block.
CREATE TABLE iu_core.iu_route_attempt (
  event_id bigint NOT NULL,
  route_id integer NOT NULL,
  attempt_no integer NOT NULL DEFAULT 1,
  status text COLLATE "C" NOT NULL,
  failure_code text COLLATE "C",
  failure_detail text,
  target_kind text COLLATE "C",
  target_ref text,
  worker_code text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT iu_route_attempt_pkey PRIMARY KEY (event_id, route_id, attempt_no),
  -- One check, the commonest first: it is made for each row that a worker writes.
  CONSTRAINT iu_route_attempt_status_chk CHECK (CASE status WHEN 'dry_run' THEN failure_code IS NULL WHEN 'skipped' THEN failure_code IS NOT NULL
    WHEN 'failed' THEN failure_code IS NOT NULL WHEN 'sent' THEN failure_code IS NULL ELSE false END)
);
CREATE INDEX iu_route_attempt_replay_idx ON iu_core.iu_route_attempt (event_id, route_id, attempt_no) WHERE worker_code = 'replay';
-- What a disabled route skipped is replayed once it is enabled; any other row costs this index nothing.
CREATE INDEX iu_route_attempt_disabled_idx ON iu_core.iu_route_attempt (route_id, event_id) WHERE failure_code = 'route_disabled';
COMMENT ON TABLE iu_core.iu_route_attempt IS 'One audited decision of the worker on one event for one route; append-only';
COMMENT ON COLUMN iu_core.iu_route_attempt.route_id IS '0 = no route wanted the event';
COMMENT ON COLUMN iu_core.iu_route_attempt.failure_code IS 'why it failed or was skipped: payload_schema, unknown_event_type, cannot_be_judged, worker_process_error, no_route, route_disabled';
