-- unit: schema

-- The one schema of the product. Roles are cluster-wide: `iu db bootstrap` makes them, no unit does.
CREATE SCHEMA iu_core;
COMMENT ON SCHEMA iu_core IS 'IU Core: governed text, its outbox, its route worker. Only functions write here.';
GRANT USAGE ON SCHEMA iu_core TO iu_reader, iu_console, iu_emitter, iu_worker, iu_operator, iu_approver;

-- The gates. value is plain text on purpose: whatever is not exactly 'true' is a closed gate, so a
-- hand-made or half-restored row fails closed instead of failing to load.
CREATE TABLE iu_core.dot_config (
  key text COLLATE "C" CONSTRAINT dot_config_pkey PRIMARY KEY,
  value text NOT NULL,
  value_type text NOT NULL,
  description text NOT NULL,
  expires_at timestamptz,
  reason text NOT NULL,
  changed_by text NOT NULL DEFAULT session_user,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE iu_core.dot_config IS 'Gates: a missing, malformed or expired row is a closed gate';
COMMENT ON COLUMN iu_core.dot_config.value IS 'exactly ''true'' opens; anything else is closed';
COMMENT ON COLUMN iu_core.dot_config.expires_at IS 'an opening holds until then; null = until closed';

-- Every kind and term that may appear in the data. Nothing unclassified enters.
CREATE TABLE iu_core.iu_vocabulary (
  term_class text COLLATE "C" NOT NULL,
  term text COLLATE "C" NOT NULL,
  description text NOT NULL,
  CONSTRAINT iu_vocabulary_pkey PRIMARY KEY (term_class, term)
);
COMMENT ON TABLE iu_core.iu_vocabulary IS 'Every allowed kind and term, classified';

-- The one reader of the live catalogue. Its search_path decides how PostgreSQL spells names, which is
-- why this is a function and not a view. Gate values, a route's switches and trigger state are not
-- part of a definition: commands change them.
CREATE FUNCTION iu_core.fn_dot_catalogue()
RETURNS TABLE (class text, identity text, definition text, facts text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_data record;
BEGIN
  RETURN QUERY
  WITH grants AS (
    SELECT o.objid, o.classid, string_agg(format('%s %s', privilege, grantee), ', ' ORDER BY grantee, privilege) AS facts,
           string_agg(format('GRANT %s ON %s%s TO %s;', privilege, o.prefix, o.name, grantee), chr(10) ORDER BY grantee, privilege) AS sql
    FROM (
      SELECT oid AS objid, 'pg_class'::regclass AS classid, '' AS prefix, relname::text AS name, relowner AS owner, coalesce(relacl, acldefault('r', relowner)) AS acl
      FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relkind IN ('r', 'v')
      UNION ALL
      SELECT oid, 'pg_proc'::regclass, 'FUNCTION ', oid::regprocedure::text, proowner, coalesce(proacl, acldefault('f', proowner))
      FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace
      UNION ALL
      SELECT oid, 'pg_namespace'::regclass, 'SCHEMA ', nspname::text, nspowner, coalesce(nspacl, acldefault('n', nspowner))
      FROM pg_namespace WHERE oid = 'iu_core'::regnamespace
    ) AS o
    CROSS JOIN LATERAL (
      SELECT a.privilege_type || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS privilege,
             CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
      FROM aclexplode(o.acl) AS a WHERE a.grantee <> o.owner
    ) AS g
    GROUP BY o.objid, o.classid
  ), described AS (
    SELECT objoid, classoid, objsubid, description FROM pg_description
  )
  SELECT 'schema', n.nspname::text,
         concat_ws(chr(10), format('CREATE SCHEMA %I AUTHORIZATION %s;', n.nspname, n.nspowner::regrole), format('COMMENT ON SCHEMA %I IS %L;', n.nspname, d.description), g.sql),
         concat_ws('; ', 'owner ' || n.nspowner::regrole, g.facts)
  FROM pg_namespace AS n
  LEFT JOIN grants AS g ON g.objid = n.oid AND g.classid = 'pg_namespace'::regclass
  LEFT JOIN described AS d ON d.objoid = n.oid AND d.classoid = 'pg_namespace'::regclass
  WHERE n.oid = 'iu_core'::regnamespace

  UNION ALL
  SELECT 'table', c.relname::text,
         concat_ws(chr(10),
           format('CREATE TABLE %I (%s)%s;', c.relname, (
             SELECT chr(10) || string_agg('  ' || line, ',' || chr(10) ORDER BY part, place) || chr(10) FROM (
               SELECT 1 AS part, a.attnum::text COLLATE "C" AS place_text, a.attnum::integer AS place,
                      concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
                        CASE WHEN a.attcollation NOT IN (0, (SELECT typcollation FROM pg_type WHERE oid = a.atttypid)) THEN 'COLLATE ' || a.attcollation::regcollation END,
                        CASE WHEN a.attgenerated = 's' THEN format('GENERATED ALWAYS AS (%s) STORED', pg_get_expr(x.adbin, x.adrelid))
                             WHEN a.attidentity = 'a' THEN 'GENERATED ALWAYS AS IDENTITY'
                             WHEN x.adbin IS NOT NULL THEN 'DEFAULT ' || pg_get_expr(x.adbin, x.adrelid) END,
                        CASE WHEN a.attnotnull THEN 'NOT NULL' END) AS line
               FROM pg_attribute AS a LEFT JOIN pg_attrdef AS x ON x.adrelid = a.attrelid AND x.adnum = a.attnum
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               UNION ALL
               SELECT 2, k.conname, (row_number() OVER (ORDER BY k.conname COLLATE "C"))::integer, format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid))
               FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'c', 'f', 'x')
             ) AS lines),
             CASE WHEN c.reloptions IS NOT NULL THEN format(' WITH (%s)', array_to_string(c.reloptions, ', ')) END),
           format('ALTER TABLE %I OWNER TO %s;', c.relname, c.relowner::regrole),
           (SELECT string_agg(pg_get_indexdef(i.indexrelid) || ';', chr(10) ORDER BY i.indexrelid::regclass::text COLLATE "C")
            FROM pg_index AS i WHERE i.indrelid = c.oid AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x'))),
           (SELECT string_agg(format('COMMENT ON %s IS %L;', CASE WHEN a.attname IS NULL THEN 'TABLE ' || quote_ident(c.relname) ELSE format('COLUMN %I.%I', c.relname, a.attname) END, d.description), chr(10) ORDER BY d.objsubid)
            FROM described AS d LEFT JOIN pg_attribute AS a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0
            WHERE d.objoid = c.oid AND d.classoid = 'pg_class'::regclass),
           (SELECT string_agg(format('COMMENT ON CONSTRAINT %I ON %I IS %L;', k.conname, c.relname, d.description), chr(10) ORDER BY k.conname COLLATE "C")
            FROM pg_constraint AS k JOIN described AS d ON d.objoid = k.oid AND d.classoid = 'pg_constraint'::regclass WHERE k.conrelid = c.oid),
           g.sql),
         concat_ws('; ', 'owner ' || c.relowner::regrole, g.facts, (
           SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
  FROM pg_class AS c LEFT JOIN grants AS g ON g.objid = c.oid AND g.classid = 'pg_class'::regclass
  WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'r'

  UNION ALL
  SELECT 'function', p.oid::regprocedure::text,
         concat_ws(chr(10), rtrim(pg_get_functiondef(p.oid), chr(10)) || ';', format('ALTER FUNCTION %s OWNER TO %s;', p.oid::regprocedure, p.proowner::regrole),
                   format('COMMENT ON FUNCTION %s IS %L;', p.oid::regprocedure, d.description), g.sql),
         concat_ws('; ', 'owner ' || p.proowner::regrole, CASE WHEN p.prosecdef THEN 'security definer' ELSE 'security invoker' END,
                   CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END, array_to_string(p.proconfig, ', '), g.facts)
  FROM pg_proc AS p
  LEFT JOIN grants AS g ON g.objid = p.oid AND g.classid = 'pg_proc'::regclass
  LEFT JOIN described AS d ON d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass
  WHERE p.pronamespace = 'iu_core'::regnamespace

  UNION ALL
  SELECT 'view', c.relname::text,
         concat_ws(chr(10), format('CREATE VIEW %I%s AS', c.relname, CASE WHEN c.reloptions IS NOT NULL THEN format(' WITH (%s)', array_to_string(c.reloptions, ', ')) END),
                   pg_get_viewdef(c.oid), format('ALTER VIEW %I OWNER TO %s;', c.relname, c.relowner::regrole), format('COMMENT ON VIEW %I IS %L;', c.relname, d.description), g.sql),
         concat_ws('; ', 'owner ' || c.relowner::regrole, g.facts, (
           SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0))
  FROM pg_class AS c
  LEFT JOIN grants AS g ON g.objid = c.oid AND g.classid = 'pg_class'::regclass
  LEFT JOIN described AS d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
  WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'v'

  UNION ALL
  SELECT 'trigger', format('%s on %s', t.tgname, t.tgrelid::regclass),
         concat_ws(chr(10), pg_get_triggerdef(t.oid) || ';', format('COMMENT ON TRIGGER %I ON %s IS %L;', t.tgname, t.tgrelid::regclass, d.description)),
         'executes ' || t.tgfoid::regprocedure
  FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
  LEFT JOIN described AS d ON d.objoid = t.oid AND d.classoid = 'pg_trigger'::regclass
  WHERE c.relnamespace = 'iu_core'::regnamespace AND NOT t.tgisinternal;

  -- What is data, but part of what was deployed. A unit before its table finds none.
  FOR v_data IN
    SELECT * FROM (VALUES
      ('config', 'dot_config', 'SELECT key, concat_ws(chr(10), value_type, description) FROM iu_core.dot_config'),
      ('vocabulary', 'iu_vocabulary', 'SELECT term_class || '' '' || term, description FROM iu_core.iu_vocabulary'),
      ('event_type', 'iu_event_type', 'SELECT event_type, concat_ws(chr(10), event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate) FROM iu_core.iu_event_type'),
      ('route', 'iu_outbound_route', 'SELECT route_code, concat_ws(chr(10), event_type, target_kind, target_ref) FROM iu_core.iu_outbound_route')
    ) AS v(class, relation, query)
  LOOP
    CONTINUE WHEN to_regclass('iu_core.' || v_data.relation) IS NULL;
    RETURN QUERY EXECUTE format('SELECT %L::text, q.i::text, q.d::text, q.d::text FROM (%s) AS q(i, d)', v_data.class, v_data.query);
  END LOOP;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_catalogue() IS 'Every object of the schema as it stands: class, identity, the statements that make it, and the facts that no PostgreSQL version spells otherwise (owner, rights, columns, settings)';
REVOKE ALL ON FUNCTION iu_core.fn_dot_catalogue() FROM PUBLIC;

CREATE FUNCTION iu_core.fn_iu_append_only()
RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'IU005', TABLE = TG_TABLE_NAME, HINT = 'History is never rewritten; write a new row instead.';
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_append_only() IS 'Trigger function: raises IU005 (append_only) on whatever would change history';
REVOKE ALL ON FUNCTION iu_core.fn_iu_append_only() FROM PUBLIC;

-- requires: iu_vocabulary
CREATE FUNCTION iu_core.fn_iu_classify(p_term_class text, p_terms text[], p_field text)
RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unknown text;
BEGIN
  SELECT coalesce(t, 'null') INTO v_unknown
  FROM (SELECT DISTINCT t FROM unnest(p_terms) AS t) AS given
  WHERE NOT EXISTS (SELECT FROM iu_vocabulary v WHERE v.term_class = p_term_class AND v.term = given.t)
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '%: % is not a known %', p_field, v_unknown, p_term_class
      USING ERRCODE = 'IU002', COLUMN = p_field,
            HINT = 'Use one of: ' || coalesce((SELECT string_agg(term, ', ' ORDER BY term) FROM iu_vocabulary WHERE term_class = p_term_class), '(none registered)');
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_classify(text, text[], text) IS 'Raises IU002 (invalid_parameter) naming p_field when a term is not in the vocabulary';
REVOKE ALL ON FUNCTION iu_core.fn_iu_classify(text, text[], text) FROM PUBLIC;

-- requires: dot_config, iu_vocabulary
CREATE FUNCTION iu_core.fn_iu_gate_declare(p_gates jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  PERFORM fn_iu_vocabulary_register('gate', p_gates);
  -- A gate that exists keeps its state: declaring again never opens and never closes.
  INSERT INTO dot_config (key, value, value_type, description, reason)
  SELECT key, 'false', 'gate', value, 'seeded closed' FROM jsonb_each_text(p_gates)
  ON CONFLICT (key) DO NOTHING;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_gate_declare(jsonb) IS 'Declares gates, closed: {"key": "what it lets through"}';
REVOKE ALL ON FUNCTION iu_core.fn_iu_gate_declare(jsonb) FROM PUBLIC;

-- requires: dot_config
-- The one place that says what a row of dot_config means.
CREATE FUNCTION iu_core.fn_iu_gate_state(p_gate text)
RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT coalesce((
    SELECT CASE
      WHEN value_type <> 'gate' OR value NOT IN ('true', 'false') THEN 'malformed'
      WHEN value = 'false' THEN 'closed'
      WHEN expires_at <= clock_timestamp() THEN 'expired'
      ELSE 'open'
    END
    FROM dot_config WHERE key = p_gate), 'missing')
$$;
COMMENT ON FUNCTION iu_core.fn_iu_gate_state(text) IS 'open, closed, expired, malformed or missing; only ''open'' lets anything through';
REVOKE ALL ON FUNCTION iu_core.fn_iu_gate_state(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_gate_state(text) TO iu_reader;

-- requires: fn_iu_gate_state
CREATE FUNCTION iu_core.fn_iu_gate_is_open(p_gate text)
RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT fn_iu_gate_state(p_gate) = 'open' $$;
COMMENT ON FUNCTION iu_core.fn_iu_gate_is_open(text) IS 'True only for an open gate; never null';
REVOKE ALL ON FUNCTION iu_core.fn_iu_gate_is_open(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_gate_is_open(text) TO iu_reader;

CREATE FUNCTION iu_core.fn_iu_gate_require(p_gate text)
RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_state text := fn_iu_gate_state(p_gate);
BEGIN
  IF v_state <> 'open' THEN
    RAISE EXCEPTION 'gate % is closed (%)', p_gate, v_state
      USING ERRCODE = 'IU001', COLUMN = p_gate,
            DETAIL = coalesce((SELECT format('%s by %s at %s: %s', value, changed_by, changed_at, reason) FROM dot_config WHERE key = p_gate), 'The gate has no row.'),
            HINT = format('Open it: iu gate open %s --reason TEXT', p_gate);
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_gate_require(text) IS 'Raises IU001 (gate_closed) with who closed it, when and why, unless the gate is open';
REVOKE ALL ON FUNCTION iu_core.fn_iu_gate_require(text) FROM PUBLIC;

-- requires: dot_config, iu_vocabulary
CREATE FUNCTION iu_core.fn_iu_gate_retract()
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_open text;
BEGIN
  SELECT string_agg(key, ', ' ORDER BY key) INTO v_open FROM dot_config WHERE fn_iu_gate_is_open(key);
  IF v_open IS NOT NULL THEN
    RAISE EXCEPTION 'gates are open: %', v_open
      USING ERRCODE = 'IU010', HINT = 'Close them first: iu gate close NAME --reason TEXT';
  END IF;
  DELETE FROM dot_config WHERE value_type = 'gate';
  PERFORM fn_iu_vocabulary_forget('gate');
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_gate_retract() IS 'Removes every gate declaration, the rollback of fn_iu_gate_declare; refuses (IU010) while one is open';
REVOKE ALL ON FUNCTION iu_core.fn_iu_gate_retract() FROM PUBLIC;

CREATE FUNCTION iu_core.fn_iu_gate_set(p_gate text, p_open boolean, p_reason text, p_expires_at timestamptz DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  IF p_open IS NULL THEN
    RAISE EXCEPTION 'open: say true or false' USING ERRCODE = 'IU002', COLUMN = 'open';
  END IF;
  IF coalesce(btrim(p_reason), '') = '' THEN
    RAISE EXCEPTION 'reason: a gate changes only with a reason'
      USING ERRCODE = 'IU002', COLUMN = 'reason', HINT = 'Say why: --reason TEXT';
  END IF;
  IF p_expires_at <= clock_timestamp() THEN
    RAISE EXCEPTION 'expires_at: % is past', p_expires_at USING ERRCODE = 'IU002', COLUMN = 'expires_at';
  END IF;
  UPDATE dot_config
  SET value = p_open::text, value_type = 'gate', reason = btrim(p_reason),
      expires_at = CASE WHEN p_open THEN p_expires_at END,
      changed_by = session_user, changed_at = clock_timestamp()
  WHERE key = p_gate;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'gate % does not exist', p_gate
      USING ERRCODE = 'IU003', COLUMN = 'gate',
            HINT = 'Gates: ' || coalesce((SELECT string_agg(key, ', ' ORDER BY key) FROM dot_config WHERE value_type = 'gate'), '(none: run iu db deploy)');
  END IF;
  RETURN fn_iu_gate_state(p_gate);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_gate_set(text, boolean, text, timestamptz) IS 'Opens or closes a gate with a reason, returns its state; IU002 without a reason, IU003 for an unknown gate';
REVOKE ALL ON FUNCTION iu_core.fn_iu_gate_set(text, boolean, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION iu_core.fn_iu_refuse_if_history(VARIADIC p_tables text[])
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_table text;
  v_has boolean;
BEGIN
  FOREACH v_table IN ARRAY p_tables LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM iu_core.%I)', v_table) INTO v_has;
    IF v_has THEN
      RAISE EXCEPTION 'rollback refused: iu_core.% holds rows that would be destroyed', v_table
        USING ERRCODE = 'IU010', TABLE = v_table, HINT = 'Keep the unit, or restore an earlier backup into a new database.';
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_refuse_if_history(text[]) IS 'Raises IU010 (would_destroy_history) when one of these tables holds rows; every rollback that drops tables calls it first';
REVOKE ALL ON FUNCTION iu_core.fn_iu_refuse_if_history(text[]) FROM PUBLIC;

-- requires: iu_vocabulary
CREATE FUNCTION iu_core.fn_iu_vocabulary_forget(p_term_class text)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ DELETE FROM iu_vocabulary WHERE term_class = p_term_class $$;
COMMENT ON FUNCTION iu_core.fn_iu_vocabulary_forget(text) IS 'Removes a class of terms: the rollback of its registration';
REVOKE ALL ON FUNCTION iu_core.fn_iu_vocabulary_forget(text) FROM PUBLIC;

-- requires: iu_vocabulary
CREATE FUNCTION iu_core.fn_iu_vocabulary_register(p_term_class text, p_terms jsonb)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  INSERT INTO iu_vocabulary (term_class, term, description)
  SELECT p_term_class, key, value FROM jsonb_each_text(p_terms)
  ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description
$$;
COMMENT ON FUNCTION iu_core.fn_iu_vocabulary_register(text, jsonb) IS 'Registers or re-describes the terms of a class: {"term": "description"}';
REVOKE ALL ON FUNCTION iu_core.fn_iu_vocabulary_register(text, jsonb) FROM PUBLIC;

-- requires: dot_config, iu_vocabulary, fn_iu_gate_state
-- A declared gate whose row is gone still shows, as missing.
CREATE VIEW iu_core.v_iu_gate AS
SELECT coalesce(v.term, c.key) AS gate,
       s.state,
       s.state = 'open' AS is_open,
       coalesce(c.description, v.description) AS description,
       c.reason, c.changed_by, c.changed_at, c.expires_at
FROM (SELECT term, description FROM iu_core.iu_vocabulary WHERE term_class = 'gate') AS v
FULL JOIN iu_core.dot_config AS c ON c.key = v.term
CROSS JOIN LATERAL (SELECT iu_core.fn_iu_gate_state(coalesce(v.term, c.key)) AS state) AS s;
COMMENT ON VIEW iu_core.v_iu_gate IS 'Every gate with its effective state, who set it, when and why';
GRANT SELECT ON iu_core.v_iu_gate TO iu_reader;
