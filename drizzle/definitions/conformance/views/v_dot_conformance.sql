-- requires: dot_inventory, fn_dot_drift, iu_core
CREATE VIEW iu_core.v_dot_conformance AS
WITH drift AS MATERIALIZED (
  SELECT class, state FROM iu_core.fn_dot_drift()
), counted AS (
  SELECT k.check_code, k.class, i.n AS expected, (SELECT count(*) FROM drift WHERE class IS NULL) > 0 AS is_dark,
         (count(d.state) FILTER (WHERE d.state = 'missing'))::integer AS missing, (count(d.state) FILTER (WHERE d.state = 'unexpected'))::integer AS unexpected,
         (count(d.state) FILTER (WHERE d.state = 'changed'))::integer AS changed, (count(d.state) FILTER (WHERE d.state = 'unknown'))::integer AS unknown
  FROM (VALUES ('D1', 'table'), ('D2', 'view'), ('D3', 'function'), ('D4', 'trigger'), ('D5', 'config'), ('D6', 'event_type'), ('D7', 'route'), ('D8', 'drift')) AS k(check_code, class)
  CROSS JOIN LATERAL (SELECT count(*)::integer AS n FROM iu_core.dot_inventory AS i WHERE i.class = k.class OR k.class = 'drift') AS i
  LEFT JOIN drift AS d ON d.class = k.class OR (k.class = 'drift' AND d.class IS NOT NULL)
  GROUP BY k.check_code, k.class, i.n
), checked AS (
  SELECT check_code, class, expected, CASE WHEN is_dark THEN 0 ELSE expected - missing - unknown END AS present, missing, unexpected, changed, CASE WHEN is_dark THEN greatest(expected, 1) ELSE unknown END AS unknown,
         NOT is_dark AND missing + unexpected + changed + unknown = 0 AND expected > 0 AS ok
  FROM counted
)
SELECT check_code, class, expected, present, missing, unexpected, changed, unknown, ok FROM checked
UNION ALL
SELECT 'D9', 'class', count(*)::integer, (count(*) FILTER (WHERE ok))::integer, 0, 0, (count(*) FILTER (WHERE NOT ok AND unknown = 0))::integer, (count(*) FILTER (WHERE unknown > 0))::integer, bool_and(ok) FROM checked WHERE class <> 'drift'
ORDER BY 1;
COMMENT ON VIEW iu_core.v_dot_conformance IS 'D1 to D7: each class, expected (the inventory) against the live catalogue; D8: everything in the inventory, in both directions; D9: the classes that are as they should be. What is unknown is never ok';
GRANT SELECT ON iu_core.v_dot_conformance TO iu_reader;
