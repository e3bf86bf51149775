-- What was counted once needs no second count: an attempt is history, and so is the lane of an event. The audit walks
-- up the outbox behind the worker, counts each event when it is settled, and remembers what it could not count yet: late
-- commits by their transaction (iu_event_audit_late), events without an attempt by their id (iu_event_audit_open).
CREATE TABLE iu_core.iu_event_audit (
  is_the_one boolean NOT NULL DEFAULT true CONSTRAINT iu_event_audit_pkey PRIMARY KEY,
  system_identifier bigint NOT NULL,
  through_id bigint NOT NULL DEFAULT 0,
  attempted bigint NOT NULL DEFAULT 0,
  written_held bigint NOT NULL DEFAULT 0,
  released bigint NOT NULL DEFAULT 0,
  discarded bigint NOT NULL DEFAULT 0,
  archived bigint NOT NULL DEFAULT 0,
  audited_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT iu_event_audit_one_chk CHECK (is_the_one)
) WITH (fillfactor = 50);
COMMENT ON TABLE iu_core.iu_event_audit IS 'One row: how far the events are audited, and what they came to; derived, made anew by fn_iu_event_audit_restart';
COMMENT ON COLUMN iu_core.iu_event_audit.through_id IS 'every event up to here is counted, but for those of iu_event_audit_late and iu_event_audit_open';
COMMENT ON COLUMN iu_core.iu_event_audit.attempted IS 'counted events with an attempt that are in the outbox still';
COMMENT ON COLUMN iu_core.iu_event_audit.written_held IS 'counted events of lane held, whatever became of them';
COMMENT ON COLUMN iu_core.iu_event_audit.released IS 'counted events that release a held one';
COMMENT ON COLUMN iu_core.iu_event_audit.discarded IS 'rows of iu_held_decision, kept by their trigger';
COMMENT ON COLUMN iu_core.iu_event_audit.archived IS 'events that are in archives and not in the outbox';
