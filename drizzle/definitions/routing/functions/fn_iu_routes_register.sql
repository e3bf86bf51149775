-- requires: iu_outbound_route
CREATE FUNCTION iu_core.fn_iu_routes_register(p_routes jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_code text;
  v_entry jsonb;
BEGIN
  FOR v_code, v_entry IN SELECT key, value FROM jsonb_each(p_routes) LOOP
    PERFORM fn_iu_classify('target_kind', ARRAY[v_entry ->> 'target_kind'], 'target_kind');
    IF NOT EXISTS (SELECT FROM iu_event_type WHERE event_type = v_entry ->> 'event_type') THEN
      RAISE EXCEPTION 'event_type: % is not registered', coalesce(v_entry ->> 'event_type', 'null')
        USING ERRCODE = 'IU007', COLUMN = 'event_type', HINT = 'Register the event type first.';
    END IF;
    -- Told without the value: it may be the secret.
    IF v_entry ->> 'target_kind' = 'webhook' AND coalesce(v_entry ->> 'target_ref', '') !~ '^https?://[^/?#[:space:]]+([/?#][^[:space:]]*)?$' THEN
      RAISE EXCEPTION 'target_ref: a webhook is called at a URL, and this is none' USING ERRCODE = 'IU002', COLUMN = 'target_ref', HINT = 'Begin with https:// and name the host.';
    END IF;
    -- A changed definition loses its approval; a known route keeps its switches.
    INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, enabled, dry_run, definition_digest, registered_by)
    VALUES (v_code, v_entry ->> 'event_type', v_entry ->> 'target_kind', v_entry ->> 'target_ref', coalesce((v_entry ->> 'enabled')::boolean, false), true,
            sha256(convert_to(concat_ws(chr(10), v_code, v_entry ->> 'event_type', v_entry ->> 'target_kind', v_entry ->> 'target_ref'), 'UTF8')), fn_iu_actor())
    ON CONFLICT (route_code) DO UPDATE
    SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, dry_run = true,
        definition_digest = excluded.definition_digest, approval_digest = NULL, registered_at = clock_timestamp(), registered_by = fn_iu_actor()
    WHERE iu_outbound_route.definition_digest <> excluded.definition_digest;
  END LOOP;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_routes_register(jsonb) IS 'Registers routes, always as dry runs: {"route_code": {"event_type", "target_kind", "target_ref", "enabled"}}; again with the same content changes nothing. IU002 unclassified target kind, or a webhook without a URL, IU007 unknown event type';
REVOKE ALL ON FUNCTION iu_core.fn_iu_routes_register(jsonb) FROM PUBLIC;
