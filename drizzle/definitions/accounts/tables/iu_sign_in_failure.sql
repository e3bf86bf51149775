-- requires: iu_core
CREATE TABLE iu_core.iu_sign_in_failure (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_sign_in_failure_pkey PRIMARY KEY,
  account_digest bytea NOT NULL,
  client_digest bytea NOT NULL,
  failed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX iu_sign_in_failure_pair_idx ON iu_core.iu_sign_in_failure (account_digest, client_digest, failed_at);
CREATE INDEX iu_sign_in_failure_time_idx ON iu_core.iu_sign_in_failure (failed_at);
COMMENT ON TABLE iu_core.iu_sign_in_failure IS 'Failed sign-ins of the last quarter of an hour, for throttling; digests, because people type passwords into the name''s field';
