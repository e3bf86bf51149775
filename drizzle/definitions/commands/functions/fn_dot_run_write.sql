-- requires: dot_iu_command, dot_iu_run_text, fn_dot_params_kept, fn_dot_receipt_kept, fn_dot_texts_left_out, dot_iu_command_run, dot_iu_command_seal, dot_iu_command_unsealed, iu_core
-- The only INSERT into the ledger. p_outcome is what a handler returned. What the caller is told has the texts that they gave; the row has not.
CREATE FUNCTION iu_core.fn_dot_run_write(p_run iu_core.dot_iu_command_run, p_told jsonb, p_outcome jsonb DEFAULT '{}')
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_id constant bigint := nextval('iu_core.dot_iu_command_run_id_seq');
  v_finished constant timestamptz := clock_timestamp();
  v_objects constant jsonb := coalesce(p_outcome -> 'objects', '[]');
  v_code constant text := CASE WHEN p_told ->> 'status' = 'failed' THEN 'internal' ELSE fn_dot_refusal_code(p_told ->> 'sqlstate') END;
  v_receipt jsonb;
  v_kept jsonb;
  v_inverse jsonb;
  v_texts jsonb;                   -- what an undo puts back and the ledger does not keep
  v_head record;
BEGIN
  SELECT s.seal_no, s.chain_digest INTO v_head FROM dot_iu_command_seal AS s ORDER BY s.seal_no DESC LIMIT 1;
  v_receipt := jsonb_strip_nulls(jsonb_build_object(
    'run', v_id, 'command', (p_run).command_code, 'mode', (p_run).mode, 'actor', (p_run).actor, 'reason', (p_run).reason, 'params', (p_run).params,
    'code', v_code, 'plan_digest', encode((p_run).plan_digest, 'hex'), 'plan_run', (p_run).plan_run_id, 'target_run', (p_run).target_run_id,
    'started_at', (p_run).started_at, 'finished_at', v_finished)) || jsonb_strip_nulls(p_told - 'sqlstate' - 'given');
  IF p_told ->> 'status' = 'failed' THEN
    -- What broke inside is for the ledger's reader and the log, not for the caller.
    v_receipt := v_receipt - 'more' - 'hint' - 'field' || '{"detail": "Something went wrong inside; nothing was changed."}';
  ELSIF p_told ->> 'status' IN ('planned', 'succeeded') THEN
    v_receipt := v_receipt || jsonb_build_object(
      'objects', (SELECT coalesce(jsonb_agg(o ORDER BY n), '[]') FROM jsonb_array_elements(v_objects) WITH ORDINALITY AS x(o, n) WHERE n <= 200),
      'counts', (SELECT jsonb_build_object('create', count(*) FILTER (WHERE o ->> 'change' = 'create'), 'update', count(*) FILTER (WHERE o ->> 'change' = 'update'),
                                           'delete', count(*) FILTER (WHERE o ->> 'change' = 'delete')) FROM jsonb_array_elements(v_objects) AS o),
      'before_digest', encode((p_run).state_digest, 'hex'),
      'after_digest', encode(sha256(convert_to(jsonb_path_query_array(v_objects, '$[*].after')::text, 'UTF8')), 'hex'),
      'result', coalesce(p_outcome -> 'result', '{}'), 'notes', coalesce(p_outcome -> 'notes', '[]'), 'checks', coalesce(p_outcome -> 'checks', '[]'),
      'inverse', coalesce(p_outcome -> 'inverse', 'null'))
      || CASE WHEN coalesce(p_outcome -> 'inverse', 'null') = 'null' THEN jsonb_build_object('irreversible', coalesce(p_outcome ->> 'irreversible', 'It cannot be undone.')) ELSE '{}' END
      -- What came of it, where that is not what it was for: the first line of a plan as of a receipt.
      || CASE WHEN p_outcome ? 'outcome' THEN jsonb_strip_nulls(jsonb_build_object('outcome', p_outcome -> 'outcome' -> 'code', 'headline', p_outcome -> 'outcome' -> CASE (p_run).mode WHEN 'plan' THEN 'would' ELSE 'did' END)) ELSE '{}' END
      || CASE WHEN (p_run).mode = 'plan' THEN jsonb_build_object('expires_at', v_finished + interval '1 hour') ELSE '{}' END;
  END IF;
  SELECT fn_dot_params_kept(c, v_receipt -> 'inverse' -> 'params') INTO v_inverse FROM dot_iu_command AS c WHERE c.command_code = v_receipt -> 'inverse' ->> 'command';
  v_kept := fn_dot_receipt_kept(v_receipt, v_inverse)
    || CASE WHEN p_told ? 'given' THEN fn_dot_texts_left_out(jsonb_strip_nulls(jsonb_build_object('field', v_receipt -> 'field', 'detail', v_receipt -> 'detail', 'more', v_receipt -> 'more', 'hint', v_receipt -> 'hint', 'errors', v_receipt -> 'errors',
         'fault', CASE WHEN p_told ->> 'status' = 'failed' THEN jsonb_build_object('sqlstate', p_told -> 'sqlstate', 'message', p_told -> 'detail') END)), p_told -> 'given', (p_run).params) ELSE '{}' END;
  IF v_kept ? 'fault' THEN
    v_kept := jsonb_set(v_kept, '{fault,message}', to_jsonb(left(v_kept -> 'fault' ->> 'message', 300)));
  END IF;
  INSERT INTO dot_iu_command_run (id, command_code, mode, status, code, actor, actor_kind, reason, params, param_digest, state_digest, plan_digest, plan_run_id, target_run_id,
                                  idempotency_key, object_refs, event_count, event_from, event_to, frozen, receipt, started_at, finished_at, head_no, head_digest, outcome)
  OVERRIDING SYSTEM VALUE
  VALUES (v_id, (p_run).command_code, (p_run).mode, p_told ->> 'status', v_code, (p_run).actor, (p_run).actor_kind, (p_run).reason, (p_run).params, (p_run).param_digest,
          (p_run).state_digest, (p_run).plan_digest, (p_run).plan_run_id, (p_run).target_run_id, (p_run).idempotency_key, (p_run).object_refs, (p_run).event_count, (p_run).event_from, (p_run).event_to,
          (p_run).frozen, v_kept, (p_run).started_at, v_finished, v_head.seal_no, v_head.chain_digest, v_receipt ->> 'outcome');
  IF p_told ->> 'status' = 'succeeded' THEN
    v_texts := (SELECT jsonb_object_agg(key, value) FROM jsonb_each(CASE WHEN v_inverse IS NOT NULL THEN v_receipt -> 'inverse' -> 'params' ELSE '{}' END) WHERE value <> v_inverse -> key);
    -- Not touched without need: a gate is closed and a route disabled though the table is gone.
    IF v_texts IS NOT NULL THEN
      INSERT INTO dot_iu_run_text (run_id, params) VALUES (v_id, v_texts);
    END IF;
    IF (p_run).mode = 'rollback' THEN
      DELETE FROM dot_iu_run_text WHERE run_id = (p_run).target_run_id;
    END IF;
  END IF;
  INSERT INTO dot_iu_command_unsealed (run_id) VALUES (v_id);
  -- Told once, kept nowhere.
  RETURN v_receipt || CASE WHEN (p_run).mode <> 'plan' AND p_outcome ? 'secret' THEN jsonb_build_object('secret', p_outcome -> 'secret') ELSE '{}' END;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_run_write(iu_core.dot_iu_command_run, jsonb, jsonb) IS 'Writes a run into the ledger and returns its receipt';
REVOKE ALL ON FUNCTION iu_core.fn_dot_run_write(iu_core.dot_iu_command_run, jsonb, jsonb) FROM PUBLIC;
