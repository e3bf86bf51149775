-- requires: iu_route_attempt, fn_iu_append_only_but_archived
CREATE TRIGGER trg_iu_route_attempt_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.iu_route_attempt
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only_but_archived();
COMMENT ON TRIGGER trg_iu_route_attempt_append_only ON iu_core.iu_route_attempt IS 'An attempt is history; it leaves by an archive only';
ALTER TABLE iu_core.iu_route_attempt ENABLE ALWAYS TRIGGER trg_iu_route_attempt_append_only;
