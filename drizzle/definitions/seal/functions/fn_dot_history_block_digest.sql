-- requires: dot_iu_history_block
CREATE FUNCTION iu_core.fn_dot_history_block_digest(p_block iu_core.dot_iu_history_block)
RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT sha256(convert_to(jsonb_build_array(1, (p_block).what, (p_block).columns, (p_block).row_keys, extract(epoch FROM (p_block).written_after), (p_block).system_identifier,
                                             extract(epoch FROM (p_block).sealed_at))::text, 'UTF8')
                || (SELECT string_agg(d, ''::bytea ORDER BY n) FROM unnest((p_block).row_digests) WITH ORDINALITY AS u(d, n)))
$$;
COMMENT ON FUNCTION iu_core.fn_dot_history_block_digest(iu_core.dot_iu_history_block) IS 'SHA-256 over one block of history, form 1';
REVOKE ALL ON FUNCTION iu_core.fn_dot_history_block_digest(iu_core.dot_iu_history_block) FROM PUBLIC;
