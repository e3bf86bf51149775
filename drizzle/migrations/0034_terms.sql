-- unit: data

-- Words that tables allow and that no class of the vocabulary had.
SELECT iu_core.fn_iu_vocabulary_register('collection_status', '{"active": "can be changed", "deleted": "gone from view"}');
SELECT iu_core.fn_iu_vocabulary_register('relation_kind', '{
  "split_from": "came out of a split", "merged_from": "came out of a merge", "cloned_from": "began as a copy", "supersedes": "stands in the place of another",
  "references": "names another"}');
SELECT iu_core.fn_iu_vocabulary_register('account_right', '{
  "reviewer": "reads", "operator": "runs commands and closes gates", "approver": "opens, registers and discards", "admin": "keeps the accounts"}');
SELECT iu_core.fn_iu_vocabulary_register('account_status', '{"active": "may sign in", "disabled": "may not, its tokens neither"}');
SELECT iu_core.fn_iu_vocabulary_register('run_mode', '{
  "plan": "carried out and taken back", "apply": "carried out", "verify": "its postconditions looked at again", "rollback": "its inverse carried out"}');
SELECT iu_core.fn_iu_vocabulary_register('run_status', '{
  "planned": "said what it would do", "succeeded": "done", "verified": "every postcondition holds", "unverified": "a postcondition does not hold",
  "refused": "nothing changed, the row says why", "failed": "nothing changed, an error that nobody foresaw"}');
SELECT iu_core.fn_iu_vocabulary_register('actor_kind', '{
  "session": "a person in the console", "token": "a program with an API token", "login": "a login of the database", "owner": "the deployer"}');
SELECT iu_core.fn_iu_vocabulary_register('held_decision', '{"discarded": "given up while it was held, with a reason"}');
SELECT iu_core.fn_iu_vocabulary_register('archive_move', '{"removed": "left the outbox for its file", "restored": "came back from its file"}');
SELECT iu_core.fn_iu_vocabulary_register('worker_process_kind', '{"cli": "iu worker", "schedule": "a console, while the schedule is enabled"}');
SELECT iu_core.fn_iu_vocabulary_register('pass_status', '{
  "routed": "decided events", "idle": "found none", "busy": "another has the cursor",
  "worker_gate_closed": "may not make passes", "master_gate_closed": "may not route"}');
SELECT iu_core.fn_iu_vocabulary_register('backup_kind', '{"pg_dump": "as pg_dump writes it", "copy": "our own, where there is no pg_dump"}');
SELECT iu_core.fn_iu_vocabulary_register('replay_kind', '{"dead_letters": "what failed", "skipped": "what a disabled route skipped"}');
SELECT iu_core.fn_iu_vocabulary_register('replay_status', '{"running": "goes on by itself", "stopped": "waits to be resumed", "done": "everything frozen was attempted"}');
SELECT iu_core.fn_iu_vocabulary_register('value_type', '{"gate": "open or closed; missing or malformed is closed"}');
