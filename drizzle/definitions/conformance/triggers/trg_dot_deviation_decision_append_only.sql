-- requires: dot_deviation_decision, fn_iu_append_only, iu_core
CREATE TRIGGER trg_dot_deviation_decision_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.dot_deviation_decision
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_dot_deviation_decision_append_only ON iu_core.dot_deviation_decision IS 'What was accepted is history.';
ALTER TABLE iu_core.dot_deviation_decision ENABLE ALWAYS TRIGGER trg_dot_deviation_decision_append_only;
