-- requires: dot_iu_command_run, iu_core
CREATE TABLE iu_core.dot_iu_command_seal (
  seal_no bigint CONSTRAINT dot_iu_command_seal_pkey PRIMARY KEY,
  run_id bigint CONSTRAINT dot_iu_command_seal_run_key UNIQUE CONSTRAINT dot_iu_command_seal_run_fkey REFERENCES iu_core.dot_iu_command_run (id),
  chain_digest bytea NOT NULL,
  sealed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT dot_iu_command_seal_no_chk CHECK (seal_no > 0)
);
CREATE INDEX dot_iu_command_seal_digest_idx ON iu_core.dot_iu_command_seal (chain_digest);
COMMENT ON TABLE iu_core.dot_iu_command_seal IS 'The chain over the ledger and the history: each link is SHA-256 over the one before and its row';
COMMENT ON COLUMN iu_core.dot_iu_command_seal.seal_no IS '1, 2, 3 … without a gap';
COMMENT ON COLUMN iu_core.dot_iu_command_seal.run_id IS 'the ledger''s row; null = a block of history, dot_iu_history_block';
