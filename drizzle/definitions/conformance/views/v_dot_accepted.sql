-- requires: fn_dot_compare, iu_core
CREATE VIEW iu_core.v_dot_accepted AS
SELECT a.class, a.identity, a.state, a.digest, a.owner, a.reason, a.accepted_by, a.accepted_at, a.expires_at, a.expected, a.live, a.statement
FROM jsonb_to_recordset(iu_core.fn_dot_compare() -> 'accepted') AS a(class text, identity text, state text, digest text, owner text, reason text, accepted_by text, accepted_at timestamptz, expires_at timestamptz, expected text, live text, statement text);
COMMENT ON VIEW iu_core.v_dot_accepted IS 'Every object that is not as it was deployed and was accepted exactly so: by whom, who answers for it, why and until when; it is in v_dot_drift again when that time has come, or when it changes once more';
GRANT SELECT ON iu_core.v_dot_accepted TO iu_reader;
