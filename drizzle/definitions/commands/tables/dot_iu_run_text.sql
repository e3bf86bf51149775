-- requires: dot_iu_command_run, iu_core
-- Beside the ledger and not in it: no chain stands on it, and a text that must go can be deleted. Its run cannot be undone then.
CREATE TABLE iu_core.dot_iu_run_text (
  run_id bigint CONSTRAINT dot_iu_run_text_pkey PRIMARY KEY CONSTRAINT dot_iu_run_text_run_fkey REFERENCES iu_core.dot_iu_command_run (id),
  params jsonb NOT NULL
);
COMMENT ON TABLE iu_core.dot_iu_run_text IS 'Texts that the undoing of a run puts back and no version or revision has: titles, separators, descriptions, targets; gone when the run is undone';
