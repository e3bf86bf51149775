-- requires: gates, iu_core
CREATE TABLE iu_core.dot_iu_command (
  command_code text COLLATE "C" CONSTRAINT dot_iu_command_pkey PRIMARY KEY,
  area text COLLATE "C" NOT NULL,
  tier smallint NOT NULL,
  required_right text COLLATE "C" NOT NULL,
  gates text[] NOT NULL,
  reason_required boolean NOT NULL,
  confirm_param text,
  body_params text[] NOT NULL,
  secret_params text[] NOT NULL,
  param_schema jsonb NOT NULL,
  description text NOT NULL,
  registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  registered_by text NOT NULL DEFAULT ('db:' || session_user),
  CONSTRAINT dot_iu_command_code_chk CHECK (command_code ~ '^dot_iu_[a-z_]+$' AND octet_length(command_code) <= 63),
  CONSTRAINT dot_iu_command_tier_chk CHECK (tier BETWEEN 1 AND 3),
  CONSTRAINT dot_iu_command_confirm_chk CHECK ((tier = 3) = (confirm_param IS NOT NULL))
);
COMMENT ON TABLE iu_core.dot_iu_command IS 'The registry: every command there is; its handler is the function of its name';
COMMENT ON COLUMN iu_core.dot_iu_command.tier IS '1: a click; 2: a plan and a reason; 3: the name typed, and a second person where the handler asks for one';
COMMENT ON COLUMN iu_core.dot_iu_command.gates IS 'must be open when an apply begins and when it ends';
COMMENT ON COLUMN iu_core.dot_iu_command.confirm_param IS 'the parameter whose value is typed once more';
COMMENT ON COLUMN iu_core.dot_iu_command.body_params IS 'texts that the ledger keeps as digests';
COMMENT ON COLUMN iu_core.dot_iu_command.secret_params IS 'values that the ledger does not keep at all';
COMMENT ON COLUMN iu_core.dot_iu_command.param_schema IS 'JSON Schema of the parameters, in the subset of fn_iu_payload_problems';
