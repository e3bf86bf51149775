-- requires: dot_config, iu_vocabulary, fn_iu_gate_state
-- A declared gate whose row is gone still shows, as missing.
CREATE VIEW iu_core.v_iu_gate AS
SELECT coalesce(v.term, c.key) AS gate,
       s.state,
       s.state = 'open' AS is_open,
       coalesce(c.description, v.description) AS description,
       c.reason, c.changed_by, c.changed_at, c.expires_at
FROM (SELECT term, description FROM iu_core.iu_vocabulary WHERE term_class = 'gate') AS v
FULL JOIN iu_core.dot_config AS c ON c.key = v.term
CROSS JOIN LATERAL (SELECT iu_core.fn_iu_gate_state(coalesce(v.term, c.key)) AS state) AS s;
COMMENT ON VIEW iu_core.v_iu_gate IS 'Every gate with its effective state, who set it, when and why';
GRANT SELECT ON iu_core.v_iu_gate TO iu_reader;
