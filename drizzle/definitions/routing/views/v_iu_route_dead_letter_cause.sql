-- requires: iu_route_dead_letter, iu_outbound_route, fn_iu_failure_kind
-- From one cause to the next in the index, never over all letters. Whoever has more causes than this has one fault
-- with many names, and looks at the list. BETWEEN, and the order by cause first, leave the planner no other index: it knows
-- nothing of how many letters a cause has, and would read all of them to find the few of a rare one.
CREATE VIEW iu_core.v_iu_route_dead_letter_cause AS
WITH RECURSIVE walk(cause, n) AS (
  (SELECT d.cause, 1 FROM iu_core.iu_route_dead_letter AS d WHERE d.status = 'open' ORDER BY d.cause LIMIT 1)
  UNION ALL
  SELECT (SELECT d.cause FROM iu_core.iu_route_dead_letter AS d WHERE d.status = 'open' AND d.cause > walk.cause ORDER BY d.cause LIMIT 1), walk.n + 1
  FROM walk WHERE walk.cause IS NOT NULL AND walk.n <= 100
)
SELECT walk.cause, last.failure_code, last.event_type, last.route_id, coalesce(r.route_code, '(no route)') AS route_code, r.enabled AS route_enabled,
       iu_core.fn_iu_failure_kind(last.failure_detail) AS failure_kind, last.failure_detail AS sample_detail, last.id AS sample_id, counted.n AS letters,
       first.created_at AS first_at, last.created_at AS last_at
FROM walk
CROSS JOIN LATERAL (SELECT d.* FROM iu_core.iu_route_dead_letter AS d WHERE d.status = 'open' AND d.cause BETWEEN walk.cause AND walk.cause ORDER BY d.cause DESC, d.id DESC LIMIT 1) AS last
CROSS JOIN LATERAL (SELECT d.created_at FROM iu_core.iu_route_dead_letter AS d WHERE d.status = 'open' AND d.cause BETWEEN walk.cause AND walk.cause ORDER BY d.cause, d.id LIMIT 1) AS first
CROSS JOIN LATERAL (SELECT count(*)::integer AS n FROM (SELECT FROM iu_core.iu_route_dead_letter AS d WHERE d.status = 'open' AND d.cause BETWEEN walk.cause AND walk.cause LIMIT 10001) AS bounded) AS counted
LEFT JOIN iu_core.iu_outbound_route AS r ON r.id = last.route_id
WHERE walk.cause IS NOT NULL;
COMMENT ON VIEW iu_core.v_iu_route_dead_letter_cause IS 'Open dead letters by cause, 101 causes at most: how many (up to 10001), since when, and the newest as a sample';
GRANT SELECT ON iu_core.v_iu_route_dead_letter_cause TO iu_reader;
