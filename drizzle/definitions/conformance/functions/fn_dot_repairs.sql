-- requires: fn_dot_word, iu_core
-- What is told only by looking at all that has drifted.
-- A missing object that is there under another name gets its name back, so that the rows of a table, and what stands
-- upon it, stay; what differs by that name alone comes right with it.
-- What stands upon another is dropped before it and made after it. That it does is told by the other's name in its
-- definition: of what is missing PostgreSQL knows nothing any more. A name that means something else costs no more than
-- another place in the list. Of a function counts what is looked up when it is made, which is not a body in quotes.
CREATE FUNCTION iu_core.fn_dot_repairs(p_objects jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
  v_class text;
  -- As they will be when the names are back.
  v_identity text[];
  v_live text[];
  v_statement text[];
  v_action text[];
  v_pair record;
  v_before integer[];
  v_after integer[];
  v_rank integer[] := array_fill(0, ARRAY[jsonb_array_length(p_objects)]);
  v_last integer[];
BEGIN
  SELECT array_agg(o ->> 'identity' ORDER BY n), array_agg(o ->> 'live' ORDER BY n), array_agg(o ->> 'statement' ORDER BY n), array_agg(o ->> 'suggested_action' ORDER BY n)
  INTO v_identity, v_live, v_statement, v_action
  FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n);

  FOREACH v_class IN ARRAY '{table,function,view,trigger}'::text[] LOOP
    FOR v_pair IN
      WITH named AS (
        SELECT n::integer, o ->> 'state' AS state, v_identity[n] AS identity, o ->> 'expected' AS expected, v_live[n] AS live,
               CASE v_class WHEN 'function' THEN substring(v_identity[n] FROM '^(.+?)\(') WHEN 'trigger' THEN quote_ident(substring(v_identity[n] FROM '^(.+) on ')) ELSE quote_ident(v_identity[n]) END AS name
        FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n) WHERE o ->> 'class' = v_class
      ), same AS (
        SELECT m.n AS missing, m.identity, m.name, u.n AS other, u.identity AS other_identity, u.name AS other_name, w.word, w.live = m.expected AS is_whole
        FROM named AS m JOIN named AS u ON m.state = 'missing' AND u.state = 'unexpected'
        CROSS JOIN LATERAL (SELECT word, regexp_replace(u.live, word, m.name, 'g') AS live
          FROM fn_dot_word(u.name) AS word) AS w
        -- A table has rows to be lost: most of its lines are enough.
        WHERE w.live = m.expected OR v_class = 'table' AND (
          SELECT 2 * count(*) FILTER (WHERE line = ANY (regexp_split_to_array(w.live, E',?\n'))) > count(*) FROM regexp_split_to_table(m.expected, E',?\n') AS line WHERE line LIKE '  %')
      )
      -- Two of which each could be the other are for a person to tell apart.
      SELECT * FROM same AS s WHERE NOT EXISTS (SELECT FROM same AS t WHERE (t.missing = s.missing) <> (t.other = s.other) AND t.is_whole >= s.is_whole)
    LOOP
      v_statement[v_pair.other] := format('-- its name is %s %s', v_class, v_pair.identity);
      v_action[v_pair.other] := format('Nothing: it gets its name back with %s %s.', v_class, v_pair.identity);
      IF v_pair.name = v_pair.other_name THEN
        v_statement[v_pair.missing] := '-- it is there, under what was renamed';
        v_action[v_pair.missing] := 'Nothing: it comes right when what was renamed has its name back.';
      ELSE
        v_statement[v_pair.missing] := CASE v_class
          WHEN 'trigger' THEN format('ALTER TRIGGER %s ON %s RENAME TO %s;', v_pair.other_name, substring(v_pair.identity FROM '.* on (.+)$'), v_pair.name)
          WHEN 'function' THEN format('ALTER FUNCTION %s RENAME TO %s;', v_pair.other_identity, v_pair.name)
          ELSE format('ALTER %s %s RENAME TO %s;', upper(v_class), v_pair.other_name, v_pair.name) END;
        v_action[v_pair.missing] := format('Give %s %s its name back with the statement.%s', v_class, v_pair.other_identity, CASE WHEN NOT v_pair.is_whole THEN ' It differs in more: then compare again.' END);
        IF v_class <> 'trigger' THEN
          v_identity := (SELECT array_agg(CASE WHEN o ->> 'class' IN ('function', 'trigger') THEN regexp_replace(v_identity[n], v_pair.word, v_pair.name, 'g') ELSE v_identity[n] END ORDER BY n) FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n));
          v_live := (SELECT array_agg(regexp_replace(l, v_pair.word, v_pair.name, 'g') ORDER BY n) FROM unnest(v_live) WITH ORDINALITY AS e(l, n));
        END IF;
      END IF;
    END LOOP;
  END LOOP;
  SELECT array_agg(CASE WHEN is_right THEN '-- it differs by what was renamed' ELSE v_statement[n] END ORDER BY n),
         array_agg(CASE WHEN is_right THEN 'Nothing: it comes right when what was renamed has its name back.' ELSE v_action[n] END ORDER BY n)
  INTO v_statement, v_action
  FROM (SELECT n, o ->> 'state' = 'changed' AND v_live[n] = o ->> 'expected' AS is_right FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n)) AS r;

  WITH objects AS MATERIALIZED (
    SELECT n::integer, o ->> 'state' AS state, i.name, fn_dot_word(i.name) AS word,
           split_part(o ->> 'expected', E'\nAS $', 1) AS expected, split_part(o ->> 'live', E'\nAS $', 1) AS live
    FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n)
    CROSS JOIN LATERAL (
      SELECT CASE WHEN o ->> 'class' IN ('table', 'view', 'event_type') THEN o ->> 'identity'
                  WHEN o ->> 'class' = 'function' THEN btrim(substring(o ->> 'identity' FROM '^(.+?)\('), '"')
                  WHEN o ->> 'class' = 'other' THEN substring(o ->> 'identity' FROM ' iu_core\.([^(]+)') END AS name
    ) AS i
  ), pairs AS (
    SELECT upon.n AS before, base.n AS after
    FROM objects AS base JOIN objects AS upon ON upon.n <> base.n AND strpos(upon.live, base.name) > 0 AND upon.live ~ base.word
    WHERE base.state = 'unexpected' OR base.state = 'changed' AND upon.state = 'unexpected'
    UNION ALL
    SELECT base.n, upon.n
    FROM objects AS base JOIN objects AS upon ON upon.n <> base.n AND strpos(upon.expected, base.name) > 0 AND upon.expected ~ base.word
    WHERE base.state IN ('missing', 'changed')
  )
  SELECT array_agg(before), array_agg(after) INTO v_before, v_after FROM pairs;
  -- As many steps as objects stand upon each other; two that name each other end it.
  FOR step IN 1 .. 30 LOOP
    v_last := v_rank;
    v_rank := (SELECT array_agg(greatest(r.rank, p.rank) ORDER BY r.n)
               FROM unnest(v_last) WITH ORDINALITY AS r(rank, n)
               LEFT JOIN (SELECT after, max(v_last[before]) + 1 AS rank FROM unnest(v_before, v_after) AS pair(before, after) GROUP BY after) AS p ON p.after = r.n);
    EXIT WHEN v_rank = v_last;
  END LOOP;
  RETURN (SELECT jsonb_agg(o || jsonb_build_object('suggested_action', v_action[n],
                   'statement', CASE WHEN v_statement[n] LIKE 'ALTER SYSTEM %' THEN v_statement[n]   -- which stands in no transaction
                     ELSE concat_ws(chr(10), 'SET search_path = iu_core, pg_catalog, pg_temp;', CASE o ->> 'class' WHEN 'function' THEN 'SET check_function_bodies = off;' END) || chr(10) || v_statement[n] END)
                 ORDER BY v_rank[n], array_position('{event trigger,role,principal,schema,table,function,view,trigger,vocabulary,config,event_type,route,command,other}', CASE WHEN o ->> 'class' = 'principal' THEN coalesce(substring(v_identity[n] FROM '^(?:event trigger|role)(?= )'), 'principal') ELSE o ->> 'class' END), o ->> 'identity')
          FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n));
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_repairs(jsonb) IS 'Objects that are not as deployed, {class, identity, state, expected, live, statement, suggested_action} each: what was only renamed is named back, and they stand in the order in which their statements can be run';
REVOKE ALL ON FUNCTION iu_core.fn_dot_repairs(jsonb) FROM PUBLIC;
