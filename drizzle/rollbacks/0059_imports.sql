SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
DROP FUNCTION iu_core.fn_iu_import_unchanged(text[],text[],text);
CREATE OR REPLACE FUNCTION iu_core.dot_iu_import_text(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
#variable_conflict use_variable
DECLARE
  v_before iu_collection;
  v_after iu_collection;
  v_old jsonb := '{}';
  v_objects jsonb;
  v_imported record;
  v_checkpoint integer := 0;
  v_outcome text;
  v_locked bigint[];
  v_retired text;
  v_text text;                    -- what it was
  v_over text[] := '{}';          -- pieces whose edits it undoes
BEGIN
  IF (p_params ? 'text') <> (p_params ? 'source_path') OR (p_params ? 'checkpoint') <> (p_params ? 'collection') OR (p_params ? 'text') = (p_params ? 'checkpoint') OR (p_params ? 'text') <> (p_params ? 'cut') THEN
    RAISE EXCEPTION 'text: give a source_path and its text, or a collection and the checkpoint to return to' USING ERRCODE = 'IU002', COLUMN = 'text';
  END IF;
  IF EXISTS (SELECT FROM jsonb_array_elements_text(coalesce(p_params -> 'cut' -> 'titles', '[]')) AS t WHERE length(t) > 500 OR t ~ '[\x01-\x1f\x7f]') THEN
    RAISE EXCEPTION 'cut: a title is one line of at most 500 characters' USING ERRCODE = 'IU002', COLUMN = 'cut';
  END IF;
  IF p_params ? 'text' THEN
    -- Imports of one source take turns, before they lock anything.
    PERFORM fn_iu_lock('iu_core.import ' || (p_params ->> 'source_path'));
    SELECT * INTO v_before FROM iu_collection WHERE source_path = p_params ->> 'source_path';
  ELSE
    -- Units before collections; the return locks them in order.
    SELECT * INTO v_before FROM iu_collection WHERE canonical_address = p_params ->> 'collection' AND status = 'active';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'collection: no collection has the address %', p_params ->> 'collection' USING ERRCODE = 'IU003', COLUMN = 'collection';
    END IF;
  END IF;
  IF v_before.id IS NOT NULL THEN
    -- Every unit that it may touch, before the collection. Where a piece joined until the collection was locked, going
    -- back frees the locks for another round.
    LOOP
      BEGIN
        v_locked := ARRAY(SELECT unit_id FROM iu_collection_piece WHERE collection_id = v_before.id
                          UNION SELECT unit_id FROM iu_collection_checkpoint_piece WHERE collection_id = v_before.id AND checkpoint_no = (p_params ->> 'checkpoint')::integer);
        PERFORM FROM information_unit WHERE id = ANY (v_locked) ORDER BY id FOR UPDATE;
        SELECT * INTO v_before FROM iu_collection WHERE id = v_before.id FOR UPDATE;
        EXIT WHEN NOT EXISTS (SELECT unit_id FROM iu_collection_piece WHERE collection_id = v_before.id EXCEPT SELECT unnest(v_locked));
        RAISE EXCEPTION 'once more' USING ERRCODE = 'XMORE';
      EXCEPTION WHEN SQLSTATE 'XMORE' THEN NULL;
      END;
    END LOOP;
    IF (p_params ->> 'expect_revision')::bigint <> v_before.revision THEN
      RAISE EXCEPTION 'expect_revision: the collection is at revision % by now', v_before.revision USING ERRCODE = 'IU014', COLUMN = 'expect_revision', HINT = 'Look at what has changed since.';
    END IF;
    IF p_params ? 'checkpoint' OR v_before.render_revision IS DISTINCT FROM v_before.revision OR v_before.render_digest IS DISTINCT FROM sha256(convert_to(p_params ->> 'text', 'UTF8')) THEN
      v_checkpoint := (fn_iu_collection_checkpoint(v_before.id, 'before ' || CASE WHEN p_params ? 'text' THEN 'an import' ELSE 'the return to ' || (p_params ->> 'checkpoint') END)).checkpoint_no;
      SELECT coalesce(jsonb_object_agg(p.unit_id, jsonb_build_object('at', p.position::text, 'version', coalesce(p.pinned_version_seq, u.current_version_seq))), '{}') INTO v_old
      FROM iu_collection_piece AS p JOIN information_unit AS u ON u.id = p.unit_id WHERE p.collection_id = v_before.id;
    END IF;
  END IF;

  v_text := fn_iu_collection_render(v_before.id);
  IF p_params ? 'text' THEN
    BEGIN
      SELECT i.* INTO v_imported
      FROM (SELECT p_params -> 'cut' AS cut) AS given
      CROSS JOIN LATERAL fn_iu_import_file(p_params ->> 'source_path', convert_to(p_params ->> 'text', 'UTF8'),
        ARRAY(SELECT jsonb_array_elements_text(cut -> 'kinds')), ARRAY(SELECT jsonb_array_elements_text(cut -> 'starts')::integer), ARRAY(SELECT jsonb_array_elements_text(cut -> 'lengths')::integer),
        ARRAY(SELECT jsonb_array_elements_text(cut -> 'titles')), ARRAY(SELECT jsonb_array_elements_text(cut -> 'levels')::smallint)) AS i;
    EXCEPTION WHEN invalid_text_representation OR numeric_value_out_of_range THEN
      RAISE EXCEPTION 'cut: starts, lengths and levels are whole numbers' USING ERRCODE = 'IU002', COLUMN = 'cut';
    END;
    v_outcome := v_imported.outcome;
    v_over := v_imported.over_edits;
    SELECT * INTO STRICT v_after FROM iu_collection WHERE canonical_address = v_imported.canonical_address;
  ELSE
    SELECT r.pieces_added AS pieces_created, r.versions_created, r.pieces_removed, r.pieces_moved INTO v_imported FROM fn_iu_collection_return(v_before.id, (p_params ->> 'checkpoint')::integer) AS r;
    SELECT * INTO STRICT v_after FROM iu_collection WHERE id = v_before.id;
    v_outcome := 'returned';
  END IF;

  SELECT coalesce(jsonb_agg(o ORDER BY n), '[]') INTO v_objects FROM (
    SELECT row_number() OVER (ORDER BY u.id) AS n, jsonb_strip_nulls(jsonb_build_object(
      'ref', 'unit:' || u.canonical_address,
      'change', CASE WHEN o.value IS NULL THEN 'create' WHEN p.unit_id IS NULL THEN 'delete' ELSE 'update' END,
      'before', o.value,
      'after', CASE WHEN p.unit_id IS NOT NULL THEN jsonb_build_object('at', p.position::text, 'version', coalesce(p.pinned_version_seq, u.current_version_seq)) END)) AS o
    FROM (SELECT key::bigint AS unit_id, value FROM jsonb_each(v_old)) AS o
    FULL JOIN (SELECT * FROM iu_collection_piece WHERE collection_id = v_after.id) AS p ON p.unit_id = o.unit_id
    JOIN information_unit AS u ON u.id = coalesce(p.unit_id, o.unit_id)
    WHERE v_outcome <> 'unchanged' AND (o.value IS NULL OR p.unit_id IS NULL
       OR o.value IS DISTINCT FROM jsonb_build_object('at', p.position::text, 'version', coalesce(p.pinned_version_seq, u.current_version_seq)))
  ) AS changed;
  -- What is retired can be added nowhere, so an undo could not bring it back.
  SELECT u.canonical_address INTO v_retired FROM jsonb_object_keys(v_old) AS o(unit_id) JOIN information_unit AS u ON u.id = o.unit_id::bigint
  WHERE u.lifecycle_status = 'retired' AND NOT EXISTS (SELECT FROM iu_collection_piece AS p WHERE p.collection_id = v_after.id AND p.unit_id = u.id) ORDER BY u.id LIMIT 1;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_before.revision),
    'objects', CASE v_outcome WHEN 'unchanged' THEN '[]'
      WHEN 'created' THEN jsonb_build_array(jsonb_build_object('ref', 'collection:' || v_after.canonical_address, 'change', 'create', 'after', jsonb_build_object('revision', v_after.revision, 'pieces', v_after.piece_count, 'bytes', v_after.byte_length)))
      ELSE jsonb_build_array(fn_dot_collection_object(v_before)) END || v_objects,
    'refs', jsonb_build_array('collection:' || v_after.canonical_address),
    'friction', CASE WHEN v_over = '{}' THEN '[]' ELSE jsonb_build_array(jsonb_build_object('because', 'edits', 'what', format('It undoes what was done here since the last import, on %s: %s.',
        CASE cardinality(v_over) WHEN 1 THEN '1 piece' ELSE cardinality(v_over) || ' pieces' END, array_to_string(v_over[:20], ', ') || CASE WHEN cardinality(v_over) > 20 THEN ' …' ELSE '' END))) END
      || CASE WHEN v_outcome = 'unchanged' THEN '[]' ELSE fn_dot_loss(v_before, v_imported.pieces_removed, v_after.byte_length) END,
    'result', jsonb_strip_nulls(jsonb_build_object('outcome', v_outcome, 'collection', v_after.canonical_address, 'pieces', v_after.piece_count, 'bytes', v_after.byte_length,
      'sha256', encode(v_after.render_digest, 'hex'), 'pieces_created', v_imported.pieces_created, 'versions_created', v_imported.versions_created,
      'pieces_removed', v_imported.pieces_removed, 'pieces_moved', v_imported.pieces_moved, 'checkpoint', nullif(v_checkpoint, 0))),
    'notes', CASE WHEN v_before.id IS NULL THEN '[]' ELSE fn_dot_line_end_notes(v_text, coalesce(p_params ->> 'text', fn_iu_collection_render(v_after.id))) END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'renders_to_the_text', 'kind', 'rendered', 'collection', v_after.canonical_address, 'sha256', encode(v_after.render_digest, 'hex'), 'revision', v_after.revision)),
    'inverse', CASE WHEN v_outcome <> 'unchanged' AND v_retired IS NULL THEN jsonb_build_object('command', 'dot_iu_import_text', 'params', jsonb_build_object('collection', v_after.canonical_address, 'checkpoint', v_checkpoint, 'expect_revision', v_after.revision)) END,
    'irreversible', CASE WHEN v_outcome = 'unchanged' THEN 'Nothing was changed.' ELSE format('%s is retired and has left the collection. Restore it, then return to checkpoint %s.', v_retired, v_checkpoint) END);
END
$function$;
ALTER FUNCTION dot_iu_import_text(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_import_text(jsonb,jsonb) IS 'Brings a source to a new text, cut into pieces, or a collection back to a checkpoint (0 = empty); what was before is kept as a checkpoint';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_emit_event(p_event_type text, p_event_subject_table text, p_event_subject_ref text, p_payload jsonb, p_idempotency_key text DEFAULT NULL::text)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_type iu_event_type;
  v_id bigint;
  v_problem text;
BEGIN
  SELECT * INTO v_type FROM iu_event_type WHERE event_type = p_event_type;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'event_type: % is not registered', coalesce(p_event_type, 'null')
      USING ERRCODE = 'IU007', COLUMN = 'event_type', HINT = 'Register the type and its routes first.';
  END IF;
  IF v_type.is_system THEN
    RAISE EXCEPTION 'event_type: % is emitted by the system only', p_event_type
      USING ERRCODE = 'IU008', COLUMN = 'event_type', HINT = 'Register a type of your own.';
  END IF;
  IF coalesce(p_event_subject_table, '') = '' OR octet_length(p_event_subject_table) > 256 THEN
    RAISE EXCEPTION 'event_subject_table: say which table the subject is a row of (1 to 256 bytes)' USING ERRCODE = 'IU002', COLUMN = 'event_subject_table';
  END IF;
  IF coalesce(p_event_subject_ref, '') = '' OR octet_length(p_event_subject_ref) > 1024 THEN
    RAISE EXCEPTION 'event_subject_ref: say which row is the subject (1 to 1024 bytes)' USING ERRCODE = 'IU002', COLUMN = 'event_subject_ref';
  END IF;
  IF p_payload IS NULL THEN
    RAISE EXCEPTION 'payload: give a JSON value; an empty one is {}' USING ERRCODE = 'IU002', COLUMN = 'payload';
  END IF;
  v_problem := fn_iu_json_unbounded(p_payload, 1048576);
  IF v_problem IS NOT NULL THEN
    RAISE EXCEPTION 'payload: %', v_problem USING ERRCODE = 'IU002', COLUMN = 'payload', HINT = 'An event says what happened, in 1 MB at most; what is larger is kept elsewhere and named in it.';
  END IF;
  IF v_type.delivery_lane = 'immediate' AND (coalesce(p_idempotency_key, '') = '' OR octet_length(p_idempotency_key) > 512) THEN
    RAISE EXCEPTION 'idempotency_key: % is on lane immediate and needs a key of 1 to 512 bytes', p_event_type
      USING ERRCODE = 'IU002', COLUMN = 'idempotency_key', HINT = 'Pass a key that names this one occurrence; a repeat returns the first id.';
  END IF;

  -- Two rounds: the row of a writer that was still under way at the first look-up is found at the second.
  FOR i IN 1..2 LOOP
    IF v_type.delivery_lane = 'immediate' THEN
      SELECT id INTO v_id FROM event_outbox
      WHERE event_type = p_event_type AND event_subject_ref = p_event_subject_ref AND idempotency_key = p_idempotency_key AND released_from IS NULL;
      EXIT WHEN v_id IS NOT NULL;
    END IF;
    -- As fn_iu_outbox_append writes many. One event through sets would cost an application a fifth more.
    INSERT INTO event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, idempotency_key, actor)
    VALUES (v_type.event_domain, p_event_type, p_event_subject_table, p_event_subject_ref, p_payload,
            CASE WHEN fn_iu_gate_is_open('iu_core.routes_master_enabled') THEN v_type.delivery_lane ELSE 'held' END,
            CASE WHEN v_type.delivery_lane = 'immediate' THEN p_idempotency_key END, fn_iu_actor())
    ON CONFLICT DO NOTHING
    RETURNING id INTO v_id;
    EXIT WHEN v_id IS NOT NULL;
  END LOOP;
  IF v_id IS NULL THEN
    -- Only under REPEATABLE READ or SERIALIZABLE: the first row exists but this snapshot cannot see it.
    RAISE EXCEPTION 'could not serialize: the same key was emitted by a concurrent transaction' USING ERRCODE = '40001', HINT = 'Retry the transaction.';
  END IF;
  RETURN v_id;
END
$function$;
ALTER FUNCTION fn_iu_emit_event(text,text,text,jsonb,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_emit_event(text,text,text,jsonb,text) IS 'Emits one event inside the caller''s transaction and returns its id; a repeat on lane immediate returns the first id. A payload that breaks its schema is accepted here and dead-lettered by the worker. IU007 unknown type, IU008 system type, IU002 bad argument, also a payload that is too large to be written out';
GRANT EXECUTE ON FUNCTION fn_iu_emit_event(text,text,text,jsonb,text) TO iu_emitter;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_block_end(p_text text, p_kind text, OUT is_over boolean, OUT closer text, OUT marker text, OUT content_column integer)
 RETURNS record
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
DECLARE
  v_line text;
  v_bare text;
  v_indent integer;
  v_state text := 'over';          -- over, paragraph, quote, list, note, code, fence, html (to its end), block (html to a blank line)
  v_blank boolean := false;        -- a blank line stands before, in a list, a note or code
  v_fence text;
  v_ends text;                     -- what the html is closed by, as a pattern
  v_found text[];
BEGIN
  is_over := true;
  IF p_kind = 'front_matter' THEN
    RETURN;
  END IF;
  FOREACH v_line IN ARRAY regexp_split_to_array(ltrim(p_text, U&'\FEFF'), '\r\n|\r|\n') LOOP
    v_bare := ltrim(v_line, E' \t');
    v_indent := length(replace(left(v_line, length(v_line) - length(v_bare)), E'\t', '    '));
    IF v_state = 'fence' THEN
      IF v_indent < 4 AND starts_with(v_bare, v_fence) AND btrim(rtrim(v_bare, E' \t'), left(v_fence, 1)) = '' THEN
        v_state := 'over';
      END IF;
      CONTINUE;
    ELSIF v_state = 'html' THEN
      IF v_line ~* v_ends THEN v_state := 'over'; END IF;
      CONTINUE;
    ELSIF v_bare = '' THEN
      IF v_state IN ('list', 'note', 'code') THEN v_blank := true; ELSE v_state := 'over'; END IF;
      CONTINUE;
    END IF;

    v_found := CASE WHEN v_indent < 4 AND v_bare !~ '^([-_*])[ \t]*(\1[ \t]*){2,}$' THEN regexp_match(v_bare, '^([-+*]|\d{1,9}[.)])([ \t]*)(.?)') END;
    IF v_found[2] = '' AND v_found[3] <> '' THEN v_found := NULL; END IF;
    IF v_state IN ('list', 'note') THEN
      IF v_indent >= content_column THEN
        v_blank := false;
        CONTINUE;
      ELSIF v_state = 'list' AND right(v_found[1], 1) = marker THEN
        v_blank := false;
        content_column := v_indent + length(v_found[1]) + CASE WHEN length(replace(v_found[2], E'\t', '    ')) BETWEEN 1 AND 4 AND v_found[3] <> '' THEN length(replace(v_found[2], E'\t', '    ')) ELSE 1 END;
        CONTINUE;
      END IF;
    ELSIF v_state = 'code' AND v_indent > 3 OR v_state = 'block' OR v_state = 'quote' AND v_indent < 4 AND starts_with(v_bare, '>') THEN
      v_blank := false;
      CONTINUE;
    ELSIF v_state = 'paragraph' AND v_indent < 4 AND v_bare ~ '^(=+|-+)[ \t]*$' THEN
      v_state := 'over';
      CONTINUE;
    END IF;

    IF v_indent > 3 THEN
      -- A line that belongs to a paragraph before it, wherever that one is.
      CONTINUE WHEN v_state IN ('paragraph', 'quote') OR v_state IN ('list', 'note') AND NOT v_blank;
      v_state := 'code';
    ELSIF v_bare ~ '^#{1,6}([ \t]|$)' OR v_bare ~ '^([-_*])[ \t]*(\1[ \t]*){2,}$' THEN
      v_state := 'over';
    ELSIF v_bare ~ '^(`{3,}[^`]*|~{3,}.*)$' THEN
      v_state := 'fence';
      v_fence := substring(v_bare FROM '^(`+|~+)');
    ELSIF v_bare ~* '^<(script|pre|style|textarea)([ \t>]|$)' THEN
      v_state := 'html'; v_ends := '</(script|pre|style|textarea)>';
      closer := '</' || lower(substring(v_bare FROM '^<([A-Za-z]+)')) || '>';
    ELSIF v_bare ~ '^<(!--|\?|!\[CDATA\[|![A-Za-z])' THEN
      v_state := 'html';
      closer := CASE WHEN starts_with(v_bare, '<!--') THEN '-->' WHEN starts_with(v_bare, '<?') THEN '?>' WHEN starts_with(v_bare, '<![') THEN ']]>' ELSE '>' END;
      v_ends := CASE closer WHEN '?>' THEN '\?>' WHEN ']]>' THEN '\]\]>' ELSE closer END;
    ELSIF v_bare ~* '^</?(address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul)([ \t]|/?>|$)' THEN
      v_state := 'block';
    ELSIF starts_with(v_bare, '>') THEN
      v_state := 'quote';
    ELSIF v_found IS NOT NULL AND (v_state NOT IN ('paragraph', 'quote') OR v_found[3] <> '' AND v_found[1] ~ '^([-+*]|0*1[.)])$') THEN
      v_state := 'list';
      marker := right(v_found[1], 1);
      content_column := v_indent + length(v_found[1]) + CASE WHEN length(replace(v_found[2], E'\t', '    ')) BETWEEN 1 AND 4 AND v_found[3] <> '' THEN length(replace(v_found[2], E'\t', '    ')) ELSE 1 END;
    ELSIF v_bare ~ '^\[\^[^] \t]+\]:' THEN
      v_state := 'note';
      content_column := 4;
    ELSIF v_state IN ('paragraph', 'quote') OR v_state IN ('list', 'note') AND NOT v_blank THEN
      CONTINUE;
    ELSIF v_bare ~* '^<(/[a-z][a-z0-9-]*[ \t]*|[a-z][^<>]*)>[ \t]*$' THEN
      v_state := 'block';
    ELSE
      v_state := 'paragraph';
    END IF;
    v_blank := false;
    IF v_state = 'html' AND substr(v_bare, 3) ~* v_ends THEN
      v_state := 'over';
    END IF;
  END LOOP;
  is_over := v_state = 'over';
  closer := CASE v_state WHEN 'fence' THEN v_fence WHEN 'html' THEN closer END;
  marker := CASE WHEN v_state = 'list' THEN marker END;
  content_column := CASE v_state WHEN 'list' THEN content_column WHEN 'note' THEN 4 WHEN 'code' THEN 4 END;
END
$function$;
ALTER FUNCTION fn_iu_block_end(text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_block_end(text,text) IS 'What a Markdown text leaves open at its end. is_over: its last block is, and a line end is enough behind it; closer: the line that ends a fence or HTML which is not closed; marker: of the list that it ends with; content_column: a line that is indented so far still belongs to its last block, whatever blank lines stand between';
