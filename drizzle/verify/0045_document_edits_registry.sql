-- Each command takes what its handler takes.
DO $verify$
DECLARE
  v_missing text;
BEGIN
  SELECT string_agg(e.code, ', ') INTO v_missing
  FROM unnest(ARRAY[
  'dot_iu_revise_piece',
  'dot_iu_add_piece',
  'dot_iu_reorder_piece',
  'dot_iu_remove_piece_from_collection',
  'dot_iu_soft_delete_piece',
  'dot_iu_restore_piece']) AS e(code)
  WHERE NOT EXISTS (SELECT FROM iu_core.dot_iu_command AS c WHERE c.command_code = e.code AND c.param_schema -> 'properties' ? 'separators');
  IF v_missing IS NOT NULL THEN
    RAISE EXCEPTION 'without separators: %', v_missing;
  END IF;
END
$verify$;
