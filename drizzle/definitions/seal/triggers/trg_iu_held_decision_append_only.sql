-- requires: iu_held_decision, fn_iu_append_only
CREATE TRIGGER trg_iu_held_decision_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.iu_held_decision
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_held_decision_append_only ON iu_core.iu_held_decision IS 'A decision is made once.';
ALTER TABLE iu_core.iu_held_decision ENABLE ALWAYS TRIGGER trg_iu_held_decision_append_only;
