-- requires: iu_vocabulary
CREATE FUNCTION iu_core.fn_iu_vocabulary_register(p_term_class text, p_terms jsonb)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  INSERT INTO iu_vocabulary (term_class, term, description)
  SELECT p_term_class, key, value FROM jsonb_each_text(p_terms)
  ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description
$$;
COMMENT ON FUNCTION iu_core.fn_iu_vocabulary_register(text, jsonb) IS 'Registers or re-describes the terms of a class: {"term": "description"}';
REVOKE ALL ON FUNCTION iu_core.fn_iu_vocabulary_register(text, jsonb) FROM PUBLIC;
