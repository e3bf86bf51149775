-- requires: dot_inventory, dot_iu_command, iu_core
-- Who uses what is told by the names that stand in the inventory's definitions, not in the live ones: what has
-- drifted cannot hide what it serves. What guards the schema serves every command, but for what says itself that it does not. What compares and registers names everything, and passes nothing on.
CREATE FUNCTION iu_core.fn_dot_drift_served(p_drift jsonb)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
  WITH RECURSIVE drifted AS MATERIALIZED (
    SELECT d.class, d.identity FROM jsonb_to_recordset(p_drift) AS d(class text, identity text, refuses boolean) WHERE d.class <> 'principal' OR d.refuses
  ), named AS MATERIALIZED (
    SELECT class, split_part(identity, '(', 1) AS name,
           -- Without its comments: they speak of others.
           regexp_replace(split_part(split_part(definition, E'\nALTER FUNCTION ', 1), E'\nCOMMENT ON ', 1), '--[^\n]*', '', 'g') AS said
    FROM dot_inventory WHERE class IN ('table', 'view', 'function', 'trigger')
      -- These serve whom they serve without being named, and change more often than the others together.
      AND EXISTS (SELECT FROM drifted WHERE class NOT IN ('config', 'command', 'schema', 'principal'))
  ), users AS MATERIALIZED (
    SELECT DISTINCT CASE n.class WHEN 'trigger' THEN split_part(n.name, ' on ', 2) ELSE n.name END AS name, w[1] AS used
    FROM named AS n CROSS JOIN LATERAL regexp_matches(n.said, '\w+', 'g') AS w
    WHERE n.name !~ '^(fn_dot_(catalogue|checks|compare|drift|fingerprints|inventory|repair|stamp|state)|v_dot_(accepted|comparison|conformance|drift))' AND EXISTS (SELECT FROM named AS k WHERE k.name = w[1])
  ), reached(name, class, identity) AS (
    SELECT CASE class WHEN 'function' THEN split_part(identity, '(', 1) WHEN 'trigger' THEN split_part(identity, ' on ', 2) ELSE identity END, class, identity
    FROM drifted WHERE class IN ('table', 'view', 'function', 'trigger')
    UNION
    -- An event type or a route is used by what names it.
    SELECT n.name, d.class, d.identity FROM drifted AS d JOIN named AS n ON n.class = 'function' AND strpos(n.said, quote_literal(d.identity)) > 0 WHERE d.class IN ('event_type', 'route')
    UNION
    SELECT u.name, r.class, r.identity FROM reached AS r JOIN users AS u ON u.used = r.name
  )
  SELECT coalesce(jsonb_object_agg(s.command_code, s.object), '{}')
  FROM (
    SELECT DISTINCT ON (c.command_code) c.command_code, o.object
    FROM dot_iu_command AS c
    CROSS JOIN LATERAL (
      SELECT r.class || ' ' || r.identity AS object FROM reached AS r WHERE r.name IN (c.command_code, 'fn_dot_command_run')
      UNION ALL SELECT d.class || ' ' || d.identity FROM drifted AS d WHERE d.class IN ('schema', 'principal') OR d.class = 'command' AND d.identity = c.command_code OR d.class = 'config' AND d.identity = ANY (c.gates)
    ) AS o
    ORDER BY c.command_code, o.object COLLATE "C"
  ) AS s
$$;
COMMENT ON FUNCTION iu_core.fn_dot_drift_served(jsonb) IS 'The commands that drifted objects ({class, identity} each) serve, by handler, dispatcher, triggers and gates, however indirectly: {"command": "class identity"}';
REVOKE ALL ON FUNCTION iu_core.fn_dot_drift_served(jsonb) FROM PUBLIC;
