-- requires: event_outbox, iu_archive, iu_archive_move, iu_backup_evidence, iu_collection_checkpoint, iu_collection_checkpoint_piece, iu_held_decision, iu_route_attempt, iu_route_dead_letter, unit_version
-- Sealed is what never changes. The state of a dead letter does, and is proved from its attempts and the ledger.
CREATE FUNCTION iu_core.fn_dot_history_kinds()
RETURNS TABLE (what text, called text, relation text, key_columns text[], key_types text[], columns text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  VALUES
    ('events', 'event', 'event_outbox', '{id}'::text[], '{bigint}'::text[],
     't.xid, t.id, t.event_domain, t.event_type, t.event_subject_table, t.event_subject_ref, t.payload, t.delivery_lane, t.idempotency_key, t.actor, t.created_at, t.released_from'),
    ('attempts', 'attempt', 'iu_route_attempt', '{event_id,route_id,attempt_no}', '{bigint,integer,integer}',
     't.event_id, t.route_id, t.attempt_no, t.status, t.failure_code, t.failure_detail, t.target_kind, t.target_ref, t.worker_code, t.created_at'),
    ('dead_letters', 'dead letter', 'iu_route_dead_letter', '{id}', '{bigint}',
     't.id, t.event_id, t.route_id, t.event_domain, t.event_type, t.event_subject_table, t.event_subject_ref, t.payload, t.actor, t.event_created_at, t.created_at'),
    ('held_decisions', 'decision on the held event', 'iu_held_decision', '{event_id}', '{bigint}', 't.event_id, t.decision, t.reason, t.decided_at, t.decided_by'),
    ('units', 'unit', 'information_unit', '{id}', '{bigint}', 't.id, t.canonical_address, t.created_at, t.created_by'),
    ('versions', 'version', 'unit_version', '{unit_id,version_seq}', '{bigint,integer}', 't.unit_id, t.version_seq, t.body, t.content_digest, t.byte_length, t.created_at, t.created_by'),
    ('checkpoints', 'checkpoint', 'iu_collection_checkpoint', '{collection_id,checkpoint_no}', '{bigint,integer}',
     't.collection_id, t.checkpoint_no, t.label, t.revision, t.title, t.manifest_text, t.manifest_digest, t.render_digest, t.piece_count, t.byte_length, t.source_digest, t.source_byte_length, t.created_at, t.created_by'),
    ('checkpoint_pieces', 'piece of a checkpoint', 'iu_collection_checkpoint_piece', '{collection_id,checkpoint_no,unit_id}', '{bigint,integer,bigint}',
     't.collection_id, t.checkpoint_no, t.unit_id, t.version_seq, t.is_pinned, t.unit_version_seq, t.position, t.separator, t.unit_kind, t.title, t.parent_unit_id, t.section_level'),
    ('archives', 'archive', 'iu_archive', '{id}', '{bigint}',
     't.id, t.file_name, t.file_digest, t.file_bytes, t.content_digest, t.content_bytes, t.first_id, t.last_id, t.events, t.attempts, t.older_than, t.oldest_at, t.newest_at, t.made_at, t.made_by'),
    ('archive_moves', 'move of an archive', 'iu_archive_move', '{id}', '{bigint}', 't.id, t.archive_id, t.move, t.xid, t.moved_at, t.moved_by, t.event_ids, t.attempt_counts'),
    ('backups', 'evidence of a backup', 'iu_backup_evidence', '{id}', '{bigint}',
     't.id, t.file_name, t.folder, t.host, t.kind, t.unit_tag, t.server_version, t.file_bytes, t.file_digest, t.entries, t.row_count, t.taken_at, t.last_event, t.last_run, t.checks, t.restorable, t.checked_at, t.checked_by')
$$;
COMMENT ON FUNCTION iu_core.fn_dot_history_kinds() IS 'What is sealed beside the ledger: the kinds of row, their tables and keys, and the columns that never change';
REVOKE ALL ON FUNCTION iu_core.fn_dot_history_kinds() FROM PUBLIC;
