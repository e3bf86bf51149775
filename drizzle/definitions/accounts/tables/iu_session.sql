-- requires: iu_account, iu_core
CREATE TABLE iu_core.iu_session (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_session_pkey PRIMARY KEY,
  account_id bigint NOT NULL CONSTRAINT iu_session_account_fkey REFERENCES iu_core.iu_account (id),
  token_digest bytea NOT NULL CONSTRAINT iu_session_token_key UNIQUE,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_used_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL,
  ended_at timestamptz,
  end_reason text,
  CONSTRAINT iu_session_end_chk CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX iu_session_live_idx ON iu_core.iu_session (account_id) WHERE ended_at IS NULL;
COMMENT ON TABLE iu_core.iu_session IS 'Sign-ins of the console; the token itself is only in the browser''s cookie';
COMMENT ON COLUMN iu_core.iu_session.token_digest IS 'SHA-256 over the token';
COMMENT ON COLUMN iu_core.iu_session.expires_at IS 'the latest end; 12 hours without use end it earlier';
