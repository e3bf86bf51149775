SELECT iu_core.fn_iu_cursor_retract('iu_outbound_default');
SELECT iu_core.fn_iu_routes_forget(ARRAY[
  'collection_created.log',
  'piece_added_to_collection.log',
  'piece_removed_from_collection.log',
  'piece_reordered.log',
  'collection_validated.log',
  'collection_rendered.log',
  'piece_retired.log',
  'piece_restored.log',
  'iu.created.log',
  'iu.version_applied.log',
  'iu.retired.log',
  'iu.soft_deleted.log',
  'iu.split.log',
  'iu.merged.log',
  'iu.sql_link_changed.log',
  'iu.version_applied.workflow']);
SELECT iu_core.fn_iu_event_types_forget(ARRAY[
  'collection_created',
  'piece_added_to_collection',
  'piece_removed_from_collection',
  'piece_reordered',
  'collection_validated',
  'collection_rendered',
  'piece_retired',
  'piece_restored',
  'iu.created',
  'iu.version_applied',
  'iu.retired',
  'iu.soft_deleted',
  'iu.split',
  'iu.merged',
  'iu.sql_link_changed']);
SELECT iu_core.fn_iu_gate_retract();
SELECT iu_core.fn_iu_vocabulary_forget('unit_kind');
SELECT iu_core.fn_iu_vocabulary_forget('collection_kind');
SELECT iu_core.fn_iu_vocabulary_forget('lifecycle_status');
SELECT iu_core.fn_iu_vocabulary_forget('event_domain');
SELECT iu_core.fn_iu_vocabulary_forget('delivery_lane');
SELECT iu_core.fn_iu_vocabulary_forget('target_kind');
SELECT iu_core.fn_iu_vocabulary_forget('attempt_status');
SELECT iu_core.fn_iu_vocabulary_forget('failure_code');
SELECT iu_core.fn_iu_vocabulary_forget('dead_letter_status');
