-- requires: fn_dot_drift, iu_core
CREATE VIEW iu_core.v_dot_drift AS
SELECT class, identity, state, expected, live, statement, suggested_action FROM iu_core.fn_dot_drift();
COMMENT ON VIEW iu_core.v_dot_drift IS 'Every object that is not as it was deployed, with both definitions, the statement that puts it right and what to do; no rows: no drift. A row without a class: nothing can be said now, and why';
GRANT SELECT ON iu_core.v_dot_drift TO iu_reader;
