SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
DROP FUNCTION iu_core.fn_iu_import_unchanged(text[],text[],text);
