-- requires: iu_core
-- Events are found as a worker's cursor finds them, by what became visible between two snapshots: whoever emits pays nothing.
CREATE TABLE iu_core.dot_iu_history_state (
  is_the_one boolean NOT NULL DEFAULT true CONSTRAINT dot_iu_history_state_pkey PRIMARY KEY,
  head_no bigint NOT NULL DEFAULT 0,
  head_digest bytea,
  system_identifier bigint,
  snap_from pg_snapshot NOT NULL DEFAULT '1:1:',
  floor_id bigint NOT NULL DEFAULT 0,
  began_at timestamptz,
  snap_to pg_snapshot,
  floor_to_id bigint NOT NULL DEFAULT 0,
  trusted_id bigint NOT NULL DEFAULT 0,
  last_id bigint NOT NULL DEFAULT 0,
  next_at timestamptz,
  again_id bigint NOT NULL DEFAULT 0,
  CONSTRAINT dot_iu_history_state_one_chk CHECK (is_the_one)
) WITH (fillfactor = 50);
COMMENT ON TABLE iu_core.dot_iu_history_state IS 'One row: the head of the chain, and how far the events are sealed';
COMMENT ON COLUMN iu_core.dot_iu_history_state.head_no IS 'the newest link: a chain that ends before it was cut off';
COMMENT ON COLUMN iu_core.dot_iu_history_state.snap_from IS 'whatever it sees is sealed';
COMMENT ON COLUMN iu_core.dot_iu_history_state.floor_id IS 'events of transactions that snap_from does not know have ids above it';
COMMENT ON COLUMN iu_core.dot_iu_history_state.began_at IS 'when snap_from was taken, in this cluster; null = not known';
COMMENT ON COLUMN iu_core.dot_iu_history_state.snap_to IS 'the end of the window being paged; null between windows';
COMMENT ON COLUMN iu_core.dot_iu_history_state.trusted_id IS 'events up to here are taken whatever their transaction id: it may be another cluster''s';
COMMENT ON COLUMN iu_core.dot_iu_history_state.next_at IS 'when snap_to was taken';
COMMENT ON COLUMN iu_core.dot_iu_history_state.again_id IS 'events up to here, and their attempts, may come once more after a restart: what is sealed is passed over';
