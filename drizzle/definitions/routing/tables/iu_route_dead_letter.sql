-- requires: fn_iu_dead_letter_cause
CREATE TABLE iu_core.iu_route_dead_letter (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_route_dead_letter_pkey PRIMARY KEY,
  event_id bigint NOT NULL,
  route_id integer NOT NULL,
  attempt_no integer NOT NULL,
  failure_code text COLLATE "C" NOT NULL,
  failure_detail text NOT NULL,
  event_domain text COLLATE "C" NOT NULL,
  event_type text COLLATE "C" NOT NULL,
  event_subject_table text COLLATE "C" NOT NULL,
  event_subject_ref text COLLATE "C" NOT NULL,
  payload jsonb NOT NULL,
  actor text NOT NULL,
  event_created_at timestamptz NOT NULL,
  status text COLLATE "C" NOT NULL DEFAULT 'open',
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  resolved_at timestamptz,
  resolved_by text,
  resolved_attempt_no integer,
  corrected_by_event_id bigint,
  replay_job_id bigint,
  cause text COLLATE "C" NOT NULL GENERATED ALWAYS AS (iu_core.fn_iu_dead_letter_cause(failure_code, route_id, event_type, failure_detail)) STORED,
  CONSTRAINT iu_route_dead_letter_status_chk CHECK (status IN ('open', 'replayed', 'rerouted', 'corrected', 'discarded')),
  CONSTRAINT iu_route_dead_letter_resolved_chk CHECK ((status = 'open') = (resolved_at IS NULL)),
  CONSTRAINT iu_route_dead_letter_corrected_chk CHECK ((status = 'corrected') = (corrected_by_event_id IS NOT NULL))
);
CREATE UNIQUE INDEX iu_route_dead_letter_open_idx ON iu_core.iu_route_dead_letter (event_id, route_id) WHERE status = 'open';
CREATE INDEX iu_route_dead_letter_open_id_idx ON iu_core.iu_route_dead_letter (id) WHERE status = 'open';
CREATE INDEX iu_route_dead_letter_cause_idx ON iu_core.iu_route_dead_letter (cause, id) WHERE status = 'open';
CREATE INDEX iu_route_dead_letter_event_idx ON iu_core.iu_route_dead_letter (event_id);
CREATE INDEX iu_route_dead_letter_corrected_idx ON iu_core.iu_route_dead_letter (corrected_by_event_id) WHERE corrected_by_event_id IS NOT NULL;
COMMENT ON TABLE iu_core.iu_route_dead_letter IS 'A snapshot of an event whose attempt failed, open until it is replayed, rerouted, corrected or discarded';
COMMENT ON COLUMN iu_core.iu_route_dead_letter.status IS 'rerouted: no route had taken the event, and the routes that do now have attempts of their own; corrected: a new event stands for it';
COMMENT ON COLUMN iu_core.iu_route_dead_letter.attempt_no IS 'the latest attempt that failed';
COMMENT ON COLUMN iu_core.iu_route_dead_letter.resolved_attempt_no IS 'the attempt that a replay succeeded with';
COMMENT ON COLUMN iu_core.iu_route_dead_letter.corrected_by_event_id IS 'the event with the corrected payload';
COMMENT ON COLUMN iu_core.iu_route_dead_letter.replay_job_id IS 'the background replay that attempted it last';
COMMENT ON COLUMN iu_core.iu_route_dead_letter.cause IS 'fingerprint of the cause: letters of one fault have one';
