-- requires: dot_iu_history_block, dot_iu_history_state, dot_iu_history_unsealed, fn_dot_history_kinds
-- One kind of row, held against its blocks: what is gone, what is not what was sealed, and what stands in no block though it should.
CREATE FUNCTION iu_core.fn_dot_history_differs(p_what text, p_archived int8multirange)
RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET TimeZone = 'UTC'
SET DateStyle = 'ISO, MDY'
SET bytea_output = 'hex'
SET extra_float_digits = 1
AS $$
DECLARE
  v_kind record;
  v_columns text;
  v_pending text;
  v record;
BEGIN
  SELECT k.called, k.relation, k.key_columns[1] AS lead,
         (SELECT string_agg('t.' || c, ', ' ORDER BY n) FROM unnest(k.key_columns) WITH ORDINALITY AS u(c, n)) AS key,
         (SELECT string_agg(format('t.%I = split_part(g.key, ''/'', %s)::%s', c, n, y), ' AND ' ORDER BY n) FROM unnest(k.key_columns, k.key_types) WITH ORDINALITY AS u(c, y, n)) AS is_key
  INTO STRICT v_kind FROM fn_dot_history_kinds() AS k WHERE k.what = p_what;
  FOR v_columns IN SELECT DISTINCT b.columns FROM dot_iu_history_block AS b WHERE b.what = p_what ORDER BY 1 LOOP
    BEGIN
      EXECUTE format(
        'SELECT g.seal_no, g.key, t.%1$I IS NULL AS is_gone, count(*) OVER () AS n
         FROM (SELECT b.seal_no, k.key, k.digest, k.n FROM dot_iu_history_block AS b CROSS JOIN LATERAL unnest(b.row_keys, b.row_digests) WITH ORDINALITY AS k(key, digest, n)
               WHERE b.what = $1 AND b.columns = $2) AS g
         LEFT JOIN %2$I AS t ON %3$s
         WHERE CASE WHEN t.%1$I IS NULL THEN NOT split_part(g.key, ''/'', 1)::bigint <@ $3 ELSE substr(sha256(convert_to(ROW(%4$s)::text, ''UTF8'')), 1, 16) <> g.digest END
         ORDER BY g.seal_no, g.n LIMIT 1', v_kind.lead, v_kind.relation, v_kind.is_key, v_columns)
        INTO v USING p_what, v_columns, CASE WHEN p_what IN ('events', 'attempts') THEN p_archived ELSE '{}' END;
    EXCEPTION WHEN program_limit_exceeded OR out_of_memory THEN
      v := NULL;
      RETURN NEXT format('the %ss cannot be compared: one of them is too long to be written out', v_kind.called);
    END;
    IF v.n IS NOT NULL THEN
      RETURN NEXT format('link %s: %s %s %s%s', v.seal_no, v_kind.called, v.key, CASE WHEN v.is_gone THEN 'is gone' ELSE 'is not what was sealed' END, CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
    END IF;
  END LOOP;

  v_pending := CASE p_what
    WHEN 'events' THEN
      'NOT pg_visible_in_snapshot(t.xid, s.snap_from) AND (t.id > s.floor_id OR t.xid IN (SELECT pg_snapshot_xip(s.snap_from)))
       AND NOT (s.snap_to IS NOT NULL AND t.id <= s.last_id AND CASE WHEN t.id <= s.trusted_id THEN t.xid NOT IN (SELECT pg_snapshot_xip(s.snap_to)) ELSE pg_visible_in_snapshot(t.xid, s.snap_to) END)
       OR t.id::text IN (SELECT unnest(q.row_keys) FROM dot_iu_history_unsealed AS q WHERE q.what = ''events'')'
    WHEN 'attempts' THEN
      't.event_id > coalesce((SELECT a.through_id FROM iu_event_audit AS a), 0) OR t.event_id IN (SELECT o.event_id FROM iu_event_audit_open AS o)
       OR EXISTS (SELECT FROM iu_event_audit_late AS l JOIN event_outbox AS e ON e.xid = l.xid WHERE e.id = t.event_id AND e.id <= l.through_id)
       OR t.event_id IN (SELECT unnest(q.event_ids) FROM dot_iu_history_unsealed AS q) OR concat_ws(''/'', t.event_id, t.route_id, t.attempt_no) IN (SELECT unnest(q.row_keys) FROM dot_iu_history_unsealed AS q WHERE q.what = ''attempts'')'
    WHEN 'dead_letters' THEN
      't.event_id > coalesce((SELECT a.through_id FROM iu_event_audit AS a), 0) OR t.event_id IN (SELECT o.event_id FROM iu_event_audit_open AS o)
       OR EXISTS (SELECT FROM iu_event_audit_late AS l JOIN event_outbox AS e ON e.xid = l.xid WHERE e.id = t.event_id AND e.id <= l.through_id)
       OR t.event_id IN (SELECT unnest(q.event_ids) FROM dot_iu_history_unsealed AS q) OR t.event_id IN (SELECT split_part(k, ''/'', 1)::bigint FROM dot_iu_history_unsealed AS q CROSS JOIN LATERAL unnest(q.row_keys) AS k WHERE q.what = ''attempts'')'
    ELSE format('concat_ws(''/'', %s) IN (SELECT unnest(q.row_keys) FROM dot_iu_history_unsealed AS q WHERE q.what = %L)', v_kind.key, p_what) END;
  EXECUTE format(
    'SELECT concat_ws(''/'', %s) AS key, count(*) OVER () AS n FROM dot_iu_history_state AS s CROSS JOIN %I AS t
     WHERE concat_ws(''/'', %s) NOT IN (SELECT unnest(b.row_keys) FROM dot_iu_history_block AS b WHERE b.what = $1) AND NOT (%s)
     ORDER BY %s LIMIT 1', v_kind.key, v_kind.relation, v_kind.key, v_pending, v_kind.key)
    INTO v USING p_what;
  IF v.n IS NOT NULL THEN
    RETURN NEXT format('%s %s stands in no link: it was put in past the functions%s', v_kind.called, v.key, CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_history_differs(text, int8multirange) IS 'What differs between the rows of one kind and what was sealed of them, the first of each sort named; events and attempts may be missing where they are archived';
REVOKE ALL ON FUNCTION iu_core.fn_dot_history_differs(text, int8multirange) FROM PUBLIC;
