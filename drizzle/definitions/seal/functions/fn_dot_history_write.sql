-- requires: dot_iu_history_block, dot_iu_history_state, fn_dot_history_block_digest, fn_dot_history_kinds
-- The text of a row is what its digest is over: the settings that change how a value is written are set here and where it is verified.
CREATE FUNCTION iu_core.fn_dot_history_write(p_what text, p_keys text[], p_event_ids bigint[], p_written_after timestamptz, p_is_again boolean, p_columns text DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET TimeZone = 'UTC'
SET DateStyle = 'ISO, MDY'
SET bytea_output = 'hex'
SET extra_float_digits = 1
AS $$
DECLARE
  v_most constant integer := 4096;
  v_given constant integer := coalesce(cardinality(p_keys), cardinality(p_event_ids));
  v_half constant integer := v_given / 2;
  v_kind record;
  v_from text;
  v_first bigint;
  v_last bigint;
  v_known text[] := '{}';
  v_part record;
  v_block dot_iu_history_block;
  v_state dot_iu_history_state;
  v_written integer := 0;
BEGIN
  IF v_given = 0 THEN
    RETURN 0;
  END IF;
  SELECT k.relation, coalesce(p_columns, k.columns) AS columns, k.key_columns[1] AS lead,
         (SELECT string_agg('t.' || c, ', ' ORDER BY n) FROM unnest(k.key_columns) WITH ORDINALITY AS u(c, n)) AS key,
         (SELECT string_agg(format('t.%I = split_part(g.key, ''/'', %s)::%s', c, n, y), ' AND ' ORDER BY n) FROM unnest(k.key_columns, k.key_types) WITH ORDINALITY AS u(c, y, n)) AS is_key
  INTO STRICT v_kind FROM fn_dot_history_kinds() AS k WHERE k.what = p_what;
  v_from := CASE WHEN p_keys IS NOT NULL THEN format('unnest($1) AS g(key) CROSS JOIN LATERAL (SELECT * FROM %I AS t WHERE %s OFFSET 0) AS t', v_kind.relation, v_kind.is_key)
                 ELSE format('unnest($2) AS g(id) CROSS JOIN LATERAL (SELECT * FROM %I AS t WHERE t.%s = g.id%s OFFSET 0) AS t', v_kind.relation,
                             CASE p_what WHEN 'events' THEN 'id' ELSE 'event_id' END, CASE p_what WHEN 'attempts' THEN ' AND t.worker_code <> ''replay''' ELSE '' END) END;
  IF p_is_again THEN
    EXECUTE format('SELECT min(t.%I), max(t.%I) FROM %s', v_kind.lead, v_kind.lead, v_from) INTO v_first, v_last USING p_keys, p_event_ids;
    v_known := ARRAY(SELECT k FROM dot_iu_history_block AS b CROSS JOIN LATERAL unnest(b.row_keys) AS k WHERE b.what = p_what AND b.last_id >= v_first AND b.first_id <= v_last);
  END IF;
  SELECT * INTO STRICT v_state FROM dot_iu_history_state;
  FOR v_part IN EXECUTE format(
    'SELECT array_agg(key ORDER BY n) AS row_keys, array_agg(digest ORDER BY n) AS row_digests, min(lead) AS first_id, max(lead) AS last_id
     FROM (SELECT t.%I AS lead, concat_ws(''/'', %s) AS key, substr(sha256(convert_to(ROW(%s)::text, ''UTF8'')), 1, 16) AS digest, row_number() OVER (ORDER BY %s) AS n
           FROM %s WHERE concat_ws(''/'', %s) <> ALL ($3)) AS r
     GROUP BY (n - 1) / %s ORDER BY min(n)', v_kind.lead, v_kind.key, v_kind.columns, v_kind.key, v_from, v_kind.key, v_most)
    USING p_keys, p_event_ids, v_known
  LOOP
    v_block := ROW(v_state.head_no + 1, p_what, v_kind.columns, v_part.row_keys, v_part.row_digests, p_written_after, fn_iu_system_identifier(), v_part.first_id, v_part.last_id, clock_timestamp());
    v_state.head_no := v_block.seal_no;
    v_state.head_digest := sha256(coalesce(v_state.head_digest, sha256('iu ledger 1')) || fn_dot_history_block_digest(v_block));
    INSERT INTO dot_iu_command_seal (seal_no, run_id, chain_digest, sealed_at) VALUES (v_block.seal_no, NULL, v_state.head_digest, v_block.sealed_at);
    INSERT INTO dot_iu_history_block SELECT v_block.*;
    v_written := v_written + cardinality(v_part.row_keys);
  END LOOP;
  UPDATE dot_iu_history_state SET head_no = v_state.head_no, head_digest = v_state.head_digest WHERE head_no < v_state.head_no;
  RETURN v_written;
EXCEPTION WHEN program_limit_exceeded OR out_of_memory THEN
  -- A payload from before numbers were bounded may be too long to be written out: it is found by halves, and sealed by its hash.
  IF v_given > 1 THEN
    RETURN fn_dot_history_write(p_what, p_keys[1:v_half], p_event_ids[1:v_half], p_written_after, p_is_again)
         + fn_dot_history_write(p_what, p_keys[v_half + 1:], p_event_ids[v_half + 1:], p_written_after, p_is_again);
  ELSIF p_columns IS NULL AND v_kind.columns LIKE '%t.payload%' THEN
    RETURN fn_dot_history_write(p_what, p_keys, p_event_ids, p_written_after, p_is_again, replace(v_kind.columns, 't.payload', 'jsonb_hash_extended(t.payload, 1)'));
  END IF;
  RAISE;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_history_write(text, text[], bigint[], timestamptz, boolean, text) IS 'Seals rows of a kind into the chain, in blocks: those with the keys, or those of the events; how many. The caller holds the chain''s lock';
REVOKE ALL ON FUNCTION iu_core.fn_dot_history_write(text, text[], bigint[], timestamptz, boolean, text) FROM PUBLIC;
