-- requires: fn_iu_slug
CREATE FUNCTION iu_core.fn_iu_piece_address(p_collection_address text, p_piece_no integer, p_title text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT p_collection_address || '/' || lpad(p_piece_no::text, greatest(4, length(p_piece_no::text)), '0')
      || coalesce('-' || nullif(btrim(left(fn_iu_slug(left(p_title, 200)), 40), '-'), ''), '')
$$;
COMMENT ON FUNCTION iu_core.fn_iu_piece_address(text, integer, text) IS 'The address of a piece at its birth: the collection''s, a number never used twice in it, and the title''s first words';
REVOKE ALL ON FUNCTION iu_core.fn_iu_piece_address(text, integer, text) FROM PUBLIC;
