-- requires: iu_core, iu_route_dead_letter
CREATE FUNCTION iu_core.fn_dot_letter_object(p_before iu_core.iu_route_dead_letter)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_build_object('ref', 'dead_letter:' || d.id, 'change', 'update',
    'before', jsonb_build_object('status', (p_before).status, 'attempt', (p_before).attempt_no, 'failure', (p_before).failure_code),
    'after', jsonb_build_object('status', d.status, 'attempt', coalesce(d.resolved_attempt_no, d.attempt_no)) || CASE d.status WHEN 'replayed' THEN '{}' ELSE jsonb_build_object('failure', d.failure_code) END)
  FROM iu_route_dead_letter AS d WHERE d.id = (p_before).id
$$;
COMMENT ON FUNCTION iu_core.fn_dot_letter_object(iu_core.iu_route_dead_letter) IS 'A dead letter in a plan''s diff';
REVOKE ALL ON FUNCTION iu_core.fn_dot_letter_object(iu_core.iu_route_dead_letter) FROM PUBLIC;
