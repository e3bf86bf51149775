-- A text is a body unless its contract says that it names a thing.
DO $verify$
BEGIN
  IF EXISTS (SELECT FROM (VALUES ('dot_iu_register_route', 'target_ref'), ('dot_iu_create_piece', 'title'), ('dot_iu_issue_token', 'label'), ('dot_iu_add_piece', 'separators')) AS v(code, param)
             WHERE NOT EXISTS (SELECT FROM iu_core.dot_iu_command AS c WHERE c.command_code = v.code AND v.param = ANY (c.body_params))) THEN
    RAISE EXCEPTION 'a text would be kept by the ledger';
  END IF;
END
$verify$;
