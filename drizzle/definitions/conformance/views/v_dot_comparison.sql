-- requires: fn_dot_compare, iu_core
CREATE VIEW iu_core.v_dot_comparison AS
SELECT k.checked_at, k.state, k.digest, k.expected, k.matching, k.drift, k.unknown, k.why, k.checks, k.objects, k.summary, k.accepted
FROM jsonb_to_record(iu_core.fn_dot_compare()) AS k(checked_at timestamptz, state text, digest text, expected integer, matching integer, drift integer, unknown integer, why text, checks jsonb, objects jsonb, summary text, accepted jsonb);
COMMENT ON VIEW iu_core.v_dot_comparison IS 'One comparison as a whole: state (matches, accepted, drift, unknown and why), how many objects are expected, match, have drifted and are unknown, and the same in a sentence, SHA-256 over the catalogue, and what v_dot_conformance, v_dot_drift and v_dot_accepted would have told at that moment';
GRANT SELECT ON iu_core.v_dot_comparison TO iu_reader;
