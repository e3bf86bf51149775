-- requires: iu_core
-- The password is not here, nor a hash that would stand for it: what is stored is SHA-256 over the scrypt
-- key, and signing in takes the key. Who reads this row cannot sign in with it.
CREATE TABLE iu_core.iu_account (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_account_pkey PRIMARY KEY,
  account text COLLATE "C" NOT NULL CONSTRAINT iu_account_account_key UNIQUE,
  display_name text NOT NULL DEFAULT '',
  account_right text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL DEFAULT 'active',
  password_salt bytea NOT NULL,
  password_verifier bytea NOT NULL,
  password_changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_sign_in_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by text NOT NULL,
  CONSTRAINT iu_account_name_chk CHECK (account ~ '^[a-z][a-z0-9._-]*$' AND octet_length(account) <= 63),
  CONSTRAINT iu_account_right_chk CHECK (account_right IN ('reviewer', 'operator', 'approver', 'admin')),
  CONSTRAINT iu_account_status_chk CHECK (status IN ('active', 'disabled')),
  CONSTRAINT iu_account_salt_chk CHECK (octet_length(password_salt) >= 16),
  CONSTRAINT iu_account_verifier_chk CHECK (octet_length(password_verifier) = 32)
);
COMMENT ON TABLE iu_core.iu_account IS 'Who may sign in to the console, and with which right';
COMMENT ON COLUMN iu_core.iu_account.account_right IS 'reviewer < operator < approver < admin; each may what the lower may';
COMMENT ON COLUMN iu_core.iu_account.password_verifier IS 'SHA-256 over scrypt(password, password_salt)';
