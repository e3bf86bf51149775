-- The command is registered, and W1 to W9 hold: what is installed works, as far as reading can tell.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  IF NOT EXISTS (SELECT FROM iu_core.dot_iu_command WHERE command_code = 'dot_iu_run_probe') THEN
    RAISE EXCEPTION 'not registered: dot_iu_run_probe';
  END IF;
  SELECT string_agg(format('%s %s: %s', check_code, name, detail), chr(10)) INTO v_wrong FROM iu_core.fn_iu_works() WHERE NOT ok;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not working: %', v_wrong;
  END IF;
END
$verify$;
