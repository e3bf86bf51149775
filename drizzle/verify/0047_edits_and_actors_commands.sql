-- A token takes the present password, which is kept nowhere; a revision says whether the title follows the text.
DO $verify$
BEGIN
  IF NOT EXISTS (SELECT FROM iu_core.dot_iu_command WHERE command_code = 'dot_iu_issue_token' AND param_schema -> 'required' ? 'current_key' AND 'current_key' = ANY (secret_params)) THEN
    RAISE EXCEPTION 'dot_iu_issue_token is not registered with its password';
  END IF;
  IF NOT EXISTS (SELECT FROM iu_core.dot_iu_command WHERE command_code = 'dot_iu_revise_piece' AND param_schema -> 'properties' ? 'derive_title') THEN
    RAISE EXCEPTION 'dot_iu_revise_piece is not registered with derive_title';
  END IF;
END
$verify$;
