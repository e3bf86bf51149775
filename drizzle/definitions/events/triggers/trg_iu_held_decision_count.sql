-- requires: iu_held_decision, fn_iu_held_decision_count
CREATE TRIGGER trg_iu_held_decision_count
  AFTER INSERT ON iu_core.iu_held_decision
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_held_decision_count();
COMMENT ON TRIGGER trg_iu_held_decision_count ON iu_core.iu_held_decision IS 'A decision is made by hand, and seldom: it can be counted as it is made';
