-- unit: data

-- requires: fn_iu_vocabulary_register, fn_iu_gate_declare
SELECT iu_core.fn_iu_vocabulary_register('unit_kind', '{
  "heading": "starts a section", "paragraph": "running text", "list": "one list with all its items", "code": "fenced or indented code",
  "quote": "block quote", "table": "table", "html": "HTML block", "front_matter": "metadata at a file''s start", "thematic_break": "rule between parts",
  "definition": "link or footnote definition", "text": "text without a structure that the cut knows"}');
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
  "open": "waits for an operator", "replayed": "a later attempt succeeded", "discarded": "given up, with a reason"}');

-- requires: fn_iu_gate_declare, vocabulary
SELECT iu_core.fn_iu_gate_declare('{
  "iu_core.routes_master_enabled": "L1: events are written on their own lane and may be routed; closed, they are held",
  "iu_core.route_worker_enabled": "L0: the route worker makes passes",
  "iu_core.composer_enabled": "units and collections may be created and changed",
  "iu_core.operator_runtime_enabled": "operator commands may be applied",
  "iu_core.structure_ops_enabled": "units may be split, merged and moved",
  "iu_core.autocut_enabled": "text may be cut into units automatically",
  "iu_core.execution_enabled": "routes may deliver to the outside"}');

-- requires: fn_iu_event_types_register, vocabulary
-- The 15 system types, all on lane delayed: a deduplicated lane would drop every change of a
-- collection after the first.
SELECT iu_core.fn_iu_event_types_register('composer', 'delayed', true, '{
  "collection_created": {"description": "a collection came to exist",
    "payload_schema": {"type": "object", "required": ["collection_address", "collection_id", "collection_kind", "title"], "properties": {"collection_address": {"type": "string"}, "collection_id": {"type": "integer", "minimum": 1}, "collection_kind": {"type": "string"}, "title": {"type": "string"}}, "additionalProperties": false}},
  "piece_added_to_collection": {"description": "a unit was put into a collection",
    "payload_schema": {"type": "object", "required": ["collection_address", "position", "unit_address", "unit_id"], "properties": {"collection_address": {"type": "string"}, "unit_id": {"type": "integer", "minimum": 1}, "unit_address": {"type": "string"}, "position": {"type": "number"}}, "additionalProperties": false}},
  "piece_removed_from_collection": {"description": "a unit was taken out of a collection and lives on",
    "payload_schema": {"type": "object", "required": ["collection_address", "unit_address", "unit_id"], "properties": {"collection_address": {"type": "string"}, "unit_id": {"type": "integer", "minimum": 1}, "unit_address": {"type": "string"}}, "additionalProperties": false}},
  "piece_reordered": {"description": "a piece moved to another position",
    "payload_schema": {"type": "object", "required": ["collection_address", "position", "unit_address", "unit_id"], "properties": {"collection_address": {"type": "string"}, "unit_id": {"type": "integer", "minimum": 1}, "unit_address": {"type": "string"}, "position": {"type": "number"}}, "additionalProperties": false}},
  "collection_validated": {"description": "a collection was checked, with findings",
    "payload_schema": {"type": "object", "required": ["collection_address", "findings"], "properties": {"collection_address": {"type": "string"}, "findings": {"type": "integer", "minimum": 0}}, "additionalProperties": false}},
  "collection_rendered": {"description": "a collection was rendered and its digests kept",
    "payload_schema": {"type": "object", "required": ["byte_length", "collection_address", "manifest_digest", "render_digest", "revision"], "properties": {"collection_address": {"type": "string"}, "revision": {"type": "integer", "minimum": 1}, "byte_length": {"type": "integer", "minimum": 0}, "render_digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"}, "manifest_digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}, "additionalProperties": false}},
  "piece_retired": {"description": "a piece was retired from a collection''s point of view",
    "payload_schema": {"type": "object", "required": ["collection_address", "unit_address", "unit_id"], "properties": {"collection_address": {"type": "string"}, "unit_id": {"type": "integer", "minimum": 1}, "unit_address": {"type": "string"}}, "additionalProperties": false}},
  "piece_restored": {"description": "a piece came back",
    "payload_schema": {"type": "object", "required": ["collection_address", "unit_address", "unit_id"], "properties": {"collection_address": {"type": "string"}, "unit_id": {"type": "integer", "minimum": 1}, "unit_address": {"type": "string"}}, "additionalProperties": false}}
}');
SELECT iu_core.fn_iu_event_types_register('unit', 'delayed', true, '{
  "iu.created": {"description": "a unit was born",
    "payload_schema": {"type": "object", "required": ["canonical_address", "unit_id", "unit_kind", "version_seq"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "canonical_address": {"type": "string"}, "unit_kind": {"type": "string"}, "version_seq": {"type": "integer", "minimum": 1}}, "additionalProperties": false}},
  "iu.version_applied": {"description": "a unit has a new version",
    "payload_schema": {"type": "object", "required": ["byte_length", "canonical_address", "content_digest", "unit_id", "version_seq"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "canonical_address": {"type": "string"}, "version_seq": {"type": "integer", "minimum": 1}, "content_digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"}, "byte_length": {"type": "integer", "minimum": 0}}, "additionalProperties": false}},
  "iu.retired": {"description": "a unit was retired",
    "payload_schema": {"type": "object", "required": ["canonical_address", "previous_status", "unit_id"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "canonical_address": {"type": "string"}, "previous_status": {"type": "string"}}, "additionalProperties": false}},
  "iu.soft_deleted": {"description": "a unit was soft-deleted",
    "payload_schema": {"type": "object", "required": ["canonical_address", "previous_status", "unit_id"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "canonical_address": {"type": "string"}, "previous_status": {"type": "string"}}, "additionalProperties": false}},
  "iu.split": {"description": "a unit was split into several",
    "payload_schema": {"type": "object", "required": ["canonical_address", "into", "unit_id"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "canonical_address": {"type": "string"}, "into": {"type": "array", "items": {"type": "string"}}}, "additionalProperties": false}},
  "iu.merged": {"description": "several units were merged into one",
    "payload_schema": {"type": "object", "required": ["canonical_address", "from", "unit_id"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "canonical_address": {"type": "string"}, "from": {"type": "array", "items": {"type": "string"}}}, "additionalProperties": false}},
  "iu.sql_link_changed": {"description": "a unit''s link to a database object changed",
    "payload_schema": {"type": "object", "required": ["canonical_address", "object", "unit_id"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "canonical_address": {"type": "string"}, "object": {"type": "string"}}, "additionalProperties": false}}
}');

-- requires: fn_iu_routes_register, event_types
-- Every system type has a route; iu.version_applied has a second one.
SELECT iu_core.fn_iu_routes_register('{
  "collection_created.log": {"event_type": "collection_created", "target_kind": "log", "target_ref": "iu_route_attempt", "enabled": true},
  "piece_added_to_collection.log": {"event_type": "piece_added_to_collection", "target_kind": "log", "target_ref": "iu_route_attempt", "enabled": true},
  "piece_removed_from_collection.log": {"event_type": "piece_removed_from_collection", "target_kind": "log", "target_ref": "iu_route_attempt", "enabled": true},
  "piece_reordered.log": {"event_type": "piece_reordered", "target_kind": "log", "target_ref": "iu_route_attempt", "enabled": true},
  "collection_validated.log": {"event_type": "collection_validated", "target_kind": "log", "target_ref": "iu_route_attempt", "enabled": true},
  "collection_rendered.log": {"event_type": "collection_rendered", "target_kind": "log", "target_ref": "iu_route_attempt", "enabled": true},
  "piece_retired.log": {"event_type": "piece_retired", "target_kind": "log", "target_ref": "iu_route_attempt", "enabled": true},
  "piece_restored.log": {"event_type": "piece_restored", "target_kind": "log", "target_ref": "iu_route_attempt", "enabled": true},
  "iu.created.log": {"event_type": "iu.created", "target_kind": "log", "target_ref": "iu_route_attempt", "enabled": true},
  "iu.version_applied.log": {"event_type": "iu.version_applied", "target_kind": "log", "target_ref": "iu_route_attempt", "enabled": true},
  "iu.retired.log": {"event_type": "iu.retired", "target_kind": "log", "target_ref": "iu_route_attempt", "enabled": true},
  "iu.soft_deleted.log": {"event_type": "iu.soft_deleted", "target_kind": "log", "target_ref": "iu_route_attempt", "enabled": true},
  "iu.split.log": {"event_type": "iu.split", "target_kind": "log", "target_ref": "iu_route_attempt", "enabled": true},
  "iu.merged.log": {"event_type": "iu.merged", "target_kind": "log", "target_ref": "iu_route_attempt", "enabled": true},
  "iu.sql_link_changed.log": {"event_type": "iu.sql_link_changed", "target_kind": "log", "target_ref": "iu_route_attempt", "enabled": true},
  "iu.version_applied.workflow": {"event_type": "iu.version_applied", "target_kind": "workflow", "target_ref": "event_outbox", "enabled": true}
}');

-- requires: fn_iu_cursor_declare
-- One worker owns all sixteen buckets until a command splits it.
SELECT iu_core.fn_iu_cursor_declare('iu_outbound_default', 0, 15);
