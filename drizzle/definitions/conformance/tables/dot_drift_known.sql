-- requires: iu_core
-- A row for each part, at most. It may be lost at any time: whoever needs it makes it anew.
CREATE TABLE iu_core.dot_drift_known (
  part text COLLATE "C" CONSTRAINT dot_drift_known_pkey PRIMARY KEY,
  stamp text COLLATE "C" NOT NULL,
  refused jsonb NOT NULL,
  found_at timestamptz NOT NULL
);
COMMENT ON TABLE iu_core.dot_drift_known IS 'What a comparison of each part came to, for as long as nothing in it has changed, so that a command need not compare';
COMMENT ON COLUMN iu_core.dot_drift_known.part IS 'of fn_dot_stamp(): deployed, or registered';
COMMENT ON COLUMN iu_core.dot_drift_known.stamp IS 'of fn_dot_stamp(), before the comparison';
COMMENT ON COLUMN iu_core.dot_drift_known.refused IS 'each command that a drifted object serves, with that object';
