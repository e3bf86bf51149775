-- requires: iu_core
-- A row lives only inside the dispatcher's call: it is written before the handler and removed after it,
-- in one transaction, so no other ever sees it. A setting could be forged by whoever may set one.
CREATE TABLE iu_core.dot_iu_acting (
  xid xid8 CONSTRAINT dot_iu_acting_pkey PRIMARY KEY,
  actor text NOT NULL
) WITH (autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE iu_core.dot_iu_acting IS 'Who the command under way acts for, by its transaction; empty for everybody else';
