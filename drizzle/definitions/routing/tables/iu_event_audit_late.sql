CREATE TABLE iu_core.iu_event_audit_late (
  xid xid8 CONSTRAINT iu_event_audit_late_pkey PRIMARY KEY,
  through_id bigint NOT NULL,
  foreign_ids bigint[] NOT NULL DEFAULT '{}'
) WITH (fillfactor = 50);
COMMENT ON TABLE iu_core.iu_event_audit_late IS 'Transactions that were running when the audit went by: their events up to through_id are not counted yet';
COMMENT ON COLUMN iu_core.iu_event_audit_late.foreign_ids IS 'events that were seen while the transaction still ran: a restored row has its id by chance, and is counted already';
