-- requires: fn_iu_route_worker_health, iu_route_worker_cursor
CREATE VIEW iu_core.v_iu_route_worker_health AS
SELECT c.worker_code, h.*
FROM iu_core.iu_route_worker_cursor AS c CROSS JOIN LATERAL iu_core.fn_iu_route_worker_health(c.worker_code) AS h;
COMMENT ON VIEW iu_core.v_iu_route_worker_health IS 'One row a worker: healthy, or every reason why not';
GRANT SELECT ON iu_core.v_iu_route_worker_health TO iu_reader;
