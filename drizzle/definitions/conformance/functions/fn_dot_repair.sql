-- requires: fn_dot_word, iu_core
-- Written for a person to read before it is run. A function, view, trigger or row is made again as a whole; of a
-- table, which holds rows, only the lines that differ are put right.
CREATE FUNCTION iu_core.fn_dot_repair(p_class text, p_identity text, p_expected text, p_expected_facts text, p_live text, p_live_facts text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
  v_data constant text := CASE p_class WHEN 'config' THEN 'dot_config' WHEN 'event_type' THEN 'iu_event_type' WHEN 'route' THEN 'iu_outbound_route' WHEN 'vocabulary' THEN 'iu_vocabulary' WHEN 'command' THEN 'dot_iu_command' END;
  v_drop constant text := CASE
    WHEN v_data IS NOT NULL THEN format('DELETE FROM %I WHERE %s = %L;', v_data, CASE p_class WHEN 'config' THEN 'key' WHEN 'route' THEN 'route_code' WHEN 'command' THEN 'command_code'
      WHEN 'vocabulary' THEN 'term_class || '' '' || term' ELSE 'event_type' END, p_identity)
    WHEN p_class = 'trigger' THEN format('DROP TRIGGER %I ON %s;', substring(p_identity FROM '^(.+) on '), substring(p_identity FROM '.* on (.+)$'))
    WHEN p_class = 'function' AND p_live ~* '^CREATE OR REPLACE PROCEDURE' THEN format('DROP PROCEDURE %s;', p_identity)
    WHEN p_class = 'other' AND p_identity LIKE 'default privileges%' THEN p_live_facts
    WHEN p_class = 'other' THEN format('DROP %s %s;', upper(p_live_facts), substr(p_identity, length(p_live_facts) + 2))
    WHEN p_class IN ('table', 'view') THEN format('DROP %s %I;', upper(p_class), p_identity)
    ELSE format('DROP %s %s;', upper(p_class), p_identity) END;
  -- Rights on the object that a new one would not have, with what others were granted by them. They go before what is
  -- granted again, which they may take along.
  v_grants constant text := (
    SELECT string_agg(CASE WHEN line LIKE 'GRANT %' THEN regexp_replace(line, '^GRANT (.* )TO ("(?:[^"]|"")+"|\S+?)(?: WITH GRANT OPTION)?;$', 'REVOKE \1FROM \2 CASCADE;')
                           ELSE regexp_replace(line, '^REVOKE (.*) FROM ("(?:[^"]|"")+"|\S+);$', 'GRANT \1 TO \2;') END, chr(10) ORDER BY n)
    FROM regexp_split_to_table(coalesce(p_live, ''), E'\n') WITH ORDINALITY AS l(line, n)
    WHERE line ~ '^(GRANT|REVOKE) .* ON .*;$' AND NOT line = ANY (string_to_array(coalesce(p_expected, ''), E'\n')));
  v_signature constant text := '^.*?\)\n RETURNS [^\n]*';
  v_old text[];
  v_new text[];
  v_line text;
  v_name text;
  v_was text;
  v_parts text[];
  v_kind text;
  v_start text;
  v_renamed record;
  v_first text[] := '{}';
  v_last text[] := '{}';
BEGIN
  IF p_class = 'principal' THEN
    -- Of a role what differs: who may not make it a superuser may not say either that it is none.
    RETURN concat_ws(E'\n', p_live_facts, CASE WHEN p_identity LIKE 'role %' AND p_live_facts IS NULL AND p_live IS NOT NULL THEN
      format('ALTER %s %s;', p_identity, (SELECT string_agg(w, ' ' ORDER BY n) FROM regexp_split_to_table(rtrim(p_expected, ';'), ' ') WITH ORDINALITY AS e(w, n) WHERE NOT w = ANY (regexp_split_to_array(rtrim(p_live, ';'), ' '))))
      WHEN p_live IS NULL THEN regexp_replace(p_expected, '^ALTER ROLE', 'CREATE ROLE') ELSE p_expected END);
  ELSIF p_expected IS NULL THEN
    RETURN v_drop;
  ELSIF p_live IS NULL THEN
    RETURN p_expected || CASE WHEN p_class = 'function' THEN E'\n' || format('REVOKE ALL ON FUNCTION %s FROM PUBLIC;', p_identity) ||
      coalesce(E'\n' || (SELECT string_agg(l, E'\n') FROM regexp_split_to_table(p_expected, E'\n') AS l WHERE l LIKE 'GRANT % ON FUNCTION % TO PUBLIC;'), '') ELSE '' END;
  ELSIF v_data IS NOT NULL THEN
    RETURN p_expected;
  ELSIF p_class = 'trigger' THEN
    RETURN v_drop || E'\n' || p_expected;
  ELSIF p_class = 'function' THEN
    RETURN concat_ws(E'\n', CASE WHEN substring(p_expected FROM v_signature) IS DISTINCT FROM substring(p_live FROM v_signature) THEN v_drop || E'\n' || p_expected || format(E'\nREVOKE ALL ON FUNCTION %s FROM PUBLIC;', p_identity)
                                 ELSE concat_ws(E'\n', v_grants, p_expected) END, CASE WHEN p_expected !~ E'\nCOMMENT ON ' THEN format('COMMENT ON FUNCTION %s IS NULL;', p_identity) END);
  ELSIF p_class = 'view' THEN
    v_new := regexp_split_to_array(regexp_replace(p_expected_facts, '^.*; ', ''), ', ');
    v_old := regexp_split_to_array(regexp_replace(p_live_facts, '^.*; ', ''), ', ');
    IF cardinality(v_old) = cardinality(v_new) THEN
      FOR v_column IN 1 .. cardinality(v_new) LOOP
        v_name := split_part(v_old[v_column], ' ', 1);
        v_was := split_part(v_new[v_column], ' ', 1);
        IF v_name <> v_was AND v_name || substr(v_new[v_column], length(v_was) + 1) = v_old[v_column] THEN
          v_first := v_first || format('ALTER VIEW %I RENAME COLUMN %I TO %I;', p_identity, v_name, v_was);
          v_old[v_column] := v_new[v_column];
        END IF;
      END LOOP;
    END IF;
    -- The same columns: what stands upon it need not go.
    RETURN CASE WHEN v_old = v_new AND p_live !~ E'\n(CREATE RULE|ALTER VIEW [^\n]* SET DEFAULT)'
      THEN concat_ws(E'\n', nullif(array_to_string(v_first, E'\n'), ''), CASE WHEN p_live ~ E'^CREATE VIEW [^\n]* WITH \\(' THEN format('ALTER VIEW %I RESET (security_barrier, security_invoker, check_option);', p_identity) END,
             v_grants, regexp_replace(p_expected, '^CREATE VIEW', 'CREATE OR REPLACE VIEW'))
      ELSE v_drop || E'\n' || p_expected END;
  ELSIF p_class = 'schema' THEN
    RETURN concat_ws(E'\n', regexp_replace(split_part(p_expected, E'\n', 1), '^CREATE SCHEMA (.*) AUTHORIZATION', 'ALTER SCHEMA \1 OWNER TO'), v_grants,
      (SELECT string_agg(line, E'\n' ORDER BY n) FROM regexp_split_to_table(p_expected, E'\n') WITH ORDINALITY AS l(line, n) WHERE n > 1), CASE WHEN p_expected !~ E'\nCOMMENT ON ' THEN format('COMMENT ON SCHEMA %s IS NULL;', p_identity) END);
  END IF;

  v_old := regexp_split_to_array(p_live, E',?\n');
  v_new := regexp_split_to_array(p_expected, E',?\n');
  -- What only has another name gets its name back: a column keeps its values, a key what refers to it. A column stands
  -- in its place; what names it is as it was when it has its name back.
  FOREACH v_kind IN ARRAY '{COLUMN,CONSTRAINT,INDEX}'::text[] LOOP
    v_start := CASE v_kind WHEN 'COLUMN' THEN '^(  )(?!CONSTRAINT )' WHEN 'CONSTRAINT' THEN '^(  CONSTRAINT )' ELSE '^(CREATE (?:UNIQUE )?INDEX )' END || '("(?:[^"]|"")+"|\S+) ';
    FOR v_renamed IN
      SELECT DISTINCT ON (o.n) (regexp_match(o.line, v_start))[2] AS old, (regexp_match(n.line, v_start))[2] AS new
      FROM unnest(v_old) WITH ORDINALITY AS o(line, n)
      JOIN unnest(v_new) WITH ORDINALITY AS n(line, n) ON regexp_replace(o.line, v_start, '\1') = regexp_replace(n.line, v_start, '\1') AND (v_kind <> 'COLUMN' OR o.n = n.n)
      WHERE o.line ~ v_start AND n.line ~ v_start AND NOT o.line = ANY (v_new) AND NOT n.line = ANY (v_old)
      ORDER BY o.n, n.n
    LOOP
      v_first := v_first || CASE v_kind WHEN 'INDEX' THEN format('ALTER INDEX %s RENAME TO %s;', v_renamed.old, v_renamed.new) ELSE format('ALTER TABLE %I RENAME %s %s TO %s;', p_identity, v_kind, v_renamed.old, v_renamed.new) END;
      v_old := (SELECT array_agg(CASE WHEN l = ANY (v_new) THEN l ELSE regexp_replace(l, fn_dot_word(v_renamed.old), v_renamed.new, 'g') END ORDER BY n) FROM unnest(v_old) WITH ORDINALITY AS e(l, n));
    END LOOP;
  END LOOP;
  FOREACH v_line IN ARRAY v_old LOOP
    CONTINUE WHEN v_line = ANY (v_new) OR v_line ~ '^(CREATE TABLE|\)|ALTER TABLE \S+ OWNER|COMMENT|GRANT|REVOKE|REINDEX|ALTER SEQUENCE)';
    v_name := substring(v_line FROM '^  (?:CONSTRAINT )?("(?:[^"]|"")+"|\S+) ');
    IF v_line LIKE '  CONSTRAINT % NOT NULL % NOT VALID' THEN
      v_last := v_last || format('ALTER TABLE %I VALIDATE CONSTRAINT %s;', p_identity, v_name);
    ELSIF v_line LIKE '  CONSTRAINT %' THEN
      v_first := v_first || format('ALTER TABLE %I DROP CONSTRAINT %s;', p_identity, v_name);
    ELSIF v_line LIKE '  %' THEN
      IF NOT EXISTS (SELECT FROM unnest(v_new) AS n WHERE starts_with(n, '  ' || v_name || ' ')) THEN
        v_last := v_last || format('ALTER TABLE %I DROP COLUMN %s;', p_identity, v_name);
      END IF;
    ELSIF v_line ~ '^CREATE (UNIQUE )?INDEX ' THEN
      v_first := v_first || format('DROP INDEX %s;', substring(v_line FROM 'INDEX (\S+) ON'));
    ELSIF v_line LIKE 'CREATE POLICY %' THEN
      v_first := v_first || format('DROP POLICY %s ON %I;', substring(v_line FROM 'POLICY (\S+) ON'), p_identity);
    ELSIF v_line LIKE 'CREATE RULE %' THEN
      v_first := v_first || format('DROP RULE %s ON %I;', substring(v_line FROM 'RULE (\S+) AS'), p_identity);
    ELSIF v_line LIKE '% ROW LEVEL SECURITY;' THEN
      v_first := v_first || replace(replace(v_line, ' ENABLE ', ' DISABLE '), ' FORCE ', ' NO FORCE ');
    ELSIF v_line LIKE '% SET UNLOGGED;' THEN
      v_first := v_first || replace(v_line, 'UNLOGGED', 'LOGGED');
    ELSIF v_line LIKE '% REPLICA IDENTITY %' THEN
      v_first := v_first || format('ALTER TABLE %I REPLICA IDENTITY DEFAULT;', p_identity);
    ELSIF v_line LIKE '% INHERIT %' THEN
      v_first := v_first || replace(v_line, ' INHERIT ', ' NO INHERIT ');
    ELSIF v_line LIKE '% ATTACH PARTITION %' THEN
      v_first := v_first || regexp_replace(v_line, ' ATTACH PARTITION (.*) (FOR VALUES .*|DEFAULT);$', ' DETACH PARTITION \1;');
    ELSIF v_line LIKE '% SET STATISTICS %' THEN
      v_first := v_first || regexp_replace(v_line, 'STATISTICS \S+;', 'STATISTICS -1;');
    ELSE
      v_first := v_first || format('-- not as deployed, by hand: %s', v_line);
    END IF;
  END LOOP;
  IF v_old[1] IS DISTINCT FROM v_new[1] OR substring(p_live FROM E'\n\\)[^\n]*') IS DISTINCT FROM substring(p_expected FROM E'\n\\)[^\n]*') THEN
    v_first := v_first || (SELECT array_agg(format('ALTER TABLE %I RESET (%s);', p_identity, split_part(btrim(o), '=', 1)))
                           FROM regexp_split_to_table(substring(p_live FROM E'\n\\) WITH \\(([^\n]*)\\);'), ',') AS o);
    v_last := v_last || (format('ALTER TABLE %I SET (', p_identity) || substring(p_expected FROM E'\n\\) WITH \\(([^\n]*)\\);') || ');');
  END IF;
  FOREACH v_line IN ARRAY v_new LOOP
    CONTINUE WHEN v_line = ANY (v_old) OR v_line ~ '^(CREATE TABLE|\))';
    v_name := substring(v_line FROM '^  ("(?:[^"]|"")+"|\S+) ');
    IF v_line LIKE '  CONSTRAINT %' THEN
      v_last := v_last || format('ALTER TABLE %I ADD %s;', p_identity, btrim(v_line));
    ELSIF v_line LIKE '  %' THEN
      v_was := (SELECT o FROM unnest(v_old) AS o WHERE starts_with(o, '  ' || v_name || ' '));
      IF v_was IS NULL THEN
        v_first := v_first || format('ALTER TABLE %I ADD COLUMN %s;', p_identity, btrim(v_line));
      ELSE
        -- type, default, NOT NULL
        v_parts := ARRAY[substr(v_line, length(v_name) + 4), NULL, substring(v_line FROM ' NOT NULL$')];
        v_parts[1] := regexp_replace(v_parts[1], ' NOT NULL$', '');
        IF v_parts[1] LIKE '% DEFAULT %' THEN
          v_parts := ARRAY[split_part(v_parts[1], ' DEFAULT ', 1), substr(v_parts[1], strpos(v_parts[1], ' DEFAULT ') + 9), v_parts[3]];
        END IF;
        v_first := v_first || ARRAY[
          CASE WHEN regexp_replace(v_was, '( DEFAULT .*| NOT NULL)$', '') <> regexp_replace(v_line, '( DEFAULT .*| NOT NULL)$', '')
            THEN format('ALTER TABLE %I ALTER COLUMN %s DROP DEFAULT, ALTER COLUMN %2$s TYPE %s USING %2$s::%s;', p_identity, v_name, v_parts[1], regexp_replace(v_parts[1], ' COLLATE .*$', '')) END,
          format('ALTER TABLE %I ALTER COLUMN %s %s;', p_identity, v_name, CASE WHEN v_parts[2] IS NULL THEN 'DROP DEFAULT' ELSE 'SET DEFAULT ' || v_parts[2] END),
          format('ALTER TABLE %I ALTER COLUMN %s %s NOT NULL;', p_identity, v_name, CASE WHEN v_parts[3] IS NULL THEN 'DROP' ELSE 'SET' END)];
      END IF;
    ELSE
      v_last := v_last || v_line;
    END IF;
  END LOOP;
  -- A column that is added comes last.
  IF (SELECT array_agg(name ORDER BY was, n) <> array_agg(name ORDER BY n) FROM (
        SELECT n.n, c.name, (SELECT min(o.n) FROM unnest(v_old) WITH ORDINALITY AS o(line, n) WHERE starts_with(o.line, '  ' || c.name || ' ')) AS was
        FROM unnest(v_new) WITH ORDINALITY AS n(line, n) CROSS JOIN LATERAL (SELECT substring(n.line FROM '^  ("(?:[^"]|"")+"|\S+) ') AS name) AS c
        WHERE n.line LIKE '  %' AND n.line NOT LIKE '  CONSTRAINT %') AS columns) THEN
    v_last := v_last || '-- then its columns stand in another order: make the table anew and copy its rows, or restore a backup'::text;
  END IF;
  RETURN concat_ws(E'\n', nullif(array_to_string(v_first, E'\n'), ''), v_grants, nullif(array_to_string(v_last, E'\n'), ''),
    CASE WHEN p_live ~ ' WITH GRANT OPTION;' THEN (SELECT string_agg(l, E'\n') FROM unnest(v_new) AS l WHERE l ~ '^GRANT ') END);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_repair(text, text, text, text, text, text) IS 'The statements that make an object what it should be again, or take away one that should not be; with the search_path iu_core, pg_catalog';
REVOKE ALL ON FUNCTION iu_core.fn_dot_repair(text, text, text, text, text, text) FROM PUBLIC;
