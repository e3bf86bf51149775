-- requires: dot_iu_command_seal
-- A digest a row and not one a block: so the first row that differs can be named, and what stays in a block is proved
-- when the rest of it went into an archive.
CREATE TABLE iu_core.dot_iu_history_block (
  seal_no bigint CONSTRAINT dot_iu_history_block_pkey PRIMARY KEY CONSTRAINT dot_iu_history_block_seal_fkey REFERENCES iu_core.dot_iu_command_seal (seal_no),
  what text COLLATE "C" NOT NULL,
  columns text COLLATE "C" NOT NULL,
  row_keys text[] NOT NULL,
  row_digests bytea[] NOT NULL,
  written_after timestamptz,
  system_identifier bigint NOT NULL,
  first_id bigint NOT NULL,
  last_id bigint NOT NULL,
  sealed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT dot_iu_history_block_rows_chk CHECK (cardinality(row_keys) > 0 AND cardinality(row_keys) = cardinality(row_digests))
);
CREATE INDEX dot_iu_history_block_last_idx ON iu_core.dot_iu_history_block (what, last_id);
COMMENT ON TABLE iu_core.dot_iu_history_block IS 'Blocks of history in the ledger''s chain: which rows there were, and what each was';
COMMENT ON COLUMN iu_core.dot_iu_history_block.what IS 'the kind of row, as fn_dot_history_kinds names it';
COMMENT ON COLUMN iu_core.dot_iu_history_block.columns IS 'what is digested of each row: a column that is added later changes no old digest';
COMMENT ON COLUMN iu_core.dot_iu_history_block.row_digests IS 'the first half of SHA-256 over each row''s text';
COMMENT ON COLUMN iu_core.dot_iu_history_block.written_after IS 'no row of it can be older; null = not known';
COMMENT ON COLUMN iu_core.dot_iu_history_block.system_identifier IS 'the cluster that it was sealed in';
COMMENT ON COLUMN iu_core.dot_iu_history_block.first_id IS 'the least leading number of its keys';
COMMENT ON COLUMN iu_core.dot_iu_history_block.last_id IS 'the greatest leading number of its keys';
