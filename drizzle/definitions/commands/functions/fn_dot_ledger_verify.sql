-- requires: dot_iu_command_run, dot_iu_command_seal, dot_iu_command_unsealed, iu_core
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
BEGIN
  problems := '{}';
  IF p_head IS NOT NULL AND p_head !~ '^[0-9a-f]{64}$' THEN
    RAISE EXCEPTION 'head: "%" is no SHA-256 in hex', left(p_head, 80) USING ERRCODE = 'IU002', COLUMN = 'head';
  END IF;
  FOR v_link IN SELECT s.seal_no, s.run_id, s.chain_digest, r AS run FROM dot_iu_command_seal AS s LEFT JOIN dot_iu_command_run AS r ON r.id = s.run_id ORDER BY s.seal_no LOOP
    v_no := v_no + 1;
    IF v_link.seal_no <> v_no THEN
      problems := problems || format('link %s is missing', v_no);
      EXIT;
    ELSIF (v_link.run).id IS NULL THEN
      problems := problems || format('link %s: run %s is gone from the ledger', v_no, v_link.run_id);
      EXIT;
    END IF;
    v_digest := sha256(v_digest || fn_dot_ledger_row_digest(v_link.run));
    IF v_digest <> v_link.chain_digest THEN
      problems := problems || format('link %s: run %s is not what was sealed', v_no, v_link.run_id);
      EXIT;
    END IF;
  END LOOP;
  SELECT count(*) INTO rows_sealed FROM dot_iu_command_seal;
  SELECT count(*) INTO rows_unsealed FROM dot_iu_command_unsealed;
  SELECT count(*) INTO v_n FROM dot_iu_command_run AS r
  WHERE NOT EXISTS (SELECT FROM dot_iu_command_seal AS s WHERE s.run_id = r.id) AND NOT EXISTS (SELECT FROM dot_iu_command_unsealed AS u WHERE u.run_id = r.id);
  IF v_n > 0 THEN
    problems := problems || format('%s runs are neither sealed nor waiting for it', v_n);
  END IF;
  SELECT encode(chain_digest, 'hex'), seal_no INTO head, head_no FROM dot_iu_command_seal ORDER BY seal_no DESC LIMIT 1;
  IF p_head IS NOT NULL AND NOT EXISTS (SELECT FROM dot_iu_command_seal WHERE chain_digest = decode(p_head, 'hex')) THEN
    problems := problems || format('the head %s… is not in this chain: rows were removed or written anew since it was exported', left(p_head, 12));
  END IF;
  ok := cardinality(problems) = 0;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_ledger_verify(text) IS 'Walks the chain from its first link, computing each digest anew, and looks for a head that was exported earlier: ok, or what is wrong. IU002 for a head that is no digest';
REVOKE ALL ON FUNCTION iu_core.fn_dot_ledger_verify(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_ledger_verify(text) TO iu_reader;
