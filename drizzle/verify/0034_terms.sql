-- Every class has its terms.
DO $verify$
DECLARE
  v_missing text;
BEGIN
  SELECT string_agg(c, ', ') INTO v_missing
  FROM unnest(ARRAY[
    'collection_status',
    'relation_kind',
    'account_right',
    'account_status',
    'run_mode',
    'run_status',
    'actor_kind',
    'held_decision',
    'archive_move',
    'worker_process_kind',
    'pass_status',
    'backup_kind',
    'replay_kind',
    'replay_status',
    'value_type']) AS c
  WHERE NOT EXISTS (SELECT FROM iu_core.iu_vocabulary AS v WHERE v.term_class = c);
  IF v_missing IS NOT NULL THEN
    RAISE EXCEPTION 'no terms of the class: %', v_missing;
  END IF;
END
$verify$;
