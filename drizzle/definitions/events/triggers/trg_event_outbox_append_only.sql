-- requires: event_outbox, fn_iu_append_only_but_archived
CREATE TRIGGER trg_event_outbox_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.event_outbox
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only_but_archived();
COMMENT ON TRIGGER trg_event_outbox_append_only ON iu_core.event_outbox IS 'The outbox is append-only; a row''s lane never changes, and it leaves by an archive only';
ALTER TABLE iu_core.event_outbox ENABLE ALWAYS TRIGGER trg_event_outbox_append_only;
