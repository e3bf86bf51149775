-- requires: iu_collection
CREATE FUNCTION iu_core.fn_dot_loss(p_before iu_core.iu_collection, p_pieces_removed integer, p_bytes bigint)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  -- Removed pieces may be many and short, and one piece may be all of a document: so both are counted.
  SELECT CASE WHEN 5 * p_pieces_removed > (p_before).piece_count OR 5 * ((p_before).byte_length - p_bytes) > (p_before).byte_length
    THEN jsonb_build_array(jsonb_build_object('because', 'removals', 'what', format('It removes %s of the %s pieces of %s: %s bytes become %s.',
      p_pieces_removed, (p_before).piece_count, (p_before).canonical_address, (p_before).byte_length, p_bytes) || CASE WHEN p_bytes = 0 THEN ' The document will be empty.' ELSE '' END))
    ELSE '[]' END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_loss(iu_core.iu_collection, integer, bigint) IS 'Why a change asks for a plan and a reason: it removes more than a fifth of a document, by its pieces or its bytes; an empty list where it does not';
REVOKE ALL ON FUNCTION iu_core.fn_dot_loss(iu_core.iu_collection, integer, bigint) FROM PUBLIC;
