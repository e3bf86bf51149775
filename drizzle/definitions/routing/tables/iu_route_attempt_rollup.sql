CREATE TABLE iu_core.iu_route_attempt_rollup (
  worker_code text COLLATE "C" NOT NULL,
  span_start timestamptz NOT NULL,
  route_id integer NOT NULL,
  status text COLLATE "C" NOT NULL,
  attempts bigint NOT NULL,
  last_attempt_at timestamptz NOT NULL,
  CONSTRAINT iu_route_attempt_rollup_pkey PRIMARY KEY (worker_code, span_start, route_id, status)
) WITH (fillfactor = 50);
COMMENT ON TABLE iu_core.iu_route_attempt_rollup IS 'Attempts counted by hour and over all time, kept in the transaction that writes them; per worker, so that two never meet on a row';
COMMENT ON COLUMN iu_core.iu_route_attempt_rollup.span_start IS 'the hour (UTC); -infinity = all time';
