CREATE TABLE iu_core.iu_replay_job (
  id bigint CONSTRAINT iu_replay_job_pkey PRIMARY KEY,
  what text COLLATE "C" NOT NULL,
  filter jsonb NOT NULL,
  total integer NOT NULL,
  per_second integer,
  status text COLLATE "C" NOT NULL DEFAULT 'running',
  done integer NOT NULL DEFAULT 0,
  replayed integer NOT NULL DEFAULT 0,
  failed_again integer NOT NULL DEFAULT 0,
  left_alone integer NOT NULL DEFAULT 0,
  next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_by text NOT NULL DEFAULT ('db:' || session_user),
  stopped_at timestamptz,
  stopped_by text,
  last_batch_at timestamptz,
  finished_at timestamptz,
  CONSTRAINT iu_replay_job_what_chk CHECK (what IN ('dead_letters', 'skipped')),
  CONSTRAINT iu_replay_job_status_chk CHECK (status IN ('running', 'stopped', 'done')),
  CONSTRAINT iu_replay_job_progress_chk CHECK (done >= 0 AND done <= total AND done = replayed + failed_again + left_alone),
  CONSTRAINT iu_replay_job_done_chk CHECK ((status = 'done') = (done = total) AND (status = 'done') = (finished_at IS NOT NULL)),
  CONSTRAINT iu_replay_job_stopped_chk CHECK ((status = 'stopped') = (stopped_at IS NOT NULL))
) WITH (fillfactor = 50);
CREATE INDEX iu_replay_job_running_idx ON iu_core.iu_replay_job (next_at) WHERE status = 'running';
COMMENT ON TABLE iu_core.iu_replay_job IS 'Replays in the background: what each is to replay, how far it is, and how fast it may go';
COMMENT ON COLUMN iu_core.iu_replay_job.id IS 'counted under a lock and not from a sequence, so that a plan tells the number that its apply gives';
COMMENT ON COLUMN iu_core.iu_replay_job.what IS 'dead_letters, or skipped: events that a disabled route skipped';
COMMENT ON COLUMN iu_core.iu_replay_job.filter IS 'what was asked for; the ids themselves are frozen in iu_replay_batch';
COMMENT ON COLUMN iu_core.iu_replay_job.per_second IS 'at most so many a second; null = as fast as it goes';
COMMENT ON COLUMN iu_core.iu_replay_job.left_alone IS 'resolved by somebody else, or its route is disabled again: not attempted';
COMMENT ON COLUMN iu_core.iu_replay_job.next_at IS 'not before this, for the sake of per_second';
