-- requires: iu_account, iu_core
CREATE TABLE iu_core.iu_api_token (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_api_token_pkey PRIMARY KEY,
  account_id bigint NOT NULL CONSTRAINT iu_api_token_account_fkey REFERENCES iu_core.iu_account (id),
  label text NOT NULL,
  token_digest bytea NOT NULL CONSTRAINT iu_api_token_token_key UNIQUE,
  scopes text[] NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by text NOT NULL,
  expires_at timestamptz NOT NULL,
  last_used_at timestamptz,
  revoked_at timestamptz,
  revoked_by text,
  CONSTRAINT iu_api_token_scopes_chk CHECK (cardinality(scopes) > 0),
  CONSTRAINT iu_api_token_revoked_chk CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE INDEX iu_api_token_account_idx ON iu_core.iu_api_token (account_id);
COMMENT ON TABLE iu_core.iu_api_token IS 'Tokens for scripts and CI: an account''s right, narrowed to scopes, until a date';
COMMENT ON COLUMN iu_core.iu_api_token.token_digest IS 'SHA-256 over the token';
COMMENT ON COLUMN iu_core.iu_api_token.scopes IS 'read, a command''s code, or * for everything that the account may';
