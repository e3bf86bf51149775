-- requires: dot_iu_command_run, dot_iu_command_seal, dot_iu_command_unsealed, dot_iu_history_state, iu_core
CREATE FUNCTION iu_core.fn_dot_ledger_seal(p_limit integer DEFAULT 1000)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_no bigint;
  v_digest bytea;
  v_run dot_iu_command_run;
  v_sealed integer := 0;
BEGIN
  IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 100000 THEN
    RAISE EXCEPTION 'limit: % is not between 1 and 100000', coalesce(p_limit::text, 'null') USING ERRCODE = 'IU002', COLUMN = 'limit';
  END IF;
  -- One sealer at a time; another has nothing to wait for.
  IF NOT EXISTS (SELECT FROM dot_iu_command_unsealed) OR NOT pg_try_advisory_xact_lock(hashtext('iu_core.ledger_seal')) THEN
    RETURN 0;
  END IF;
  SELECT seal_no, chain_digest INTO v_no, v_digest FROM dot_iu_command_seal ORDER BY seal_no DESC LIMIT 1;
  v_no := coalesce(v_no, 0);
  v_digest := coalesce(v_digest, sha256('iu ledger 1'));
  FOR v_run IN
    WITH taken AS (
      DELETE FROM dot_iu_command_unsealed WHERE run_id IN (SELECT run_id FROM dot_iu_command_unsealed ORDER BY run_id LIMIT p_limit) RETURNING run_id
    )
    SELECT r.* FROM taken JOIN dot_iu_command_run AS r ON r.id = taken.run_id ORDER BY r.id
  LOOP
    v_no := v_no + 1;
    v_sealed := v_sealed + 1;
    v_digest := sha256(v_digest || fn_dot_ledger_row_digest(v_run));
    INSERT INTO dot_iu_command_seal (seal_no, run_id, chain_digest) VALUES (v_no, v_run.id, v_digest);
  END LOOP;
  UPDATE dot_iu_history_state SET head_no = v_no, head_digest = v_digest;
  RETURN v_sealed;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_ledger_seal(integer) IS 'Chains up to p_limit committed ledger rows and returns how many; 0 when there is none, or another is sealing';
REVOKE ALL ON FUNCTION iu_core.fn_dot_ledger_seal(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_ledger_seal(integer) TO iu_console, iu_worker, iu_operator, iu_approver;
