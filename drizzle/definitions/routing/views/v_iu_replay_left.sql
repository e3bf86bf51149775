-- requires: iu_replay_batch, iu_replay_job
-- Also of one that is stopped: it may be resumed, and what it froze is still what it is to replay.
CREATE VIEW iu_core.v_iu_replay_left AS
SELECT j.id AS job_id, p.event_id, p.route_id
FROM iu_core.iu_replay_job AS j
JOIN iu_core.iu_replay_batch AS b ON b.job_id = j.id AND b.batch_no >= j.done / 1000
CROSS JOIN LATERAL unnest(b.event_ids, b.route_ids) WITH ORDINALITY AS p(event_id, route_id, n)
WHERE j.status <> 'done' AND b.batch_no * 1000 + p.n > j.done;
COMMENT ON VIEW iu_core.v_iu_replay_left IS 'What replays in the background have yet to attempt, those included that are stopped';
