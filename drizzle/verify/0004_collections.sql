-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('table', 'iu_collection', 'owner iu_owner; id bigint, canonical_address text, collection_kind text, title text, status text, joiner text, revision bigint, piece_count integer, byte_length bigint, next_piece_no integer, source_path text, source_digest bytea, source_byte_length bigint, render_digest bytea, render_revision bigint, manifest_digest bytea, manifest_revision bigint, created_at timestamp with time zone, created_by text, updated_at timestamp with time zone'),
    ('table', 'iu_collection_piece', 'owner iu_owner; collection_id bigint, unit_id bigint, position numeric, pinned_version_seq integer, separator text'),
    ('function', 'fn_iu_align(text[],text[],text[],text[])', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_apply_versions(bigint[],text[],text[],text[])', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_collection_add(bigint,bigint[],numeric[],text[])', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_collection_manifest_text(bigint)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_collection_remove(bigint,bigint[])', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_collection_render(bigint)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_collection_reorder(bigint,bigint[],numeric[])', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_collection_seal(bigint)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_collection_tail(bigint)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_collection_touch(bigint,integer,bigint)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_compose(text,text,text,bigint[],text,text[],text,bytea,bigint)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_import_file(text,bytea,text[],integer[],integer[],text[],smallint[])', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_longest_increasing(integer[])', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_slug(text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_piece_address(text,integer,text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_positions_between(numeric,numeric,integer)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_source_address(text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_tree_place(bigint[],smallint[])', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('view', 'v_iu_collection_health', 'owner iu_owner; SELECT iu_reader; collection_id bigint, canonical_address text, healthy boolean, pieces integer, pieces_counted integer, bytes bigint, bytes_counted bigint, missing_body integer, retired_inside integer, render_stale boolean, differs_from_source boolean'),
    ('view', 'v_iu_collection_manifest', 'owner iu_owner; SELECT iu_reader; collection_id bigint, canonical_address text, collection_kind text, title text, status text, source_path text, revision bigint, piece_count integer, byte_length bigint, manifest_digest text, manifest_revision bigint, manifest_current boolean, render_digest text, render_revision bigint, source_digest text, source_byte_length bigint, round_trip text, created_at timestamp with time zone, created_by text, updated_at timestamp with time zone'),
    ('view', 'v_iu_collection_piece', 'owner iu_owner; SELECT iu_reader; collection_id bigint, collection_address text, position numeric, unit_id bigint, unit_address text, unit_kind text, lifecycle_status text, title text, section_level integer, depth integer, version_seq integer, pinned boolean, content_digest text, byte_length integer, separator text, body text, used_in integer')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue() AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
