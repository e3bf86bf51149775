-- requires: iu_core
-- Append-only. command_code has no foreign key: history outlives a registry row.
CREATE TABLE iu_core.dot_iu_command_run (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT dot_iu_command_run_pkey PRIMARY KEY,
  command_code text COLLATE "C" NOT NULL,
  mode text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  code text COLLATE "C",
  actor text COLLATE "C" NOT NULL,
  actor_kind text COLLATE "C" NOT NULL,
  reason text,
  params jsonb NOT NULL,
  param_digest bytea NOT NULL,
  state_digest bytea,
  plan_digest bytea,
  plan_run_id bigint,
  target_run_id bigint,
  idempotency_key text COLLATE "C",
  object_refs text[] NOT NULL DEFAULT '{}',
  event_count integer NOT NULL DEFAULT 0,
  event_from bigint,
  event_to bigint,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  frozen jsonb,
  receipt jsonb NOT NULL,
  started_at timestamptz NOT NULL,
  finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  head_no bigint,
  head_digest bytea,
  outcome text COLLATE "C",
  CONSTRAINT dot_iu_command_run_mode_chk CHECK (mode IN ('plan', 'apply', 'verify', 'rollback')),
  CONSTRAINT dot_iu_command_run_status_chk CHECK (status IN ('planned', 'succeeded', 'verified', 'unverified', 'refused', 'failed')),
  CONSTRAINT dot_iu_command_run_code_chk CHECK ((status IN ('refused', 'failed')) = (code IS NOT NULL)),
  CONSTRAINT dot_iu_command_run_kind_chk CHECK (actor_kind IN ('session', 'token', 'login', 'owner'))
);
-- A key names one effect, a plan is applied once, a run is undone once. What was refused did nothing, and
-- may be tried again.
CREATE UNIQUE INDEX dot_iu_command_run_key_idx ON iu_core.dot_iu_command_run (actor, idempotency_key) WHERE idempotency_key IS NOT NULL AND status = 'succeeded';
CREATE UNIQUE INDEX dot_iu_command_run_plan_idx ON iu_core.dot_iu_command_run (plan_run_id) WHERE plan_run_id IS NOT NULL AND status = 'succeeded';
CREATE UNIQUE INDEX dot_iu_command_run_undo_idx ON iu_core.dot_iu_command_run (target_run_id) WHERE mode = 'rollback' AND status = 'succeeded';
CREATE INDEX dot_iu_command_run_digest_idx ON iu_core.dot_iu_command_run (plan_digest, id) WHERE status = 'planned';
CREATE INDEX dot_iu_command_run_verify_idx ON iu_core.dot_iu_command_run (target_run_id, id) WHERE mode = 'verify';
CREATE INDEX dot_iu_command_run_command_idx ON iu_core.dot_iu_command_run (command_code, id);
CREATE INDEX dot_iu_command_run_actor_idx ON iu_core.dot_iu_command_run (actor, id);
CREATE INDEX dot_iu_command_run_status_idx ON iu_core.dot_iu_command_run (status, id);
CREATE INDEX dot_iu_command_run_counted_idx ON iu_core.dot_iu_command_run (id) INCLUDE (mode, status, outcome);
CREATE INDEX dot_iu_command_run_object_idx ON iu_core.dot_iu_command_run USING gin (object_refs);
COMMENT ON TABLE iu_core.dot_iu_command_run IS 'The ledger: a row for every plan, apply, verify, rollback and refusal; append-only';
COMMENT ON COLUMN iu_core.dot_iu_command_run.actor IS 'the account, or db:NAME for a login of the database';
COMMENT ON COLUMN iu_core.dot_iu_command_run.params IS 'numbers, terms and names as given; texts and URLs are their digests, secrets are left out';
COMMENT ON COLUMN iu_core.dot_iu_command_run.state_digest IS 'SHA-256 over what the handler declares it read';
COMMENT ON COLUMN iu_core.dot_iu_command_run.plan_digest IS 'SHA-256 over command, parameters, state and gates: what an apply must quote';
COMMENT ON COLUMN iu_core.dot_iu_command_run.plan_run_id IS 'the plan that was applied';
COMMENT ON COLUMN iu_core.dot_iu_command_run.target_run_id IS 'the run that was verified or rolled back';
COMMENT ON COLUMN iu_core.dot_iu_command_run.object_refs IS 'every object touched, as class:name';
COMMENT ON COLUMN iu_core.dot_iu_command_run.event_from IS 'the events of this run: those of its xid with ids from here to event_to';
COMMENT ON COLUMN iu_core.dot_iu_command_run.frozen IS 'a plan''s fixed set, for commands that act on many';
COMMENT ON COLUMN iu_core.dot_iu_command_run.head_no IS 'the newest link of the chain when it was written: a chain that lacks it was cut off';
COMMENT ON COLUMN iu_core.dot_iu_command_run.outcome IS 'what came of it, where what it was for did not happen, or not wholly; null = as its status says';
COMMENT ON COLUMN iu_core.dot_iu_command_run.receipt IS 'what the caller was told, without secrets, texts as their digests';
