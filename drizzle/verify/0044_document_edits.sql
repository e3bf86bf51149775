-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('table', 'information_unit', 'owner iu_owner; id bigint, canonical_address text, unit_kind text, lifecycle_status text, current_version_seq integer, title text, source_path text, created_at timestamp with time zone, created_by text, lifecycle_before text[], title_is_derived boolean'),
    ('table', 'iu_collection', 'owner iu_owner; id bigint, canonical_address text, collection_kind text, title text, status text, joiner text, revision bigint, piece_count integer, byte_length bigint, next_piece_no integer, source_path text, source_digest bytea, source_byte_length bigint, render_digest bytea, render_revision bigint, manifest_digest bytea, manifest_revision bigint, created_at timestamp with time zone, created_by text, updated_at timestamp with time zone, rendered_event_id bigint, base_id bigint'),
    ('table', 'iu_collection_checkpoint', 'owner iu_owner; collection_id bigint, checkpoint_no integer, label text, revision bigint, title text, manifest_text text, manifest_digest bytea, render_digest bytea, piece_count integer, byte_length bigint, source_digest bytea, source_byte_length bigint, created_at timestamp with time zone, created_by text, base_id bigint'),
    ('table', 'iu_import_base', 'owner iu_owner; id bigint, collection_id bigint, revision bigint, unit_ids bigint[], version_seqs integer[], created_at timestamp with time zone'),
    ('function', 'fn_dot_seams(iu_collection,jsonb,bigint,boolean)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_separator_put(bigint,bigint,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_separators_restore(iu_collection,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_begins_text(bigint)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_collection_first(bigint,bigint)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_line_end(text[])', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_block_end(text,text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_separator(text,text,text,text[],text,text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_seam(bigint,bigint,text[])', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_seam_open(bigint,bigint,boolean,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_add_piece(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_collection_checkpoint(bigint,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_clone_piece(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_create_collection(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_create_piece(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_loss(iu_collection,integer,bigint)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_import_base_put(bigint)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_collection_return(bigint,integer)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_import_over(iu_collection,iu_import_base,bigint[],boolean[],boolean[],bigint[])', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_import_file(text,bytea,text[],integer[],integer[],text[],smallint[])', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_import_text(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, standard_conforming_strings=on'),
    ('function', 'fn_iu_seam_close(bigint,numeric,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_remove_piece_from_collection(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_reorder_piece(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_restore_piece(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_seam_revised(bigint,bigint,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_title_line(text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_title(text,text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_revise_piece(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_create_batch(text[],text[],text[],text[],text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_soft_delete_piece(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_command_run(text,text,jsonb,text,text,bigint,text,text,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC, quote_all_identifiers=off, standard_conforming_strings=on, bytea_output=hex, DateStyle=ISO, YMD, IntervalStyle=postgres, extra_float_digits=1, plpgsql.extra_errors=none; EXECUTE iu_approver, EXECUTE iu_console, EXECUTE iu_operator'),
    ('function', 'fn_iu_compose(text,text,text,bigint[],text,text[],text,bytea,bigint)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('view', 'v_iu_collection_health', 'owner iu_owner; SELECT iu_reader; collection_id bigint, canonical_address text, healthy boolean, pieces integer, pieces_counted integer, bytes bigint, bytes_counted bigint, missing_body integer, retired_inside integer, render_stale boolean, differs_from_source boolean'),
    ('view', 'v_iu_collection_manifest', 'owner iu_owner; SELECT iu_reader; collection_id bigint, canonical_address text, collection_kind text, title text, status text, source_path text, revision bigint, piece_count integer, byte_length bigint, manifest_digest text, manifest_revision bigint, manifest_current boolean, render_digest text, render_revision bigint, source_digest text, source_byte_length bigint, round_trip text, created_at timestamp with time zone, created_by text, updated_at timestamp with time zone'),
    ('trigger', 'trg_iu_import_base_append_only on iu_import_base', 'executes fn_iu_append_only()')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue('{function,table,trigger,view}') AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
