-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('view', 'v_iu_route_attempt_hourly', 'owner iu_owner; SELECT iu_reader; hour timestamp with time zone, route_id integer, route_code text, status text, attempts bigint, event_type text')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue() AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
