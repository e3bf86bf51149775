-- requires: iu_held_decision, fn_dot_history_queue
CREATE TRIGGER trg_iu_held_decision_unsealed
  AFTER INSERT ON iu_core.iu_held_decision
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_dot_history_queue();
COMMENT ON TRIGGER trg_iu_held_decision_unsealed ON iu_core.iu_held_decision IS 'New rows are sealed within seconds.';
