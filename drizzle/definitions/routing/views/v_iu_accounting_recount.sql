-- requires: event_outbox, iu_route_attempt, iu_held_decision, v_iu_event_claim, v_iu_archive
-- Counted from the rows, in one snapshot. What a worker claims to be done with but did not attempt,
-- and what no worker owns, is unexplained.
CREATE VIEW iu_core.v_iu_accounting_recount AS
SELECT count(account) + archived AS events,
       count(account) FILTER (WHERE account = 'attempted') AS attempted,
       count(account) FILTER (WHERE account = 'held') AS held,
       count(account) FILTER (WHERE account = 'released') AS released,
       count(account) FILTER (WHERE account = 'discarded') AS discarded,
       archived,
       count(account) FILTER (WHERE account = 'not_yet_routed') AS not_yet_routed,
       count(account) FILTER (WHERE account = 'unexplained') AS unexplained
FROM (SELECT coalesce(sum(events), 0)::bigint AS archived FROM iu_core.v_iu_archive WHERE is_removed) AS archives
LEFT JOIN (
  SELECT CASE
    WHEN e.delivery_lane = 'held' THEN CASE
      WHEN EXISTS (SELECT FROM iu_core.event_outbox AS n WHERE n.released_from = e.id) THEN 'released'
      WHEN EXISTS (SELECT FROM iu_core.iu_held_decision AS h WHERE h.event_id = e.id) THEN 'discarded'
      ELSE 'held' END
    WHEN a.event_id IS NOT NULL THEN 'attempted'
    WHEN NOT c.is_passed THEN 'not_yet_routed'
    ELSE 'unexplained' END AS account
  FROM iu_core.event_outbox AS e
  LEFT JOIN (SELECT DISTINCT event_id FROM iu_core.iu_route_attempt WHERE attempt_no = 1) AS a ON a.event_id = e.id
  LEFT JOIN iu_core.v_iu_event_claim AS c ON c.event_id = e.id AND a.event_id IS NULL
  OFFSET 0                            -- each row is judged once, not once for each count
) AS accounted ON true
GROUP BY archived;
COMMENT ON VIEW iu_core.v_iu_accounting_recount IS 'The accounting identity, counted from all rows: what v_iu_accounting must equal. It takes as long as there are events';
GRANT SELECT ON iu_core.v_iu_accounting_recount TO iu_reader;
