-- requires: iu_core, trg_iu_out_lifecycle, trg_iu_out_unit, trg_iu_out_version
CREATE VIEW iu_core.v_iu_emitting_trigger AS
SELECT t.tgname::text AS trigger, c.relname::text AS relation, t.tgenabled = 'O' AS enabled
FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'iu_core' AND NOT t.tgisinternal AND t.tgname IN ('trg_iu_out_unit', 'trg_iu_out_version', 'trg_iu_out_lifecycle');
COMMENT ON VIEW iu_core.v_iu_emitting_trigger IS 'The triggers that emit the unit family, and whether they are on: rung L3 of the disable ladder';
GRANT SELECT ON iu_core.v_iu_emitting_trigger TO iu_reader;
