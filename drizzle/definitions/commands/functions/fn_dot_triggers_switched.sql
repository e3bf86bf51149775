-- requires: iu_core, v_iu_emitting_trigger
CREATE FUNCTION iu_core.fn_dot_triggers_switched(p_enabled boolean)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_trigger record;
  v_before jsonb;
  v_objects jsonb := '[]';
BEGIN
  -- It waits for the writers under way, but not for ever: whoever stops something must be told.
  PERFORM set_config('lock_timeout', '2s', true);
  FOR v_trigger IN SELECT DISTINCT relation FROM v_iu_emitting_trigger ORDER BY relation LOOP
    EXECUTE format('LOCK TABLE %I IN SHARE ROW EXCLUSIVE MODE', v_trigger.relation);
  END LOOP;
  SELECT jsonb_object_agg(trigger, enabled) INTO v_before FROM v_iu_emitting_trigger;
  FOR v_trigger IN SELECT * FROM v_iu_emitting_trigger WHERE enabled <> p_enabled ORDER BY trigger LOOP
    EXECUTE format('ALTER TABLE %I %s TRIGGER %I', v_trigger.relation, CASE WHEN p_enabled THEN 'ENABLE' ELSE 'DISABLE' END, v_trigger.trigger);
    v_objects := v_objects || jsonb_build_object('ref', 'trigger:' || v_trigger.trigger, 'change', 'update', 'before', jsonb_build_object('enabled', NOT p_enabled), 'after', jsonb_build_object('enabled', p_enabled));
  END LOOP;
  PERFORM set_config('lock_timeout', '0', true);
  IF v_objects = '[]' THEN
    RAISE EXCEPTION 'the triggers are % already', CASE WHEN p_enabled THEN 'on' ELSE 'off' END USING ERRCODE = 'IU016';
  END IF;
  RETURN jsonb_build_object(
    'state', v_before,
    'objects', v_objects,
    'result', jsonb_build_object('enabled', p_enabled),
    'checks', jsonb_build_array(jsonb_build_object('name', CASE WHEN p_enabled THEN 'triggers_are_on' ELSE 'triggers_are_off' END, 'kind', 'triggers', 'enabled', p_enabled)),
    'inverse', jsonb_build_object('command', CASE WHEN p_enabled THEN 'dot_iu_disable_triggers' ELSE 'dot_iu_enable_triggers' END, 'params', '{}'::jsonb));
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_triggers_switched(boolean) IS 'Switches the emitting triggers and returns what the handlers return; IU016 they are so already, 55P03 a writer holds a table for longer than two seconds';
REVOKE ALL ON FUNCTION iu_core.fn_dot_triggers_switched(boolean) FROM PUBLIC;
