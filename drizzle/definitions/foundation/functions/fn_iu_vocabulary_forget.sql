-- requires: iu_vocabulary
CREATE FUNCTION iu_core.fn_iu_vocabulary_forget(p_term_class text)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ DELETE FROM iu_vocabulary WHERE term_class = p_term_class $$;
COMMENT ON FUNCTION iu_core.fn_iu_vocabulary_forget(text) IS 'Removes a class of terms: the rollback of its registration';
REVOKE ALL ON FUNCTION iu_core.fn_iu_vocabulary_forget(text) FROM PUBLIC;
