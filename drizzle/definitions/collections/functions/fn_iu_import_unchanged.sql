-- requires: fn_dot_command_blocked, fn_iu_who, iu_collection
-- One question for a whole folder. What the command would refuse is not answered here: the command itself says why, on record.
CREATE FUNCTION iu_core.fn_iu_import_unchanged(p_source_paths text[], p_digests text[], p_token text)
RETURNS TABLE (source_path text, canonical_address text, pieces integer, byte_length bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  -- Asked once, for all of them: it may compare the whole schema.
  WITH allowed AS MATERIALIZED (
    SELECT FROM fn_iu_who(p_token) AS w
    JOIN fn_dot_command_blocked(w.account_right) AS b ON b.command_code = 'dot_iu_import_text' AND b.code IS NULL AND w.scopes && ARRAY['*', b.command_code]
  )
  SELECT c.source_path, c.canonical_address, c.piece_count, c.byte_length
  FROM unnest(p_source_paths, p_digests) AS g(source_path, digest)
  JOIN iu_collection AS c ON c.source_path = g.source_path
  WHERE c.status = 'active' AND c.render_revision = c.revision AND (c.render_digest, c.source_digest) = (decode(g.digest, 'hex'), decode(g.digest, 'hex'))
    AND EXISTS (SELECT FROM allowed)
$$;
COMMENT ON FUNCTION iu_core.fn_iu_import_unchanged(text[], text[], text) IS 'Of these sources, with the SHA-256 of each text in hex: those that an import would leave as they are. None for somebody who may not import now. IU012 nobody';
REVOKE ALL ON FUNCTION iu_core.fn_iu_import_unchanged(text[], text[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_import_unchanged(text[], text[], text) TO iu_console, iu_operator, iu_approver;
