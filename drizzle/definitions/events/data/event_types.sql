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
