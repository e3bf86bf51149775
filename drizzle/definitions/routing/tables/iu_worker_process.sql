CREATE TABLE iu_core.iu_worker_process (
  process_id uuid CONSTRAINT iu_worker_process_pkey PRIMARY KEY,
  kind text COLLATE "C" NOT NULL,
  worker_code text COLLATE "C",
  host text NOT NULL,
  pid integer NOT NULL,
  status text COLLATE "C" NOT NULL,
  events_seen bigint NOT NULL,
  run_by text NOT NULL DEFAULT ('db:' || session_user),
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  fault text,
  CONSTRAINT iu_worker_process_kind_chk CHECK (kind IN ('cli', 'schedule')),
  CONSTRAINT iu_worker_process_status_chk CHECK (status IN ('routed', 'idle', 'busy', 'worker_gate_closed', 'master_gate_closed'))
) WITH (fillfactor = 50);
COMMENT ON TABLE iu_core.iu_worker_process IS 'Processes that run passes: each tells every few seconds that it lives, and takes its row away when it ends in order';
COMMENT ON COLUMN iu_core.iu_worker_process.worker_code IS 'whose passes it runs; null = every worker''s';
COMMENT ON COLUMN iu_core.iu_worker_process.status IS 'how its last pass ended';
COMMENT ON COLUMN iu_core.iu_worker_process.events_seen IS 'by this process, since it started';
COMMENT ON COLUMN iu_core.iu_worker_process.fault IS 'what keeps its next pass from being made, as PostgreSQL tells it; null = nothing';
