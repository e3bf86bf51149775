-- requires: dot_iu_command_run, dot_iu_command_seal, dot_iu_command_unsealed, dot_iu_history_block, dot_iu_history_state, fn_dot_history_block_digest, iu_core
CREATE FUNCTION iu_core.fn_dot_ledger_verify(p_head text DEFAULT NULL)
RETURNS TABLE (ok boolean, problems text[], rows_sealed bigint, rows_unsealed bigint, head text, head_no bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_link record;
  v_digest bytea := sha256('iu ledger 1');
  v_no bigint := 0;
  v_n bigint;
  v_first bigint;
BEGIN
  problems := '{}';
  IF p_head IS NOT NULL AND p_head !~ '^[0-9a-f]{64}$' THEN
    RAISE EXCEPTION 'head: "%" is no SHA-256 in hex', left(p_head, 80) USING ERRCODE = 'IU002', COLUMN = 'head';
  END IF;
  FOR v_link IN SELECT s.seal_no, s.run_id, s.chain_digest, r AS run, b AS block
                FROM dot_iu_command_seal AS s LEFT JOIN dot_iu_command_run AS r ON r.id = s.run_id LEFT JOIN dot_iu_history_block AS b ON b.seal_no = s.seal_no ORDER BY s.seal_no LOOP
    v_no := v_no + 1;
    IF v_link.seal_no <> v_no THEN
      problems := problems || format('link %s is missing', v_no);
      EXIT;
    ELSIF v_link.run_id IS NOT NULL AND (v_link.run).id IS NULL THEN
      problems := problems || format('link %s: run %s is gone from the ledger', v_no, v_link.run_id);
      EXIT;
    ELSIF v_link.run_id IS NULL AND (v_link.block).seal_no IS NULL THEN
      problems := problems || format('link %s: its block of history is gone', v_no);
      EXIT;
    END IF;
    v_digest := sha256(v_digest || CASE WHEN v_link.run_id IS NULL THEN fn_dot_history_block_digest(v_link.block) ELSE fn_dot_ledger_row_digest(v_link.run) END);
    IF v_digest <> v_link.chain_digest THEN
      problems := problems || CASE WHEN v_link.run_id IS NULL THEN format('link %s: its block of %s is not what was sealed', v_no, (v_link.block).what)
                                   ELSE format('link %s: run %s is not what was sealed', v_no, v_link.run_id) END;
      EXIT;
    END IF;
  END LOOP;
  SELECT count(*) FILTER (WHERE s.run_id IS NOT NULL), encode((array_agg(s.chain_digest ORDER BY s.seal_no DESC))[1], 'hex'), max(s.seal_no) INTO rows_sealed, head, head_no FROM dot_iu_command_seal AS s;
  SELECT count(*) INTO rows_unsealed FROM dot_iu_command_unsealed;
  SELECT count(*) INTO v_n FROM dot_iu_command_run AS r
  WHERE NOT EXISTS (SELECT FROM dot_iu_command_seal AS s WHERE s.run_id = r.id) AND NOT EXISTS (SELECT FROM dot_iu_command_unsealed AS u WHERE u.run_id = r.id);
  IF v_n > 0 THEN
    problems := problems || format('%s runs are neither sealed nor waiting for it', v_n);
  END IF;
  -- An end that was cut off is told by whatever stands on it and was left: the sealer's own state, and every later run.
  SELECT t.head_no INTO v_n FROM dot_iu_history_state AS t
  WHERE t.head_no > 0 AND NOT EXISTS (SELECT FROM dot_iu_command_seal AS s WHERE s.seal_no = t.head_no AND s.chain_digest = t.head_digest);
  IF FOUND THEN
    problems := problems || format('link %s was the newest that was made, and is not in the chain: its end was cut off or written anew', v_n);
  ELSIF EXISTS (SELECT FROM dot_iu_command_seal AS s WHERE s.seal_no > (SELECT t.head_no FROM dot_iu_history_state AS t)) THEN
    problems := problems || format('link %s is newer than the newest that the sealer made', head_no);
  ELSIF NOT EXISTS (SELECT FROM dot_iu_history_state) THEN
    problems := problems || 'the sealer''s state is gone: nobody knows how long the chain was'::text;
  END IF;
  SELECT count(*), min(r.id) INTO v_n, v_first FROM dot_iu_command_run AS r
  WHERE r.head_no IS NOT NULL AND NOT EXISTS (SELECT FROM dot_iu_command_seal AS s WHERE s.seal_no = r.head_no AND s.chain_digest = r.head_digest);
  IF v_n > 0 THEN
    problems := problems || format('run %s%s stands on a link that is not in the chain: links were removed or written anew before it', v_first, CASE WHEN v_n > 1 THEN format(' (and %s more)', v_n - 1) ELSE '' END);
  END IF;
  SELECT count(*), min(r.id) INTO v_n, v_first FROM dot_iu_command_run AS r
  WHERE NOT EXISTS (SELECT FROM dot_iu_command_run AS p WHERE p.id = r.plan_run_id) AND r.plan_run_id IS NOT NULL
     OR NOT EXISTS (SELECT FROM dot_iu_command_run AS p WHERE p.id = r.target_run_id) AND r.target_run_id IS NOT NULL;
  IF v_n > 0 THEN
    problems := problems || format('run %s%s names a run that is gone from the ledger', v_first, CASE WHEN v_n > 1 THEN format(' (and %s more)', v_n - 1) ELSE '' END);
  END IF;
  IF p_head IS NOT NULL AND NOT EXISTS (SELECT FROM dot_iu_command_seal WHERE chain_digest = decode(p_head, 'hex')) THEN
    problems := problems || format('the head %s… is not in this chain: rows were removed or written anew since it was exported', left(p_head, 12));
  END IF;
  ok := cardinality(problems) = 0;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_ledger_verify(text) IS 'Walks the chain from its first link, computing each digest anew, looks for whatever stands on a link that is not there, and for a head that was exported earlier: ok, or what is wrong. The rows of history themselves are recounted by fn_dot_history_verify. IU002 for a head that is no digest';
REVOKE ALL ON FUNCTION iu_core.fn_dot_ledger_verify(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_ledger_verify(text) TO iu_reader;
