-- requires: iu_event_type
-- Append-only, without delivery state. xid stands before id so that a row's transaction has its id
-- before it draws its sequence value: the worker's scan floor rests on that order.
CREATE TABLE iu_core.event_outbox (
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT event_outbox_pkey PRIMARY KEY,
  event_domain text COLLATE "C" NOT NULL,
  event_type text COLLATE "C" NOT NULL,
  event_subject_table text COLLATE "C" NOT NULL,
  event_subject_ref text COLLATE "C" NOT NULL,
  payload jsonb NOT NULL,
  delivery_lane text COLLATE "C" NOT NULL,
  idempotency_key text COLLATE "C",
  bucket smallint NOT NULL GENERATED ALWAYS AS ((hashtextextended(event_subject_table || '/' || event_subject_ref, 0) & 15)::smallint) STORED,
  actor text NOT NULL DEFAULT ('db:' || session_user),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  released_from bigint,
  CONSTRAINT event_outbox_lane_chk CHECK (delivery_lane IN ('immediate', 'delayed', 'held')),
  CONSTRAINT event_outbox_key_chk CHECK (delivery_lane <> 'immediate' OR idempotency_key IS NOT NULL)
);
-- A repeat on lane immediate finds the first row, also one that the master gate put on lane held: one
-- index for both, or two emitters on either side of a gate that is closing would each write one. A row
-- that releases a held one repeats its key, and stands aside. delayed has no key and is never deduplicated.
CREATE UNIQUE INDEX idx_event_outbox_idempotent ON iu_core.event_outbox (event_type, event_subject_ref, idempotency_key)
  WHERE idempotency_key IS NOT NULL AND released_from IS NULL;
CREATE UNIQUE INDEX idx_event_outbox_released_from ON iu_core.event_outbox (released_from) WHERE released_from IS NOT NULL;
-- Late commits are found by their transaction; held rows cost the worker nothing.
CREATE INDEX idx_event_outbox_xid ON iu_core.event_outbox (xid, id) WHERE delivery_lane <> 'held';
CREATE INDEX idx_event_outbox_held ON iu_core.event_outbox (id) WHERE delivery_lane = 'held';
CREATE INDEX idx_event_outbox_held_xid ON iu_core.event_outbox (xid, id) WHERE delivery_lane = 'held';
COMMENT ON TABLE iu_core.event_outbox IS 'Every change as an event, written in the transaction of the change; append-only';
COMMENT ON COLUMN iu_core.event_outbox.xid IS 'the top-level transaction that wrote the row; the worker''s window is over these';
COMMENT ON COLUMN iu_core.event_outbox.id IS 'identity, which is also the order of writing';
COMMENT ON COLUMN iu_core.event_outbox.idempotency_key IS 'the caller''s key on an immediate type; null on a delayed one';
COMMENT ON COLUMN iu_core.event_outbox.bucket IS '0 to 15, from the subject; a worker cursor owns a range of buckets';
COMMENT ON COLUMN iu_core.event_outbox.released_from IS 'the held row that this one releases';
