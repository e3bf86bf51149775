-- One row at most. Without it the consoles run no pass: missing is disabled, as with a gate.
CREATE TABLE iu_core.iu_worker_schedule (
  schedule_code text COLLATE "C" CONSTRAINT iu_worker_schedule_pkey PRIMARY KEY DEFAULT 'console',
  enabled boolean NOT NULL,
  poll_ms integer NOT NULL,
  batch_size integer NOT NULL,
  reason text NOT NULL,
  changed_by text NOT NULL DEFAULT ('db:' || session_user),
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT iu_worker_schedule_one_chk CHECK (schedule_code = 'console'),
  CONSTRAINT iu_worker_schedule_poll_chk CHECK (poll_ms BETWEEN 10 AND 60000),
  CONSTRAINT iu_worker_schedule_batch_chk CHECK (batch_size BETWEEN 1 AND 100000)
);
COMMENT ON TABLE iu_core.iu_worker_schedule IS 'Whether the consoles'' servers run passes, of every worker, and how often; an approver''s command enables it';
COMMENT ON COLUMN iu_core.iu_worker_schedule.poll_ms IS 'wait after a round that found nothing';
