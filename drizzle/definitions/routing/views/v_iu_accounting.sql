-- requires: fn_iu_event_account
CREATE VIEW iu_core.v_iu_accounting AS
SELECT events, attempted, held, released, discarded, archived, not_yet_routed, unexplained, is_exact, audited_through FROM iu_core.fn_iu_event_account();
COMMENT ON VIEW iu_core.v_iu_accounting IS 'The accounting identity: events = attempted + held + released + discarded + archived + not_yet_routed, and unexplained is 0. Read from the audit and what lies above it; v_iu_accounting_recount counts every row';
GRANT SELECT ON iu_core.v_iu_accounting TO iu_reader;
