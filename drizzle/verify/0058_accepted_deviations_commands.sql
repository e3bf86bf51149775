-- An acceptance is an approver's, with the name typed; whoever may operate ends it.
DO $verify$
BEGIN
  IF (SELECT count(*) FROM (VALUES ('dot_iu_accept_deviation', 3, 'approver', 'object'), ('dot_iu_withdraw_acceptance', 2, 'operator', NULL)) AS v(code, tier, needed, confirm)
      JOIN iu_core.dot_iu_command AS c ON c.command_code = v.code AND c.tier = v.tier AND c.required_right = v.needed AND c.confirm_param IS NOT DISTINCT FROM v.confirm) <> 2 THEN
    RAISE EXCEPTION 'the commands on deviations are not as deployed';
  END IF;
END
$verify$;
