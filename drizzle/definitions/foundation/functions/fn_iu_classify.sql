-- requires: iu_vocabulary
CREATE FUNCTION iu_core.fn_iu_classify(p_term_class text, p_terms text[], p_field text)
RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unknown text;
BEGIN
  SELECT coalesce(t, 'null') INTO v_unknown
  FROM (SELECT DISTINCT t FROM unnest(p_terms) AS t) AS given
  WHERE NOT EXISTS (SELECT FROM iu_vocabulary v WHERE v.term_class = p_term_class AND v.term = given.t)
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '%: % is not a known %', p_field, left(v_unknown, 80), p_term_class
      USING ERRCODE = 'IU002', COLUMN = p_field,
            HINT = 'Use one of: ' || coalesce((SELECT string_agg(term, ', ' ORDER BY term) FROM iu_vocabulary WHERE term_class = p_term_class), '(none registered)');
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_classify(text, text[], text) IS 'Raises IU002 (invalid_parameter) naming p_field when a term is not in the vocabulary';
REVOKE ALL ON FUNCTION iu_core.fn_iu_classify(text, text[], text) FROM PUBLIC;
