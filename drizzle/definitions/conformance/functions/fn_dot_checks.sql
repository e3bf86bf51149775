-- requires: iu_core
CREATE FUNCTION iu_core.fn_dot_checks(p_expected jsonb, p_drift jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH drift AS MATERIALIZED (
    SELECT d ->> 'class' AS class, CASE WHEN d ? 'accepted_by' THEN 'accepted ' ELSE '' END || (d ->> 'state') AS state FROM jsonb_array_elements(p_drift) AS d
  ), counted AS (
    SELECT k.check_code, k.class, i.n AS expected,
           (count(d.state) FILTER (WHERE d.state = 'missing'))::integer AS missing, (count(d.state) FILTER (WHERE d.state = 'unexpected'))::integer AS unexpected,
           (count(d.state) FILTER (WHERE d.state = 'changed'))::integer AS changed, (count(d.state) FILTER (WHERE d.state = 'unknown'))::integer AS unknown,
           (count(d.state) FILTER (WHERE d.state LIKE 'accepted %'))::integer AS accepted, (count(d.state) FILTER (WHERE d.state = 'accepted missing'))::integer AS without, (count(d.state) FILTER (WHERE d.state = 'accepted changed'))::integer AS otherwise
    FROM (VALUES ('D1', 'table'), ('D2', 'view'), ('D3', 'function'), ('D4', 'trigger'), ('D5', 'config'), ('D6', 'event_type'), ('D7', 'route'), ('D8', 'drift'), ('D10', 'principal')) AS k(check_code, class)
    CROSS JOIN LATERAL (SELECT coalesce(sum(value::integer), 0)::integer AS n FROM jsonb_each_text(p_expected) WHERE key = k.class OR k.class = 'drift') AS i
    LEFT JOIN drift AS d ON d.class = k.class OR k.class = 'drift'
    GROUP BY k.check_code, k.class, i.n
  ), checked AS (
    SELECT check_code, class, expected, CASE WHEN p_drift IS NULL THEN 0 ELSE expected - missing - without - unknown END AS present, missing, unexpected, changed,
           CASE WHEN p_drift IS NULL THEN greatest(expected, 1) ELSE unknown END AS unknown,
           p_drift IS NOT NULL AND missing + unexpected + changed + unknown + accepted = 0 AND expected > 0 AS ok,
           CASE WHEN p_drift IS NULL THEN 0 ELSE expected - missing - without - unknown - changed - otherwise END AS matching, accepted
    FROM counted
  )
  SELECT jsonb_agg(to_jsonb(c) ORDER BY length(c.check_code), c.check_code)
  FROM (
    SELECT * FROM checked
    UNION ALL
    SELECT 'D9', 'class', count(*)::integer, (count(*) FILTER (WHERE ok))::integer, 0, 0, (count(*) FILTER (WHERE NOT ok AND unknown = 0 AND NOT is_accepted))::integer, (count(*) FILTER (WHERE unknown > 0))::integer, bool_and(ok), (count(*) FILTER (WHERE ok))::integer, (count(*) FILTER (WHERE is_accepted))::integer
    FROM checked CROSS JOIN LATERAL (SELECT accepted > 0 AND missing + unexpected + changed + unknown = 0 AS is_accepted) AS a WHERE class NOT IN ('drift', 'principal')
  ) AS c
$$;
COMMENT ON FUNCTION iu_core.fn_dot_checks(jsonb, jsonb) IS 'The checks D1 to D10 of a comparison: of {"class": how many are expected} and what has drifted, accepted or not (null: nothing can be said, and all is unknown)';
REVOKE ALL ON FUNCTION iu_core.fn_dot_checks(jsonb, jsonb) FROM PUBLIC;
