-- requires: dot_iu_command_run, iu_core
CREATE TABLE iu_core.dot_iu_command_unsealed (
  run_id bigint CONSTRAINT dot_iu_command_unsealed_pkey PRIMARY KEY CONSTRAINT dot_iu_command_unsealed_run_fkey REFERENCES iu_core.dot_iu_command_run (id)
);
COMMENT ON TABLE iu_core.dot_iu_command_unsealed IS 'Ledger rows that the sealer has not chained yet: it takes what it sees, so a late commit waits for the next batch and none is passed over';
