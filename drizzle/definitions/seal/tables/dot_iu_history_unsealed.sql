-- requires: iu_core
CREATE TABLE iu_core.dot_iu_history_unsealed (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT dot_iu_history_unsealed_pkey PRIMARY KEY,
  what text COLLATE "C" NOT NULL,
  row_keys text[],
  event_ids bigint[],
  is_again boolean NOT NULL DEFAULT false,
  CONSTRAINT dot_iu_history_unsealed_which_chk CHECK ((row_keys IS NULL) <> (event_ids IS NULL))
);
COMMENT ON TABLE iu_core.dot_iu_history_unsealed IS 'History that is not sealed yet, written in the transaction that writes the rows: a late commit waits for the next batch and none is passed over';
COMMENT ON COLUMN iu_core.dot_iu_history_unsealed.row_keys IS 'rows of the kind, by key';
COMMENT ON COLUMN iu_core.dot_iu_history_unsealed.event_ids IS 'events whose worker''s attempts and dead letters are to be sealed';
COMMENT ON COLUMN iu_core.dot_iu_history_unsealed.is_again IS 'some of it may be sealed already';
