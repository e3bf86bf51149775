SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
SELECT iu_core.fn_iu_refuse_if_history('information_unit', 'unit_version', 'iu_tree_path');
DROP TRIGGER trg_unit_version_append_only ON iu_core.unit_version;
DROP FUNCTION iu_core.fn_iu_create(text,text,text,text,text);
DROP FUNCTION iu_core.fn_iu_create_batch(text[],text[],text[],text[],text);
DROP TABLE iu_core.iu_tree_path;
DROP TABLE iu_core.unit_version;
DROP TABLE iu_core.information_unit;
DROP FUNCTION iu_core.fn_iu_is_address(text);
