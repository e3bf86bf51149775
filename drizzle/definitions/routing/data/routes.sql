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
