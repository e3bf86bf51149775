-- The gates. value is plain text on purpose: whatever is not exactly 'true' is a closed gate, so a
-- hand-made or half-restored row fails closed instead of failing to load.
CREATE TABLE iu_core.dot_config (
  key text COLLATE "C" CONSTRAINT dot_config_pkey PRIMARY KEY,
  value text NOT NULL,
  value_type text NOT NULL,
  description text NOT NULL,
  expires_at timestamptz,
  reason text NOT NULL,
  changed_by text NOT NULL DEFAULT ('db:' || session_user),
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE iu_core.dot_config IS 'Gates: a missing, malformed or expired row is a closed gate';
COMMENT ON COLUMN iu_core.dot_config.value IS 'exactly ''true'' opens; anything else is closed';
COMMENT ON COLUMN iu_core.dot_config.expires_at IS 'an opening holds until then; null = until closed';
