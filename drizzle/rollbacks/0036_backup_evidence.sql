SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
SELECT iu_core.fn_iu_refuse_if_history('iu_backup_evidence');
DROP TRIGGER trg_iu_backup_evidence_append_only ON iu_core.iu_backup_evidence;
DROP VIEW iu_core.v_iu_backup_evidence;
DROP FUNCTION iu_core.fn_dot_backup_record(jsonb,jsonb);
DROP TABLE iu_core.iu_backup_evidence;
