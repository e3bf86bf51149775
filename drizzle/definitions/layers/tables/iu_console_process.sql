CREATE TABLE iu_core.iu_console_process (
  process_id uuid CONSTRAINT iu_console_process_pkey PRIMARY KEY,
  host text NOT NULL,
  pid integer NOT NULL,
  contract_unit text COLLATE "C" NOT NULL,
  contract_digest text COLLATE "C" NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
COMMENT ON TABLE iu_core.iu_console_process IS 'Consoles that run: each tells every few seconds that it lives and which schema it was built for, and takes its row away when it ends in order';
COMMENT ON COLUMN iu_core.iu_console_process.contract_unit IS 'the newest unit that it was built with';
COMMENT ON COLUMN iu_core.iu_console_process.contract_digest IS 'SHA-256 over the units that it was built with, as fn_iu_contract takes it over those that are applied';
