-- requires: fn_iu_vocabulary_register, fn_iu_gate_declare
SELECT iu_core.fn_iu_vocabulary_register('unit_kind', '{
  "heading": "starts a section", "paragraph": "running text", "list": "one list with all its items", "code": "fenced or indented code",
  "quote": "block quote", "table": "table", "html": "HTML block", "front_matter": "metadata at a file''s start", "thematic_break": "rule between parts",
  "definition": "link or footnote definition", "text": "text without a structure that the cut knows", "step": "a step of a workflow"}');
SELECT iu_core.fn_iu_vocabulary_register('collection_kind', '{
  "file": "a file, cut into pieces", "workflow": "steps in order", "section": "a part of a document", "design_doc": "a design document"}');
SELECT iu_core.fn_iu_vocabulary_register('lifecycle_status', '{
  "draft": "may still change its meaning", "enacted": "in force", "retired": "no new use anywhere, history stays", "deleted": "gone from view, restorable"}');
SELECT iu_core.fn_iu_vocabulary_register('event_domain', '{
  "composer": "collections and their pieces", "unit": "information units", "application": "events of applications in the same database"}');
SELECT iu_core.fn_iu_vocabulary_register('delivery_lane', '{
  "immediate": "deduplicated by the caller''s key", "delayed": "never deduplicated", "held": "written while the master gate was closed"}');
SELECT iu_core.fn_iu_vocabulary_register('target_kind', '{
  "log": "the attempt itself is the record", "workflow": "a workflow step", "webhook": "an HTTP endpoint"}');
SELECT iu_core.fn_iu_vocabulary_register('attempt_status', '{
  "dry_run": "decided and logged, nothing delivered", "sent": "delivered", "failed": "dead-lettered", "skipped": "no route wants it, or its route is disabled"}');
SELECT iu_core.fn_iu_vocabulary_register('failure_code', '{
  "payload_schema": "the payload breaks the schema of its event type", "unknown_event_type": "the type is not registered",
  "cannot_be_judged": "judging the event raised, or took too long", "worker_process_error": "the delivery raised", "no_route": "no route wants the event", "route_disabled": "the route is disabled"}');
SELECT iu_core.fn_iu_vocabulary_register('dead_letter_status', '{
  "open": "waits for an operator", "replayed": "a later attempt succeeded", "rerouted": "routes that had not been there have attempts of their own",
  "corrected": "a new event with another payload stands for it", "discarded": "given up, with a reason"}');
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
