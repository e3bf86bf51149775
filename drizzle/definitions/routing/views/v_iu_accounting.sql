-- requires: event_outbox, iu_route_attempt, iu_held_decision, v_iu_event_claim
-- Counted from the rows, in one snapshot. What a worker claims to be done with but did not attempt,
-- and what no worker owns, is unexplained.
CREATE VIEW iu_core.v_iu_accounting AS
SELECT count(*) AS events,
       count(*) FILTER (WHERE account = 'attempted') AS attempted,
       count(*) FILTER (WHERE account = 'held') AS held,
       count(*) FILTER (WHERE account = 'released') AS released,
       count(*) FILTER (WHERE account = 'discarded') AS discarded,
       count(*) FILTER (WHERE account = 'not_yet_routed') AS not_yet_routed,
       count(*) FILTER (WHERE account = 'unexplained') AS unexplained
FROM (
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
) AS accounted;
COMMENT ON VIEW iu_core.v_iu_accounting IS 'The accounting identity: events = attempted + held + released + discarded + not_yet_routed, and unexplained is 0';
GRANT SELECT ON iu_core.v_iu_accounting TO iu_reader;
