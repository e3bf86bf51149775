-- requires: iu_core
-- A message may quote what was given or the beginning of it, as it is or in the spelling of JSON. Shorter ones are words of any message: text, retired.
CREATE FUNCTION iu_core.fn_dot_texts_left_out(p_told jsonb, p_given jsonb, p_kept jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_told text := p_told::text;
  v_part text;
BEGIN
  -- What is told is JSON itself, so each is looked for as it is spelled there; the longest first.
  FOR v_part IN
    SELECT DISTINCT ON (length(part), part) part
    FROM (SELECT t #>> '{}' AS text FROM jsonb_path_query(p_given, 'strict $.** ? (@.type() == "string" || @.type() == "number")') AS t
          -- A name in an object of the caller's is a text as well.
          UNION SELECT t #>> '{}' FROM jsonb_path_query(p_given, 'strict $.** ? (@.type() == "object").keyvalue().key') AS t
          EXCEPT SELECT t #>> '{}' FROM jsonb_path_query(p_kept, 'strict $.** ? (@.type() == "string" || @.type() == "number")') AS t
          EXCEPT SELECT t #>> '{}' FROM jsonb_path_query(p_kept, 'lax $.keyvalue().key') AS t) AS left_out
    CROSS JOIN LATERAL unnest(ARRAY[text, to_jsonb(text)::text]) AS g(given)
    CROSS JOIN LATERAL unnest(ARRAY[length(given), 300, 200, 120, 80, 60, 40]) AS l(n)
    CROSS JOIN LATERAL (SELECT to_jsonb(left(given, n))::text) AS j(spelled)
    CROSS JOIN LATERAL (SELECT substr(spelled, 2, length(spelled) - 2)) AS p(part)
    WHERE n <= length(given) AND length(text) >= 8 AND position(part IN v_told) > 0
    ORDER BY length(part) DESC, part
  LOOP
    v_told := replace(v_told, v_part, '…');
  END LOOP;
  RETURN v_told::jsonb;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_texts_left_out(jsonb, jsonb, jsonb) IS 'What is told of a refusal or a fault, without the texts that were given and are not kept';
REVOKE ALL ON FUNCTION iu_core.fn_dot_texts_left_out(jsonb, jsonb, jsonb) FROM PUBLIC;
