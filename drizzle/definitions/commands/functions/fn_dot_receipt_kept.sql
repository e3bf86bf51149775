-- requires: fn_dot_facts_kept, iu_core
CREATE FUNCTION iu_core.fn_dot_receipt_kept(p_receipt jsonb, p_inverse_kept jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT p_receipt
    || CASE WHEN p_receipt ? 'objects' THEN jsonb_build_object('objects', (
         SELECT coalesce(jsonb_agg(o || CASE WHEN o ? 'before' THEN jsonb_build_object('before', fn_dot_facts_kept(o -> 'before')) ELSE '{}' END
                                     || CASE WHEN o ? 'after' THEN jsonb_build_object('after', fn_dot_facts_kept(o -> 'after')) ELSE '{}' END ORDER BY n), '[]')
         FROM jsonb_array_elements(p_receipt -> 'objects') WITH ORDINALITY AS x(o, n))) ELSE '{}' END
    || CASE WHEN p_inverse_kept IS NULL THEN '{}' ELSE jsonb_build_object('inverse', (p_receipt -> 'inverse') || jsonb_build_object('params', p_inverse_kept)) END
    || CASE WHEN p_receipt ? 'result' THEN jsonb_build_object('result', fn_dot_facts_kept(p_receipt -> 'result')) ELSE '{}' END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_receipt_kept(jsonb, jsonb) IS 'A receipt as the ledger keeps it: the texts in it as digests';
REVOKE ALL ON FUNCTION iu_core.fn_dot_receipt_kept(jsonb, jsonb) FROM PUBLIC;
