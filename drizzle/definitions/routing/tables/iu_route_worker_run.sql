CREATE TABLE iu_core.iu_route_worker_run (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_route_worker_run_pkey PRIMARY KEY,
  worker_code text COLLATE "C" NOT NULL,
  started_at timestamptz NOT NULL,
  finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen integer NOT NULL,
  attempts_written integer NOT NULL,
  skipped integer NOT NULL,
  dead_lettered integer NOT NULL,
  run_by text NOT NULL DEFAULT ('db:' || session_user)
);
COMMENT ON TABLE iu_core.iu_route_worker_run IS 'Every pass that saw an event: what it saw and wrote';
