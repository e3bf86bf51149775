-- The one schema of the product. Roles are cluster-wide: `iu db bootstrap` makes them, no unit does.
CREATE SCHEMA iu_core;
COMMENT ON SCHEMA iu_core IS 'IU Core: governed text, its outbox, its route worker. Only functions write here.';
GRANT USAGE ON SCHEMA iu_core TO iu_reader, iu_console, iu_emitter, iu_worker, iu_operator, iu_approver;
