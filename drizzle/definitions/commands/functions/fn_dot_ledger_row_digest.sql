-- requires: dot_iu_command_run, iu_core
-- Named columns in a fixed order and form: a column that is added later does not change old digests, nor
-- does the session's time zone. Form 2 has the head of the chain that the row stands on, and the outcome.
CREATE FUNCTION iu_core.fn_dot_ledger_row_digest(p_run iu_core.dot_iu_command_run)
RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT sha256(convert_to(jsonb_build_array(1, (p_run).id, (p_run).command_code, (p_run).mode, (p_run).status, (p_run).code, (p_run).actor, (p_run).actor_kind, (p_run).reason, (p_run).params,
    encode((p_run).param_digest, 'hex'), encode((p_run).state_digest, 'hex'), encode((p_run).plan_digest, 'hex'), (p_run).plan_run_id, (p_run).target_run_id, (p_run).idempotency_key,
    (p_run).object_refs, (p_run).event_count, (p_run).event_from, (p_run).event_to, (p_run).xid::text, (p_run).frozen, (p_run).receipt,
    extract(epoch FROM (p_run).started_at), extract(epoch FROM (p_run).finished_at))::text
    || CASE WHEN num_nonnulls((p_run).head_no, (p_run).head_digest, (p_run).outcome) = 0 THEN '' ELSE jsonb_build_array(2, (p_run).head_no, encode((p_run).head_digest, 'hex'), (p_run).outcome)::text END, 'UTF8'))
$$;
COMMENT ON FUNCTION iu_core.fn_dot_ledger_row_digest(iu_core.dot_iu_command_run) IS 'SHA-256 over one row of the ledger, form 1 or 2';
REVOKE ALL ON FUNCTION iu_core.fn_dot_ledger_row_digest(iu_core.dot_iu_command_run) FROM PUBLIC;
