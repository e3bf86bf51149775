-- requires: iu_core
-- A row lives only inside the statement that writes it, and stays written until its transaction ends: whoever writes the
-- same one waits until then. An advisory lock could be taken by any login that guesses its number.
CREATE TABLE iu_core.iu_lock (
  name_digest bytea CONSTRAINT iu_lock_pkey PRIMARY KEY
) WITH (autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE iu_core.iu_lock IS 'What takes turns, by the SHA-256 of its name; empty for everybody to see';
