CREATE FUNCTION iu_core.fn_iu_slug(p_text text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT btrim(regexp_replace(lower(p_text COLLATE "C"), '[^a-z0-9_]+', '-', 'g'), '-') $$;
COMMENT ON FUNCTION iu_core.fn_iu_slug(text) IS 'A text as one part of an address: a-z 0-9 _ with - for all else; may be empty';
REVOKE ALL ON FUNCTION iu_core.fn_iu_slug(text) FROM PUBLIC;
