-- Every command is registered, and each has its handler.
DO $verify$
DECLARE
  v_missing text;
BEGIN
  SELECT string_agg(e.code, ', ') INTO v_missing
  FROM unnest(ARRAY[
  'dot_iu_replay_dead_letters',
  'dot_iu_discard_dead_letters',
  'dot_iu_correct_dead_letter',
  'dot_iu_replay_skipped',
  'dot_iu_start_replay',
  'dot_iu_stop_replay',
  'dot_iu_resume_replay']) AS e(code)
  WHERE NOT EXISTS (SELECT FROM iu_core.dot_iu_command AS c WHERE c.command_code = e.code) OR to_regprocedure(format('iu_core.%I(jsonb, jsonb)', e.code)) IS NULL;
  IF v_missing IS NOT NULL THEN
    RAISE EXCEPTION 'not registered, or without a handler: %', v_missing;
  END IF;
END
$verify$;
