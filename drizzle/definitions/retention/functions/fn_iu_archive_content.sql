-- requires: v_iu_event_archivable
-- One line an event, with its attempts, as the rows are: what a file holds, and what is digested. Times are written in UTC
-- whatever the session's zone, so that the same rows are always the same bytes.
CREATE FUNCTION iu_core.fn_iu_archive_content(p_older_than timestamptz, p_after_id bigint, p_last_id bigint, p_limit integer, p_most_bytes bigint DEFAULT 33554432)
RETURNS TABLE (first_id bigint, last_id bigint, events bigint, attempts bigint, oldest_at timestamptz, newest_at timestamptz, content text, event_ids bigint[])
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET TimeZone = 'UTC'
SET quote_all_identifiers = off
SET standard_conforming_strings = on
SET bytea_output = hex
SET DateStyle = 'ISO, YMD'
SET IntervalStyle = postgres
SET extra_float_digits = 1
AS $$
  WITH lines AS MATERIALIZED (
    SELECT e.id, e.created_at, v.newest_at, l.n, l.line, sum(octet_length(l.line)) OVER (ORDER BY e.id) AS bytes, row_number() OVER (ORDER BY e.id) AS no
    FROM (SELECT event_id, newest_at FROM v_iu_event_archivable
          WHERE event_id > p_after_id AND event_id <= coalesce(p_last_id, 9223372036854775807) AND newest_at < p_older_than
          ORDER BY event_id LIMIT p_limit) AS v
    JOIN event_outbox AS e ON e.id = v.event_id
    CROSS JOIN LATERAL (
      SELECT count(*) AS n, jsonb_build_object('event', to_jsonb(e) - 'bucket', 'attempts', jsonb_agg(to_jsonb(a) ORDER BY a.route_id, a.attempt_no))::text || E'\n' AS line
      FROM iu_route_attempt AS a WHERE a.event_id = e.id OFFSET 0) AS l
  )
  SELECT min(id), max(id), count(*), sum(n)::bigint, min(created_at), max(newest_at), string_agg(line, '' ORDER BY id), array_agg(id ORDER BY id)
  FROM lines WHERE bytes <= p_most_bytes OR no = 1 HAVING count(*) > 0
$$;
COMMENT ON FUNCTION iu_core.fn_iu_archive_content(timestamptz, bigint, bigint, integer, bigint) IS 'The next events behind an id that may be archived, p_limit and about p_most_bytes at most, as the lines of a file; no row when there are none';
REVOKE ALL ON FUNCTION iu_core.fn_iu_archive_content(timestamptz, bigint, bigint, integer, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_archive_content(timestamptz, bigint, bigint, integer, bigint) TO iu_approver;
