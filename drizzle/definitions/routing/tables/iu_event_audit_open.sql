CREATE TABLE iu_core.iu_event_audit_open (
  event_id bigint CONSTRAINT iu_event_audit_open_pkey PRIMARY KEY
) WITH (fillfactor = 50);
COMMENT ON TABLE iu_core.iu_event_audit_open IS 'Events that the audit has gone by and that were not settled then; looked at again each time, 1000 at most';
