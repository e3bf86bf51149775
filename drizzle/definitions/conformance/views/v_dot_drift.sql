-- requires: fn_dot_drift, iu_core
CREATE VIEW iu_core.v_dot_drift AS
SELECT class, identity, state, expected, live, statement, suggested_action, digest FROM iu_core.fn_dot_drift();
COMMENT ON VIEW iu_core.v_dot_drift IS 'Every object that is not as it was deployed and was not accepted so, with both definitions, the statement that puts it right, what to do, and the digest by which it can be accepted; no rows: no drift. A row without a class: nothing can be said now, and why';
GRANT SELECT ON iu_core.v_dot_drift TO iu_reader;
