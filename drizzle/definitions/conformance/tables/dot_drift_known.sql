-- requires: iu_core
-- One row at most. It may be lost at any time: whoever needs it makes it anew.
CREATE TABLE iu_core.dot_drift_known (
  stamp text COLLATE "C" CONSTRAINT dot_drift_known_pkey PRIMARY KEY,
  refused jsonb NOT NULL,
  found_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE iu_core.dot_drift_known IS 'What a comparison came to, for as long as neither the catalogue nor the inventory has changed, so that a command need not compare';
COMMENT ON COLUMN iu_core.dot_drift_known.stamp IS 'of fn_dot_stamp(), before the comparison';
COMMENT ON COLUMN iu_core.dot_drift_known.refused IS 'each command that a drifted object serves, with that object';
