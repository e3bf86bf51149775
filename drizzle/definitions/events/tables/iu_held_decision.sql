-- requires: event_outbox
CREATE TABLE iu_core.iu_held_decision (
  event_id bigint CONSTRAINT iu_held_decision_pkey PRIMARY KEY CONSTRAINT iu_held_decision_event_fkey REFERENCES iu_core.event_outbox (id),
  decision text COLLATE "C" NOT NULL,
  reason text NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  decided_by text NOT NULL DEFAULT ('db:' || session_user),
  CONSTRAINT iu_held_decision_chk CHECK (decision = 'discarded')
);
COMMENT ON TABLE iu_core.iu_held_decision IS 'Held events that were discarded, with the reason; released ones have a row of their own in the outbox';
