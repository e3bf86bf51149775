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
  "worker_process_error": "the delivery raised", "no_route": "no route wants the event", "route_disabled": "the route is disabled"}');
SELECT iu_core.fn_iu_vocabulary_register('dead_letter_status', '{
  "open": "waits for an operator", "replayed": "a later attempt succeeded", "rerouted": "routes that had not been there have attempts of their own",
  "corrected": "a new event with another payload stands for it", "discarded": "given up, with a reason"}');
