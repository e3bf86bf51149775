-- requires: iu_route_worker_cursor
CREATE VIEW iu_core.v_iu_worker_cursor AS
SELECT worker_code, bucket_from::integer AS bucket_from, bucket_to::integer AS bucket_to, events_seen, last_pass_at, last_pass_seen FROM iu_core.iu_route_worker_cursor;
COMMENT ON VIEW iu_core.v_iu_worker_cursor IS 'Workers, the buckets that each owns, and their last pass';
GRANT SELECT ON iu_core.v_iu_worker_cursor TO iu_reader;
