-- unit: schema

-- requires: iu_core
-- A row lives only inside the dispatcher's call: it is written before the handler and removed after it,
-- in one transaction, so no other ever sees it. A setting could be forged by whoever may set one.
CREATE TABLE iu_core.dot_iu_acting (
  xid xid8 CONSTRAINT dot_iu_acting_pkey PRIMARY KEY,
  actor text NOT NULL
) WITH (autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE iu_core.dot_iu_acting IS 'Who the command under way acts for, by its transaction; empty for everybody else';

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
  registered_by text NOT NULL DEFAULT session_user,
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

-- requires: iu_core
-- Append-only. command_code has no foreign key: history outlives a registry row.
CREATE TABLE iu_core.dot_iu_command_run (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT dot_iu_command_run_pkey PRIMARY KEY,
  command_code text COLLATE "C" NOT NULL,
  mode text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  code text COLLATE "C",
  actor text COLLATE "C" NOT NULL,
  actor_kind text COLLATE "C" NOT NULL,
  reason text,
  params jsonb NOT NULL,
  param_digest bytea NOT NULL,
  state_digest bytea,
  plan_digest bytea,
  plan_run_id bigint,
  target_run_id bigint,
  idempotency_key text COLLATE "C",
  object_refs text[] NOT NULL DEFAULT '{}',
  event_count integer NOT NULL DEFAULT 0,
  event_from bigint,
  event_to bigint,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  frozen jsonb,
  receipt jsonb NOT NULL,
  started_at timestamptz NOT NULL,
  finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT dot_iu_command_run_mode_chk CHECK (mode IN ('plan', 'apply', 'verify', 'rollback')),
  CONSTRAINT dot_iu_command_run_status_chk CHECK (status IN ('planned', 'succeeded', 'verified', 'unverified', 'refused', 'failed')),
  CONSTRAINT dot_iu_command_run_code_chk CHECK ((status IN ('refused', 'failed')) = (code IS NOT NULL)),
  CONSTRAINT dot_iu_command_run_kind_chk CHECK (actor_kind IN ('session', 'token', 'login', 'owner'))
);
-- A key names one effect, a plan is applied once, a run is undone once. What was refused did nothing, and
-- may be tried again.
CREATE UNIQUE INDEX dot_iu_command_run_key_idx ON iu_core.dot_iu_command_run (actor, idempotency_key) WHERE idempotency_key IS NOT NULL AND status = 'succeeded';
CREATE UNIQUE INDEX dot_iu_command_run_plan_idx ON iu_core.dot_iu_command_run (plan_run_id) WHERE plan_run_id IS NOT NULL AND status = 'succeeded';
CREATE UNIQUE INDEX dot_iu_command_run_undo_idx ON iu_core.dot_iu_command_run (target_run_id) WHERE mode = 'rollback' AND status = 'succeeded';
CREATE INDEX dot_iu_command_run_digest_idx ON iu_core.dot_iu_command_run (plan_digest, id) WHERE status = 'planned';
CREATE INDEX dot_iu_command_run_verify_idx ON iu_core.dot_iu_command_run (target_run_id, id) WHERE mode = 'verify';
CREATE INDEX dot_iu_command_run_command_idx ON iu_core.dot_iu_command_run (command_code, id);
CREATE INDEX dot_iu_command_run_actor_idx ON iu_core.dot_iu_command_run (actor, id);
CREATE INDEX dot_iu_command_run_status_idx ON iu_core.dot_iu_command_run (status, id);
CREATE INDEX dot_iu_command_run_object_idx ON iu_core.dot_iu_command_run USING gin (object_refs);
COMMENT ON TABLE iu_core.dot_iu_command_run IS 'The ledger: a row for every plan, apply, verify, rollback and refusal; append-only';
COMMENT ON COLUMN iu_core.dot_iu_command_run.actor IS 'the account, or db:NAME for a login of the database';
COMMENT ON COLUMN iu_core.dot_iu_command_run.params IS 'as given; texts are their digests, secrets are left out';
COMMENT ON COLUMN iu_core.dot_iu_command_run.state_digest IS 'SHA-256 over what the handler declares it read';
COMMENT ON COLUMN iu_core.dot_iu_command_run.plan_digest IS 'SHA-256 over command, parameters, state and gates: what an apply must quote';
COMMENT ON COLUMN iu_core.dot_iu_command_run.plan_run_id IS 'the plan that was applied';
COMMENT ON COLUMN iu_core.dot_iu_command_run.target_run_id IS 'the run that was verified or rolled back';
COMMENT ON COLUMN iu_core.dot_iu_command_run.object_refs IS 'every object touched, as class:name';
COMMENT ON COLUMN iu_core.dot_iu_command_run.event_from IS 'the events of this run: those of its xid with ids from here to event_to';
COMMENT ON COLUMN iu_core.dot_iu_command_run.frozen IS 'a plan''s fixed set, for commands that act on many';
COMMENT ON COLUMN iu_core.dot_iu_command_run.receipt IS 'what the caller was told, without secrets';

-- requires: dot_iu_command_run, iu_core
CREATE TABLE iu_core.dot_iu_command_seal (
  seal_no bigint CONSTRAINT dot_iu_command_seal_pkey PRIMARY KEY,
  run_id bigint NOT NULL CONSTRAINT dot_iu_command_seal_run_key UNIQUE CONSTRAINT dot_iu_command_seal_run_fkey REFERENCES iu_core.dot_iu_command_run (id),
  chain_digest bytea NOT NULL,
  sealed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT dot_iu_command_seal_no_chk CHECK (seal_no > 0)
);
CREATE INDEX dot_iu_command_seal_digest_idx ON iu_core.dot_iu_command_seal (chain_digest);
COMMENT ON TABLE iu_core.dot_iu_command_seal IS 'The chain over the ledger: each link is SHA-256 over the one before and its row';
COMMENT ON COLUMN iu_core.dot_iu_command_seal.seal_no IS '1, 2, 3 … without a gap';

-- requires: dot_iu_command_run, iu_core
CREATE TABLE iu_core.dot_iu_command_unsealed (
  run_id bigint CONSTRAINT dot_iu_command_unsealed_pkey PRIMARY KEY CONSTRAINT dot_iu_command_unsealed_run_fkey REFERENCES iu_core.dot_iu_command_run (id)
);
COMMENT ON TABLE iu_core.dot_iu_command_unsealed IS 'Ledger rows that the sealer has not chained yet: it takes what it sees, so a late commit waits for the next batch and none is passed over';

ALTER TABLE iu_core.information_unit ADD COLUMN lifecycle_before text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN iu_core.information_unit.lifecycle_before IS 'what it was before it was retired or deleted, the latest first: a restoration takes the first';

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

-- requires: dot_iu_acting, iu_core
CREATE FUNCTION iu_core.fn_iu_actor()
RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT coalesce((SELECT actor FROM dot_iu_acting WHERE xid = pg_current_xact_id_if_assigned()), session_user) $$;
COMMENT ON FUNCTION iu_core.fn_iu_actor() IS 'For whom this is written: the actor of the command under way, or the login';
REVOKE ALL ON FUNCTION iu_core.fn_iu_actor() FROM PUBLIC;

-- requires: fn_iu_actor, iu_collection, iu_core
CREATE TABLE iu_core.iu_collection_checkpoint (
  collection_id bigint NOT NULL CONSTRAINT iu_collection_checkpoint_collection_fkey REFERENCES iu_core.iu_collection (id),
  checkpoint_no integer NOT NULL,
  label text NOT NULL DEFAULT '',
  revision bigint NOT NULL,
  title text NOT NULL,
  manifest_text text NOT NULL,
  manifest_digest bytea NOT NULL,
  render_digest bytea NOT NULL,
  piece_count integer NOT NULL,
  byte_length bigint NOT NULL,
  source_digest bytea,
  source_byte_length bigint,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by text NOT NULL DEFAULT iu_core.fn_iu_actor(),
  CONSTRAINT iu_collection_checkpoint_pkey PRIMARY KEY (collection_id, checkpoint_no),
  CONSTRAINT iu_collection_checkpoint_no_chk CHECK (checkpoint_no > 0),
  CONSTRAINT iu_collection_checkpoint_digest_chk CHECK (manifest_digest = sha256(convert_to(manifest_text, 'UTF8')))
);
COMMENT ON TABLE iu_core.iu_collection_checkpoint IS 'A manifest frozen under a number, to compare with and to return to';
COMMENT ON COLUMN iu_core.iu_collection_checkpoint.manifest_text IS 'as fn_iu_collection_manifest_text has it; its SHA-256 is the digest, so it can be verified offline';

-- requires: iu_collection_checkpoint, iu_core, unit_version
CREATE TABLE iu_core.iu_collection_checkpoint_piece (
  collection_id bigint NOT NULL,
  checkpoint_no integer NOT NULL,
  unit_id bigint NOT NULL,
  version_seq integer NOT NULL,
  is_pinned boolean NOT NULL,
  unit_version_seq integer NOT NULL,
  position numeric NOT NULL,
  separator text,
  unit_kind text COLLATE "C" NOT NULL,
  title text NOT NULL,
  parent_unit_id bigint,
  section_level smallint,
  CONSTRAINT iu_collection_checkpoint_piece_pkey PRIMARY KEY (collection_id, checkpoint_no, unit_id),
  CONSTRAINT iu_collection_checkpoint_piece_checkpoint_fkey FOREIGN KEY (collection_id, checkpoint_no) REFERENCES iu_core.iu_collection_checkpoint (collection_id, checkpoint_no),
  CONSTRAINT iu_collection_checkpoint_piece_version_fkey FOREIGN KEY (unit_id, version_seq) REFERENCES iu_core.unit_version (unit_id, version_seq)
);
COMMENT ON TABLE iu_core.iu_collection_checkpoint_piece IS 'The pieces of a checkpoint, with all that a return to it needs';
COMMENT ON COLUMN iu_core.iu_collection_checkpoint_piece.version_seq IS 'the version that the collection showed';
COMMENT ON COLUMN iu_core.iu_collection_checkpoint_piece.unit_version_seq IS 'the unit''s own version then; another one where the piece was pinned';

-- requires: information_unit, iu_collection, iu_core
CREATE TABLE iu_core.iu_collection_piece_parked (
  collection_id bigint NOT NULL CONSTRAINT iu_collection_piece_parked_collection_fkey REFERENCES iu_core.iu_collection (id),
  unit_id bigint NOT NULL CONSTRAINT iu_collection_piece_parked_unit_fkey REFERENCES iu_core.information_unit (id),
  position numeric NOT NULL,
  pinned_version_seq integer,
  separator text,
  CONSTRAINT iu_collection_piece_parked_pkey PRIMARY KEY (unit_id, collection_id)
);
COMMENT ON TABLE iu_core.iu_collection_piece_parked IS 'Where a soft-deleted unit stood, for its restoration';

-- requires: fn_iu_actor, information_unit, iu_core, unit_version
CREATE TABLE iu_core.iu_relation (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_relation_pkey PRIMARY KEY,
  from_unit_id bigint NOT NULL CONSTRAINT iu_relation_from_fkey REFERENCES iu_core.information_unit (id),
  relation_kind text COLLATE "C" NOT NULL,
  to_unit_id bigint NOT NULL CONSTRAINT iu_relation_to_fkey REFERENCES iu_core.information_unit (id),
  to_version_seq integer,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by text NOT NULL DEFAULT iu_core.fn_iu_actor(),
  CONSTRAINT iu_relation_kind_chk CHECK (relation_kind IN ('split_from', 'merged_from', 'cloned_from', 'supersedes', 'references')),
  CONSTRAINT iu_relation_apart_chk CHECK (from_unit_id <> to_unit_id),
  CONSTRAINT iu_relation_key UNIQUE (from_unit_id, relation_kind, to_unit_id),
  CONSTRAINT iu_relation_version_fkey FOREIGN KEY (to_unit_id, to_version_seq) REFERENCES iu_core.unit_version (unit_id, version_seq)
);
CREATE INDEX iu_relation_to_idx ON iu_core.iu_relation (to_unit_id);
COMMENT ON TABLE iu_core.iu_relation IS 'Typed edges between units';
COMMENT ON COLUMN iu_core.iu_relation.to_version_seq IS 'the version that the edge was made from, where that matters';

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

-- requires: iu_core
CREATE TABLE iu_core.iu_sign_in_failure (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_sign_in_failure_pkey PRIMARY KEY,
  account_digest bytea NOT NULL,
  client_digest bytea NOT NULL,
  failed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX iu_sign_in_failure_account_idx ON iu_core.iu_sign_in_failure (account_digest, failed_at);
CREATE INDEX iu_sign_in_failure_client_idx ON iu_core.iu_sign_in_failure (client_digest, failed_at);
COMMENT ON TABLE iu_core.iu_sign_in_failure IS 'Failed sign-ins of the last quarter of an hour, for throttling; digests, because people type passwords into the name''s field';

-- requires: information_unit, iu_core
CREATE TABLE iu_core.iu_unit_axis (
  unit_id bigint NOT NULL CONSTRAINT iu_unit_axis_unit_fkey REFERENCES iu_core.information_unit (id),
  axis text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  CONSTRAINT iu_unit_axis_pkey PRIMARY KEY (unit_id, axis)
);
CREATE INDEX iu_unit_axis_value_idx ON iu_core.iu_unit_axis (axis, value, unit_id);
COMMENT ON TABLE iu_core.iu_unit_axis IS 'Metadata axes: facts derived from a unit, to filter by; as of the last refresh';
COMMENT ON COLUMN iu_core.iu_unit_axis.axis IS 'kind, lifecycle, section, level, source, length, links, language';

-- requires: iu_account, iu_core
CREATE FUNCTION iu_core.fn_dot_account_object(p_before iu_core.iu_account, p_account_id bigint)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_strip_nulls(jsonb_build_object('ref', 'account:' || a.account, 'change', CASE WHEN (p_before).id IS NULL THEN 'create' ELSE 'update' END,
    'before', CASE WHEN (p_before).id IS NOT NULL THEN jsonb_build_object('status', (p_before).status, 'right', (p_before).account_right, 'display_name', (p_before).display_name) END,
    'after', jsonb_build_object('status', a.status, 'right', a.account_right, 'display_name', a.display_name)))
  FROM iu_account AS a WHERE a.id = p_account_id
$$;
COMMENT ON FUNCTION iu_core.fn_dot_account_object(iu_core.iu_account, bigint) IS 'An account in a plan''s diff, without its secrets: born when p_before is null';
REVOKE ALL ON FUNCTION iu_core.fn_dot_account_object(iu_core.iu_account, bigint) FROM PUBLIC;

-- requires: fn_dot_account_object, iu_account, iu_core
CREATE FUNCTION iu_core.dot_iu_add_account(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_id bigint;
BEGIN
  BEGIN
    INSERT INTO iu_account (account, display_name, account_right, password_salt, password_verifier, created_by)
    VALUES (p_params ->> 'account', coalesce(p_params ->> 'display_name', ''), p_params ->> 'right', decode(p_params ->> 'password_salt', 'hex'), decode(p_params ->> 'password_verifier', 'hex'), p_context ->> 'actor')
    RETURNING id INTO v_id;
  EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'account: % is taken', p_params ->> 'account' USING ERRCODE = 'IU004', COLUMN = 'account', HINT = 'Choose another name.';
  END;
  RETURN jsonb_build_object(
    'objects', jsonb_build_array(fn_dot_account_object(NULL, v_id)),
    'result', jsonb_build_object('account', p_params -> 'account'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'account_is_active', 'kind', 'account', 'account', p_params -> 'account', 'status', 'active', 'right', p_params -> 'right')),
    'inverse', jsonb_build_object('command', 'dot_iu_disable_account', 'params', jsonb_build_object('account', p_params -> 'account')));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_add_account(jsonb, jsonb) IS 'Makes an account with a right and a first password';
REVOKE ALL ON FUNCTION iu_core.dot_iu_add_account(jsonb, jsonb) FROM PUBLIC;

-- requires: information_unit, iu_collection_piece, iu_core
-- Neighbours are found by index; only a place by number is counted to.
CREATE FUNCTION iu_core.fn_dot_place(p_collection_id bigint, p_unit_id bigint, p_params jsonb)
RETURNS numeric
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_asked constant text[] := ARRAY(SELECT k FROM unnest(ARRAY['to', 'after', 'before', 'position', 'at']) AS k WHERE p_params ? k);
  v_how constant text := coalesce(v_asked[1], 'to');
  v_now numeric;
  v_prev numeric;
  v_next numeric;
  v_neighbour numeric;
  v_count integer;
BEGIN
  IF cardinality(v_asked) > 1 THEN
    RAISE EXCEPTION '%: give one place only, not % as well', v_asked[2], v_asked[1] USING ERRCODE = 'IU002', COLUMN = v_asked[2], HINT = 'One of to, after, before, position, at.';
  END IF;
  SELECT position INTO v_now FROM iu_collection_piece WHERE collection_id = p_collection_id AND unit_id = p_unit_id;
  IF v_how IN ('after', 'before') THEN
    SELECT p.position INTO v_neighbour
    FROM information_unit AS u JOIN iu_collection_piece AS p ON p.unit_id = u.id AND p.collection_id = p_collection_id
    WHERE u.canonical_address = p_params ->> v_how AND u.id <> p_unit_id;
    IF NOT FOUND THEN
      RAISE EXCEPTION '%: % is no other piece of this collection', v_how, p_params ->> v_how USING ERRCODE = 'IU003', COLUMN = v_how;
    END IF;
  ELSIF v_how = 'at' THEN
    BEGIN
      v_neighbour := (p_params ->> 'at')::numeric;
    EXCEPTION WHEN invalid_text_representation OR numeric_value_out_of_range THEN
      RAISE EXCEPTION 'at: % is no position', left(p_params ->> 'at', 80) USING ERRCODE = 'IU002', COLUMN = 'at';
    END;
    IF EXISTS (SELECT FROM iu_collection_piece WHERE collection_id = p_collection_id AND position = v_neighbour AND unit_id <> p_unit_id) THEN
      RAISE EXCEPTION 'at: another piece stands at % by now', v_neighbour USING ERRCODE = 'IU004', COLUMN = 'at', HINT = 'Say after or before which piece.';
    ELSIF v_neighbour = v_now THEN
      RAISE EXCEPTION 'at: the piece stands there already' USING ERRCODE = 'IU016', COLUMN = 'at';
    END IF;
    RETURN v_neighbour;
  ELSIF v_how = 'position' THEN
    v_count := (p_params ->> 'position')::integer;
    IF v_count > 1 THEN
      SELECT position INTO v_prev FROM iu_collection_piece WHERE collection_id = p_collection_id AND unit_id <> p_unit_id ORDER BY position OFFSET v_count - 2 LIMIT 1;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'position: % is past the end', v_count USING ERRCODE = 'IU002', COLUMN = 'position', HINT = 'Use to: last.';
      END IF;
    END IF;
  END IF;
  IF v_how = 'before' THEN
    v_next := v_neighbour;
    SELECT max(position) INTO v_prev FROM iu_collection_piece WHERE collection_id = p_collection_id AND unit_id <> p_unit_id AND position < v_next;
  ELSE
    IF v_how = 'after' THEN
      v_prev := v_neighbour;
    ELSIF v_how = 'to' AND coalesce(p_params ->> 'to', 'last') = 'last' THEN
      SELECT position INTO v_prev FROM iu_collection_piece WHERE collection_id = p_collection_id AND unit_id <> p_unit_id ORDER BY position DESC LIMIT 1;
    END IF;
    SELECT position INTO v_next FROM iu_collection_piece WHERE collection_id = p_collection_id AND unit_id <> p_unit_id AND position > coalesce(v_prev, '-infinity') ORDER BY position LIMIT 1;
  END IF;
  IF v_now > coalesce(v_prev, '-infinity') AND v_now < coalesce(v_next, 'infinity') THEN
    RAISE EXCEPTION '%: the piece stands there already', v_how USING ERRCODE = 'IU016', COLUMN = v_how;
  END IF;
  RETURN (fn_iu_positions_between(v_prev, v_next, 1))[1];
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_place(bigint, bigint, jsonb) IS 'The position that the parameters ask for (to: first or last, after, before, position: a number from 1, at: the exact key), last when they ask for none. The unit itself does not count. IU002 a bad place, IU003 a neighbour that is not there, IU004 a taken key, IU016 when it stands there already';
REVOKE ALL ON FUNCTION iu_core.fn_dot_place(bigint, bigint, jsonb) FROM PUBLIC;

-- requires: fn_dot_place, iu_core
CREATE FUNCTION iu_core.dot_iu_add_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_facts jsonb;
BEGIN
  IF EXISTS (SELECT FROM iu_collection_piece WHERE collection_id = v_collection.id AND unit_id = v_unit.id) THEN
    RAISE EXCEPTION 'piece: % stands in % already', v_unit.canonical_address, v_collection.canonical_address USING ERRCODE = 'IU004', COLUMN = 'piece', HINT = 'A piece stands in a collection at most once; move it instead.';
  ELSIF p_params ? 'pinned_version' AND NOT EXISTS (SELECT FROM unit_version WHERE unit_id = v_unit.id AND version_seq = (p_params ->> 'pinned_version')::integer) THEN
    RAISE EXCEPTION 'pinned_version: the piece has no version %', p_params ->> 'pinned_version' USING ERRCODE = 'IU003', COLUMN = 'pinned_version';
  END IF;
  PERFORM fn_iu_collection_add(v_collection.id, ARRAY[v_unit.id], ARRAY[fn_dot_place(v_collection.id, v_unit.id, p_params)], ARRAY[p_params ->> 'separator'], ARRAY[(p_params ->> 'pinned_version')::integer]);
  v_facts := fn_dot_piece_facts(v_collection.id, v_unit.id);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'version', v_unit.current_version_seq, 'status', v_unit.lifecycle_status),
    'objects', jsonb_build_array(fn_dot_collection_object(v_collection),
      jsonb_build_object('ref', format('piece:%s#%s', v_collection.canonical_address, v_unit.canonical_address), 'change', 'create', 'after', v_facts)),
    'refs', jsonb_build_array('unit:' || v_unit.canonical_address),
    'result', jsonb_build_object('at', v_facts -> 'at'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_in_place', 'kind', 'piece', 'collection', v_collection.canonical_address, 'unit', v_unit.canonical_address, 'at', v_facts -> 'at')),
    'inverse', jsonb_build_object('command', 'dot_iu_remove_piece_from_collection', 'params', jsonb_build_object('collection', v_collection.canonical_address, 'piece', v_unit.canonical_address)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_add_piece(jsonb, jsonb) IS 'Puts a piece into a collection';
REVOKE ALL ON FUNCTION iu_core.dot_iu_add_piece(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_collection_checkpoint, iu_collection_checkpoint_piece, iu_core
CREATE FUNCTION iu_core.fn_iu_collection_checkpoint(p_collection_id bigint, p_label text DEFAULT NULL)
RETURNS iu_core.iu_collection_checkpoint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_checkpoint iu_collection_checkpoint;
  v_text text;
BEGIN
  -- The collection's lock gives the number, and keeps its pieces still.
  PERFORM FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  v_text := fn_iu_collection_manifest_text(p_collection_id);
  INSERT INTO iu_collection_checkpoint (collection_id, checkpoint_no, label, revision, title, manifest_text, manifest_digest, render_digest, piece_count, byte_length, source_digest, source_byte_length)
  SELECT c.id, coalesce((SELECT max(k.checkpoint_no) FROM iu_collection_checkpoint AS k WHERE k.collection_id = c.id), 0) + 1, coalesce(p_label, ''), c.revision, c.title,
         v_text, sha256(convert_to(v_text, 'UTF8')), sha256(convert_to(fn_iu_collection_render(c.id), 'UTF8')), c.piece_count, c.byte_length, c.source_digest, c.source_byte_length
  FROM iu_collection AS c WHERE c.id = p_collection_id
  RETURNING * INTO STRICT v_checkpoint;
  INSERT INTO iu_collection_checkpoint_piece (collection_id, checkpoint_no, unit_id, version_seq, is_pinned, unit_version_seq, position, separator, unit_kind, title, parent_unit_id, section_level)
  SELECT p.collection_id, v_checkpoint.checkpoint_no, p.unit_id, coalesce(p.pinned_version_seq, u.current_version_seq), p.pinned_version_seq IS NOT NULL, u.current_version_seq, p.position, p.separator,
         u.unit_kind, u.title, t.parent_unit_id, t.section_level
  FROM iu_collection_piece AS p JOIN information_unit AS u ON u.id = p.unit_id LEFT JOIN iu_tree_path AS t ON t.unit_id = p.unit_id
  WHERE p.collection_id = p_collection_id;
  RETURN v_checkpoint;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_checkpoint(bigint, text) IS 'Freezes a collection as it stands under the next number, and returns the checkpoint';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_checkpoint(bigint, text) FROM PUBLIC;

-- requires: fn_iu_collection_checkpoint, iu_core
CREATE FUNCTION iu_core.dot_iu_checkpoint_collection(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_checkpoint constant iu_collection_checkpoint := fn_iu_collection_checkpoint(v_collection.id, p_params ->> 'label');
BEGIN
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'last', v_checkpoint.checkpoint_no - 1),
    'objects', jsonb_build_array(jsonb_build_object('ref', format('checkpoint:%s#%s', v_collection.canonical_address, v_checkpoint.checkpoint_no), 'change', 'create',
      'after', jsonb_build_object('revision', v_checkpoint.revision, 'pieces', v_checkpoint.piece_count, 'manifest_sha256', encode(v_checkpoint.manifest_digest, 'hex')))),
    'refs', jsonb_build_array('collection:' || v_collection.canonical_address),
    'result', jsonb_build_object('checkpoint', v_checkpoint.checkpoint_no, 'manifest_sha256', encode(v_checkpoint.manifest_digest, 'hex')),
    'checks', jsonb_build_array(jsonb_build_object('name', 'manifest_is_frozen', 'kind', 'checkpoint', 'collection', v_collection.canonical_address, 'checkpoint', v_checkpoint.checkpoint_no, 'sha256', encode(v_checkpoint.manifest_digest, 'hex'))),
    'irreversible', 'A checkpoint is history.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_checkpoint_collection(jsonb, jsonb) IS 'Freezes a collection''s manifest under the next number';
REVOKE ALL ON FUNCTION iu_core.dot_iu_checkpoint_collection(jsonb, jsonb) FROM PUBLIC;

-- requires: information_unit, iu_core, unit_version
CREATE FUNCTION iu_core.fn_dot_unit_facts(p_unit iu_core.information_unit)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_build_object('status', (p_unit).lifecycle_status, 'kind', (p_unit).unit_kind, 'title', (p_unit).title, 'version', v.version_seq, 'sha256', encode(v.content_digest, 'hex'), 'bytes', v.byte_length)
  FROM unit_version AS v WHERE v.unit_id = (p_unit).id AND v.version_seq = (p_unit).current_version_seq
$$;
COMMENT ON FUNCTION iu_core.fn_dot_unit_facts(iu_core.information_unit) IS 'A unit in a plan''s diff: status, version, digest and size';
REVOKE ALL ON FUNCTION iu_core.fn_dot_unit_facts(iu_core.information_unit) FROM PUBLIC;

-- requires: fn_dot_unit_facts, information_unit, iu_core, unit_version
CREATE FUNCTION iu_core.fn_dot_unit_object(p_before iu_core.information_unit, p_unit_id bigint)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_strip_nulls(jsonb_build_object('ref', 'unit:' || u.canonical_address, 'change', CASE WHEN (p_before).id IS NULL THEN 'create' ELSE 'update' END,
           'before', CASE WHEN (p_before).id IS NOT NULL THEN jsonb_build_object('status', (p_before).lifecycle_status, 'kind', (p_before).unit_kind, 'title', (p_before).title, 'version', v.version_seq, 'sha256', encode(v.content_digest, 'hex'), 'bytes', v.byte_length) END,
           'after', fn_dot_unit_facts(u)))
  FROM information_unit AS u
  LEFT JOIN unit_version AS v ON v.unit_id = (p_before).id AND v.version_seq = (p_before).current_version_seq
  WHERE u.id = p_unit_id
$$;
COMMENT ON FUNCTION iu_core.fn_dot_unit_object(iu_core.information_unit, bigint) IS 'A unit in a plan''s diff: born when p_before is null, else as it was and as it is now';
REVOKE ALL ON FUNCTION iu_core.fn_dot_unit_object(iu_core.information_unit, bigint) FROM PUBLIC;

-- requires: fn_dot_unit_object, iu_core, iu_relation
CREATE FUNCTION iu_core.dot_iu_clone_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_version unit_version;
  v_clone bigint;
BEGIN
  IF v_unit.lifecycle_status = 'deleted' THEN
    RAISE EXCEPTION 'piece: % is deleted', v_unit.canonical_address USING ERRCODE = 'IU009', COLUMN = 'piece', HINT = 'Restore it first.';
  END IF;
  SELECT * INTO STRICT v_version FROM unit_version WHERE unit_id = v_unit.id AND version_seq = v_unit.current_version_seq;
  v_clone := fn_iu_create(p_params ->> 'address', v_unit.unit_kind, v_version.body, coalesce(p_params ->> 'title', v_unit.title));
  INSERT INTO iu_relation (from_unit_id, relation_kind, to_unit_id, to_version_seq) VALUES (v_clone, 'cloned_from', v_unit.id, v_version.version_seq);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('version', v_version.version_seq, 'status', v_unit.lifecycle_status),
    'objects', jsonb_build_array(fn_dot_unit_object(NULL, v_clone), jsonb_build_object('ref', format('relation:%s cloned_from %s', p_params ->> 'address', v_unit.canonical_address), 'change', 'create', 'after', jsonb_build_object('version', v_version.version_seq))),
    'refs', jsonb_build_array('unit:' || v_unit.canonical_address),
    'result', jsonb_build_object('piece', p_params -> 'address', 'cloned_from', v_unit.canonical_address, 'version', v_version.version_seq),
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'clone_has_the_text', 'kind', 'unit', 'unit', p_params -> 'address', 'status', 'draft', 'sha256', encode(v_version.content_digest, 'hex')),
      jsonb_build_object('name', 'clone_is_related', 'kind', 'relation', 'from', p_params -> 'address', 'relation', 'cloned_from', 'to', v_unit.canonical_address)),
    'inverse', jsonb_build_object('command', 'dot_iu_soft_delete_piece', 'params', jsonb_build_object('piece', p_params -> 'address')));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_clone_piece(jsonb, jsonb) IS 'Copies a unit''s current text under a new address, related to it as cloned_from';
REVOKE ALL ON FUNCTION iu_core.dot_iu_clone_piece(jsonb, jsonb) FROM PUBLIC;

CREATE OR REPLACE FUNCTION iu_core.fn_iu_gate_set(p_gate text, p_open boolean, p_reason text, p_expires_at timestamptz DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  IF p_open IS NULL THEN
    RAISE EXCEPTION 'open: say true or false' USING ERRCODE = 'IU002', COLUMN = 'open';
  END IF;
  IF coalesce(btrim(p_reason, E' \t\r\n'), '') = '' THEN
    RAISE EXCEPTION 'reason: a gate changes only with a reason'
      USING ERRCODE = 'IU002', COLUMN = 'reason', HINT = 'Say why: --reason TEXT';
  END IF;
  IF p_expires_at <= clock_timestamp() THEN
    RAISE EXCEPTION 'expires_at: % is past', p_expires_at USING ERRCODE = 'IU002', COLUMN = 'expires_at';
  END IF;
  UPDATE dot_config
  SET value = p_open::text, value_type = 'gate', reason = btrim(p_reason, E' \t\r\n'),
      expires_at = CASE WHEN p_open THEN p_expires_at END,
      changed_by = fn_iu_actor(), changed_at = clock_timestamp()
  WHERE key = p_gate;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'gate % does not exist', p_gate
      USING ERRCODE = 'IU003', COLUMN = 'gate',
            HINT = 'Gates: ' || coalesce((SELECT string_agg(key, ', ' ORDER BY key) FROM dot_config WHERE value_type = 'gate'), '(none: run iu db deploy)');
  END IF;
  RETURN fn_iu_gate_state(p_gate);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_gate_set(text, boolean, text, timestamptz) IS 'Opens or closes a gate with a reason, returns its state; IU002 without a reason, IU003 for an unknown gate';
REVOKE ALL ON FUNCTION iu_core.fn_iu_gate_set(text, boolean, text, timestamptz) FROM PUBLIC;

-- requires: fn_iu_gate_set, iu_core
CREATE FUNCTION iu_core.dot_iu_close_gate(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_gate constant text := p_params ->> 'gate';
  v_before constant jsonb := fn_dot_gate_facts(v_gate);
BEGIN
  IF v_before ->> 'state' = 'closed' THEN
    RAISE EXCEPTION 'gate: % is closed already, by %: %', v_gate, v_before ->> 'by', v_before ->> 'reason' USING ERRCODE = 'IU016', COLUMN = 'gate';
  ELSIF v_before ->> 'state' IN ('missing', 'malformed') AND EXISTS (SELECT FROM iu_vocabulary WHERE term_class = 'gate' AND term = v_gate) THEN
    PERFORM fn_iu_gate_repair(v_gate);
  END IF;
  PERFORM fn_iu_gate_set(v_gate, false, coalesce(p_context ->> 'reason', 'a plan'));
  -- Only what was open is opened by an undo.
  RETURN fn_dot_gate_changed(v_gate, v_before, CASE WHEN v_before ->> 'state' = 'open' THEN
      jsonb_build_object('command', 'dot_iu_open_gate', 'params', jsonb_strip_nulls(jsonb_build_object('gate', v_gate, 'expires_at', v_before -> 'expires_at'))) END)
    || jsonb_build_object('irreversible', format('It was not open before, it was %s.', v_before ->> 'state'));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_close_gate(jsonb, jsonb) IS 'Closes a gate; it never waits behind a running command';
REVOKE ALL ON FUNCTION iu_core.dot_iu_close_gate(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_collection, iu_core
CREATE FUNCTION iu_core.fn_dot_collection_created(p_collection_id bigint, p_objects jsonb)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_build_object(
    'objects', jsonb_build_array(jsonb_build_object('ref', 'collection:' || canonical_address, 'change', 'create',
      'after', jsonb_build_object('kind', collection_kind, 'title', title, 'pieces', piece_count, 'bytes', byte_length))) || p_objects,
    'result', jsonb_build_object('collection', canonical_address, 'pieces', piece_count, 'bytes', byte_length),
    'checks', jsonb_build_array(jsonb_build_object('name', 'collection_composed', 'kind', 'collection', 'collection', canonical_address, 'pieces', piece_count, 'bytes', byte_length)),
    'irreversible', 'A birth is not undone: the collection stays. Its pieces can be removed from it.')
  FROM iu_collection WHERE id = p_collection_id
$$;
COMMENT ON FUNCTION iu_core.fn_dot_collection_created(bigint, jsonb) IS 'What the handlers that make a collection return';
REVOKE ALL ON FUNCTION iu_core.fn_dot_collection_created(bigint, jsonb) FROM PUBLIC;

-- requires: fn_dot_collection_created, iu_core
CREATE FUNCTION iu_core.dot_iu_create_collection(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_id constant bigint := fn_iu_compose(p_params ->> 'address', p_params ->> 'kind', p_params ->> 'title', '{}', coalesce(p_params ->> 'joiner', ''));
BEGIN
  RETURN fn_dot_collection_created(v_id, '[]');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_create_collection(jsonb, jsonb) IS 'Makes an empty collection';
REVOKE ALL ON FUNCTION iu_core.dot_iu_create_collection(jsonb, jsonb) FROM PUBLIC;

-- requires: information_unit, iu_core
CREATE FUNCTION iu_core.fn_dot_units(p_addresses jsonb, p_field text)
RETURNS iu_core.information_unit[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_wrong text;
  v_units information_unit[];
BEGIN
  PERFORM FROM information_unit WHERE canonical_address IN (SELECT jsonb_array_elements_text(p_addresses)) ORDER BY id FOR UPDATE;
  SELECT a INTO v_wrong FROM jsonb_array_elements_text(p_addresses) AS a GROUP BY a HAVING count(*) > 1 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '%: % is named twice', p_field, v_wrong USING ERRCODE = 'IU002', COLUMN = p_field;
  END IF;
  SELECT a INTO v_wrong FROM jsonb_array_elements_text(p_addresses) AS a WHERE NOT EXISTS (SELECT FROM information_unit WHERE canonical_address = a) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '%: no piece has the address %', p_field, v_wrong USING ERRCODE = 'IU003', COLUMN = p_field;
  END IF;
  SELECT coalesce(array_agg(u ORDER BY g.n), '{}') INTO v_units
  FROM jsonb_array_elements_text(p_addresses) WITH ORDINALITY AS g(address, n) JOIN information_unit AS u ON u.canonical_address = g.address;
  RETURN v_units;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_units(jsonb, text) IS 'The units of a list of addresses, in its order, locked in the order of their ids; IU002 for one that is named twice, IU003 for one that does not exist';
REVOKE ALL ON FUNCTION iu_core.fn_dot_units(jsonb, text) FROM PUBLIC;

-- requires: fn_dot_collection_created, fn_dot_units, iu_core
CREATE FUNCTION iu_core.dot_iu_create_file_from_pieces(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_units constant information_unit[] := fn_dot_units(p_params -> 'pieces', 'pieces');
  v_id bigint;
BEGIN
  v_id := fn_iu_compose(p_params ->> 'address', 'file', p_params ->> 'title', ARRAY(SELECT u.id FROM unnest(v_units) WITH ORDINALITY AS u ORDER BY u.ordinality), coalesce(p_params ->> 'joiner', E'\n\n'));
  RETURN fn_dot_collection_created(v_id, '[]')
    || jsonb_build_object('state', (SELECT jsonb_agg(u.current_version_seq ORDER BY u.ordinality) FROM unnest(v_units) WITH ORDINALITY AS u),
                          'refs', (SELECT jsonb_agg('unit:' || u.canonical_address) FROM unnest(v_units) AS u));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_create_file_from_pieces(jsonb, jsonb) IS 'Composes a file of pieces that exist, in the given order';
REVOKE ALL ON FUNCTION iu_core.dot_iu_create_file_from_pieces(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_unit_object, iu_core
CREATE FUNCTION iu_core.dot_iu_create_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit_id bigint;
  v_collection iu_collection;
  v_objects jsonb;
BEGIN
  v_unit_id := fn_iu_create(p_params ->> 'address', p_params ->> 'kind', p_params ->> 'body', coalesce(p_params ->> 'title', ''));
  v_objects := jsonb_build_array(fn_dot_unit_object(NULL, v_unit_id));
  IF p_params ? 'collection' THEN
    v_collection := fn_dot_collection(p_params);
    PERFORM fn_iu_collection_add(v_collection.id, ARRAY[v_unit_id], ARRAY[fn_dot_place(v_collection.id, v_unit_id, p_params)], ARRAY[p_params ->> 'separator']);
    v_objects := v_objects || fn_dot_collection_object(v_collection) || jsonb_build_object(
      'ref', format('piece:%s#%s', v_collection.canonical_address, p_params ->> 'address'), 'change', 'create', 'after', fn_dot_piece_facts(v_collection.id, v_unit_id));
  ELSIF p_params ?| ARRAY['to', 'after', 'before', 'position', 'separator'] THEN
    RAISE EXCEPTION 'collection: a place needs the collection that it is in' USING ERRCODE = 'IU002', COLUMN = 'collection';
  END IF;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision),
    'objects', v_objects,
    'result', jsonb_build_object('piece', p_params -> 'address'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_born', 'kind', 'unit', 'unit', p_params -> 'address', 'status', 'draft', 'version', 1, 'sha256', encode(sha256(convert_to(p_params ->> 'body', 'UTF8')), 'hex')))
      || CASE WHEN v_collection.id IS NULL THEN '[]' ELSE jsonb_build_array(jsonb_build_object('name', 'piece_in_place', 'kind', 'piece', 'collection', v_collection.canonical_address, 'unit', p_params -> 'address', 'at', fn_dot_piece_facts(v_collection.id, v_unit_id) -> 'at')) END,
    'inverse', jsonb_build_object('command', 'dot_iu_soft_delete_piece', 'params', jsonb_build_object('piece', p_params -> 'address')));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_create_piece(jsonb, jsonb) IS 'Makes a unit, and puts it into a collection where one is named';
REVOKE ALL ON FUNCTION iu_core.dot_iu_create_piece(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_collection_created, fn_dot_units, iu_core
CREATE FUNCTION iu_core.dot_iu_create_workflow_from_steps(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_steps constant jsonb := p_params -> 'steps';
  v_wrong text;
  v_given information_unit[];
  v_new text[];
  v_born bigint[] := '{}';
  v_ids bigint[];
  v_id bigint;
BEGIN
  SELECT format('steps[%s]', n - 1) INTO v_wrong FROM jsonb_array_elements(v_steps) WITH ORDINALITY AS g(s, n)
  WHERE (s ? 'piece') = (s ? 'body') OR (s ? 'piece' AND s ? 'title') ORDER BY n LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '%: a step is a piece that exists, or a body with its title', v_wrong USING ERRCODE = 'IU002', COLUMN = v_wrong;
  END IF;
  v_given := fn_dot_units(jsonb_path_query_array(v_steps, '$[*].piece'), 'steps');
  v_new := ARRAY(SELECT fn_iu_piece_address(p_params ->> 'address', n::integer, coalesce(s ->> 'title', '')) FROM jsonb_array_elements(v_steps) WITH ORDINALITY AS g(s, n) WHERE s ? 'body' ORDER BY n);
  IF cardinality(v_new) > 0 THEN
    v_born := fn_iu_create_batch(v_new, array_fill('step'::text, ARRAY[cardinality(v_new)]),
      ARRAY(SELECT s ->> 'body' FROM jsonb_array_elements(v_steps) WITH ORDINALITY AS g(s, n) WHERE s ? 'body' ORDER BY n),
      ARRAY(SELECT coalesce(s ->> 'title', '') FROM jsonb_array_elements(v_steps) WITH ORDINALITY AS g(s, n) WHERE s ? 'body' ORDER BY n));
  END IF;
  SELECT array_agg(u.id ORDER BY x.n) INTO v_ids
  FROM (SELECT coalesce(s ->> 'piece', fn_iu_piece_address(p_params ->> 'address', n::integer, coalesce(s ->> 'title', ''))) AS address, n FROM jsonb_array_elements(v_steps) WITH ORDINALITY AS g(s, n)) AS x
  JOIN information_unit AS u ON u.canonical_address = x.address;
  v_id := fn_iu_compose(p_params ->> 'address', 'workflow', p_params ->> 'title', v_ids, coalesce(p_params ->> 'joiner', E'\n\n'));
  UPDATE iu_collection SET next_piece_no = jsonb_array_length(v_steps) + 1 WHERE id = v_id;
  RETURN fn_dot_collection_created(v_id, (SELECT coalesce(jsonb_agg(fn_dot_unit_object(NULL, b) ORDER BY n), '[]') FROM unnest(v_born) WITH ORDINALITY AS g(b, n)))
    || jsonb_build_object('state', (SELECT coalesce(jsonb_agg(u.current_version_seq ORDER BY u.ordinality), '[]') FROM unnest(v_given) WITH ORDINALITY AS u),
                          'refs', (SELECT coalesce(jsonb_agg('unit:' || u.canonical_address), '[]') FROM unnest(v_given) AS u));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_create_workflow_from_steps(jsonb, jsonb) IS 'Composes a workflow of steps: pieces that exist, or new ones from their text';
REVOKE ALL ON FUNCTION iu_core.dot_iu_create_workflow_from_steps(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_account, iu_core
CREATE FUNCTION iu_core.fn_dot_account(p_account text)
RETURNS iu_core.iu_account
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_account iu_account;
BEGIN
  SELECT * INTO v_account FROM iu_account WHERE account = p_account FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'account: there is no %', p_account USING ERRCODE = 'IU003', COLUMN = 'account';
  END IF;
  RETURN v_account;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_account(text) IS 'An account by its name, locked; IU003 when there is none';
REVOKE ALL ON FUNCTION iu_core.fn_dot_account(text) FROM PUBLIC;

-- requires: iu_account, iu_core
CREATE FUNCTION iu_core.fn_dot_account_keep_admin(p_account iu_core.iu_account)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  -- Two who take each other's right away at once must not leave nobody.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.admins'));
  IF (p_account).account_right = 'admin' AND NOT EXISTS (SELECT FROM iu_account WHERE account_right = 'admin' AND status = 'active' AND id <> (p_account).id) THEN
    RAISE EXCEPTION 'account: % is the last admin', (p_account).account USING ERRCODE = 'IU009', COLUMN = 'account', HINT = 'Make another account an admin first.';
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_account_keep_admin(iu_core.iu_account) IS 'Raises IU009 when this account is the last admin who can sign in';
REVOKE ALL ON FUNCTION iu_core.fn_dot_account_keep_admin(iu_core.iu_account) FROM PUBLIC;

-- requires: iu_core, iu_session
CREATE FUNCTION iu_core.fn_iu_sessions_end(p_account_id bigint, p_reason text)
RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH ended AS (
    UPDATE iu_session SET ended_at = clock_timestamp(), end_reason = p_reason WHERE account_id = p_account_id AND ended_at IS NULL RETURNING 1
  )
  SELECT count(*)::integer FROM ended
$$;
COMMENT ON FUNCTION iu_core.fn_iu_sessions_end(bigint, text) IS 'Ends every session of an account; returns how many';
REVOKE ALL ON FUNCTION iu_core.fn_iu_sessions_end(bigint, text) FROM PUBLIC;

-- requires: fn_dot_account, fn_dot_account_keep_admin, fn_dot_account_object, fn_iu_sessions_end, iu_core
CREATE FUNCTION iu_core.dot_iu_disable_account(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_account constant iu_account := fn_dot_account(p_params ->> 'account');
  v_ended integer;
BEGIN
  IF v_account.status = 'disabled' THEN
    RAISE EXCEPTION 'account: % is disabled already', v_account.account USING ERRCODE = 'IU016', COLUMN = 'account';
  END IF;
  PERFORM fn_dot_account_keep_admin(v_account);
  UPDATE iu_account SET status = 'disabled' WHERE id = v_account.id;
  v_ended := fn_iu_sessions_end(v_account.id, 'account disabled');
  RETURN jsonb_build_object(
    'state', jsonb_build_object('right', v_account.account_right, 'status', v_account.status),
    'objects', jsonb_build_array(fn_dot_account_object(v_account, v_account.id)),
    'result', jsonb_build_object('sessions_ended', v_ended),
    'checks', jsonb_build_array(jsonb_build_object('name', 'account_is_disabled', 'kind', 'account', 'account', v_account.account, 'status', 'disabled', 'right', v_account.account_right)),
    'inverse', jsonb_build_object('command', 'dot_iu_enable_account', 'params', jsonb_build_object('account', v_account.account)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_disable_account(jsonb, jsonb) IS 'Disables an account: its sessions end, its tokens are dead';
REVOKE ALL ON FUNCTION iu_core.dot_iu_disable_account(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_core, iu_outbound_route
CREATE FUNCTION iu_core.dot_iu_disable_route(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN fn_dot_route_switched(p_params ->> 'route', false);
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_disable_route(jsonb, jsonb) IS 'Disables a route; its events are skipped as route_disabled, and none is lost';
REVOKE ALL ON FUNCTION iu_core.dot_iu_disable_route(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_core, trg_iu_out_lifecycle, trg_iu_out_unit, trg_iu_out_version
CREATE VIEW iu_core.v_iu_emitting_trigger AS
SELECT t.tgname::text AS trigger, c.relname::text AS relation, t.tgenabled = 'O' AS enabled
FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'iu_core' AND NOT t.tgisinternal AND t.tgname IN ('trg_iu_out_unit', 'trg_iu_out_version', 'trg_iu_out_lifecycle');
COMMENT ON VIEW iu_core.v_iu_emitting_trigger IS 'The triggers that emit the unit family, and whether they are on: rung L3 of the disable ladder';
GRANT SELECT ON iu_core.v_iu_emitting_trigger TO iu_reader;

-- requires: iu_core, v_iu_emitting_trigger
CREATE FUNCTION iu_core.fn_dot_triggers_switched(p_enabled boolean)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_trigger record;
  v_before jsonb;
  v_objects jsonb := '[]';
BEGIN
  SELECT jsonb_object_agg(trigger, enabled) INTO v_before FROM v_iu_emitting_trigger;
  -- It waits for the writers under way, but not for ever: whoever stops something must be told.
  PERFORM set_config('lock_timeout', '2s', true);
  FOR v_trigger IN SELECT * FROM v_iu_emitting_trigger WHERE enabled <> p_enabled ORDER BY trigger LOOP
    EXECUTE format('ALTER TABLE %I %s TRIGGER %I', v_trigger.relation, CASE WHEN p_enabled THEN 'ENABLE' ELSE 'DISABLE' END, v_trigger.trigger);
    v_objects := v_objects || jsonb_build_object('ref', 'trigger:' || v_trigger.trigger, 'change', 'update', 'before', jsonb_build_object('enabled', NOT p_enabled), 'after', jsonb_build_object('enabled', p_enabled));
  END LOOP;
  PERFORM set_config('lock_timeout', '0', true);
  IF v_objects = '[]' THEN
    RAISE EXCEPTION 'the triggers are % already', CASE WHEN p_enabled THEN 'on' ELSE 'off' END USING ERRCODE = 'IU016';
  END IF;
  RETURN jsonb_build_object(
    'state', v_before,
    'objects', v_objects,
    'result', jsonb_build_object('enabled', p_enabled),
    'checks', jsonb_build_array(jsonb_build_object('name', CASE WHEN p_enabled THEN 'triggers_are_on' ELSE 'triggers_are_off' END, 'kind', 'triggers', 'enabled', p_enabled)),
    'inverse', jsonb_build_object('command', CASE WHEN p_enabled THEN 'dot_iu_disable_triggers' ELSE 'dot_iu_enable_triggers' END, 'params', '{}'::jsonb));
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_triggers_switched(boolean) IS 'Switches the emitting triggers and returns what the handlers return; IU016 they are so already, 55P03 a writer holds a table for longer than two seconds';
REVOKE ALL ON FUNCTION iu_core.fn_dot_triggers_switched(boolean) FROM PUBLIC;

-- requires: fn_dot_triggers_switched, iu_core
CREATE FUNCTION iu_core.dot_iu_disable_triggers(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN fn_dot_triggers_switched(false) || jsonb_build_object('notes', jsonb_build_array(
    'Stops: iu.created, iu.version_applied, iu.retired and iu.soft_deleted.',
    'LOSES EVENTS: what changes while they are off is never reported, not even after they are on again. L0 and L1 stop the routing and lose nothing.'));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_disable_triggers(jsonb, jsonb) IS 'Switches off the triggers that emit the unit family: while they are off those events are lost';
REVOKE ALL ON FUNCTION iu_core.dot_iu_disable_triggers(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_core, iu_route_dead_letter
CREATE FUNCTION iu_core.fn_dot_letter(p_dead_letter_id bigint)
RETURNS iu_core.iu_route_dead_letter
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_letter iu_route_dead_letter;
BEGIN
  SELECT * INTO v_letter FROM iu_route_dead_letter WHERE id = p_dead_letter_id FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'dead_letter: none has the id %', p_dead_letter_id USING ERRCODE = 'IU003', COLUMN = 'dead_letter';
  ELSIF v_letter.status <> 'open' THEN
    RAISE EXCEPTION 'dead_letter: % was % by % already', p_dead_letter_id, v_letter.status, v_letter.resolved_by USING ERRCODE = 'IU016', COLUMN = 'dead_letter';
  END IF;
  RETURN v_letter;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_letter(bigint) IS 'An open dead letter, locked; IU003 unknown, IU016 resolved already';
REVOKE ALL ON FUNCTION iu_core.fn_dot_letter(bigint) FROM PUBLIC;

-- requires: iu_core, iu_route_dead_letter
CREATE FUNCTION iu_core.fn_dot_letter_object(p_before iu_core.iu_route_dead_letter)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_build_object('ref', 'dead_letter:' || d.id, 'change', 'update',
    'before', jsonb_build_object('status', (p_before).status, 'attempt', (p_before).attempt_no, 'failure', (p_before).failure_code),
    'after', jsonb_build_object('status', d.status, 'attempt', coalesce(d.resolved_attempt_no, d.attempt_no)) || CASE d.status WHEN 'open' THEN jsonb_build_object('failure', d.failure_code) ELSE '{}' END)
  FROM iu_route_dead_letter AS d WHERE d.id = (p_before).id
$$;
COMMENT ON FUNCTION iu_core.fn_dot_letter_object(iu_core.iu_route_dead_letter) IS 'A dead letter in a plan''s diff';
REVOKE ALL ON FUNCTION iu_core.fn_dot_letter_object(iu_core.iu_route_dead_letter) FROM PUBLIC;

-- requires: fn_dot_letter, fn_dot_letter_object, iu_core
CREATE FUNCTION iu_core.dot_iu_discard_dead_letter(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_letter constant iu_route_dead_letter := fn_dot_letter((p_params ->> 'dead_letter')::bigint);
BEGIN
  UPDATE iu_route_dead_letter SET status = 'discarded', resolved_at = clock_timestamp(), resolved_by = fn_iu_actor() WHERE id = v_letter.id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_letter.status, 'attempt', v_letter.attempt_no),
    'objects', jsonb_build_array(fn_dot_letter_object(v_letter)),
    'refs', jsonb_build_array('event:' || v_letter.event_id),
    'checks', jsonb_build_array(jsonb_build_object('name', 'letter_is_discarded', 'kind', 'dead_letter', 'dead_letter', v_letter.id, 'status', 'discarded')),
    'irreversible', 'What was given up stays given up; the event is in the outbox.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_discard_dead_letter(jsonb, jsonb) IS 'Gives up an open dead letter, with a reason';
REVOKE ALL ON FUNCTION iu_core.dot_iu_discard_dead_letter(jsonb, jsonb) FROM PUBLIC;

-- requires: event_outbox, iu_core, iu_held_decision
CREATE VIEW iu_core.v_iu_held_event AS
SELECT e.id AS event_id, e.event_domain, e.event_type, e.event_subject_table, e.event_subject_ref, e.actor, e.created_at
FROM iu_core.event_outbox AS e
WHERE e.delivery_lane = 'held'
  AND NOT EXISTS (SELECT FROM iu_core.event_outbox AS n WHERE n.released_from = e.id)
  AND NOT EXISTS (SELECT FROM iu_core.iu_held_decision AS h WHERE h.event_id = e.id);
COMMENT ON VIEW iu_core.v_iu_held_event IS 'Events written while the master gate was closed, neither released nor discarded yet';
GRANT SELECT ON iu_core.v_iu_held_event TO iu_reader;

-- requires: iu_core, iu_held_decision, v_iu_held_event
CREATE FUNCTION iu_core.dot_iu_discard_held_events(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_ids bigint[];
  v_done bigint[];
BEGIN
  -- One decision at a time on what is held: none is released and discarded both.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.held_events'));
  v_ids := CASE WHEN p_context ? 'frozen' THEN ARRAY(SELECT jsonb_array_elements_text(p_context -> 'frozen')::bigint)
    ELSE ARRAY(SELECT event_id FROM v_iu_held_event
               WHERE (NOT p_params ? 'event_type' OR event_type = p_params ->> 'event_type') AND (NOT p_params ? 'through' OR event_id <= (p_params ->> 'through')::bigint)
               ORDER BY event_id LIMIT coalesce((p_params ->> 'limit')::integer, 10000)) END;
  WITH decided AS (
    INSERT INTO iu_held_decision (event_id, decision, reason, decided_by)
    SELECT event_id, 'discarded', coalesce(p_context ->> 'reason', 'a plan'), fn_iu_actor() FROM v_iu_held_event WHERE event_id = ANY (v_ids) ORDER BY event_id
    ON CONFLICT DO NOTHING
    RETURNING event_id
  )
  SELECT coalesce(array_agg(event_id), '{}') INTO v_done FROM decided;
  IF cardinality(v_done) = 0 THEN
    RAISE EXCEPTION 'no held event matches' USING ERRCODE = 'IU016';
  END IF;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', to_jsonb(v_ids),
    'objects', (SELECT jsonb_agg(jsonb_build_object('ref', 'event:' || e.id, 'change', 'update', 'before', jsonb_build_object('lane', 'held', 'type', e.event_type, 'subject', e.event_subject_ref), 'after', jsonb_build_object('account', 'discarded')) ORDER BY e.id)
                FROM event_outbox AS e WHERE e.id = ANY (v_done)),
    'result', jsonb_build_object('discarded', cardinality(v_done), 'by_type', (SELECT jsonb_object_agg(event_type, n) FROM (SELECT event_type, count(*) AS n FROM event_outbox WHERE id = ANY (v_done) GROUP BY event_type) AS t)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_discarded', 'kind', 'held', 'ids', to_jsonb(v_done), 'account', 'discarded')),
    'irreversible', 'What was given up stays given up; the events are in the outbox, on lane held.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_discard_held_events(jsonb, jsonb) IS 'Gives up held events, with a reason; the plan freezes which';
REVOKE ALL ON FUNCTION iu_core.dot_iu_discard_held_events(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_account, fn_dot_account_object, iu_core
CREATE FUNCTION iu_core.dot_iu_enable_account(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_account constant iu_account := fn_dot_account(p_params ->> 'account');
BEGIN
  IF v_account.status = 'active' THEN
    RAISE EXCEPTION 'account: % is active already', v_account.account USING ERRCODE = 'IU016', COLUMN = 'account';
  END IF;
  UPDATE iu_account SET status = 'active' WHERE id = v_account.id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('right', v_account.account_right, 'status', v_account.status),
    'objects', jsonb_build_array(fn_dot_account_object(v_account, v_account.id)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'account_is_active', 'kind', 'account', 'account', v_account.account, 'status', 'active', 'right', v_account.account_right)),
    'inverse', jsonb_build_object('command', 'dot_iu_disable_account', 'params', jsonb_build_object('account', v_account.account)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_enable_account(jsonb, jsonb) IS 'Enables an account again; sessions that ended stay ended';
REVOKE ALL ON FUNCTION iu_core.dot_iu_enable_account(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_core, iu_outbound_route
CREATE FUNCTION iu_core.dot_iu_enable_route(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN fn_dot_route_switched(p_params ->> 'route', true);
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_enable_route(jsonb, jsonb) IS 'Enables a route; it stays the dry run that it is';
REVOKE ALL ON FUNCTION iu_core.dot_iu_enable_route(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_triggers_switched, iu_core
CREATE FUNCTION iu_core.dot_iu_enable_triggers(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN fn_dot_triggers_switched(true);
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_enable_triggers(jsonb, jsonb) IS 'Switches the triggers of the unit family on again';
REVOKE ALL ON FUNCTION iu_core.dot_iu_enable_triggers(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_unit_object, iu_core
CREATE FUNCTION iu_core.dot_iu_enact_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_to constant text := coalesce(p_params ->> 'status', 'enacted');
BEGIN
  IF v_unit.lifecycle_status = v_to THEN
    RAISE EXCEPTION 'piece: % is % already', v_unit.canonical_address, v_to USING ERRCODE = 'IU016', COLUMN = 'piece';
  ELSIF v_unit.lifecycle_status NOT IN ('draft', 'enacted') THEN
    RAISE EXCEPTION 'piece: % is %', v_unit.canonical_address, v_unit.lifecycle_status USING ERRCODE = 'IU009', COLUMN = 'piece', HINT = 'Restore it first.';
  END IF;
  UPDATE information_unit SET lifecycle_status = v_to WHERE id = v_unit.id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_unit.lifecycle_status, 'version', v_unit.current_version_seq),
    'objects', jsonb_build_array(fn_dot_unit_object(v_unit, v_unit.id)),
    'result', jsonb_build_object('status', v_to),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_is_' || v_to, 'kind', 'unit', 'unit', v_unit.canonical_address, 'status', v_to)),
    'inverse', jsonb_build_object('command', 'dot_iu_enact_piece', 'params', jsonb_build_object('piece', v_unit.canonical_address, 'status', v_unit.lifecycle_status)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_enact_piece(jsonb, jsonb) IS 'Puts a draft in force, or (status draft) takes one back';
REVOKE ALL ON FUNCTION iu_core.dot_iu_enact_piece(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_collection_checkpoint, iu_collection_checkpoint_piece, iu_core
-- Forward, never back: a piece whose text differs gets a further version, so the way there stays in its history.
CREATE FUNCTION iu_core.fn_iu_collection_return(p_collection_id bigint, p_checkpoint_no integer)
RETURNS TABLE (pieces_added integer, pieces_removed integer, pieces_moved integer, versions_created integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_checkpoint iu_collection_checkpoint;
  v_wrong text;
  v_ids bigint[];
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  -- Units before collections: the lock order of every writer.
  PERFORM FROM information_unit
  WHERE id IN (SELECT unit_id FROM iu_collection_piece WHERE collection_id = p_collection_id
               UNION SELECT unit_id FROM iu_collection_checkpoint_piece WHERE collection_id = p_collection_id AND checkpoint_no = p_checkpoint_no)
  ORDER BY id FOR UPDATE;
  PERFORM FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  SELECT * INTO v_checkpoint FROM iu_collection_checkpoint WHERE collection_id = p_collection_id AND checkpoint_no = p_checkpoint_no;
  IF NOT FOUND AND p_checkpoint_no <> 0 THEN
    RAISE EXCEPTION 'checkpoint: the collection has no checkpoint %', p_checkpoint_no USING ERRCODE = 'IU003', COLUMN = 'checkpoint';
  END IF;
  SELECT format('%s (%s)', u.canonical_address, u.lifecycle_status) INTO v_wrong
  FROM iu_collection_checkpoint_piece AS k JOIN information_unit AS u ON u.id = k.unit_id
  WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND u.lifecycle_status IN ('retired', 'deleted')
    AND NOT EXISTS (SELECT FROM iu_collection_piece AS p WHERE p.collection_id = p_collection_id AND p.unit_id = k.unit_id) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'piece % cannot be added anywhere', v_wrong USING ERRCODE = 'IU009', COLUMN = 'checkpoint', HINT = 'Restore it first.';
  END IF;

  v_ids := ARRAY(SELECT p.unit_id FROM iu_collection_piece AS p
                 WHERE p.collection_id = p_collection_id
                   AND NOT EXISTS (SELECT FROM iu_collection_checkpoint_piece AS k WHERE (k.collection_id, k.checkpoint_no, k.unit_id) = (p_collection_id, p_checkpoint_no, p.unit_id))
                 ORDER BY p.position);
  pieces_removed := cardinality(v_ids);
  IF pieces_removed > 0 THEN
    PERFORM fn_iu_collection_remove(p_collection_id, v_ids);
  END IF;
  SELECT coalesce(fn_iu_apply_versions(array_agg(k.unit_id ORDER BY k.unit_id), array_agg(w.body ORDER BY k.unit_id), array_agg(k.unit_kind ORDER BY k.unit_id), array_agg(k.title ORDER BY k.unit_id)), 0)
  INTO versions_created
  FROM iu_collection_checkpoint_piece AS k
  JOIN information_unit AS u ON u.id = k.unit_id
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
  JOIN unit_version AS w ON w.unit_id = u.id AND w.version_seq = k.unit_version_seq
  -- What stands here and follows, or did: a piece that has left may have been revised for others since, and one that
  -- is pinned, then and now, was not shown in its newest text anyway.
  JOIN iu_collection_piece AS p ON p.collection_id = k.collection_id AND p.unit_id = k.unit_id AND (p.pinned_version_seq IS NULL OR NOT k.is_pinned)
  WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND v.content_digest <> w.content_digest
  HAVING count(*) > 0;
  versions_created := coalesce(versions_created, 0);

  SELECT count(fn_iu_collection_reorder(p_collection_id, unit_ids, positions)), coalesce(max(cardinality(unit_ids)), 0) INTO v_wrong, pieces_moved
  FROM (SELECT array_agg(k.unit_id ORDER BY k.position) AS unit_ids, array_agg(k.position ORDER BY k.position) AS positions
        FROM iu_collection_checkpoint_piece AS k JOIN iu_collection_piece AS p ON p.collection_id = k.collection_id AND p.unit_id = k.unit_id
        WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND p.position <> k.position
        HAVING count(*) > 0) AS moved;
  SELECT count(fn_iu_collection_put(p_collection_id, unit_ids, positions, separators, pins)), coalesce(max(cardinality(unit_ids)), 0) INTO v_wrong, pieces_added
  FROM (SELECT array_agg(k.unit_id ORDER BY k.position) AS unit_ids, array_agg(k.position ORDER BY k.position) AS positions, array_agg(k.separator ORDER BY k.position) AS separators,
               -- What was revised since it left comes back pinned to the text that it had here.
               array_agg(CASE WHEN k.is_pinned OR v.content_digest <> w.content_digest THEN k.version_seq END ORDER BY k.position) AS pins
        FROM iu_collection_checkpoint_piece AS k
        JOIN information_unit AS u ON u.id = k.unit_id
        JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
        JOIN unit_version AS w ON w.unit_id = u.id AND w.version_seq = k.version_seq
        WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no
          AND NOT EXISTS (SELECT FROM iu_collection_piece AS p WHERE p.collection_id = p_collection_id AND p.unit_id = k.unit_id)
        HAVING count(*) > 0) AS missing;
  UPDATE iu_collection_piece AS p SET separator = k.separator, pinned_version_seq = pin.version_seq
  FROM iu_collection_checkpoint_piece AS k
  JOIN information_unit AS u ON u.id = k.unit_id
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
  JOIN unit_version AS w ON w.unit_id = u.id AND w.version_seq = k.version_seq
  CROSS JOIN LATERAL (SELECT CASE WHEN k.is_pinned OR v.content_digest <> w.content_digest THEN k.version_seq END AS version_seq) AS pin
  WHERE (k.collection_id, k.checkpoint_no, k.unit_id) = (p_collection_id, p_checkpoint_no, p.unit_id) AND p.collection_id = p_collection_id
    AND (p.separator, p.pinned_version_seq) IS DISTINCT FROM (k.separator, pin.version_seq);
  DELETE FROM iu_tree_path AS t USING iu_collection_checkpoint_piece AS k
  WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND k.section_level IS NULL AND t.unit_id = k.unit_id;
  INSERT INTO iu_tree_path (unit_id, parent_unit_id, section_level)
  SELECT k.unit_id, k.parent_unit_id, k.section_level FROM iu_collection_checkpoint_piece AS k
  WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND k.section_level IS NOT NULL
  ON CONFLICT (unit_id) DO UPDATE SET parent_unit_id = excluded.parent_unit_id, section_level = excluded.section_level
  WHERE (iu_tree_path.parent_unit_id, iu_tree_path.section_level) IS DISTINCT FROM (excluded.parent_unit_id, excluded.section_level);
  UPDATE iu_collection AS c
  SET revision = c.revision + 1, updated_at = clock_timestamp(), title = coalesce(v_checkpoint.title, c.title),
      source_digest = coalesce(v_checkpoint.source_digest, c.source_digest), source_byte_length = coalesce(v_checkpoint.source_byte_length, c.source_byte_length)
  WHERE c.id = p_collection_id;
  IF fn_iu_collection_seal(p_collection_id) IS DISTINCT FROM coalesce(v_checkpoint.render_digest, sha256('')) THEN
    RAISE EXCEPTION 'round trip failed: the collection does not render to the text of checkpoint %', p_checkpoint_no USING ERRCODE = 'IU006', HINT = 'Nothing was written. Report it.';
  END IF;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_return(bigint, integer) IS 'Brings a collection back to a checkpoint (0 = empty): pieces, order, separators and texts; proves it by the digest. IU001 closed gate, IU003 no such checkpoint, IU006 not the same text, IU009 a piece is retired or deleted';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_return(bigint, integer) FROM PUBLIC;

-- requires: fn_iu_collection_return, fn_iu_import_file, iu_core
CREATE FUNCTION iu_core.dot_iu_import_text(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  v_before iu_collection;
  v_after iu_collection;
  v_old jsonb := '{}';
  v_objects jsonb;
  v_imported record;
  v_checkpoint integer := 0;
  v_outcome text;
  v_locked bigint[];
  v_retired text;
BEGIN
  IF (p_params ? 'text') <> (p_params ? 'source_path') OR (p_params ? 'checkpoint') <> (p_params ? 'collection') OR (p_params ? 'text') = (p_params ? 'checkpoint') OR (p_params ? 'text') <> (p_params ? 'cut') THEN
    RAISE EXCEPTION 'text: give a source_path and its text, or a collection and the checkpoint to return to' USING ERRCODE = 'IU002', COLUMN = 'text';
  END IF;
  IF EXISTS (SELECT FROM jsonb_array_elements_text(coalesce(p_params -> 'cut' -> 'titles', '[]')) AS t WHERE length(t) > 500 OR t ~ '[\x01-\x1f\x7f]') THEN
    RAISE EXCEPTION 'cut: a title is one line of at most 500 characters' USING ERRCODE = 'IU002', COLUMN = 'cut';
  END IF;
  IF p_params ? 'text' THEN
    -- Imports of one source take turns, before they lock anything.
    PERFORM pg_advisory_xact_lock(hashtextextended('iu_core.import ' || (p_params ->> 'source_path'), 0));
    SELECT * INTO v_before FROM iu_collection WHERE source_path = p_params ->> 'source_path';
  ELSE
    -- Units before collections; the return locks them in order.
    SELECT * INTO v_before FROM iu_collection WHERE canonical_address = p_params ->> 'collection' AND status = 'active';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'collection: no collection has the address %', p_params ->> 'collection' USING ERRCODE = 'IU003', COLUMN = 'collection';
    END IF;
  END IF;
  IF v_before.id IS NOT NULL THEN
    -- Every unit that it may touch, before the collection. Where a piece joined until the collection was locked, going
    -- back frees the locks for another round.
    LOOP
      BEGIN
        v_locked := ARRAY(SELECT unit_id FROM iu_collection_piece WHERE collection_id = v_before.id
                          UNION SELECT unit_id FROM iu_collection_checkpoint_piece WHERE collection_id = v_before.id AND checkpoint_no = (p_params ->> 'checkpoint')::integer);
        PERFORM FROM information_unit WHERE id = ANY (v_locked) ORDER BY id FOR UPDATE;
        SELECT * INTO v_before FROM iu_collection WHERE id = v_before.id FOR UPDATE;
        EXIT WHEN NOT EXISTS (SELECT unit_id FROM iu_collection_piece WHERE collection_id = v_before.id EXCEPT SELECT unnest(v_locked));
        RAISE EXCEPTION 'once more' USING ERRCODE = 'XMORE';
      EXCEPTION WHEN SQLSTATE 'XMORE' THEN NULL;
      END;
    END LOOP;
    IF (p_params ->> 'expect_revision')::bigint <> v_before.revision THEN
      RAISE EXCEPTION 'expect_revision: the collection is at revision % by now', v_before.revision USING ERRCODE = 'IU014', COLUMN = 'expect_revision', HINT = 'Look at what has changed since.';
    END IF;
    IF p_params ? 'checkpoint' OR v_before.render_revision IS DISTINCT FROM v_before.revision OR v_before.render_digest IS DISTINCT FROM sha256(convert_to(p_params ->> 'text', 'UTF8')) THEN
      v_checkpoint := (fn_iu_collection_checkpoint(v_before.id, 'before ' || CASE WHEN p_params ? 'text' THEN 'an import' ELSE 'the return to ' || (p_params ->> 'checkpoint') END)).checkpoint_no;
      SELECT coalesce(jsonb_object_agg(p.unit_id, jsonb_build_object('at', p.position::text, 'version', coalesce(p.pinned_version_seq, u.current_version_seq))), '{}') INTO v_old
      FROM iu_collection_piece AS p JOIN information_unit AS u ON u.id = p.unit_id WHERE p.collection_id = v_before.id;
    END IF;
  END IF;

  IF p_params ? 'text' THEN
    BEGIN
      SELECT i.* INTO v_imported
      FROM (SELECT p_params -> 'cut' AS cut) AS given
      CROSS JOIN LATERAL fn_iu_import_file(p_params ->> 'source_path', convert_to(p_params ->> 'text', 'UTF8'),
        ARRAY(SELECT jsonb_array_elements_text(cut -> 'kinds')), ARRAY(SELECT jsonb_array_elements_text(cut -> 'starts')::integer), ARRAY(SELECT jsonb_array_elements_text(cut -> 'lengths')::integer),
        ARRAY(SELECT jsonb_array_elements_text(cut -> 'titles')), ARRAY(SELECT jsonb_array_elements_text(cut -> 'levels')::smallint)) AS i;
    EXCEPTION WHEN invalid_text_representation OR numeric_value_out_of_range THEN
      RAISE EXCEPTION 'cut: starts, lengths and levels are whole numbers' USING ERRCODE = 'IU002', COLUMN = 'cut';
    END;
    v_outcome := v_imported.outcome;
    SELECT * INTO STRICT v_after FROM iu_collection WHERE canonical_address = v_imported.canonical_address;
  ELSE
    SELECT r.pieces_added AS pieces_created, r.versions_created, r.pieces_removed, r.pieces_moved INTO v_imported FROM fn_iu_collection_return(v_before.id, (p_params ->> 'checkpoint')::integer) AS r;
    SELECT * INTO STRICT v_after FROM iu_collection WHERE id = v_before.id;
    v_outcome := 'returned';
  END IF;

  SELECT coalesce(jsonb_agg(o ORDER BY n), '[]') INTO v_objects FROM (
    SELECT row_number() OVER (ORDER BY u.id) AS n, jsonb_strip_nulls(jsonb_build_object(
      'ref', 'unit:' || u.canonical_address,
      'change', CASE WHEN o.value IS NULL THEN 'create' WHEN p.unit_id IS NULL THEN 'delete' ELSE 'update' END,
      'before', o.value,
      'after', CASE WHEN p.unit_id IS NOT NULL THEN jsonb_build_object('at', p.position::text, 'version', coalesce(p.pinned_version_seq, u.current_version_seq)) END)) AS o
    FROM (SELECT key::bigint AS unit_id, value FROM jsonb_each(v_old)) AS o
    FULL JOIN (SELECT * FROM iu_collection_piece WHERE collection_id = v_after.id) AS p ON p.unit_id = o.unit_id
    JOIN information_unit AS u ON u.id = coalesce(p.unit_id, o.unit_id)
    WHERE v_outcome <> 'unchanged' AND (o.value IS NULL OR p.unit_id IS NULL
       OR o.value IS DISTINCT FROM jsonb_build_object('at', p.position::text, 'version', coalesce(p.pinned_version_seq, u.current_version_seq)))
  ) AS changed;
  -- What is retired can be added nowhere, so an undo could not bring it back.
  SELECT u.canonical_address INTO v_retired FROM jsonb_object_keys(v_old) AS o(unit_id) JOIN information_unit AS u ON u.id = o.unit_id::bigint
  WHERE u.lifecycle_status = 'retired' AND NOT EXISTS (SELECT FROM iu_collection_piece AS p WHERE p.collection_id = v_after.id AND p.unit_id = u.id) ORDER BY u.id LIMIT 1;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_before.revision),
    'objects', CASE v_outcome WHEN 'unchanged' THEN '[]'
      WHEN 'created' THEN jsonb_build_array(jsonb_build_object('ref', 'collection:' || v_after.canonical_address, 'change', 'create', 'after', jsonb_build_object('revision', v_after.revision, 'pieces', v_after.piece_count, 'bytes', v_after.byte_length)))
      ELSE jsonb_build_array(fn_dot_collection_object(v_before)) END || v_objects,
    'refs', jsonb_build_array('collection:' || v_after.canonical_address),
    'result', jsonb_strip_nulls(jsonb_build_object('outcome', v_outcome, 'collection', v_after.canonical_address, 'pieces', v_after.piece_count, 'bytes', v_after.byte_length,
      'sha256', encode(v_after.render_digest, 'hex'), 'pieces_created', v_imported.pieces_created, 'versions_created', v_imported.versions_created,
      'pieces_removed', v_imported.pieces_removed, 'pieces_moved', v_imported.pieces_moved, 'checkpoint', nullif(v_checkpoint, 0))),
    'checks', jsonb_build_array(jsonb_build_object('name', 'renders_to_the_text', 'kind', 'rendered', 'collection', v_after.canonical_address, 'sha256', encode(v_after.render_digest, 'hex'), 'revision', v_after.revision)),
    'inverse', CASE WHEN v_outcome <> 'unchanged' AND v_retired IS NULL THEN jsonb_build_object('command', 'dot_iu_import_text', 'params', jsonb_build_object('collection', v_after.canonical_address, 'checkpoint', v_checkpoint, 'expect_revision', v_after.revision)) END,
    'irreversible', CASE WHEN v_outcome = 'unchanged' THEN 'Nothing was changed.' ELSE format('%s is retired and has left the collection. Restore it, then return to checkpoint %s.', v_retired, v_checkpoint) END);
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_import_text(jsonb, jsonb) IS 'Brings a source to a new text, cut into pieces, or a collection back to a checkpoint (0 = empty); what was before is kept as a checkpoint';
REVOKE ALL ON FUNCTION iu_core.dot_iu_import_text(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_core
CREATE FUNCTION iu_core.fn_iu_token()
RETURNS text
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '') $$;
COMMENT ON FUNCTION iu_core.fn_iu_token() IS 'A new secret: 64 hex digits of which 244 bits are from the system''s strong random source';
REVOKE ALL ON FUNCTION iu_core.fn_iu_token() FROM PUBLIC;

-- requires: fn_iu_token, iu_api_token, iu_core
CREATE FUNCTION iu_core.dot_iu_issue_token(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_token constant text := 'iut_' || fn_iu_token();
  v_account constant text := p_context ->> 'actor';
  v_expires timestamptz;
  v_wrong text;
  v_id bigint;
BEGIN
  IF NOT p_context ? 'account_id' THEN
    RAISE EXCEPTION 'a token belongs to an account, and % is none', v_account USING ERRCODE = 'IU013', HINT = 'Sign in with an account.';
  ELSIF p_context ->> 'actor_kind' = 'token' THEN
    RAISE EXCEPTION 'a token does not issue tokens' USING ERRCODE = 'IU013', HINT = 'Sign in with the password.';
  END IF;
  BEGIN
    v_expires := (p_params ->> 'expires_at')::timestamptz;
  EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow THEN
    RAISE EXCEPTION 'expires_at: "%" is no time', left(p_params ->> 'expires_at', 80) USING ERRCODE = 'IU002', COLUMN = 'expires_at', HINT = 'Write it as 2030-01-31T12:00:00Z.';
  END;
  IF v_expires <= clock_timestamp() OR v_expires > clock_timestamp() + interval '366 days' THEN
    RAISE EXCEPTION 'expires_at: a token lives for a year at most' USING ERRCODE = 'IU002', COLUMN = 'expires_at';
  END IF;
  SELECT s INTO v_wrong FROM jsonb_array_elements_text(p_params -> 'scopes') AS s WHERE s NOT IN ('read', '*') AND NOT EXISTS (SELECT FROM dot_iu_command WHERE command_code = s) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'scopes: "%" is no scope', v_wrong USING ERRCODE = 'IU002', COLUMN = 'scopes', HINT = 'read, a command''s code, or *.';
  END IF;
  INSERT INTO iu_api_token (account_id, label, token_digest, scopes, created_by, expires_at)
  VALUES ((p_context ->> 'account_id')::bigint, p_params ->> 'label', sha256(convert_to(v_token, 'UTF8')), ARRAY(SELECT DISTINCT s FROM jsonb_array_elements_text(p_params -> 'scopes') AS s ORDER BY s), v_account, v_expires)
  RETURNING id INTO v_id;
  RETURN jsonb_build_object(
    'secret', jsonb_build_object('token', v_token),
    'objects', jsonb_build_array(jsonb_build_object('ref', format('token:%s/%s', v_account, p_params ->> 'label'), 'change', 'create', 'after', jsonb_build_object('scopes', p_params -> 'scopes', 'expires_at', v_expires))),
    'refs', jsonb_build_array('account:' || v_account),
    'result', jsonb_build_object('label', p_params -> 'label', 'expires_at', v_expires),
    'notes', jsonb_build_array('The token is shown once, here. It is kept nowhere.'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'token_is_live', 'kind', 'token', 'token', v_id, 'live', true)),
    'inverse', jsonb_build_object('command', 'dot_iu_revoke_token', 'params', jsonb_build_object('token', v_id)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_issue_token(jsonb, jsonb) IS 'Issues an API token for the account that asks: told once, scoped, expiring';
REVOKE ALL ON FUNCTION iu_core.dot_iu_issue_token(jsonb, jsonb) FROM PUBLIC;

-- requires: dot_config, fn_iu_gate_state, iu_core
CREATE FUNCTION iu_core.fn_dot_gate_facts(p_gate text)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_strip_nulls(jsonb_build_object('state', fn_iu_gate_state(p_gate), 'expires_at', c.expires_at, 'by', c.changed_by, 'reason', c.reason))
  FROM (SELECT) AS one LEFT JOIN dot_config AS c ON c.key = p_gate
$$;
COMMENT ON FUNCTION iu_core.fn_dot_gate_facts(text) IS 'A gate in a plan''s diff';
REVOKE ALL ON FUNCTION iu_core.fn_dot_gate_facts(text) FROM PUBLIC;

-- requires: fn_dot_gate_facts, fn_iu_gate_set, iu_core
CREATE FUNCTION iu_core.dot_iu_open_gate(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_gate constant text := p_params ->> 'gate';
  v_before constant jsonb := fn_dot_gate_facts(v_gate);
  v_expires timestamptz;
BEGIN
  BEGIN
    v_expires := (p_params ->> 'expires_at')::timestamptz;
  EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow THEN
    RAISE EXCEPTION 'expires_at: "%" is no time', left(p_params ->> 'expires_at', 80) USING ERRCODE = 'IU002', COLUMN = 'expires_at', HINT = 'Write it as 2030-01-31T12:00:00Z.';
  END;
  IF v_before ->> 'state' = 'open' AND v_expires IS NOT DISTINCT FROM (v_before ->> 'expires_at')::timestamptz THEN
    RAISE EXCEPTION 'gate: % is open already', v_gate USING ERRCODE = 'IU016', COLUMN = 'gate';
  -- Who closed it does not open it: the second person. The schema's owner is no person, and could write the row anyway.
  ELSIF v_before ->> 'state' = 'closed' AND v_before ->> 'by' = p_context ->> 'actor' AND p_context ->> 'actor_kind' <> 'owner' THEN
    RAISE EXCEPTION 'gate: % closed it, and who closed a gate does not open it', p_context ->> 'actor' USING ERRCODE = 'IU018', COLUMN = 'gate', HINT = 'Ask another approver.';
  ELSIF v_before ->> 'state' IN ('missing', 'malformed') AND EXISTS (SELECT FROM iu_vocabulary WHERE term_class = 'gate' AND term = v_gate) THEN
    PERFORM fn_iu_gate_repair(v_gate);
  END IF;
  PERFORM fn_iu_gate_set(v_gate, true, coalesce(p_context ->> 'reason', 'a plan'), v_expires);
  -- One that was open already, until another time, is open until that time again.
  RETURN fn_dot_gate_changed(v_gate, v_before, CASE v_before ->> 'state'
      WHEN 'open' THEN jsonb_build_object('command', 'dot_iu_open_gate', 'params', jsonb_strip_nulls(jsonb_build_object('gate', v_gate, 'expires_at', v_before -> 'expires_at')))
      ELSE jsonb_build_object('command', 'dot_iu_close_gate', 'params', jsonb_build_object('gate', v_gate)) END)
    || jsonb_build_object('notes', fn_dot_gate_would_release(v_gate));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_open_gate(jsonb, jsonb) IS 'Opens a gate, until a time where one is given';
REVOKE ALL ON FUNCTION iu_core.dot_iu_open_gate(jsonb, jsonb) FROM PUBLIC;

-- requires: information_unit, iu_core, iu_tree_path, unit_version
CREATE FUNCTION iu_core.fn_iu_axes_derive(p_unit_ids bigint[])
RETURNS TABLE (unit_id bigint, axis text, value text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT u.id, x.axis, x.value
  FROM information_unit AS u
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
  LEFT JOIN iu_tree_path AS t ON t.unit_id = u.id
  LEFT JOIN information_unit AS h ON h.id = t.parent_unit_id
  CROSS JOIN LATERAL (VALUES
    ('kind', u.unit_kind),
    ('lifecycle', u.lifecycle_status),
    ('section', nullif(left(h.title, 200), '')),
    ('level', nullif(t.section_level, 0)::text),
    ('source', left(u.source_path, 500)),
    ('length', CASE WHEN v.byte_length < 200 THEN 'short' WHEN v.byte_length < 2000 THEN 'medium' ELSE 'long' END),
    ('links', CASE WHEN v.body ~ '\]\(|https?://' THEN 'yes' ELSE 'no' END),
    ('language', CASE WHEN u.unit_kind = 'code' THEN nullif(lower(substring(v.body FROM '^\s{0,3}(?:`{3,}|~{3,})[ \t]*([A-Za-z0-9_+#.-]{1,40})')), '') END)
  ) AS x(axis, value)
  WHERE u.id = ANY (p_unit_ids) AND x.value IS NOT NULL
$$;
COMMENT ON FUNCTION iu_core.fn_iu_axes_derive(bigint[]) IS 'What the axes of these units are, from their present text, kind and place';
REVOKE ALL ON FUNCTION iu_core.fn_iu_axes_derive(bigint[]) FROM PUBLIC;

-- requires: fn_iu_axes_derive, iu_core, iu_unit_axis
CREATE FUNCTION iu_core.fn_iu_axes_refresh(p_unit_ids bigint[])
RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH derived AS MATERIALIZED (
    SELECT * FROM fn_iu_axes_derive(p_unit_ids)
  ), gone AS (
    DELETE FROM iu_unit_axis AS a
    WHERE a.unit_id = ANY (p_unit_ids) AND NOT EXISTS (SELECT FROM derived AS d WHERE (d.unit_id, d.axis) = (a.unit_id, a.axis))
    RETURNING 1
  ), written AS (
    INSERT INTO iu_unit_axis AS a (unit_id, axis, value) SELECT unit_id, axis, value FROM derived ORDER BY unit_id, axis
    ON CONFLICT (unit_id, axis) DO UPDATE SET value = excluded.value WHERE a.value <> excluded.value
    RETURNING 1
  )
  SELECT ((SELECT count(*) FROM gone) + (SELECT count(*) FROM written))::integer
$$;
COMMENT ON FUNCTION iu_core.fn_iu_axes_refresh(bigint[]) IS 'Brings the axes of these units to what is derived; returns how many were written or removed';
REVOKE ALL ON FUNCTION iu_core.fn_iu_axes_refresh(bigint[]) FROM PUBLIC;

-- requires: fn_iu_axes_refresh, iu_core
CREATE FUNCTION iu_core.dot_iu_refresh_metadata_axes(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_ids bigint[];
  v_changed integer;
  v_ref text;
BEGIN
  IF (p_params ? 'collection') = (p_params ? 'piece') THEN
    RAISE EXCEPTION 'collection: name a collection or a piece' USING ERRCODE = 'IU002', COLUMN = 'collection';
  ELSIF p_params ? 'piece' THEN
    v_ids := ARRAY[(fn_dot_unit(p_params, 'piece')).id];
    v_ref := 'unit:' || (p_params ->> 'piece');
  ELSE
    v_ids := ARRAY(SELECT unit_id FROM iu_collection_piece WHERE collection_id = (SELECT (fn_dot_collection(p_params)).id) ORDER BY unit_id);
    v_ref := 'collection:' || (p_params ->> 'collection');
  END IF;
  v_changed := fn_iu_axes_refresh(v_ids);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('units', encode(sha256(convert_to((SELECT coalesce(string_agg(u.id || ' ' || u.current_version_seq || ' ' || u.lifecycle_status, ',' ORDER BY u.id), '') FROM information_unit AS u WHERE u.id = ANY (v_ids)), 'UTF8')), 'hex')),
    'objects', CASE WHEN v_changed = 0 THEN '[]' ELSE jsonb_build_array(jsonb_build_object('ref', v_ref, 'change', 'update', 'after', jsonb_build_object('axes_changed', v_changed))) END,
    'refs', jsonb_build_array(v_ref),
    'result', jsonb_build_object('pieces', cardinality(v_ids), 'changed', v_changed),
    'checks', jsonb_build_array(jsonb_build_object('name', 'axes_are_derived', 'kind', 'axes') || (p_params)),
    'irreversible', 'Axes are derived from the text; they follow it at the next refresh.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_refresh_metadata_axes(jsonb, jsonb) IS 'Derives the metadata axes of a collection''s pieces, or of one piece, anew';
REVOKE ALL ON FUNCTION iu_core.dot_iu_refresh_metadata_axes(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_event_type
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_types_register(p_event_domain text, p_delivery_lane text, p_is_system boolean, p_types jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_type text;
  v_entry jsonb;
BEGIN
  PERFORM fn_iu_classify('event_domain', ARRAY[p_event_domain], 'event_domain');
  PERFORM fn_iu_classify('delivery_lane', ARRAY[p_delivery_lane], 'delivery_lane');
  IF p_delivery_lane = 'held' THEN
    RAISE EXCEPTION 'delivery_lane: held is where the master gate puts events, no type lives there'
      USING ERRCODE = 'IU002', COLUMN = 'delivery_lane', HINT = 'Use immediate or delayed.';
  END IF;
  FOR v_type, v_entry IN SELECT key, value FROM jsonb_each(p_types) LOOP
    -- A system type cannot be taken over by an application, nor the other way round.
    IF EXISTS (SELECT FROM iu_event_type WHERE event_type = v_type AND is_system <> p_is_system) THEN
      RAISE EXCEPTION 'event_type: % is already registered by %', v_type, CASE WHEN p_is_system THEN 'an application' ELSE 'the system' END
        USING ERRCODE = 'IU008', COLUMN = 'event_type', HINT = 'Choose another name.';
    END IF;
    INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, payload_schema, payload_predicate, is_system, description, registered_by)
    VALUES (v_type, p_event_domain, p_delivery_lane, coalesce(v_entry -> 'payload_schema', '{}'),
            ('strict ' || fn_iu_schema_predicate(coalesce(v_entry -> 'payload_schema', '{}')))::jsonpath, p_is_system, v_entry ->> 'description', fn_iu_actor())
    ON CONFLICT (event_type) DO UPDATE
    SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, payload_schema = excluded.payload_schema,
        payload_predicate = excluded.payload_predicate, description = excluded.description,
        registered_at = clock_timestamp(), registered_by = fn_iu_actor()
    WHERE (iu_event_type.event_domain, iu_event_type.delivery_lane, iu_event_type.payload_schema, iu_event_type.payload_predicate::text, iu_event_type.description)
      IS DISTINCT FROM (excluded.event_domain, excluded.delivery_lane, excluded.payload_schema, excluded.payload_predicate::text, excluded.description);
  END LOOP;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_types_register(text, text, boolean, jsonb) IS 'Registers event types of one domain and lane: {"type": {"description": text, "payload_schema": schema}}; again with the same content changes nothing. IU002 for an unclassified domain or a schema outside the subset, IU008 for a name of the other side';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_types_register(text, text, boolean, jsonb) FROM PUBLIC;

-- requires: fn_iu_event_types_register, iu_core
CREATE FUNCTION iu_core.dot_iu_register_event_type(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_type constant text := p_params ->> 'event_type';
  v_before jsonb;
  v_after jsonb;
BEGIN
  -- Two registrations of one name take turns.
  PERFORM pg_advisory_xact_lock(hashtextextended('iu_core.event_type ' || v_type, 0));
  v_before := (SELECT to_jsonb(t) - 'registered_at' - 'registered_by' - 'payload_predicate' FROM iu_event_type AS t WHERE event_type = v_type);
  IF v_type !~ '^[a-z0-9_]+([.][a-z0-9_]+)*$' THEN
    RAISE EXCEPTION 'event_type: "%" is no name of a type', left(v_type, 80) USING ERRCODE = 'IU002', COLUMN = 'event_type', HINT = 'Use a-z 0-9 _ joined by dots.';
  END IF;
  PERFORM fn_iu_event_types_register('application', coalesce(p_params ->> 'delivery_lane', 'delayed'), false,
    jsonb_build_object(v_type, jsonb_build_object('description', p_params ->> 'description', 'payload_schema', coalesce(p_params -> 'payload_schema', '{}'))));
  v_after := (SELECT to_jsonb(t) - 'registered_at' - 'registered_by' - 'payload_predicate' FROM iu_event_type AS t WHERE event_type = v_type);
  IF v_after = v_before THEN
    RAISE EXCEPTION 'event_type: % is registered like that already', v_type USING ERRCODE = 'IU016', COLUMN = 'event_type';
  END IF;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('before', v_before),
    'objects', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('ref', 'event_type:' || v_type, 'change', CASE WHEN v_before IS NULL THEN 'create' ELSE 'update' END, 'before', v_before)) || jsonb_build_object('after', v_after)),
    'result', jsonb_build_object('event_type', v_type),
    'notes', CASE WHEN EXISTS (SELECT FROM iu_outbound_route WHERE event_type = v_type) THEN '[]' ELSE jsonb_build_array('No route wants it yet: its events will be skipped as no_route.') END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'event_type_is_registered', 'kind', 'event_type', 'event_type', v_type)),
    'inverse', CASE WHEN v_before IS NOT NULL THEN jsonb_build_object('command', 'dot_iu_register_event_type', 'params', v_before - 'event_domain' - 'is_system') END,
    'irreversible', CASE WHEN v_before IS NULL THEN 'A registered name stays registered: events may carry it.' END);
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_register_event_type(jsonb, jsonb) IS 'Registers an application''s event type; known under the same name it is re-described';
REVOKE ALL ON FUNCTION iu_core.dot_iu_register_event_type(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_outbound_route
CREATE OR REPLACE FUNCTION iu_core.fn_iu_routes_register(p_routes jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_code text;
  v_entry jsonb;
BEGIN
  FOR v_code, v_entry IN SELECT key, value FROM jsonb_each(p_routes) LOOP
    PERFORM fn_iu_classify('target_kind', ARRAY[v_entry ->> 'target_kind'], 'target_kind');
    IF NOT EXISTS (SELECT FROM iu_event_type WHERE event_type = v_entry ->> 'event_type') THEN
      RAISE EXCEPTION 'event_type: % is not registered', coalesce(v_entry ->> 'event_type', 'null')
        USING ERRCODE = 'IU007', COLUMN = 'event_type', HINT = 'Register the event type first.';
    END IF;
    -- A changed definition loses its approval; a known route keeps its switches.
    INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, enabled, dry_run, definition_digest, registered_by)
    VALUES (v_code, v_entry ->> 'event_type', v_entry ->> 'target_kind', v_entry ->> 'target_ref', coalesce((v_entry ->> 'enabled')::boolean, false), true,
            sha256(convert_to(concat_ws(chr(10), v_code, v_entry ->> 'event_type', v_entry ->> 'target_kind', v_entry ->> 'target_ref'), 'UTF8')), fn_iu_actor())
    ON CONFLICT (route_code) DO UPDATE
    SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, dry_run = true,
        definition_digest = excluded.definition_digest, approval_digest = NULL, registered_at = clock_timestamp(), registered_by = fn_iu_actor()
    WHERE iu_outbound_route.definition_digest <> excluded.definition_digest;
  END LOOP;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_routes_register(jsonb) IS 'Registers routes, always as dry runs: {"route_code": {"event_type", "target_kind", "target_ref", "enabled"}}; again with the same content changes nothing. IU002 unclassified target kind, IU007 unknown event type';
REVOKE ALL ON FUNCTION iu_core.fn_iu_routes_register(jsonb) FROM PUBLIC;

-- requires: fn_iu_routes_register, iu_core
CREATE FUNCTION iu_core.dot_iu_register_route(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_code constant text := p_params ->> 'route';
  v_before jsonb;
  v_after jsonb;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('iu_core.route ' || v_code, 0));
  v_before := (SELECT jsonb_build_object('event_type', event_type, 'target_kind', target_kind, 'target_ref', target_ref, 'enabled', enabled, 'dry_run', dry_run) FROM iu_outbound_route WHERE route_code = v_code);
  IF v_code !~ '^[a-z0-9_]+([.][a-z0-9_]+)*$' THEN
    RAISE EXCEPTION 'route: "%" is no code of a route', left(v_code, 80) USING ERRCODE = 'IU002', COLUMN = 'route', HINT = 'Use a-z 0-9 _ joined by dots.';
  ELSIF EXISTS (SELECT FROM iu_event_type WHERE event_type IN (p_params ->> 'event_type', v_before ->> 'event_type') AND is_system) AND v_before IS NOT NULL THEN
    RAISE EXCEPTION 'route: % is one of the system''s', v_code USING ERRCODE = 'IU008', COLUMN = 'route', HINT = 'Choose another code.';
  END IF;
  PERFORM fn_iu_routes_register(jsonb_build_object(v_code, jsonb_build_object('event_type', p_params -> 'event_type', 'target_kind', p_params -> 'target_kind', 'target_ref', p_params -> 'target_ref', 'enabled', coalesce(p_params -> 'enabled', 'false'))));
  v_after := (SELECT jsonb_build_object('event_type', event_type, 'target_kind', target_kind, 'target_ref', target_ref, 'enabled', enabled, 'dry_run', dry_run) FROM iu_outbound_route WHERE route_code = v_code);
  IF v_after = v_before THEN
    RAISE EXCEPTION 'route: % is registered like that already', v_code USING ERRCODE = 'IU016', COLUMN = 'route';
  END IF;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('before', v_before),
    'objects', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('ref', 'route:' || v_code, 'change', CASE WHEN v_before IS NULL THEN 'create' ELSE 'update' END, 'before', v_before, 'after', v_after))),
    'result', jsonb_build_object('route', v_code),
    'checks', jsonb_build_array(jsonb_build_object('name', 'route_is_registered', 'kind', 'route', 'route', v_code, 'enabled', v_after -> 'enabled')),
    'inverse', CASE WHEN v_before IS NOT NULL THEN jsonb_build_object('command', 'dot_iu_register_route', 'params', jsonb_build_object('route', v_code) || (v_before - 'enabled' - 'dry_run'))
                    WHEN (v_after -> 'enabled')::boolean THEN jsonb_build_object('command', 'dot_iu_disable_route', 'params', jsonb_build_object('route', v_code)) END,
    'irreversible', CASE WHEN v_before IS NULL AND NOT (v_after -> 'enabled')::boolean THEN 'A route stays registered; disabled, it delivers nothing.' END);
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_register_route(jsonb, jsonb) IS 'Registers a route as a dry run; known under the same code it is redefined, and loses its approval';
REVOKE ALL ON FUNCTION iu_core.dot_iu_register_route(jsonb, jsonb) FROM PUBLIC;

-- requires: event_outbox, iu_core
-- The held row stays as it is; the new one repeats it, key included, on the type's own lane.
CREATE FUNCTION iu_core.fn_iu_held_release(p_event_ids bigint[])
RETURNS SETOF bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  RETURN QUERY
  INSERT INTO event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, idempotency_key, actor, released_from)
  SELECT e.event_domain, e.event_type, e.event_subject_table, e.event_subject_ref, e.payload, coalesce(t.delivery_lane, 'delayed'), e.idempotency_key, e.actor, e.id
  FROM event_outbox AS e LEFT JOIN iu_event_type AS t ON t.event_type = e.event_type
  WHERE e.id = ANY (p_event_ids) AND e.delivery_lane = 'held'
    AND NOT EXISTS (SELECT FROM iu_held_decision AS h WHERE h.event_id = e.id)
  ORDER BY e.id
  ON CONFLICT (released_from) WHERE released_from IS NOT NULL DO NOTHING
  RETURNING released_from;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_held_release(bigint[]) IS 'Releases held events, in the order of their writing; returns those that it released. IU001 while the master gate is closed';
REVOKE ALL ON FUNCTION iu_core.fn_iu_held_release(bigint[]) FROM PUBLIC;

-- requires: fn_iu_held_release, iu_core, v_iu_held_event
CREATE FUNCTION iu_core.dot_iu_release_held_events(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_ids bigint[];
  v_done bigint[];
BEGIN
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  -- One decision at a time on what is held: none is released and discarded both.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.held_events'));
  v_ids := CASE WHEN p_context ? 'frozen' THEN ARRAY(SELECT jsonb_array_elements_text(p_context -> 'frozen')::bigint)
    ELSE ARRAY(SELECT event_id FROM v_iu_held_event
               WHERE (NOT p_params ? 'event_type' OR event_type = p_params ->> 'event_type') AND (NOT p_params ? 'through' OR event_id <= (p_params ->> 'through')::bigint)
               ORDER BY event_id LIMIT coalesce((p_params ->> 'limit')::integer, 10000)) END;
  v_done := ARRAY(SELECT fn_iu_held_release(v_ids));
  IF cardinality(v_done) = 0 THEN
    RAISE EXCEPTION 'no held event matches' USING ERRCODE = 'IU016';
  END IF;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', to_jsonb(v_ids),
    'objects', (SELECT jsonb_agg(jsonb_build_object('ref', 'event:' || e.id, 'change', 'update', 'before', jsonb_build_object('lane', 'held', 'type', e.event_type, 'subject', e.event_subject_ref), 'after', jsonb_build_object('account', 'released')) ORDER BY e.id)
                FROM event_outbox AS e WHERE e.id = ANY (v_done)),
    'result', jsonb_build_object('released', cardinality(v_done), 'by_type', (SELECT jsonb_object_agg(event_type, n) FROM (SELECT event_type, count(*) AS n FROM event_outbox WHERE id = ANY (v_done) GROUP BY event_type) AS t)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_released', 'kind', 'held', 'ids', to_jsonb(v_done), 'account', 'released')),
    'irreversible', 'The released events are in the outbox.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_release_held_events(jsonb, jsonb) IS 'Releases held events, in the order of writing; the plan freezes which';
REVOKE ALL ON FUNCTION iu_core.dot_iu_release_held_events(jsonb, jsonb) FROM PUBLIC;

-- requires: information_unit, iu_collection_piece, iu_core
CREATE FUNCTION iu_core.fn_dot_piece_facts(p_collection_id bigint, p_unit_id bigint)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_strip_nulls(jsonb_build_object('at', p.position::text, 'pinned_version', p.pinned_version_seq, 'separator', p.separator, 'after', (
           SELECT u.canonical_address FROM iu_collection_piece AS o JOIN information_unit AS u ON u.id = o.unit_id
           WHERE o.collection_id = p_collection_id AND o.position < p.position ORDER BY o.position DESC LIMIT 1)))
  FROM iu_collection_piece AS p WHERE p.collection_id = p_collection_id AND p.unit_id = p_unit_id
$$;
COMMENT ON FUNCTION iu_core.fn_dot_piece_facts(bigint, bigint) IS 'A membership in a plan''s diff: its exact position, the piece before it, pin and separator; null when the unit does not stand there';
REVOKE ALL ON FUNCTION iu_core.fn_dot_piece_facts(bigint, bigint) FROM PUBLIC;

-- requires: fn_dot_piece_facts, iu_core
CREATE FUNCTION iu_core.dot_iu_remove_piece_from_collection(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_before constant jsonb := fn_dot_piece_facts(v_collection.id, v_unit.id);
BEGIN
  IF v_before IS NULL THEN
    RAISE EXCEPTION 'piece: % does not stand in %', v_unit.canonical_address, v_collection.canonical_address USING ERRCODE = 'IU003', COLUMN = 'piece';
  END IF;
  PERFORM fn_iu_collection_remove(v_collection.id, ARRAY[v_unit.id]);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'piece', v_before),
    'objects', jsonb_build_array(fn_dot_collection_object(v_collection),
      jsonb_build_object('ref', format('piece:%s#%s', v_collection.canonical_address, v_unit.canonical_address), 'change', 'delete', 'before', v_before)),
    'refs', jsonb_build_array('unit:' || v_unit.canonical_address),
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'piece_gone_from_collection', 'kind', 'piece_absent', 'collection', v_collection.canonical_address, 'unit', v_unit.canonical_address),
      jsonb_build_object('name', 'piece_lives_on', 'kind', 'unit', 'unit', v_unit.canonical_address, 'status', v_unit.lifecycle_status)),
    'inverse', jsonb_build_object('command', 'dot_iu_add_piece', 'params', jsonb_build_object('collection', v_collection.canonical_address, 'piece', v_unit.canonical_address) || (v_before - 'after')))
    || CASE WHEN v_unit.lifecycle_status = 'retired' THEN '{"inverse": null, "irreversible": "A retired piece cannot be added anywhere; restore it first."}'::jsonb ELSE '{}' END;
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_remove_piece_from_collection(jsonb, jsonb) IS 'Takes a piece out of a collection; the piece lives on';
REVOKE ALL ON FUNCTION iu_core.dot_iu_remove_piece_from_collection(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_iu_collection_seal, iu_core
CREATE FUNCTION iu_core.dot_iu_render_collection(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_digest constant text := encode(fn_iu_collection_seal(v_collection.id), 'hex');
  v_sealed iu_collection;
BEGIN
  SELECT * INTO STRICT v_sealed FROM iu_collection WHERE id = v_collection.id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'collection:' || v_sealed.canonical_address, 'change', 'update',
      'before', jsonb_build_object('render_sha256', encode(v_collection.render_digest, 'hex'), 'render_revision', v_collection.render_revision, 'manifest_sha256', encode(v_collection.manifest_digest, 'hex')),
      'after', jsonb_build_object('render_sha256', v_digest, 'render_revision', v_sealed.render_revision, 'manifest_sha256', encode(v_sealed.manifest_digest, 'hex')))),
    'result', jsonb_build_object('sha256', v_digest, 'bytes', v_sealed.byte_length, 'revision', v_sealed.revision, 'manifest_sha256', encode(v_sealed.manifest_digest, 'hex'),
      'equals_source', CASE WHEN v_sealed.source_digest IS NOT NULL THEN v_sealed.render_digest = v_sealed.source_digest END),
    'checks', jsonb_build_array(jsonb_build_object('name', 'rendering_is_its_digest', 'kind', 'rendered', 'collection', v_sealed.canonical_address, 'sha256', v_digest, 'revision', v_sealed.revision)),
    'irreversible', 'Only digests were written; the text is as it was.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_render_collection(jsonb, jsonb) IS 'Renders a collection and keeps the digests of rendering and manifest with the revision';
REVOKE ALL ON FUNCTION iu_core.dot_iu_render_collection(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_place, iu_core
CREATE FUNCTION iu_core.dot_iu_reorder_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_before constant jsonb := fn_dot_piece_facts(v_collection.id, v_unit.id);
  v_at numeric;
  v_after jsonb;
BEGIN
  IF v_before IS NULL THEN
    RAISE EXCEPTION 'piece: % does not stand in %', v_unit.canonical_address, v_collection.canonical_address USING ERRCODE = 'IU003', COLUMN = 'piece';
  ELSIF NOT p_params ?| ARRAY['to', 'after', 'before', 'position', 'at'] THEN
    RAISE EXCEPTION 'to: say where to' USING ERRCODE = 'IU002', COLUMN = 'to', HINT = 'One of to (first, last), after, before, position.';
  ELSIF (p_params ->> 'expect_at')::numeric <> (v_before ->> 'at')::numeric THEN
    RAISE EXCEPTION 'expect_at: the piece has moved since' USING ERRCODE = 'IU014', COLUMN = 'expect_at', HINT = 'Look where it stands now.';
  END IF;
  v_at := fn_dot_place(v_collection.id, v_unit.id, p_params);
  PERFORM fn_iu_collection_reorder(v_collection.id, ARRAY[v_unit.id], ARRAY[v_at]);
  v_after := fn_dot_piece_facts(v_collection.id, v_unit.id);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'piece', v_before),
    'objects', jsonb_build_array(fn_dot_collection_object(v_collection),
      jsonb_build_object('ref', format('piece:%s#%s', v_collection.canonical_address, v_unit.canonical_address), 'change', 'update', 'before', v_before, 'after', v_after)),
    'refs', jsonb_build_array('unit:' || v_unit.canonical_address),
    'result', jsonb_build_object('at', v_after -> 'at'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_in_place', 'kind', 'piece', 'collection', v_collection.canonical_address, 'unit', v_unit.canonical_address, 'at', v_after -> 'at')),
    'inverse', jsonb_build_object('command', 'dot_iu_reorder_piece', 'params', jsonb_build_object('collection', v_collection.canonical_address, 'piece', v_unit.canonical_address, 'at', v_before -> 'at', 'expect_at', v_after -> 'at')));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_reorder_piece(jsonb, jsonb) IS 'Moves a piece within its collection; one row is written, whatever the collection''s size';
REVOKE ALL ON FUNCTION iu_core.dot_iu_reorder_piece(jsonb, jsonb) FROM PUBLIC;

CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_dead_letter_replay(p_dead_letter_id bigint)
RETURNS TABLE (status text, decision text, attempt_no integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_letter iu_route_dead_letter;
  v_attempt_no integer;
BEGIN
  IF NOT fn_iu_gate_is_open('iu_core.route_worker_enabled') THEN
    status := 'worker_gate_closed'; RETURN NEXT; RETURN;
  ELSIF NOT fn_iu_gate_is_open('iu_core.routes_master_enabled') THEN
    status := 'master_gate_closed'; RETURN NEXT; RETURN;
  END IF;
  SELECT * INTO v_letter FROM iu_route_dead_letter WHERE id = p_dead_letter_id FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'dead_letter: none has the id %', coalesce(p_dead_letter_id::text, 'null') USING ERRCODE = 'IU003', COLUMN = 'dead_letter_id';
  ELSIF v_letter.status <> 'open' THEN
    status := 'already_resolved'; attempt_no := v_letter.resolved_attempt_no; RETURN NEXT; RETURN;
  END IF;
  SELECT max(a.attempt_no) + 1 INTO v_attempt_no FROM iu_route_attempt AS a WHERE a.event_id = v_letter.event_id AND a.route_id = v_letter.route_id;
  decision := fn_iu_route_attempt_one('replay', v_letter.event_id, v_letter.route_id, v_attempt_no);
  attempt_no := v_attempt_no;
  IF decision IN ('dry_run', 'sent') THEN
    UPDATE iu_route_dead_letter
    SET status = 'replayed', resolved_at = clock_timestamp(), resolved_by = fn_iu_actor(), resolved_attempt_no = v_attempt_no
    WHERE id = p_dead_letter_id;
    status := 'replayed';
  ELSE
    status := 'failed_again';
  END IF;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_dead_letter_replay(bigint) IS 'Attempts a dead letter once more under the next attempt number: replayed, failed_again (it stays open), already_resolved, or the closed gate. IU003 unknown id';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_dead_letter_replay(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_route_dead_letter_replay(bigint) TO iu_worker;

-- requires: fn_iu_route_dead_letter_replay, iu_core
CREATE FUNCTION iu_core.dot_iu_replay_dead_letter(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_letter iu_route_dead_letter;
  v_replay record;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_letter := fn_dot_letter((p_params ->> 'dead_letter')::bigint);
  SELECT * INTO STRICT v_replay FROM fn_iu_route_dead_letter_replay(v_letter.id);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_letter.status, 'attempt', v_letter.attempt_no),
    'objects', jsonb_build_array(fn_dot_letter_object(v_letter)),
    'refs', jsonb_build_array('event:' || v_letter.event_id),
    'result', jsonb_build_object('status', v_replay.status, 'decision', v_replay.decision, 'attempt_no', v_replay.attempt_no),
    'notes', CASE v_replay.status WHEN 'failed_again' THEN jsonb_build_array('It failed again and stays open; the attempt is on record.') ELSE '[]' END,
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'letter_is_replayed', 'kind', 'dead_letter', 'dead_letter', v_letter.id, 'status', 'replayed'),
      jsonb_build_object('name', 'attempt_is_written', 'kind', 'attempt', 'event', v_letter.event_id, 'route', v_letter.route_id, 'attempt_no', v_replay.attempt_no)),
    'irreversible', 'An attempt is history.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_replay_dead_letter(jsonb, jsonb) IS 'Attempts one dead letter once more';
REVOKE ALL ON FUNCTION iu_core.dot_iu_replay_dead_letter(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_letter_object, fn_iu_route_dead_letter_replay, iu_core
-- The plan freezes the ids: what fails after it is not touched, what was resolved meanwhile says so.
CREATE FUNCTION iu_core.dot_iu_replay_dead_letters(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_ids bigint[];
  v_letter iu_route_dead_letter;
  v_replay record;
  v_objects jsonb[] := '{}';
  v_counts jsonb;
  v_statuses text[] := '{}';
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_ids := CASE WHEN p_context ? 'frozen' THEN ARRAY(SELECT jsonb_array_elements_text(p_context -> 'frozen')::bigint) ELSE ARRAY(
    SELECT d.id FROM iu_route_dead_letter AS d LEFT JOIN iu_outbound_route AS r ON r.id = d.route_id
    WHERE d.status = 'open'
      AND (NOT p_params ? 'failure_code' OR d.failure_code = p_params ->> 'failure_code')
      AND (NOT p_params ? 'event_type' OR d.event_type = p_params ->> 'event_type')
      AND (NOT p_params ? 'route' OR r.route_code = p_params ->> 'route')
      AND (NOT p_params ? 'through' OR d.id <= (p_params ->> 'through')::bigint)
    ORDER BY d.id LIMIT coalesce((p_params ->> 'limit')::integer, 1000)) END;
  IF cardinality(v_ids) = 0 THEN
    RAISE EXCEPTION 'no open dead letter matches' USING ERRCODE = 'IU016';
  END IF;
  PERFORM FROM iu_route_dead_letter WHERE id = ANY (v_ids) ORDER BY id FOR UPDATE;
  FOREACH v_letter IN ARRAY ARRAY(SELECT d FROM iu_route_dead_letter AS d WHERE d.id = ANY (v_ids) ORDER BY d.id) LOOP
    IF v_letter.status <> 'open' THEN
      v_statuses := v_statuses || 'already_resolved'::text;
      CONTINUE;
    END IF;
    SELECT * INTO STRICT v_replay FROM fn_iu_route_dead_letter_replay(v_letter.id);
    v_statuses := v_statuses || v_replay.status;
    v_objects := v_objects || fn_dot_letter_object(v_letter);
  END LOOP;
  SELECT jsonb_object_agg(s, n) INTO v_counts FROM (SELECT s, count(*) AS n FROM unnest(v_statuses) AS s GROUP BY s) AS c;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', to_jsonb(v_ids),
    'objects', to_jsonb(v_objects),
    'result', jsonb_build_object('letters', cardinality(v_ids), 'results', v_counts,
      'sample', (SELECT jsonb_agg(jsonb_build_object('dead_letter', d.id, 'event', d.event_id, 'event_type', d.event_type, 'subject', d.event_subject_ref, 'failure', d.failure_code) ORDER BY d.id)
                 FROM iu_route_dead_letter AS d WHERE d.id = ANY (v_ids[:5]))),
    'checks', jsonb_build_array(jsonb_build_object('name', 'letters_are_replayed', 'kind', 'dead_letters', 'ids', to_jsonb(v_ids), 'status', 'replayed')),
    'irreversible', 'Attempts are history.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_replay_dead_letters(jsonb, jsonb) IS 'Attempts the dead letters that a plan froze, each once more';
REVOKE ALL ON FUNCTION iu_core.dot_iu_replay_dead_letters(jsonb, jsonb) FROM PUBLIC;

-- requires: information_unit, iu_core
CREATE FUNCTION iu_core.fn_iu_lifecycle_set(p_unit_id bigint, p_status text)
RETURNS text
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  UPDATE information_unit
  SET lifecycle_status = coalesce(p_status, lifecycle_before[1], 'draft'),
      lifecycle_before = CASE WHEN p_status IS NULL THEN lifecycle_before[2:] ELSE lifecycle_status || lifecycle_before END
  WHERE id = p_unit_id
  RETURNING lifecycle_status
$$;
COMMENT ON FUNCTION iu_core.fn_iu_lifecycle_set(bigint, text) IS 'Retires or deletes a unit, or (null) brings it back to what it was before that; returns its status. A deleted unit that was retired comes back retired';
REVOKE ALL ON FUNCTION iu_core.fn_iu_lifecycle_set(bigint, text) FROM PUBLIC;

-- requires: fn_iu_lifecycle_set, iu_collection_piece_parked, iu_core
CREATE FUNCTION iu_core.dot_iu_restore_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_parked record;
  v_at numeric;
  v_objects jsonb := '[]';
  v_checks jsonb := '[]';
  v_notes jsonb := '[]';
  v_revisions jsonb := '[]';
  v_status text;
BEGIN
  IF v_unit.lifecycle_status NOT IN ('retired', 'deleted') THEN
    RAISE EXCEPTION 'piece: % is %, there is nothing to restore', v_unit.canonical_address, v_unit.lifecycle_status USING ERRCODE = 'IU009', COLUMN = 'piece';
  END IF;
  v_status := fn_iu_lifecycle_set(v_unit.id, NULL);
  IF v_unit.lifecycle_status = 'deleted' THEN
    PERFORM FROM iu_collection WHERE id IN (SELECT collection_id FROM iu_collection_piece_parked WHERE unit_id = v_unit.id) ORDER BY id FOR NO KEY UPDATE;
    FOR v_parked IN
      SELECT k.position, k.pinned_version_seq, k.separator, c AS collection FROM iu_collection_piece_parked AS k JOIN iu_collection AS c ON c.id = k.collection_id WHERE k.unit_id = v_unit.id ORDER BY c.id
    LOOP
      v_at := v_parked.position;
      IF EXISTS (SELECT FROM iu_collection_piece WHERE collection_id = (v_parked.collection).id AND position = v_at) THEN
        v_at := (fn_iu_positions_between(v_at, (SELECT min(position) FROM iu_collection_piece WHERE collection_id = (v_parked.collection).id AND position > v_at), 1))[1];
        v_notes := v_notes || to_jsonb(format('In %s another piece stands at its place; it comes directly after that one.', (v_parked.collection).canonical_address));
      END IF;
      PERFORM fn_iu_collection_put((v_parked.collection).id, ARRAY[v_unit.id], ARRAY[v_at], ARRAY[v_parked.separator], ARRAY[v_parked.pinned_version_seq]);
      v_objects := v_objects || fn_dot_collection_object(v_parked.collection) || jsonb_build_object(
        'ref', format('piece:%s#%s', (v_parked.collection).canonical_address, v_unit.canonical_address), 'change', 'create', 'after', fn_dot_piece_facts((v_parked.collection).id, v_unit.id));
      v_checks := v_checks || jsonb_build_object('name', 'piece_in_place', 'kind', 'piece', 'collection', (v_parked.collection).canonical_address, 'unit', v_unit.canonical_address, 'at', v_at::text);
      v_revisions := v_revisions || to_jsonb((v_parked.collection).revision);
    END LOOP;
    DELETE FROM iu_collection_piece_parked WHERE unit_id = v_unit.id;
  END IF;
  PERFORM fn_iu_outbox_append('piece_restored', 'iu_collection', array_agg(c.canonical_address ORDER BY c.id),
    array_agg(jsonb_build_object('collection_address', c.canonical_address, 'unit_id', v_unit.id, 'unit_address', v_unit.canonical_address) ORDER BY c.id))
  FROM iu_collection_piece AS p JOIN iu_collection AS c ON c.id = p.collection_id WHERE p.unit_id = v_unit.id HAVING count(*) > 0;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_unit.lifecycle_status, 'version', v_unit.current_version_seq, 'revisions', v_revisions),
    'objects', jsonb_build_array(fn_dot_unit_object(v_unit, v_unit.id)) || v_objects,
    'result', jsonb_build_object('status', v_status),
    'notes', v_notes,
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_is_' || v_status, 'kind', 'unit', 'unit', v_unit.canonical_address, 'status', v_status)) || v_checks,
    'inverse', jsonb_build_object('command', CASE v_unit.lifecycle_status WHEN 'retired' THEN 'dot_iu_retire_piece' ELSE 'dot_iu_soft_delete_piece' END, 'params', jsonb_build_object('piece', v_unit.canonical_address)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_restore_piece(jsonb, jsonb) IS 'Brings a retired or soft-deleted piece back to what it was before, and to its places where they are still free';
REVOKE ALL ON FUNCTION iu_core.dot_iu_restore_piece(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_iu_lifecycle_set, iu_core
CREATE FUNCTION iu_core.dot_iu_retire_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
BEGIN
  IF v_unit.lifecycle_status IN ('retired', 'deleted') THEN
    RAISE EXCEPTION 'piece: % is % already', v_unit.canonical_address, v_unit.lifecycle_status USING ERRCODE = 'IU009', COLUMN = 'piece';
  END IF;
  PERFORM fn_iu_lifecycle_set(v_unit.id, 'retired');
  PERFORM fn_iu_outbox_append('piece_retired', 'iu_collection', array_agg(c.canonical_address ORDER BY c.id),
    array_agg(jsonb_build_object('collection_address', c.canonical_address, 'unit_id', v_unit.id, 'unit_address', v_unit.canonical_address) ORDER BY c.id))
  FROM iu_collection_piece AS p JOIN iu_collection AS c ON c.id = p.collection_id WHERE p.unit_id = v_unit.id HAVING count(*) > 0;
  RETURN fn_dot_lifecycle_changed(v_unit, 'retired');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_retire_piece(jsonb, jsonb) IS 'Retires a piece: no new use anywhere; where it stands it stays, and its history too';
REVOKE ALL ON FUNCTION iu_core.dot_iu_retire_piece(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_unit_object, iu_core
CREATE FUNCTION iu_core.dot_iu_revise_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_body text := p_params ->> 'body';
  v_followers jsonb;
  v_collections iu_collection[];
BEGIN
  IF (p_params ? 'body') = (p_params ? 'version') THEN
    RAISE EXCEPTION 'body: give the new body, or the version whose body is wanted again' USING ERRCODE = 'IU002', COLUMN = 'body';
  ELSIF (p_params ->> 'expect_version')::integer <> v_unit.current_version_seq THEN
    RAISE EXCEPTION 'expect_version: the piece is at version % by now', v_unit.current_version_seq USING ERRCODE = 'IU014', COLUMN = 'expect_version', HINT = 'Look at the new version first.';
  END IF;
  IF p_params ? 'version' THEN
    SELECT body INTO v_body FROM unit_version WHERE unit_id = v_unit.id AND version_seq = (p_params ->> 'version')::integer;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'version: the piece has no version %', p_params ->> 'version' USING ERRCODE = 'IU003', COLUMN = 'version';
    END IF;
  END IF;
  SELECT array_agg(c ORDER BY c.id) INTO v_collections
  FROM iu_collection AS c WHERE c.id IN (SELECT collection_id FROM iu_collection_piece WHERE unit_id = v_unit.id AND pinned_version_seq IS NULL);
  IF fn_iu_apply_versions(ARRAY[v_unit.id], ARRAY[v_body], NULL, ARRAY[p_params ->> 'title']) = 0 THEN
    RAISE EXCEPTION 'body: it is the current one, byte for byte' USING ERRCODE = 'IU016', COLUMN = 'body';
  END IF;
  SELECT coalesce(jsonb_agg(fn_dot_collection_object(c) ORDER BY c.id), '[]') INTO v_followers FROM unnest(v_collections) AS c;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('version', v_unit.current_version_seq, 'title', v_unit.title, 'followers', (SELECT jsonb_agg(c.revision ORDER BY c.id) FROM unnest(v_collections) AS c)),
    'objects', jsonb_build_array(fn_dot_unit_object(v_unit, v_unit.id)) || v_followers,
    'result', jsonb_build_object('version', v_unit.current_version_seq + 1),
    'checks', jsonb_build_array(jsonb_build_object('name', 'version_applied', 'kind', 'unit', 'unit', v_unit.canonical_address, 'version', v_unit.current_version_seq + 1, 'sha256', encode(sha256(convert_to(v_body, 'UTF8')), 'hex'))),
    'inverse', jsonb_build_object('command', 'dot_iu_revise_piece', 'params', jsonb_build_object('piece', v_unit.canonical_address, 'version', v_unit.current_version_seq, 'expect_version', v_unit.current_version_seq + 1, 'title', v_unit.title)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_revise_piece(jsonb, jsonb) IS 'Gives a unit a new version: a new body, or that of an earlier version';
REVOKE ALL ON FUNCTION iu_core.dot_iu_revise_piece(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_api_token, iu_core
CREATE FUNCTION iu_core.dot_iu_revoke_token(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_token iu_api_token;
  v_account text;
BEGIN
  SELECT * INTO v_token FROM iu_api_token WHERE id = (p_params ->> 'token')::bigint FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'token: there is no token %', p_params ->> 'token' USING ERRCODE = 'IU003', COLUMN = 'token';
  ELSIF v_token.account_id IS DISTINCT FROM (p_context ->> 'account_id')::bigint AND p_context ->> 'right' <> 'admin' THEN
    RAISE EXCEPTION 'token: only an admin revokes the token of another' USING ERRCODE = 'IU013', COLUMN = 'token';
  ELSIF v_token.revoked_at IS NOT NULL THEN
    RAISE EXCEPTION 'token: % is revoked already', v_token.id USING ERRCODE = 'IU016', COLUMN = 'token';
  END IF;
  SELECT account INTO STRICT v_account FROM iu_account WHERE id = v_token.account_id;
  UPDATE iu_api_token SET revoked_at = clock_timestamp(), revoked_by = p_context ->> 'actor' WHERE id = v_token.id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('token', v_token.id),
    'objects', jsonb_build_array(jsonb_build_object('ref', format('token:%s/%s', v_account, v_token.label), 'change', 'update', 'before', '{"status": "live"}'::jsonb, 'after', '{"status": "revoked"}'::jsonb)),
    'refs', jsonb_build_array('account:' || v_account),
    'checks', jsonb_build_array(jsonb_build_object('name', 'token_is_revoked', 'kind', 'token', 'token', v_token.id, 'live', false)),
    'irreversible', 'A revoked token stays dead; issue another.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_revoke_token(jsonb, jsonb) IS 'Revokes an API token: one''s own, or anybody''s as an admin';
REVOKE ALL ON FUNCTION iu_core.dot_iu_revoke_token(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_iu_route_page
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_worker_run(p_worker_code text, p_batch_size integer DEFAULT 1000)
RETURNS TABLE (status text, seen integer, attempts_written integer, skipped integer, dead_lettered integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_started constant timestamptz := clock_timestamp();
  v_own constant xid8 := pg_current_xact_id_if_assigned();
  v_lock integer;
  v_floor bigint;
  v_newest xid8;                   -- whatever began after it draws its event ids above v_floor
  v_now pg_snapshot;
  v_cursor iu_route_worker_cursor;
  v_page record;
  v_status text;
  v_rebased boolean;
  v_is_newest boolean := false;    -- the window ends at v_now: an empty page means that nothing waits
BEGIN
  status := 'idle'; seen := 0; attempts_written := 0; skipped := 0; dead_lettered := 0;
  IF p_batch_size IS NULL OR p_batch_size NOT BETWEEN 1 AND 100000 THEN
    RAISE EXCEPTION 'batch_size: % is not between 1 and 100000', coalesce(p_batch_size::text, 'null') USING ERRCODE = 'IU002', COLUMN = 'batch_size';
  END IF;
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'a pass needs READ COMMITTED, not %', upper(current_setting('transaction_isolation'))
      USING ERRCODE = 'IU011', HINT = 'Its snapshot must be taken after its lock.';
  END IF;
  SELECT c.lock_no INTO v_lock FROM iu_route_worker_cursor AS c WHERE c.worker_code = p_worker_code;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'worker_code: % has no cursor', coalesce(p_worker_code, 'null') USING ERRCODE = 'IU003', COLUMN = 'worker_code';
  END IF;
  IF NOT fn_iu_gate_is_open('iu_core.route_worker_enabled') THEN
    status := 'worker_gate_closed'; RETURN NEXT; RETURN;
  ELSIF NOT fn_iu_gate_is_open('iu_core.routes_master_enabled') THEN
    status := 'master_gate_closed'; RETURN NEXT; RETURN;
  END IF;
  -- An advisory lock, not a row lock: an empty pass must not even draw a transaction id.
  IF NOT pg_try_advisory_xact_lock(hashtext('iu_core.iu_route_worker_cursor'), v_lock) THEN
    status := 'busy'; RETURN NEXT; RETURN;
  END IF;

  -- Statements whose order matters: the floor first, then the newest transaction (what is newer draws
  -- its event ids above the floor), then the snapshot (what is not newer and not running is finished in
  -- it); the cursor after the lock. A pass that has no id yet is given one by what it writes, and is then
  -- the newest itself; an empty pass must not have one.
  v_floor := coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0);
  IF v_own IS NOT NULL THEN
    v_newest := fn_iu_newest_xid(v_own);
  END IF;
  v_now := pg_current_snapshot();
  SELECT * INTO STRICT v_cursor FROM iu_route_worker_cursor AS c WHERE c.worker_code = p_worker_code;
  -- By the lower end: the upper one of a fenced snapshot may lie ahead of the present one in peace.
  v_rebased := (v_cursor.system_identifier IS DISTINCT FROM fn_iu_system_identifier() OR pg_snapshot_xmin(v_cursor.snap_from) > pg_snapshot_xmax(v_now))
               AND EXISTS (SELECT FROM event_outbox);
  IF v_rebased THEN
    -- Trusted rows are told apart by this list alone, so it must be whole before the first page.
    v_newest := coalesce(v_newest, pg_current_xact_id());
  END IF;
  IF v_newest IS NOT NULL THEN
    v_now := fn_iu_snapshot_fenced(v_now, coalesce(v_own, v_newest), v_newest);
  END IF;

  IF v_rebased THEN
    -- The stored snapshots are another cluster's (or the cursor was reset): read everything once
    -- more, whatever transaction ids the rows carry. What is decided stays decided.
    v_cursor.system_identifier := fn_iu_system_identifier();
    v_cursor.snap_from := '1:1:'; v_cursor.floor_id := 0;
    v_cursor.snap_to := v_now; v_cursor.floor_to_id := v_floor; v_cursor.trusted_id := v_floor; v_cursor.last_id := 0;
    v_cursor.own_xid := NULL; v_cursor.own_last_id := 0;
    v_is_newest := true;
  END IF;

  LOOP
    IF v_cursor.snap_to IS NULL THEN
      v_cursor.snap_to := v_now; v_cursor.floor_to_id := v_floor; v_cursor.trusted_id := 0; v_cursor.last_id := 0;
      v_is_newest := true;
    END IF;
    -- Own events only in a window that ends now: an older one may lack what their subject had before.
    v_page := fn_iu_route_page(v_cursor, CASE WHEN v_is_newest THEN v_own END, p_batch_size);
    EXIT WHEN v_page.seen > 0 OR v_is_newest;
    -- A window that ended on a full page: nothing is left in it, open the next.
    v_cursor.snap_from := v_cursor.snap_to; v_cursor.floor_id := v_cursor.floor_to_id; v_cursor.snap_to := NULL;
  END LOOP;
  IF v_page.seen = 0 AND NOT v_rebased THEN
    RETURN NEXT; RETURN;
  END IF;
  IF v_newest IS NULL AND v_is_newest THEN
    v_cursor.snap_to := fn_iu_snapshot_fenced(v_now, pg_current_xact_id(), pg_current_xact_id());
  END IF;

  seen := v_page.seen;
  dead_lettered := v_page.dead_lettered;
  FOR i IN 1 .. cardinality(v_page.live_events) LOOP
    v_status := fn_iu_route_attempt_one(p_worker_code, v_page.live_events[i], v_page.live_routes[i], 1);
    attempts_written := attempts_written + CASE WHEN v_status IS NULL THEN 0 ELSE 1 END;
    dead_lettered := dead_lettered + CASE WHEN v_status = 'failed' THEN 1 ELSE 0 END;
  END LOOP;
  attempts_written := attempts_written + cardinality(v_page.statuses);
  skipped := cardinality(array_positions(v_page.statuses, 'skipped'));
  IF cardinality(v_page.statuses) > 0 THEN
    PERFORM fn_iu_route_rollup_add(p_worker_code, v_page.route_ids, v_page.statuses);
  END IF;

  IF v_page.seen < p_batch_size THEN
    v_cursor.snap_from := v_cursor.snap_to; v_cursor.floor_id := v_cursor.floor_to_id;
    v_cursor.snap_to := NULL; v_cursor.trusted_id := 0; v_cursor.last_id := 0;
  ELSE
    v_cursor.last_id := v_page.last_id;
  END IF;
  IF v_own IS NOT NULL AND v_is_newest THEN
    v_cursor.own_last_id := greatest(CASE WHEN v_cursor.own_xid = v_own THEN v_cursor.own_last_id ELSE 0 END, v_page.last_id);
    v_cursor.own_xid := v_own;
  END IF;
  UPDATE iu_route_worker_cursor AS c
  SET system_identifier = v_cursor.system_identifier, snap_from = v_cursor.snap_from, floor_id = v_cursor.floor_id,
      snap_to = v_cursor.snap_to, floor_to_id = v_cursor.floor_to_id, trusted_id = v_cursor.trusted_id, last_id = v_cursor.last_id,
      own_xid = v_cursor.own_xid, own_last_id = v_cursor.own_last_id,
      events_seen = c.events_seen + v_page.seen, last_pass_at = clock_timestamp(), last_pass_seen = v_page.seen
  WHERE c.worker_code = p_worker_code;
  IF seen = 0 THEN
    RETURN NEXT; RETURN;
  END IF;
  INSERT INTO iu_route_worker_run (worker_code, started_at, seen, attempts_written, skipped, dead_lettered, run_by)
  VALUES (p_worker_code, v_started, seen, attempts_written, skipped, dead_lettered, fn_iu_actor());
  status := 'routed';
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_worker_run(text, integer) IS 'One pass: gates, claim, next events, one attempt per event and route, dead letters, cursor; all in the caller''s transaction, which must be READ COMMITTED. status: routed, idle (nothing to route, nothing written), busy, worker_gate_closed, master_gate_closed. IU002 bad batch size, IU003 unknown worker, IU011 wrong isolation level';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_worker_run(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_route_worker_run(text, integer) TO iu_worker;

-- requires: fn_iu_route_worker_run, iu_core
CREATE FUNCTION iu_core.dot_iu_run_worker(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_worker constant text := coalesce(p_params ->> 'worker', 'iu_outbound_default');
  v_most constant integer := coalesce((p_params ->> 'passes')::integer, 10);
  v_batch constant integer := coalesce((p_params ->> 'batch_size')::integer, 1000);
  v_pass record;
  v_passes integer := 0;
  v_seen integer := 0;
  v_attempts integer := 0;
  v_skipped integer := 0;
  v_dead integer := 0;
  v_first bigint;
BEGIN
  SELECT coalesce(max(id), 0) INTO v_first FROM iu_route_worker_run;
  LOOP
    SELECT * INTO STRICT v_pass FROM fn_iu_route_worker_run(v_worker, v_batch);
    IF v_pass.status = 'busy' THEN
      RAISE EXCEPTION 'worker %: another process has its cursor', v_worker USING ERRCODE = 'IU016', COLUMN = 'worker', HINT = 'It is routing already.';
    ELSIF v_pass.status = 'worker_gate_closed' THEN
      PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
    ELSIF v_pass.status = 'master_gate_closed' THEN
      PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
    END IF;
    EXIT WHEN v_pass.status <> 'routed';
    v_passes := v_passes + 1; v_seen := v_seen + v_pass.seen; v_attempts := v_attempts + v_pass.attempts_written;
    v_skipped := v_skipped + v_pass.skipped; v_dead := v_dead + v_pass.dead_lettered;
    EXIT WHEN v_passes >= v_most;
  END LOOP;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'objects', CASE WHEN v_seen = 0 THEN '[]' ELSE jsonb_build_array(jsonb_build_object('ref', 'worker:' || v_worker, 'change', 'update', 'after', jsonb_build_object('events', v_seen, 'attempts', v_attempts))) END,
    'refs', jsonb_build_array('worker:' || v_worker),
    'result', jsonb_build_object('status', v_pass.status, 'passes', v_passes, 'seen', v_seen, 'attempts_written', v_attempts, 'skipped', v_skipped, 'dead_lettered', v_dead),
    'notes', CASE WHEN v_pass.status = 'routed' THEN jsonb_build_array('More is waiting.') ELSE '[]' END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'passes_are_on_record', 'kind', 'worker_runs', 'worker', v_worker, 'after', v_first, 'passes', v_passes, 'seen', v_seen)),
    'irreversible', 'Attempts are history.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_run_worker(jsonb, jsonb) IS 'Routes what waits: passes of one worker until it is idle, or as many as are allowed';
REVOKE ALL ON FUNCTION iu_core.dot_iu_run_worker(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_account, fn_dot_account_keep_admin, fn_dot_account_object, iu_core
CREATE FUNCTION iu_core.dot_iu_set_account_right(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_account constant iu_account := fn_dot_account(p_params ->> 'account');
BEGIN
  IF v_account.account_right = p_params ->> 'right' THEN
    RAISE EXCEPTION 'right: % is % already', v_account.account, v_account.account_right USING ERRCODE = 'IU016', COLUMN = 'right';
  ELSIF v_account.status = 'active' THEN
    PERFORM fn_dot_account_keep_admin(v_account);
  END IF;
  UPDATE iu_account SET account_right = p_params ->> 'right' WHERE id = v_account.id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('right', v_account.account_right, 'status', v_account.status),
    'objects', jsonb_build_array(fn_dot_account_object(v_account, v_account.id)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'account_has_the_right', 'kind', 'account', 'account', v_account.account, 'status', v_account.status, 'right', p_params -> 'right')),
    'inverse', jsonb_build_object('command', 'dot_iu_set_account_right', 'params', jsonb_build_object('account', v_account.account, 'right', v_account.account_right)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_set_account_right(jsonb, jsonb) IS 'Gives an account another right, from its next request on';
REVOKE ALL ON FUNCTION iu_core.dot_iu_set_account_right(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_account, fn_iu_sessions_end, iu_core
CREATE FUNCTION iu_core.dot_iu_set_password(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_account iu_account;
  v_own constant boolean := p_params ->> 'account' = p_context ->> 'actor' AND p_context ? 'account_id';
BEGIN
  IF NOT v_own AND p_context ->> 'right' <> 'admin' THEN
    RAISE EXCEPTION 'account: only an admin sets the password of another' USING ERRCODE = 'IU013', COLUMN = 'account';
  END IF;
  v_account := fn_dot_account(p_params ->> 'account');
  IF v_own AND v_account.status <> 'active' THEN
    RAISE EXCEPTION 'the account was disabled meanwhile' USING ERRCODE = 'IU012';
  END IF;
  -- A session left open is not enough to take an account over.
  IF v_own AND (v_account.password_verifier = sha256(decode(p_params ->> 'current_key', 'hex'))) IS NOT TRUE THEN
    RAISE EXCEPTION 'current_password: it is not the present one' USING ERRCODE = 'IU002', COLUMN = 'current_password';
  END IF;
  UPDATE iu_account SET password_salt = decode(p_params ->> 'password_salt', 'hex'), password_verifier = decode(p_params ->> 'password_verifier', 'hex'), password_changed_at = clock_timestamp() WHERE id = v_account.id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_account.status, 'changed', v_account.password_changed_at),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'account:' || v_account.account, 'change', 'update', 'before', jsonb_build_object('password', 'the present one'), 'after', jsonb_build_object('password', 'a new one'))),
    'result', jsonb_build_object('sessions_ended', fn_iu_sessions_end(v_account.id, 'password changed')),
    'checks', jsonb_build_array(jsonb_build_object('name', 'account_is_' || v_account.status, 'kind', 'account', 'account', v_account.account, 'status', v_account.status, 'right', v_account.account_right)),
    'irreversible', 'The old password is not kept.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_set_password(jsonb, jsonb) IS 'Sets an account''s password: one''s own with the present one, anybody''s as an admin; its sessions end';
REVOKE ALL ON FUNCTION iu_core.dot_iu_set_password(jsonb, jsonb) FROM PUBLIC;

-- requires: dot_iu_restore_piece, fn_dot_unit_object, information_unit, iu_collection_piece, iu_core
CREATE FUNCTION iu_core.fn_dot_lifecycle_changed(p_before iu_core.information_unit, p_status text)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_build_object(
    'state', jsonb_build_object('status', (p_before).lifecycle_status, 'version', (p_before).current_version_seq, 'standing_in', (SELECT count(*) FROM iu_collection_piece WHERE unit_id = (p_before).id)),
    'objects', jsonb_build_array(fn_dot_unit_object(p_before, (p_before).id)),
    'result', jsonb_build_object('status', p_status),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_is_' || p_status, 'kind', 'unit', 'unit', (p_before).canonical_address, 'status', p_status)),
    'inverse', jsonb_build_object('command', 'dot_iu_restore_piece', 'params', jsonb_build_object('piece', (p_before).canonical_address)))
$$;
COMMENT ON FUNCTION iu_core.fn_dot_lifecycle_changed(iu_core.information_unit, text) IS 'What the handlers that change a unit''s lifecycle return; the inverse is the restoration';
REVOKE ALL ON FUNCTION iu_core.fn_dot_lifecycle_changed(iu_core.information_unit, text) FROM PUBLIC;

-- requires: fn_dot_lifecycle_changed, iu_collection_piece_parked, iu_core
CREATE FUNCTION iu_core.dot_iu_soft_delete_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collections iu_collection[];
  v_pieces jsonb := '[]';
  v_facts jsonb;
BEGIN
  IF v_unit.lifecycle_status = 'deleted' THEN
    RAISE EXCEPTION 'piece: % is deleted already', v_unit.canonical_address USING ERRCODE = 'IU009', COLUMN = 'piece';
  END IF;
  PERFORM FROM iu_collection WHERE id IN (SELECT collection_id FROM iu_collection_piece WHERE unit_id = v_unit.id) ORDER BY id FOR NO KEY UPDATE;
  SELECT coalesce(array_agg(c ORDER BY c.id), '{}') INTO v_collections
  FROM iu_collection AS c JOIN iu_collection_piece AS p ON p.collection_id = c.id WHERE p.unit_id = v_unit.id;
  -- Where it stood is kept beside it, so that a restore knows the place.
  INSERT INTO iu_collection_piece_parked (collection_id, unit_id, position, pinned_version_seq, separator)
  SELECT collection_id, unit_id, position, pinned_version_seq, separator FROM iu_collection_piece WHERE unit_id = v_unit.id;
  FOR i IN 1 .. cardinality(v_collections) LOOP
    v_facts := fn_dot_piece_facts(v_collections[i].id, v_unit.id);
    PERFORM fn_iu_collection_remove(v_collections[i].id, ARRAY[v_unit.id]);
    v_pieces := v_pieces || fn_dot_collection_object(v_collections[i])
      || jsonb_build_object('ref', format('piece:%s#%s', v_collections[i].canonical_address, v_unit.canonical_address), 'change', 'delete', 'before', v_facts);
  END LOOP;
  PERFORM fn_iu_lifecycle_set(v_unit.id, 'deleted');
  v_facts := fn_dot_lifecycle_changed(v_unit, 'deleted');
  RETURN v_facts || jsonb_build_object(
    'state', (v_facts -> 'state') || jsonb_build_object('revisions', (SELECT jsonb_agg(c.revision ORDER BY c.id) FROM unnest(v_collections) AS c)),
    'objects', (v_facts -> 'objects') || v_pieces,
    'checks', (v_facts -> 'checks') || jsonb_build_object('name', 'piece_in_no_manifest', 'kind', 'unit_unused', 'unit', v_unit.canonical_address),
    'notes', CASE WHEN cardinality(v_collections) > 1 THEN jsonb_build_array(format('It leaves %s collections.', cardinality(v_collections))) ELSE '[]' END);
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_soft_delete_piece(jsonb, jsonb) IS 'Soft-deletes a piece: it leaves every manifest, and a restore brings it back';
REVOKE ALL ON FUNCTION iu_core.dot_iu_soft_delete_piece(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_iu_collection_manifest_text, fn_iu_collection_render, information_unit, iu_collection, iu_collection_piece, iu_core, iu_tree_path, unit_version
CREATE FUNCTION iu_core.fn_iu_collection_findings(p_collection_id bigint)
RETURNS TABLE (finding text, piece text, detail text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH piece AS (
    SELECT p.unit_id, p.position, u.canonical_address, u.lifecycle_status, v.body, v.content_digest, v.byte_length, t.parent_unit_id,
           coalesce(p.pinned_version_seq, u.current_version_seq) AS version_seq,
           coalesce(p.separator, CASE WHEN lead(p.unit_id) OVER (ORDER BY p.position) IS NULL THEN '' ELSE c.joiner END) AS separator
    FROM iu_collection AS c
    JOIN iu_collection_piece AS p ON p.collection_id = c.id
    JOIN information_unit AS u ON u.id = p.unit_id
    LEFT JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
    LEFT JOIN iu_tree_path AS t ON t.unit_id = u.id
    WHERE c.id = p_collection_id
  ), counted AS (
    SELECT count(*) AS pieces, coalesce(sum(byte_length + octet_length(separator)), 0) AS bytes FROM piece
  )
  SELECT 'missing_body', canonical_address, format('version %s has no body', version_seq) FROM piece WHERE body IS NULL
  UNION ALL
  SELECT 'digest_mismatch', canonical_address, format('version %s: the body is not of its digest', version_seq) FROM piece
  WHERE body IS NOT NULL AND (content_digest, byte_length) IS DISTINCT FROM (sha256(convert_to(body, 'UTF8')), octet_length(body))
  UNION ALL
  SELECT 'retired_piece', canonical_address, 'the piece is ' || lifecycle_status FROM piece WHERE lifecycle_status IN ('retired', 'deleted')
  UNION ALL
  SELECT 'order', p.canonical_address, format('it stands before %s, the heading of its section', h.canonical_address) FROM piece AS p JOIN piece AS h ON h.unit_id = p.parent_unit_id WHERE h.position > p.position
  UNION ALL
  SELECT 'count_mismatch', NULL, format('counted %s pieces and %s bytes, the collection says %s and %s', n.pieces, n.bytes, c.piece_count, c.byte_length)
  FROM iu_collection AS c, counted AS n WHERE c.id = p_collection_id AND (c.piece_count, c.byte_length) IS DISTINCT FROM (n.pieces, n.bytes)
  UNION ALL
  SELECT 'digest_mismatch', NULL, 'the rendering of this revision is not of the digest that was kept'
  FROM iu_collection AS c
  WHERE c.id = p_collection_id AND c.render_revision = c.revision AND NOT EXISTS (SELECT FROM piece WHERE body IS NULL)
    AND c.render_digest <> sha256(convert_to(fn_iu_collection_render(c.id), 'UTF8'))
  UNION ALL
  SELECT 'digest_mismatch', NULL, 'the manifest of this revision is not of the digest that was kept'
  FROM iu_collection AS c
  WHERE c.id = p_collection_id AND c.manifest_revision = c.revision AND NOT EXISTS (SELECT FROM piece WHERE body IS NULL)
    AND c.manifest_digest <> sha256(convert_to(fn_iu_collection_manifest_text(c.id), 'UTF8'))
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_findings(bigint) IS 'What is wrong with a collection, by name: missing_body, digest_mismatch, retired_piece, order, count_mismatch; no row when all is well';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_findings(bigint) FROM PUBLIC;

-- requires: fn_iu_collection_findings, iu_core
CREATE FUNCTION iu_core.dot_iu_validate_collection(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_findings jsonb;
BEGIN
  SELECT coalesce(jsonb_agg(jsonb_strip_nulls(to_jsonb(f)) ORDER BY f.finding, f.piece), '[]') INTO v_findings FROM fn_iu_collection_findings(v_collection.id) AS f;
  PERFORM fn_iu_outbox_append('collection_validated', 'iu_collection', ARRAY[v_collection.canonical_address],
    ARRAY[jsonb_build_object('collection_address', v_collection.canonical_address, 'findings', jsonb_array_length(v_findings))]);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'findings', encode(sha256(convert_to(v_findings::text, 'UTF8')), 'hex')),
    'refs', jsonb_build_array('collection:' || v_collection.canonical_address),
    'result', jsonb_build_object('findings', jsonb_path_query_array(v_findings, '$[0 to 199]'), 'count', jsonb_array_length(v_findings)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'findings_stand', 'kind', 'findings', 'collection', v_collection.canonical_address, 'revision', v_collection.revision, 'count', jsonb_array_length(v_findings))),
    'irreversible', 'Nothing but an event was written.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_validate_collection(jsonb, jsonb) IS 'Checks a collection and names what it finds';
REVOKE ALL ON FUNCTION iu_core.dot_iu_validate_collection(jsonb, jsonb) FROM PUBLIC;

-- The one reader of the live catalogue. Its search_path decides how PostgreSQL spells names, which is
-- why this is a function and not a view. Gate values, a route's switches and trigger state are not
-- part of a definition: commands change them.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_catalogue()
RETURNS TABLE (class text, identity text, definition text, facts text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_data record;
BEGIN
  RETURN QUERY
  WITH grants AS (
    SELECT o.objid, o.classid, string_agg(format('%s %s', privilege, grantee), ', ' ORDER BY grantee, privilege) AS facts,
           string_agg(format('GRANT %s ON %s%s TO %s;', privilege, o.prefix, o.name, grantee), chr(10) ORDER BY grantee, privilege) AS sql
    FROM (
      SELECT oid AS objid, 'pg_class'::regclass AS classid, '' AS prefix, relname::text AS name, relowner AS owner, coalesce(relacl, acldefault('r', relowner)) AS acl
      FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relkind IN ('r', 'v')
      UNION ALL
      SELECT oid, 'pg_proc'::regclass, 'FUNCTION ', oid::regprocedure::text, proowner, coalesce(proacl, acldefault('f', proowner))
      FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace
      UNION ALL
      SELECT oid, 'pg_namespace'::regclass, 'SCHEMA ', nspname::text, nspowner, coalesce(nspacl, acldefault('n', nspowner))
      FROM pg_namespace WHERE oid = 'iu_core'::regnamespace
    ) AS o
    CROSS JOIN LATERAL (
      SELECT a.privilege_type || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS privilege,
             CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
      FROM aclexplode(o.acl) AS a WHERE a.grantee <> o.owner
    ) AS g
    GROUP BY o.objid, o.classid
  ), described AS (
    SELECT objoid, classoid, objsubid, description FROM pg_description
  )
  SELECT 'schema', n.nspname::text,
         concat_ws(chr(10), format('CREATE SCHEMA %I AUTHORIZATION %s;', n.nspname, n.nspowner::regrole), format('COMMENT ON SCHEMA %I IS %L;', n.nspname, d.description), g.sql),
         concat_ws('; ', 'owner ' || n.nspowner::regrole, g.facts)
  FROM pg_namespace AS n
  LEFT JOIN grants AS g ON g.objid = n.oid AND g.classid = 'pg_namespace'::regclass
  LEFT JOIN described AS d ON d.objoid = n.oid AND d.classoid = 'pg_namespace'::regclass
  WHERE n.oid = 'iu_core'::regnamespace

  UNION ALL
  SELECT 'table', c.relname::text,
         concat_ws(chr(10),
           format('CREATE TABLE %I (%s)%s;', c.relname, (
             SELECT chr(10) || string_agg('  ' || line, ',' || chr(10) ORDER BY part, place) || chr(10) FROM (
               SELECT 1 AS part, a.attnum::text COLLATE "C" AS place_text, a.attnum::integer AS place,
                      concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
                        CASE WHEN a.attcollation NOT IN (0, (SELECT typcollation FROM pg_type WHERE oid = a.atttypid)) THEN 'COLLATE ' || a.attcollation::regcollation END,
                        CASE WHEN a.attgenerated = 's' THEN format('GENERATED ALWAYS AS (%s) STORED', pg_get_expr(x.adbin, x.adrelid))
                             WHEN a.attidentity = 'a' THEN 'GENERATED ALWAYS AS IDENTITY'
                             WHEN x.adbin IS NOT NULL THEN 'DEFAULT ' || pg_get_expr(x.adbin, x.adrelid) END,
                        CASE WHEN a.attnotnull THEN 'NOT NULL' END) AS line
               FROM pg_attribute AS a LEFT JOIN pg_attrdef AS x ON x.adrelid = a.attrelid AND x.adnum = a.attnum
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               UNION ALL
               SELECT 2, k.conname, (row_number() OVER (ORDER BY k.conname COLLATE "C"))::integer, format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid))
               FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'c', 'f', 'x')
             ) AS lines),
             CASE WHEN c.reloptions IS NOT NULL THEN format(' WITH (%s)', array_to_string(c.reloptions, ', ')) END),
           format('ALTER TABLE %I OWNER TO %s;', c.relname, c.relowner::regrole),
           (SELECT string_agg(pg_get_indexdef(i.indexrelid) || ';', chr(10) ORDER BY i.indexrelid::regclass::text COLLATE "C")
            FROM pg_index AS i WHERE i.indrelid = c.oid AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x'))),
           (SELECT string_agg(format('COMMENT ON %s IS %L;', CASE WHEN a.attname IS NULL THEN 'TABLE ' || quote_ident(c.relname) ELSE format('COLUMN %I.%I', c.relname, a.attname) END, d.description), chr(10) ORDER BY d.objsubid)
            FROM described AS d LEFT JOIN pg_attribute AS a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0
            WHERE d.objoid = c.oid AND d.classoid = 'pg_class'::regclass),
           (SELECT string_agg(format('COMMENT ON CONSTRAINT %I ON %I IS %L;', k.conname, c.relname, d.description), chr(10) ORDER BY k.conname COLLATE "C")
            FROM pg_constraint AS k JOIN described AS d ON d.objoid = k.oid AND d.classoid = 'pg_constraint'::regclass WHERE k.conrelid = c.oid),
           g.sql),
         concat_ws('; ', 'owner ' || c.relowner::regrole, g.facts, (
           SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
  FROM pg_class AS c LEFT JOIN grants AS g ON g.objid = c.oid AND g.classid = 'pg_class'::regclass
  WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'r'

  UNION ALL
  SELECT 'function', p.oid::regprocedure::text,
         concat_ws(chr(10), rtrim(pg_get_functiondef(p.oid), chr(10)) || ';', format('ALTER FUNCTION %s OWNER TO %s;', p.oid::regprocedure, p.proowner::regrole),
                   format('COMMENT ON FUNCTION %s IS %L;', p.oid::regprocedure, d.description), g.sql),
         concat_ws('; ', 'owner ' || p.proowner::regrole, CASE WHEN p.prosecdef THEN 'security definer' ELSE 'security invoker' END,
                   CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END, array_to_string(p.proconfig, ', '), g.facts)
  FROM pg_proc AS p
  LEFT JOIN grants AS g ON g.objid = p.oid AND g.classid = 'pg_proc'::regclass
  LEFT JOIN described AS d ON d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass
  WHERE p.pronamespace = 'iu_core'::regnamespace

  UNION ALL
  SELECT 'view', c.relname::text,
         concat_ws(chr(10), format('CREATE VIEW %I%s AS', c.relname, CASE WHEN c.reloptions IS NOT NULL THEN format(' WITH (%s)', array_to_string(c.reloptions, ', ')) END),
                   pg_get_viewdef(c.oid), format('ALTER VIEW %I OWNER TO %s;', c.relname, c.relowner::regrole), format('COMMENT ON VIEW %I IS %L;', c.relname, d.description), g.sql),
         concat_ws('; ', 'owner ' || c.relowner::regrole, g.facts, (
           SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0))
  FROM pg_class AS c
  LEFT JOIN grants AS g ON g.objid = c.oid AND g.classid = 'pg_class'::regclass
  LEFT JOIN described AS d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
  WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'v'

  UNION ALL
  SELECT 'trigger', format('%s on %s', t.tgname, t.tgrelid::regclass),
         concat_ws(chr(10), pg_get_triggerdef(t.oid) || ';', format('COMMENT ON TRIGGER %I ON %s IS %L;', t.tgname, t.tgrelid::regclass, d.description)),
         'executes ' || t.tgfoid::regprocedure
  FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
  LEFT JOIN described AS d ON d.objoid = t.oid AND d.classoid = 'pg_trigger'::regclass
  WHERE c.relnamespace = 'iu_core'::regnamespace AND NOT t.tgisinternal;

  -- What is data, but part of what was deployed. A unit before its table finds none.
  FOR v_data IN
    SELECT * FROM (VALUES
      ('config', 'dot_config', 'SELECT key, concat_ws(chr(10), value_type, description) FROM iu_core.dot_config'),
      ('vocabulary', 'iu_vocabulary', 'SELECT term_class || '' '' || term, description FROM iu_core.iu_vocabulary'),
      ('command', 'dot_iu_command', 'SELECT command_code, concat_ws(chr(10), area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema) FROM iu_core.dot_iu_command'),
      ('event_type', 'iu_event_type', 'SELECT event_type, concat_ws(chr(10), event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate) FROM iu_core.iu_event_type'),
      ('route', 'iu_outbound_route', 'SELECT route_code, concat_ws(chr(10), event_type, target_kind, target_ref) FROM iu_core.iu_outbound_route')
    ) AS v(class, relation, query)
  LOOP
    CONTINUE WHEN to_regclass('iu_core.' || v_data.relation) IS NULL;
    RETURN QUERY EXECUTE format('SELECT %L::text, q.i::text, q.d::text, q.d::text FROM (%s) AS q(i, d)', v_data.class, v_data.query);
  END LOOP;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_catalogue() IS 'Every object of the schema as it stands: class, identity, the statements that make it, and the facts that no PostgreSQL version spells otherwise (owner, rights, columns, settings)';
REVOKE ALL ON FUNCTION iu_core.fn_dot_catalogue() FROM PUBLIC;

-- requires: event_outbox, information_unit, iu_account, iu_api_token, iu_collection, iu_collection_checkpoint, iu_collection_piece, iu_core, iu_held_decision, iu_outbound_route, iu_relation, iu_route_attempt, iu_route_dead_letter, iu_route_worker_run, iu_unit_axis, unit_version
-- One place for every postcondition: a check is {name, kind, what it is about, what must hold}.
CREATE FUNCTION iu_core.fn_dot_check(p_check jsonb)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  c constant jsonb := p_check;
  v_have jsonb;
  v_want jsonb;
BEGIN
  CASE c ->> 'kind'
    WHEN 'unit' THEN
      v_want := jsonb_strip_nulls(jsonb_build_object('status', c -> 'status', 'version', c -> 'version', 'sha256', c -> 'sha256'));
      SELECT jsonb_build_object('status', u.lifecycle_status, 'version', v.version_seq, 'sha256', encode(sha256(convert_to(v.body, 'UTF8')), 'hex')) INTO v_have
      FROM information_unit AS u JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq WHERE u.canonical_address = c ->> 'unit';
    WHEN 'unit_unused' THEN
      v_want := '{"standing_in": 0}';
      SELECT jsonb_build_object('standing_in', count(p.unit_id)) INTO v_have FROM information_unit AS u LEFT JOIN iu_collection_piece AS p ON p.unit_id = u.id WHERE u.canonical_address = c ->> 'unit';
    WHEN 'piece', 'piece_absent' THEN
      v_want := CASE c ->> 'kind' WHEN 'piece' THEN jsonb_build_object('at', c -> 'at') ELSE '{"at": null}' END;
      SELECT jsonb_build_object('at', (SELECT p.position::text FROM iu_collection_piece AS p WHERE p.collection_id = k.id AND p.unit_id = u.id)) INTO v_have
      FROM iu_collection AS k, information_unit AS u WHERE k.canonical_address = c ->> 'collection' AND u.canonical_address = c ->> 'unit';
    WHEN 'relation' THEN
      v_want := '{"related": true}';
      SELECT jsonb_build_object('related', count(*) = 1) INTO v_have
      FROM iu_relation AS r JOIN information_unit AS f ON f.id = r.from_unit_id JOIN information_unit AS t ON t.id = r.to_unit_id
      WHERE (f.canonical_address, r.relation_kind, t.canonical_address) = (c ->> 'from', c ->> 'relation', c ->> 'to');
    WHEN 'collection' THEN
      v_want := jsonb_build_object('pieces', c -> 'pieces', 'bytes', c -> 'bytes');
      SELECT jsonb_build_object('pieces', h.pieces, 'bytes', h.bytes) INTO v_have FROM v_iu_collection_health AS h WHERE h.canonical_address = c ->> 'collection';
    WHEN 'rendered' THEN
      v_want := jsonb_build_object('revision', c -> 'revision', 'kept', c -> 'sha256', 'rendered', c -> 'sha256');
      SELECT jsonb_build_object('revision', k.render_revision, 'kept', encode(k.render_digest, 'hex'),
        'rendered', CASE WHEN k.revision = (c ->> 'revision')::bigint THEN encode(sha256(convert_to(fn_iu_collection_render(k.id), 'UTF8')), 'hex') END) INTO v_have
      FROM iu_collection AS k WHERE k.canonical_address = c ->> 'collection';
    WHEN 'findings' THEN
      v_want := jsonb_build_object('revision', c -> 'revision', 'count', c -> 'count');
      SELECT jsonb_build_object('revision', k.revision, 'count', (SELECT count(*) FROM fn_iu_collection_findings(k.id))) INTO v_have FROM iu_collection AS k WHERE k.canonical_address = c ->> 'collection';
    WHEN 'checkpoint' THEN
      v_want := jsonb_build_object('manifest', c -> 'sha256', 'pieces_are_kept', true);
      SELECT jsonb_build_object('manifest', encode(sha256(convert_to(k.manifest_text, 'UTF8')), 'hex'),
        'pieces_are_kept', k.piece_count = (SELECT count(*) FROM iu_collection_checkpoint_piece AS p WHERE (p.collection_id, p.checkpoint_no) = (k.collection_id, k.checkpoint_no))) INTO v_have
      FROM iu_collection_checkpoint AS k JOIN iu_collection AS o ON o.id = k.collection_id WHERE o.canonical_address = c ->> 'collection' AND k.checkpoint_no = (c ->> 'checkpoint')::integer;
    WHEN 'axes' THEN
      v_want := '{"differing": 0}';
      SELECT jsonb_build_object('differing', count(*)) INTO v_have
      FROM (SELECT array_agg(u.id) AS ids FROM information_unit AS u
            WHERE u.canonical_address = c ->> 'piece' OR u.id IN (SELECT p.unit_id FROM iu_collection_piece AS p JOIN iu_collection AS k ON k.id = p.collection_id WHERE k.canonical_address = c ->> 'collection')) AS asked
      CROSS JOIN LATERAL (
        SELECT FROM fn_iu_axes_derive(asked.ids) AS d FULL JOIN (SELECT * FROM iu_unit_axis WHERE unit_id = ANY (asked.ids)) AS a ON (a.unit_id, a.axis) = (d.unit_id, d.axis)
        WHERE a.value IS DISTINCT FROM d.value) AS differing;
    WHEN 'gate' THEN
      v_want := jsonb_build_object('state', c -> 'state');
      v_have := jsonb_build_object('state', fn_iu_gate_state(c ->> 'gate'));
    WHEN 'route' THEN
      v_want := jsonb_build_object('enabled', c -> 'enabled');
      SELECT jsonb_build_object('enabled', enabled) INTO v_have FROM iu_outbound_route WHERE route_code = c ->> 'route';
    WHEN 'triggers' THEN
      v_want := jsonb_build_object('enabled', c -> 'enabled', 'triggers', 3);
      SELECT jsonb_build_object('enabled', (c -> 'enabled')::boolean AND bool_and(enabled) OR NOT (c -> 'enabled')::boolean AND bool_or(enabled), 'triggers', count(*)) INTO v_have FROM v_iu_emitting_trigger;
    WHEN 'dead_letter' THEN
      v_want := jsonb_build_object('status', c -> 'status');
      SELECT jsonb_build_object('status', status) INTO v_have FROM iu_route_dead_letter WHERE id = (c ->> 'dead_letter')::bigint;
    WHEN 'dead_letters' THEN
      v_want := jsonb_build_object('others', 0);
      SELECT jsonb_build_object('others', count(*) FILTER (WHERE status <> c ->> 'status')) INTO v_have FROM iu_route_dead_letter WHERE id IN (SELECT jsonb_array_elements_text(c -> 'ids')::bigint);
    WHEN 'attempt' THEN
      v_want := '{"attempts": 1}';
      SELECT jsonb_build_object('attempts', count(*)) INTO v_have FROM iu_route_attempt WHERE (event_id, route_id, attempt_no) = ((c ->> 'event')::bigint, (c ->> 'route')::integer, (c ->> 'attempt_no')::integer);
    WHEN 'worker_runs' THEN
      v_want := '{"on_record": true}';
      SELECT jsonb_build_object('on_record', count(*) >= (c ->> 'passes')::integer AND coalesce(sum(seen), 0) >= (c ->> 'seen')::integer) INTO v_have FROM iu_route_worker_run WHERE worker_code = c ->> 'worker' AND id > (c ->> 'after')::bigint;
    WHEN 'held' THEN
      v_want := '{"others": 0}';
      SELECT jsonb_build_object('others', count(*) FILTER (WHERE NOT CASE c ->> 'account'
               WHEN 'released' THEN EXISTS (SELECT FROM event_outbox AS n WHERE n.released_from = i.id)
               ELSE EXISTS (SELECT FROM iu_held_decision AS h WHERE h.event_id = i.id) END)) INTO v_have
      FROM (SELECT jsonb_array_elements_text(c -> 'ids')::bigint AS id) AS i;
    WHEN 'event_type' THEN
      v_want := '{"registered": true}';
      v_have := jsonb_build_object('registered', EXISTS (SELECT FROM iu_event_type WHERE event_type = c ->> 'event_type'));
    WHEN 'account' THEN
      v_want := jsonb_build_object('status', c -> 'status', 'right', c -> 'right');
      SELECT jsonb_build_object('status', status, 'right', account_right) INTO v_have FROM iu_account WHERE account = c ->> 'account';
    WHEN 'token' THEN
      v_want := jsonb_build_object('live', c -> 'live');
      SELECT jsonb_build_object('live', revoked_at IS NULL AND expires_at > clock_timestamp()) INTO v_have FROM iu_api_token WHERE id = (c ->> 'token')::bigint;
  END CASE;
  RETURN (SELECT string_agg(format('%s: want %s, have %s', key, value, coalesce((v_have -> key)::text, 'nothing')), '; ') FROM jsonb_each(v_want) WHERE v_have -> key IS DISTINCT FROM value);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_check(jsonb) IS 'What is wrong with a postcondition at present, in words; null when it holds';
REVOKE ALL ON FUNCTION iu_core.fn_dot_check(jsonb) FROM PUBLIC;

-- requires: iu_collection, iu_core
CREATE FUNCTION iu_core.fn_dot_collection(p_params jsonb, p_field text DEFAULT 'collection')
RETURNS iu_core.iu_collection
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_collection iu_collection;
BEGIN
  SELECT * INTO v_collection FROM iu_collection WHERE canonical_address = p_params ->> p_field AND status = 'active' FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION '%: no collection has the address %', p_field, p_params ->> p_field USING ERRCODE = 'IU003', COLUMN = p_field;
  END IF;
  RETURN v_collection;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_collection(jsonb, text) IS 'The collection that a parameter names by its address, locked; units are locked before it. IU003 when there is none';
REVOKE ALL ON FUNCTION iu_core.fn_dot_collection(jsonb, text) FROM PUBLIC;

-- requires: iu_collection, iu_core
CREATE FUNCTION iu_core.fn_dot_collection_object(p_before iu_core.iu_collection)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_build_object('ref', 'collection:' || c.canonical_address, 'change', 'update',
           'before', jsonb_build_object('revision', (p_before).revision, 'pieces', (p_before).piece_count, 'bytes', (p_before).byte_length),
           'after', jsonb_build_object('revision', c.revision, 'pieces', c.piece_count, 'bytes', c.byte_length))
  FROM iu_collection AS c WHERE c.id = (p_before).id
$$;
COMMENT ON FUNCTION iu_core.fn_dot_collection_object(iu_core.iu_collection) IS 'A collection in a plan''s diff: as it was, and as it is now; only counts, never a digest over all pieces';
REVOKE ALL ON FUNCTION iu_core.fn_dot_collection_object(iu_core.iu_collection) FROM PUBLIC;

-- requires: iu_core
CREATE FUNCTION iu_core.fn_iu_right_rank(p_right text)
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT coalesce(array_position(ARRAY['reviewer', 'operator', 'approver', 'admin'], p_right), 0) $$;
COMMENT ON FUNCTION iu_core.fn_iu_right_rank(text) IS 'reviewer 1, operator 2, approver 3, admin 4, anything else 0: each may what the lower may';
REVOKE ALL ON FUNCTION iu_core.fn_iu_right_rank(text) FROM PUBLIC;

-- requires: dot_iu_command, fn_iu_right_rank, gates, iu_core, v_iu_gate
CREATE FUNCTION iu_core.fn_dot_command_blocked(p_right text)
RETURNS TABLE (command_code text, code text, gate text, why text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT c.command_code,
         CASE WHEN fn_iu_right_rank(p_right) < fn_iu_right_rank(c.required_right) THEN 'forbidden' WHEN g.gate IS NOT NULL THEN 'gate_closed' END,
         CASE WHEN fn_iu_right_rank(p_right) >= fn_iu_right_rank(c.required_right) THEN g.gate END,
         CASE WHEN fn_iu_right_rank(p_right) < fn_iu_right_rank(c.required_right) THEN format('This needs the right %s; you have %s.', c.required_right, coalesce(p_right, 'none'))
              WHEN g.gate IS NOT NULL THEN format('Gate %s is %s%s.', g.gate, g.state, coalesce(': ' || nullif(g.reason, ''), '')) END
  FROM dot_iu_command AS c
  LEFT JOIN LATERAL (
    SELECT v.gate, v.state, v.reason FROM unnest(c.gates) WITH ORDINALITY AS n(gate, n)
    LEFT JOIN v_iu_gate AS v ON v.gate = n.gate WHERE v.is_open IS NOT TRUE ORDER BY n.n LIMIT 1
  ) AS g ON true
$$;
COMMENT ON FUNCTION iu_core.fn_dot_command_blocked(text) IS 'Per command: why somebody with this right may not apply it now (forbidden, gate_closed), or nulls when nothing is in the way';
REVOKE ALL ON FUNCTION iu_core.fn_dot_command_blocked(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_command_blocked(text) TO iu_reader;

-- requires: dot_iu_acting, dot_iu_command, dot_iu_command_run, iu_core
-- The dispatcher: the one way in which anything is changed. The handler runs in a subtransaction, so that
-- a plan is the real thing, taken back, and a refusal leaves its row in the ledger and nothing else.
CREATE FUNCTION iu_core.fn_dot_command_run(
  p_command text, p_mode text, p_params jsonb DEFAULT '{}', p_reason text DEFAULT NULL, p_plan_digest text DEFAULT NULL,
  p_target_run_id bigint DEFAULT NULL, p_confirm text DEFAULT NULL, p_idempotency_key text DEFAULT NULL, p_token text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_started constant timestamptz := clock_timestamp();
  v_reason constant text := nullif(btrim(p_reason, E' \t\r\n'), '');
  v_who record;
  v_target dot_iu_command_run;     -- the run that is verified or undone
  v_command dot_iu_command;
  v_params jsonb := coalesce(p_params, '{}');
  v_param_digest bytea;
  v_input jsonb;                   -- the parameters without secrets
  v_plan dot_iu_command_run;
  v_run dot_iu_command_run;
  v_outcome jsonb;
  v_gates jsonb;
  v_problems text[];
  v_events_before bigint;
  v_events jsonb := '[]';
  v_message text;
  v_detail text;
  v_hint text;
  v_column text;
BEGIN
  IF p_mode IS NULL OR p_mode NOT IN ('plan', 'apply', 'verify', 'rollback') THEN
    RAISE EXCEPTION 'mode: "%" is not plan, apply, verify or rollback', coalesce(left(p_mode, 40), 'null') USING ERRCODE = 'IU002', COLUMN = 'mode';
  END IF;
  -- Under a snapshot of its own the dispatcher would not see a gate that was closed meanwhile.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'a command needs READ COMMITTED, not %', upper(current_setting('transaction_isolation')) USING ERRCODE = 'IU011';
  END IF;
  SELECT * INTO STRICT v_who FROM fn_iu_who(p_token);

  IF p_target_run_id IS NOT NULL THEN
    SELECT * INTO v_target FROM dot_iu_command_run WHERE id = p_target_run_id AND mode IN ('apply', 'rollback') AND status = 'succeeded';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'run: % is no run that did something', p_target_run_id USING ERRCODE = 'IU003', COLUMN = 'run', HINT = 'Only an apply or a rollback that succeeded can be verified or undone.';
    ELSIF v_target.receipt ->> 'command' IS DISTINCT FROM p_command THEN
      RAISE EXCEPTION 'run: % is a run of %', p_target_run_id, v_target.receipt ->> 'command' USING ERRCODE = 'IU002', COLUMN = 'run';
    END IF;
  ELSIF p_mode IN ('verify', 'rollback') THEN
    RAISE EXCEPTION 'run: say which run to %', p_mode USING ERRCODE = 'IU002', COLUMN = 'run';
  END IF;
  -- What undoes a run is a command like any other, with that command's right, gates and friction.
  SELECT * INTO v_command FROM dot_iu_command
  WHERE command_code = CASE WHEN p_target_run_id IS NULL OR p_mode = 'verify' THEN p_command ELSE coalesce(v_target.receipt -> 'inverse' ->> 'command', p_command) END;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'command: there is no %', coalesce(left(p_command, 80), 'null') USING ERRCODE = 'IU003', COLUMN = 'command';
  END IF;
  IF fn_iu_right_rank(v_who.account_right) < fn_iu_right_rank(v_command.required_right) THEN
    RAISE EXCEPTION '% needs the right %, and % has %', v_command.command_code, v_command.required_right, v_who.actor, v_who.account_right USING ERRCODE = 'IU013';
  ELSIF NOT (v_who.scopes && ARRAY['*', v_command.command_code]) THEN
    RAISE EXCEPTION 'this token has no scope %', v_command.command_code USING ERRCODE = 'IU013', HINT = 'Its scopes: ' || array_to_string(v_who.scopes, ', ');
  END IF;

  IF p_mode = 'verify' THEN
    v_params := v_target.params;
    v_param_digest := v_target.param_digest;
  ELSIF p_target_run_id IS NOT NULL THEN
    v_params := coalesce(v_target.receipt -> 'inverse' -> 'params', '{}');
  END IF;
  -- Without its secrets: the console salts a password anew at each call, and a repeat must be known as one.
  v_input := CASE WHEN jsonb_typeof(v_params) = 'object' THEN v_params - v_command.secret_params ELSE v_params END;
  v_param_digest := coalesce(v_param_digest, sha256(convert_to(v_input::text, 'UTF8')));

  v_run.command_code := v_command.command_code; v_run.mode := p_mode; v_run.actor := v_who.actor; v_run.actor_kind := v_who.actor_kind;
  v_run.reason := left(v_reason, 2000); v_run.target_run_id := p_target_run_id; v_run.started_at := v_started; v_run.param_digest := v_param_digest;
  v_run.idempotency_key := CASE WHEN p_mode IN ('apply', 'rollback') THEN nullif(p_idempotency_key, '') END;
  v_run.object_refs := '{}'; v_run.event_count := 0;
  v_run.params := CASE WHEN p_mode = 'verify' THEN v_params ELSE fn_dot_params_kept(v_command, v_params) END;

  IF v_run.idempotency_key IS NOT NULL THEN
    IF octet_length(v_run.idempotency_key) > 200 THEN
      RAISE EXCEPTION 'idempotency_key: at most 200 bytes' USING ERRCODE = 'IU002', COLUMN = 'idempotency_key';
    END IF;
    -- The second click waits for the first, and is told what the first was told.
    PERFORM pg_advisory_xact_lock(hashtextextended('iu_core.command ' || v_run.actor || chr(10) || v_run.idempotency_key, 0));
    SELECT * INTO v_plan FROM dot_iu_command_run WHERE actor = v_run.actor AND idempotency_key = v_run.idempotency_key AND status = 'succeeded';
    IF FOUND THEN
      IF (v_plan.command_code, v_plan.mode, v_plan.param_digest) = (v_run.command_code, p_mode, v_param_digest) AND v_plan.target_run_id IS NOT DISTINCT FROM p_target_run_id THEN
        RETURN v_plan.receipt || '{"repeated": true}';
      END IF;
      v_run.idempotency_key := NULL;
      RETURN fn_dot_run_write(v_run, jsonb_build_object('status', 'refused', 'sqlstate', 'IU015', 'field', 'idempotency_key',
        'detail', format('the key was used for another input, by run %s', v_plan.id), 'hint', 'Use a new key for a new intention.'));
    END IF;
    v_plan := NULL;
  END IF;

  BEGIN
    IF p_mode = 'verify' THEN
      RETURN fn_dot_run_verify(v_run, v_target);
    END IF;
    IF p_target_run_id IS NOT NULL THEN
      -- Two who undo one run take turns; the ledger's row is only locked, never changed.
      PERFORM FROM dot_iu_command_run WHERE id = p_target_run_id FOR UPDATE;
      IF v_target.receipt -> 'inverse' IS NULL OR v_target.receipt -> 'inverse' = 'null' THEN
        RAISE EXCEPTION 'run %: %', p_target_run_id, coalesce(v_target.receipt ->> 'irreversible', 'it cannot be undone') USING ERRCODE = 'IU017', COLUMN = 'run';
      ELSIF EXISTS (SELECT FROM dot_iu_command_run WHERE target_run_id = p_target_run_id AND mode = 'rollback' AND status = 'succeeded') THEN
        RAISE EXCEPTION 'run % is undone already', p_target_run_id USING ERRCODE = 'IU016', COLUMN = 'run';
      END IF;
    END IF;
    v_problems := ARRAY(SELECT regexp_replace(regexp_replace(p, '^\$:', 'params:'), '^\$\.?', '') FROM unnest(fn_iu_payload_problems(v_params, v_command.param_schema)) AS p);
    IF cardinality(v_problems) > 0 THEN
      RAISE EXCEPTION '%', array_to_string(v_problems, '; ') USING ERRCODE = 'IU002', COLUMN = split_part(v_problems[1], ':', 1);
    END IF;
    IF octet_length(v_reason) > 2000 OR v_reason ~ '[\x01-\x08\x0b-\x1f\x7f]' THEN
      RAISE EXCEPTION 'reason: at most 2000 bytes, without control characters' USING ERRCODE = 'IU002', COLUMN = 'reason';
    END IF;
    IF p_mode <> 'plan' THEN
      IF v_command.reason_required AND v_reason IS NULL THEN
        RAISE EXCEPTION 'reason: say why' USING ERRCODE = 'IU002', COLUMN = 'reason';
      ELSIF v_command.confirm_param IS NOT NULL AND p_confirm IS DISTINCT FROM v_params ->> v_command.confirm_param THEN
        RAISE EXCEPTION 'confirm: type %', v_params ->> v_command.confirm_param USING ERRCODE = 'IU002', COLUMN = 'confirm';
      ELSIF v_command.tier > 1 AND p_plan_digest IS NULL THEN
        RAISE EXCEPTION 'plan_digest: % is applied from a plan', v_command.command_code USING ERRCODE = 'IU002', COLUMN = 'plan_digest', HINT = 'Plan it, read the plan, and pass its digest.';
      END IF;
      IF p_plan_digest IS NOT NULL THEN
        SELECT * INTO v_plan FROM dot_iu_command_run
        WHERE plan_digest = CASE WHEN p_plan_digest ~ '^[0-9a-f]{64}$' THEN decode(p_plan_digest, 'hex') END AND status = 'planned'
          AND (command_code, param_digest) = (v_command.command_code, v_param_digest) AND target_run_id IS NOT DISTINCT FROM p_target_run_id
        ORDER BY id DESC LIMIT 1
        FOR UPDATE;
        IF NOT FOUND THEN
          RAISE EXCEPTION 'plan_digest: no plan of this command with these parameters has it' USING ERRCODE = 'IU014', COLUMN = 'plan_digest', HINT = 'Plan again.';
        ELSIF v_plan.finished_at < clock_timestamp() - interval '1 hour' THEN
          RAISE EXCEPTION 'plan_digest: the plan is of %, and a plan holds for an hour', v_plan.finished_at USING ERRCODE = 'IU014', COLUMN = 'plan_digest', HINT = 'Plan again.';
        END IF;
        v_run.plan_run_id := v_plan.id;
        IF EXISTS (SELECT FROM dot_iu_command_run WHERE plan_run_id = v_plan.id AND status = 'succeeded') THEN
          RAISE EXCEPTION 'plan_digest: this plan was applied already' USING ERRCODE = 'IU014', COLUMN = 'plan_digest', HINT = 'Plan again, if it is wanted twice.';
        END IF;
      END IF;
    END IF;
    PERFORM fn_iu_gate_require(g) FROM unnest(v_command.gates) AS g;
    SELECT jsonb_object_agg(gate, state) INTO v_gates FROM v_iu_gate;

    v_events_before := coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0);
    INSERT INTO dot_iu_acting (xid, actor) VALUES (pg_current_xact_id(), v_who.actor);
    EXECUTE format('SELECT iu_core.%I($1, $2)', v_command.command_code) INTO v_outcome
      USING v_params, jsonb_strip_nulls(jsonb_build_object('actor', v_who.actor, 'actor_kind', v_who.actor_kind, 'account_id', v_who.account_id,
        'right', v_who.account_right, 'reason', v_reason, 'frozen', v_plan.frozen));
    -- What a constraint would refuse at the commit, it refuses here: a plan that passes is one that commits.
    SET CONSTRAINTS ALL IMMEDIATE;
    DELETE FROM dot_iu_acting WHERE xid = pg_current_xact_id();

    SELECT coalesce(jsonb_agg(jsonb_build_object('type', event_type, 'lane', delivery_lane, 'count', n) ORDER BY event_type COLLATE "C", delivery_lane), '[]'),
           coalesce(sum(n), 0), min(first), max(last)
    INTO v_events, v_run.event_count, v_run.event_from, v_run.event_to
    FROM (SELECT event_type, delivery_lane, count(*) AS n, min(id) AS first, max(id) AS last
          FROM event_outbox WHERE id > v_events_before AND xid = pg_current_xact_id() GROUP BY event_type, delivery_lane) AS e;
    v_run.state_digest := sha256(convert_to(coalesce(v_outcome -> 'state', '{}')::text, 'UTF8'));
    v_run.plan_digest := sha256(convert_to(v_command.command_code || chr(10) || v_input::text || chr(10) || v_gates::text || chr(10) || coalesce(v_outcome -> 'frozen', 'null')::text, 'UTF8') || v_run.state_digest);
    v_run.frozen := CASE WHEN p_mode = 'plan' THEN v_outcome -> 'frozen' END;
    SELECT coalesce(array_agg(DISTINCT r ORDER BY r), '{}') INTO v_run.object_refs
    FROM (SELECT o ->> 'ref' FROM jsonb_array_elements(coalesce(v_outcome -> 'objects', '[]')) AS o
          UNION ALL SELECT jsonb_array_elements_text(coalesce(v_outcome -> 'refs', '[]'))) AS touched(r);

    IF p_mode = 'plan' THEN
      RAISE EXCEPTION 'taken back' USING ERRCODE = 'XPLAN';
    END IF;
    IF v_plan.id IS NOT NULL AND v_plan.plan_digest <> v_run.plan_digest THEN
      RAISE EXCEPTION 'plan_digest: what the plan was made of has changed' USING ERRCODE = 'IU014', COLUMN = 'plan_digest',
        DETAIL = CASE WHEN v_plan.state_digest = v_run.state_digest THEN 'A gate has changed since.' ELSE 'The state has moved on since.' END, HINT = 'Plan again.';
    END IF;
    -- What was true at the start must be true at the end: a gate that closed meanwhile stops the command here.
    PERFORM fn_iu_gate_require(g) FROM unnest(v_command.gates) AS g;
    -- So must who acts, unless the command has just shut the door behind them, as a new password does.
    IF NOT EXISTS (SELECT FROM jsonb_array_elements(v_outcome -> 'objects') AS o
                   WHERE o ->> 'change' = 'update' AND (o ->> 'ref' = 'account:' || v_who.actor OR starts_with(o ->> 'ref', format('token:%s/', v_who.actor)))) THEN
      PERFORM FROM fn_iu_who(p_token);
    END IF;
    v_message := 'done';
  EXCEPTION
    WHEN serialization_failure OR deadlock_detected OR lock_not_available THEN
      RAISE;                                          -- the caller tries again with the same key
    WHEN SQLSTATE 'IU012' THEN
      RAISE;
    WHEN SQLSTATE 'XPLAN' THEN
      v_message := 'planned';
    WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL, v_hint = PG_EXCEPTION_HINT, v_column = COLUMN_NAME;
      -- In the words of this command's parameters.
      IF fn_dot_field(v_column, v_command.param_schema) <> v_column THEN
        v_message := regexp_replace(v_message, '^' || v_column || ':', fn_dot_field(v_column, v_command.param_schema) || ':');
        v_column := fn_dot_field(v_column, v_command.param_schema);
      END IF;
      v_run.frozen := NULL; v_run.object_refs := '{}'; v_run.event_count := 0; v_run.event_from := NULL; v_run.event_to := NULL;
      RETURN fn_dot_run_write(v_run, jsonb_build_object(
        'status', CASE WHEN fn_dot_refusal_code(SQLSTATE) IS NULL THEN 'failed' ELSE 'refused' END, 'sqlstate', SQLSTATE,
        'field', nullif(v_column, ''), 'detail', v_message, 'more', nullif(v_detail, ''), 'hint', nullif(v_hint, ''),
        'errors', CASE WHEN cardinality(v_problems) > 0 THEN (SELECT jsonb_agg(jsonb_build_object('field', split_part(p, ': ', 1), 'message', substr(p, length(split_part(p, ': ', 1)) + 3))) FROM unnest(v_problems) AS p) END));
  END;
  RETURN fn_dot_run_write(v_run, jsonb_build_object('status', CASE p_mode WHEN 'plan' THEN 'planned' ELSE 'succeeded' END, 'events', v_events), v_outcome);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_command_run(text, text, jsonb, text, text, bigint, text, text, text) IS 'Runs a command for who holds the token (without one: for the login): plan, apply, verify or rollback; returns the receipt, which is also the ledger''s row. A refusal is returned, not raised. Raises 40001, 40P01 and 55P03 (try again with the same key), IU012 nobody, IU013 no right, IU003 unknown command or run, IU002 bad mode or key, IU011 isolation; these leave no row';
REVOKE ALL ON FUNCTION iu_core.fn_dot_command_run(text, text, jsonb, text, text, bigint, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_command_run(text, text, jsonb, text, text, bigint, text, text, text) TO iu_console, iu_operator, iu_approver;

-- requires: dot_iu_command, iu_core
CREATE FUNCTION iu_core.fn_dot_commands_forget(p_command_codes text[])
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ DELETE FROM dot_iu_command WHERE command_code = ANY (p_command_codes) $$;
COMMENT ON FUNCTION iu_core.fn_dot_commands_forget(text[]) IS 'Removes commands from the registry, the rollback of their registration; the ledger keeps their history';
REVOKE ALL ON FUNCTION iu_core.fn_dot_commands_forget(text[]) FROM PUBLIC;

-- requires: dot_iu_command, iu_core
CREATE FUNCTION iu_core.fn_dot_commands_register(p_commands jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(key, ', ') INTO v_wrong FROM jsonb_each(p_commands)
  WHERE to_regprocedure(format('iu_core.%I(jsonb, jsonb)', key)) IS NULL;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'commands: % without a handler', v_wrong USING ERRCODE = 'IU002', COLUMN = 'commands', HINT = 'A handler is iu_core.NAME(params jsonb, context jsonb).';
  END IF;
  INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, param_schema, description)
  SELECT key, c.area, c.tier, c.required_right, c.gates, c.reason_required, c.confirm_param, c.body_params, c.secret_params, c.param_schema, c.description
  FROM jsonb_each(p_commands) CROSS JOIN LATERAL jsonb_populate_record(NULL::dot_iu_command, value) AS c
  ON CONFLICT (command_code) DO UPDATE
  SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required,
      confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params,
      param_schema = excluded.param_schema, description = excluded.description;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_commands_register(jsonb) IS 'Registers commands: {"code": {"area", "tier", "required_right", "gates", "reason_required", "confirm_param", "body_params", "secret_params", "param_schema", "description"}}; IU002 for one without a handler';
REVOKE ALL ON FUNCTION iu_core.fn_dot_commands_register(jsonb) FROM PUBLIC;

-- What the composer calls its arguments, and what a command calls the parameter that they came from; the first
-- that the command has.
CREATE FUNCTION iu_core.fn_dot_field(p_column text, p_schema jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT coalesce((
    SELECT a.parameter
    FROM (VALUES (1, p_column, p_column), (2, 'canonical_address', 'address'), (3, 'canonical_address', 'source_path'), (4, 'unit_kind', 'kind'), (5, 'unit_kind', 'cut'),
                 (6, 'collection_kind', 'kind'), (7, 'unit_ids', 'piece'), (8, 'unit_ids', 'pieces'), (9, 'unit_ids', 'steps'), (10, 'unit_ids', 'checkpoint'), (11, 'starts', 'cut'),
                 (12, 'content', 'cut'), (13, 'section_levels', 'cut'), (14, 'worker_code', 'worker')) AS a(n, raised, parameter)
    WHERE a.raised = p_column AND p_schema -> 'properties' ? a.parameter
    ORDER BY a.n LIMIT 1), p_column)
$$;
COMMENT ON FUNCTION iu_core.fn_dot_field(text, jsonb) IS 'The parameter of a command that a refusal''s column stands for; the column itself where there is none';
REVOKE ALL ON FUNCTION iu_core.fn_dot_field(text, jsonb) FROM PUBLIC;

-- requires: fn_dot_gate_facts, fn_iu_gate_state, iu_core
CREATE FUNCTION iu_core.fn_dot_gate_changed(p_gate text, p_before jsonb, p_inverse jsonb)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_build_object(
    'state', p_before,
    'objects', jsonb_build_array(jsonb_build_object('ref', 'gate:' || p_gate, 'change', 'update', 'before', p_before - 'by' - 'reason', 'after', fn_dot_gate_facts(p_gate) - 'by' - 'reason')),
    'result', jsonb_build_object('gate', p_gate, 'gate_state', fn_iu_gate_state(p_gate)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'gate_is_' || fn_iu_gate_state(p_gate), 'kind', 'gate', 'gate', p_gate, 'state', fn_iu_gate_state(p_gate))),
    'inverse', p_inverse)
$$;
COMMENT ON FUNCTION iu_core.fn_dot_gate_changed(text, jsonb, jsonb) IS 'What the gate commands return; who and why are in the ledger''s row, so a plan''s diff does not depend on them';
REVOKE ALL ON FUNCTION iu_core.fn_dot_gate_changed(text, jsonb, jsonb) FROM PUBLIC;

-- requires: iu_core, v_iu_event_backlog, v_iu_held_event
CREATE FUNCTION iu_core.fn_dot_gate_would_release(p_gate text)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT CASE p_gate
    WHEN 'iu_core.route_worker_enabled' THEN (SELECT jsonb_build_array(format('%s events wait for the worker, of %s types.', CASE WHEN coalesce(sum(pending), 0) > 10000 THEN '10,000+' ELSE coalesce(sum(pending), 0)::text END, count(*))) FROM v_iu_event_backlog)
    WHEN 'iu_core.routes_master_enabled' THEN (SELECT jsonb_build_array(format('New events go to their lanes again. %s held events stay held until they are released or discarded.', CASE WHEN count(*) > 10000 THEN '10,000+' ELSE count(*)::text END)) FROM (SELECT FROM v_iu_held_event LIMIT 10001) AS held)
    ELSE '[]' END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_gate_would_release(text) IS 'What the opening of a gate lets go, in words';
REVOKE ALL ON FUNCTION iu_core.fn_dot_gate_would_release(text) FROM PUBLIC;

-- requires: dot_iu_command_run, iu_core
-- Named columns in a fixed order and form: a column that is added later does not change old digests, nor
-- does the session's time zone.
CREATE FUNCTION iu_core.fn_dot_ledger_row_digest(p_run iu_core.dot_iu_command_run)
RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT sha256(convert_to(jsonb_build_array(1, (p_run).id, (p_run).command_code, (p_run).mode, (p_run).status, (p_run).code, (p_run).actor, (p_run).actor_kind, (p_run).reason, (p_run).params,
    encode((p_run).param_digest, 'hex'), encode((p_run).state_digest, 'hex'), encode((p_run).plan_digest, 'hex'), (p_run).plan_run_id, (p_run).target_run_id, (p_run).idempotency_key,
    (p_run).object_refs, (p_run).event_count, (p_run).event_from, (p_run).event_to, (p_run).xid::text, (p_run).frozen, (p_run).receipt,
    extract(epoch FROM (p_run).started_at), extract(epoch FROM (p_run).finished_at))::text, 'UTF8'))
$$;
COMMENT ON FUNCTION iu_core.fn_dot_ledger_row_digest(iu_core.dot_iu_command_run) IS 'SHA-256 over one row of the ledger, form 1';
REVOKE ALL ON FUNCTION iu_core.fn_dot_ledger_row_digest(iu_core.dot_iu_command_run) FROM PUBLIC;

-- requires: dot_iu_command_run, dot_iu_command_seal, dot_iu_command_unsealed, iu_core
CREATE FUNCTION iu_core.fn_dot_ledger_seal(p_limit integer DEFAULT 1000)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_no bigint;
  v_digest bytea;
  v_run dot_iu_command_run;
  v_sealed integer := 0;
BEGIN
  IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 100000 THEN
    RAISE EXCEPTION 'limit: % is not between 1 and 100000', coalesce(p_limit::text, 'null') USING ERRCODE = 'IU002', COLUMN = 'limit';
  END IF;
  -- One sealer at a time; another has nothing to wait for.
  IF NOT EXISTS (SELECT FROM dot_iu_command_unsealed) OR NOT pg_try_advisory_xact_lock(hashtext('iu_core.ledger_seal')) THEN
    RETURN 0;
  END IF;
  SELECT seal_no, chain_digest INTO v_no, v_digest FROM dot_iu_command_seal ORDER BY seal_no DESC LIMIT 1;
  v_no := coalesce(v_no, 0);
  v_digest := coalesce(v_digest, sha256('iu ledger 1'));
  FOR v_run IN
    WITH taken AS (
      DELETE FROM dot_iu_command_unsealed WHERE run_id IN (SELECT run_id FROM dot_iu_command_unsealed ORDER BY run_id LIMIT p_limit) RETURNING run_id
    )
    SELECT r.* FROM taken JOIN dot_iu_command_run AS r ON r.id = taken.run_id ORDER BY r.id
  LOOP
    v_no := v_no + 1;
    v_sealed := v_sealed + 1;
    v_digest := sha256(v_digest || fn_dot_ledger_row_digest(v_run));
    INSERT INTO dot_iu_command_seal (seal_no, run_id, chain_digest) VALUES (v_no, v_run.id, v_digest);
  END LOOP;
  RETURN v_sealed;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_ledger_seal(integer) IS 'Chains up to p_limit committed ledger rows and returns how many; 0 when there is none, or another is sealing';
REVOKE ALL ON FUNCTION iu_core.fn_dot_ledger_seal(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_ledger_seal(integer) TO iu_console, iu_worker, iu_operator, iu_approver;

-- requires: dot_iu_command_run, dot_iu_command_seal, dot_iu_command_unsealed, iu_core
CREATE FUNCTION iu_core.fn_dot_ledger_verify(p_head text DEFAULT NULL)
RETURNS TABLE (ok boolean, problems text[], rows_sealed bigint, rows_unsealed bigint, head text, head_no bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_link record;
  v_digest bytea := sha256('iu ledger 1');
  v_no bigint := 0;
  v_n bigint;
BEGIN
  problems := '{}';
  IF p_head IS NOT NULL AND p_head !~ '^[0-9a-f]{64}$' THEN
    RAISE EXCEPTION 'head: "%" is no SHA-256 in hex', left(p_head, 80) USING ERRCODE = 'IU002', COLUMN = 'head';
  END IF;
  FOR v_link IN SELECT s.seal_no, s.run_id, s.chain_digest, r AS run FROM dot_iu_command_seal AS s LEFT JOIN dot_iu_command_run AS r ON r.id = s.run_id ORDER BY s.seal_no LOOP
    v_no := v_no + 1;
    IF v_link.seal_no <> v_no THEN
      problems := problems || format('link %s is missing', v_no);
      EXIT;
    ELSIF (v_link.run).id IS NULL THEN
      problems := problems || format('link %s: run %s is gone from the ledger', v_no, v_link.run_id);
      EXIT;
    END IF;
    v_digest := sha256(v_digest || fn_dot_ledger_row_digest(v_link.run));
    IF v_digest <> v_link.chain_digest THEN
      problems := problems || format('link %s: run %s is not what was sealed', v_no, v_link.run_id);
      EXIT;
    END IF;
  END LOOP;
  SELECT count(*) INTO rows_sealed FROM dot_iu_command_seal;
  SELECT count(*) INTO rows_unsealed FROM dot_iu_command_unsealed;
  SELECT count(*) INTO v_n FROM dot_iu_command_run AS r
  WHERE NOT EXISTS (SELECT FROM dot_iu_command_seal AS s WHERE s.run_id = r.id) AND NOT EXISTS (SELECT FROM dot_iu_command_unsealed AS u WHERE u.run_id = r.id);
  IF v_n > 0 THEN
    problems := problems || format('%s runs are neither sealed nor waiting for it', v_n);
  END IF;
  SELECT encode(chain_digest, 'hex'), seal_no INTO head, head_no FROM dot_iu_command_seal ORDER BY seal_no DESC LIMIT 1;
  IF p_head IS NOT NULL AND NOT EXISTS (SELECT FROM dot_iu_command_seal WHERE chain_digest = decode(p_head, 'hex')) THEN
    problems := problems || format('the head %s… is not in this chain: rows were removed or written anew since it was exported', left(p_head, 12));
  END IF;
  ok := cardinality(problems) = 0;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_ledger_verify(text) IS 'Walks the chain from its first link, computing each digest anew, and looks for a head that was exported earlier: ok, or what is wrong. IU002 for a head that is no digest';
REVOKE ALL ON FUNCTION iu_core.fn_dot_ledger_verify(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_ledger_verify(text) TO iu_reader;

-- requires: dot_iu_command, iu_core
CREATE FUNCTION iu_core.fn_dot_params_kept(p_command iu_core.dot_iu_command, p_params jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT CASE WHEN jsonb_typeof(p_params) <> 'object' OR (SELECT count(*) FROM jsonb_object_keys(CASE jsonb_typeof(p_params) WHEN 'object' THEN p_params ELSE '{}' END)) > 100 THEN jsonb_build_object('sha256', encode(sha256(convert_to(p_params::text, 'UTF8')), 'hex'))
         ELSE (
    SELECT coalesce(jsonb_object_agg(left(key, 80), CASE
             WHEN key = ANY ((p_command).secret_params) THEN '"(secret)"'::jsonb
             WHEN key = ANY ((p_command).body_params) OR octet_length(value::text) > 8192 OR NOT (p_command).param_schema -> 'properties' ? key
               THEN jsonb_build_object('sha256', encode(sha256(convert_to(value #>> '{}', 'UTF8')), 'hex'), 'bytes', octet_length(value #>> '{}'))
             ELSE value END), '{}')
    FROM jsonb_each(p_params)) END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_params_kept(iu_core.dot_iu_command, jsonb) IS 'The parameters as the ledger keeps them: no secrets, and texts (or whatever is large or unknown) as SHA-256 and bytes';
REVOKE ALL ON FUNCTION iu_core.fn_dot_params_kept(iu_core.dot_iu_command, jsonb) FROM PUBLIC;

-- requires: iu_core
CREATE FUNCTION iu_core.fn_dot_refusal_code(p_sqlstate text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT CASE p_sqlstate
    WHEN 'IU001' THEN 'gate_closed' WHEN 'IU002' THEN 'invalid_parameter' WHEN 'IU003' THEN 'not_found' WHEN 'IU004' THEN 'taken'
    WHEN 'IU005' THEN 'append_only' WHEN 'IU006' THEN 'round_trip_failed' WHEN 'IU007' THEN 'unknown_event_type' WHEN 'IU008' THEN 'reserved_event_type'
    WHEN 'IU009' THEN 'lifecycle_refused' WHEN 'IU010' THEN 'would_destroy_history' WHEN 'IU011' THEN 'wrong_isolation' WHEN 'IU012' THEN 'unauthenticated'
    WHEN 'IU013' THEN 'forbidden' WHEN 'IU014' THEN 'stale_plan' WHEN 'IU015' THEN 'key_conflict' WHEN 'IU016' THEN 'nothing_to_do'
    WHEN 'IU017' THEN 'not_reversible' WHEN 'IU018' THEN 'second_person_required' END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_refusal_code(text) IS 'The stable code of an SQLSTATE of ours, null for any other; docs/errors.md is the catalogue';
REVOKE ALL ON FUNCTION iu_core.fn_dot_refusal_code(text) FROM PUBLIC;

-- requires: iu_core, iu_outbound_route
CREATE FUNCTION iu_core.fn_dot_route_switched(p_route_code text, p_enabled boolean)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_route iu_outbound_route;
BEGIN
  SELECT * INTO v_route FROM iu_outbound_route WHERE route_code = p_route_code FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'route: there is no %', p_route_code USING ERRCODE = 'IU003', COLUMN = 'route';
  ELSIF v_route.enabled = p_enabled THEN
    RAISE EXCEPTION 'route: % is % already', p_route_code, CASE WHEN p_enabled THEN 'enabled' ELSE 'disabled' END USING ERRCODE = 'IU016', COLUMN = 'route';
  END IF;
  UPDATE iu_outbound_route SET enabled = p_enabled WHERE id = v_route.id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('enabled', v_route.enabled, 'dry_run', v_route.dry_run, 'definition', encode(v_route.definition_digest, 'hex')),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'route:' || p_route_code, 'change', 'update', 'before', jsonb_build_object('enabled', v_route.enabled), 'after', jsonb_build_object('enabled', p_enabled))),
    'result', jsonb_build_object('route', p_route_code, 'enabled', p_enabled),
    'checks', jsonb_build_array(jsonb_build_object('name', CASE WHEN p_enabled THEN 'route_is_enabled' ELSE 'route_is_disabled' END, 'kind', 'route', 'route', p_route_code, 'enabled', p_enabled)),
    'inverse', jsonb_build_object('command', CASE WHEN p_enabled THEN 'dot_iu_disable_route' ELSE 'dot_iu_enable_route' END, 'params', jsonb_build_object('route', p_route_code)));
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_route_switched(text, boolean) IS 'Switches a route and returns what the handlers return; IU003 unknown, IU016 it is so already';
REVOKE ALL ON FUNCTION iu_core.fn_dot_route_switched(text, boolean) FROM PUBLIC;

-- requires: dot_iu_command_run, iu_core
CREATE FUNCTION iu_core.fn_dot_run_verify(p_run iu_core.dot_iu_command_run, p_target iu_core.dot_iu_command_run)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_results jsonb;
BEGIN
  SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('name', c ->> 'name', 'ok', d.detail IS NULL, 'detail', d.detail)) ORDER BY n), '[]') INTO v_results
  FROM jsonb_array_elements((p_target).receipt -> 'checks') WITH ORDINALITY AS x(c, n)
  CROSS JOIN LATERAL (SELECT fn_dot_check(c) AS detail OFFSET 0) AS d;
  IF (p_target).event_count > 0 THEN
    v_results := v_results || (
      SELECT jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('name', 'events_written', 'ok', count(*) = (p_target).event_count,
               'detail', CASE WHEN count(*) <> (p_target).event_count THEN format('want %s, have %s', (p_target).event_count, count(*)) END)))
      FROM event_outbox WHERE id BETWEEN (p_target).event_from AND (p_target).event_to AND xid = (p_target).xid);
  END IF;
  RETURN fn_dot_run_write(p_run, jsonb_build_object('results', v_results,
    'status', CASE WHEN EXISTS (SELECT FROM jsonb_array_elements(v_results) AS r WHERE NOT (r -> 'ok')::boolean) THEN 'unverified' ELSE 'verified' END));
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_run_verify(iu_core.dot_iu_command_run, iu_core.dot_iu_command_run) IS 'Checks a run''s named postconditions against the present state and writes the result: verified, or unverified with what differs';
REVOKE ALL ON FUNCTION iu_core.fn_dot_run_verify(iu_core.dot_iu_command_run, iu_core.dot_iu_command_run) FROM PUBLIC;

-- requires: dot_iu_command_run, dot_iu_command_unsealed, iu_core
-- The only INSERT into the ledger. p_outcome is what a handler returned.
CREATE FUNCTION iu_core.fn_dot_run_write(p_run iu_core.dot_iu_command_run, p_told jsonb, p_outcome jsonb DEFAULT '{}')
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_id constant bigint := nextval('iu_core.dot_iu_command_run_id_seq');
  v_finished constant timestamptz := clock_timestamp();
  v_objects constant jsonb := coalesce(p_outcome -> 'objects', '[]');
  v_code constant text := CASE WHEN p_told ->> 'status' = 'failed' THEN 'internal' ELSE fn_dot_refusal_code(p_told ->> 'sqlstate') END;
  v_receipt jsonb;
BEGIN
  v_receipt := jsonb_strip_nulls(jsonb_build_object(
    'run', v_id, 'command', (p_run).command_code, 'mode', (p_run).mode, 'actor', (p_run).actor, 'reason', (p_run).reason, 'params', (p_run).params,
    'code', v_code, 'plan_digest', encode((p_run).plan_digest, 'hex'), 'plan_run', (p_run).plan_run_id, 'target_run', (p_run).target_run_id,
    'started_at', (p_run).started_at, 'finished_at', v_finished)) || jsonb_strip_nulls(p_told - 'sqlstate');
  IF p_told ->> 'status' = 'failed' THEN
    -- What broke inside is for the ledger's reader and the log, not for the caller.
    v_receipt := v_receipt - 'more' - 'hint' - 'field' || '{"detail": "Something went wrong inside; nothing was changed."}';
  ELSIF p_told ->> 'status' IN ('planned', 'succeeded') THEN
    v_receipt := v_receipt || jsonb_build_object(
      'objects', (SELECT coalesce(jsonb_agg(o ORDER BY n), '[]') FROM jsonb_array_elements(v_objects) WITH ORDINALITY AS x(o, n) WHERE n <= 200),
      'counts', (SELECT jsonb_build_object('create', count(*) FILTER (WHERE o ->> 'change' = 'create'), 'update', count(*) FILTER (WHERE o ->> 'change' = 'update'),
                                           'delete', count(*) FILTER (WHERE o ->> 'change' = 'delete')) FROM jsonb_array_elements(v_objects) AS o),
      'before_digest', encode((p_run).state_digest, 'hex'),
      'after_digest', encode(sha256(convert_to(jsonb_path_query_array(v_objects, '$[*].after')::text, 'UTF8')), 'hex'),
      'result', coalesce(p_outcome -> 'result', '{}'), 'notes', coalesce(p_outcome -> 'notes', '[]'), 'checks', coalesce(p_outcome -> 'checks', '[]'),
      'inverse', coalesce(p_outcome -> 'inverse', 'null'))
      || CASE WHEN coalesce(p_outcome -> 'inverse', 'null') = 'null' THEN jsonb_build_object('irreversible', coalesce(p_outcome ->> 'irreversible', 'It cannot be undone.')) ELSE '{}' END
      || CASE WHEN (p_run).mode = 'plan' THEN jsonb_build_object('expires_at', v_finished + interval '1 hour') ELSE '{}' END;
  END IF;
  INSERT INTO dot_iu_command_run (id, command_code, mode, status, code, actor, actor_kind, reason, params, param_digest, state_digest, plan_digest, plan_run_id, target_run_id,
                                  idempotency_key, object_refs, event_count, event_from, event_to, frozen, receipt, started_at, finished_at)
  OVERRIDING SYSTEM VALUE
  VALUES (v_id, (p_run).command_code, (p_run).mode, p_told ->> 'status', v_code, (p_run).actor, (p_run).actor_kind, (p_run).reason, (p_run).params, (p_run).param_digest,
          (p_run).state_digest, (p_run).plan_digest, (p_run).plan_run_id, (p_run).target_run_id, (p_run).idempotency_key, (p_run).object_refs, (p_run).event_count, (p_run).event_from, (p_run).event_to,
          (p_run).frozen, v_receipt || CASE WHEN p_told ->> 'status' = 'failed' THEN jsonb_build_object('fault', jsonb_build_object('sqlstate', p_told -> 'sqlstate', 'message', left(p_told ->> 'detail', 300))) ELSE '{}' END, (p_run).started_at, v_finished);
  INSERT INTO dot_iu_command_unsealed (run_id) VALUES (v_id);
  -- Told once, kept nowhere.
  RETURN v_receipt || CASE WHEN (p_run).mode <> 'plan' AND p_outcome ? 'secret' THEN jsonb_build_object('secret', p_outcome -> 'secret') ELSE '{}' END;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_run_write(iu_core.dot_iu_command_run, jsonb, jsonb) IS 'Writes a run into the ledger and returns its receipt';
REVOKE ALL ON FUNCTION iu_core.fn_dot_run_write(iu_core.dot_iu_command_run, jsonb, jsonb) FROM PUBLIC;

-- requires: information_unit, iu_core
CREATE FUNCTION iu_core.fn_dot_unit(p_params jsonb, p_field text)
RETURNS iu_core.information_unit
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit information_unit;
BEGIN
  SELECT * INTO v_unit FROM information_unit WHERE canonical_address = p_params ->> p_field FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION '%: no piece has the address %', p_field, p_params ->> p_field USING ERRCODE = 'IU003', COLUMN = p_field;
  END IF;
  RETURN v_unit;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_unit(jsonb, text) IS 'The unit that a parameter names by its address, locked; IU003 when there is none';
REVOKE ALL ON FUNCTION iu_core.fn_dot_unit(jsonb, text) FROM PUBLIC;

-- requires: information_unit, unit_version, iu_collection_piece
CREATE OR REPLACE FUNCTION iu_core.fn_iu_apply_versions(p_unit_ids bigint[], p_bodies text[], p_unit_kinds text[] DEFAULT NULL, p_titles text[] DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_wrong text;
  v_written integer;
  v_actor constant text := fn_iu_actor();
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  IF p_unit_kinds IS NOT NULL THEN
    PERFORM fn_iu_classify('unit_kind', p_unit_kinds, 'unit_kind');
  END IF;
  IF cardinality(p_bodies) IS DISTINCT FROM cardinality(p_unit_ids) OR array_position(p_bodies, NULL) > 0 THEN
    RAISE EXCEPTION 'body: every version has a body' USING ERRCODE = 'IU002', COLUMN = 'body';
  END IF;
  -- Units before collections: the lock order of every writer.
  PERFORM FROM information_unit WHERE id = ANY (p_unit_ids) ORDER BY id FOR UPDATE;
  GET DIAGNOSTICS v_written = ROW_COUNT;
  IF v_written IS DISTINCT FROM cardinality(p_unit_ids) THEN
    RAISE EXCEPTION 'unit_ids: names a unit twice, or one that does not exist' USING ERRCODE = 'IU003', COLUMN = 'unit_ids';
  END IF;
  SELECT format('%s (%s)', canonical_address, lifecycle_status) INTO v_wrong
  FROM information_unit WHERE id = ANY (p_unit_ids) AND lifecycle_status IN ('retired', 'deleted') LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'unit % takes no new version', v_wrong USING ERRCODE = 'IU009', COLUMN = 'unit_ids', HINT = 'Restore it first.';
  END IF;
  WITH given AS (
    SELECT g.unit_id, g.body, coalesce(g.kind, u.unit_kind) AS kind, coalesce(g.title, u.title) AS title,
           u.current_version_seq + 1 AS version_seq, octet_length(g.body) - v.byte_length AS growth, sha256(convert_to(g.body, 'UTF8')) AS digest
    FROM unnest(p_unit_ids, p_bodies, p_unit_kinds, p_titles) AS g(unit_id, body, kind, title)
    JOIN information_unit AS u ON u.id = g.unit_id
    JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
    WHERE v.content_digest <> sha256(convert_to(g.body, 'UTF8'))
  ), written AS (
    INSERT INTO unit_version (unit_id, version_seq, body, content_digest, byte_length, created_by)
    SELECT unit_id, version_seq, body, digest, octet_length(body), v_actor FROM given ORDER BY unit_id
    RETURNING unit_id
  ), applied AS (
    UPDATE information_unit AS u SET current_version_seq = given.version_seq, unit_kind = given.kind, title = given.title
    FROM given WHERE u.id = given.unit_id
  ), followed AS (
    SELECT fn_iu_collection_touch(p.collection_id, 0, sum(given.growth)::bigint)
    FROM given JOIN iu_collection_piece AS p ON p.unit_id = given.unit_id AND p.pinned_version_seq IS NULL
    GROUP BY p.collection_id ORDER BY p.collection_id
  )
  SELECT count(*) INTO v_written FROM written, (SELECT count(*) FROM followed) AS all_touched;
  RETURN v_written;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_apply_versions(bigint[], text[], text[], text[]) IS 'Gives each unit a new version where its body differs, and raises the revision of every collection that follows it; returns how many were written. IU001 closed gate, IU002 bad input, IU003 unknown unit, IU009 retired or deleted unit';
REVOKE ALL ON FUNCTION iu_core.fn_iu_apply_versions(bigint[], text[], text[], text[]) FROM PUBLIC;

-- requires: iu_vocabulary
CREATE OR REPLACE FUNCTION iu_core.fn_iu_classify(p_term_class text, p_terms text[], p_field text)
RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unknown text;
BEGIN
  SELECT coalesce(t, 'null') INTO v_unknown
  FROM (SELECT DISTINCT t FROM unnest(p_terms) AS t) AS given
  WHERE NOT EXISTS (SELECT FROM iu_vocabulary v WHERE v.term_class = p_term_class AND v.term = given.t)
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '%: % is not a known %', p_field, left(v_unknown, 80), p_term_class
      USING ERRCODE = 'IU002', COLUMN = p_field,
            HINT = 'Use one of: ' || coalesce((SELECT string_agg(term, ', ' ORDER BY term) FROM iu_vocabulary WHERE term_class = p_term_class), '(none registered)');
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_classify(text, text[], text) IS 'Raises IU002 (invalid_parameter) naming p_field when a term is not in the vocabulary';
REVOKE ALL ON FUNCTION iu_core.fn_iu_classify(text, text[], text) FROM PUBLIC;

CREATE FUNCTION iu_core.fn_iu_collection_add(
  p_collection_id bigint, p_unit_ids bigint[], p_positions numeric[], p_separators text[], p_pinned_version_seqs integer[] DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_wrong text;
BEGIN
  -- Locked before it is judged: a retirement under way is waited for.
  PERFORM FROM information_unit WHERE id = ANY (p_unit_ids) ORDER BY id FOR KEY SHARE;
  SELECT format('%s (%s)', u.canonical_address, u.lifecycle_status) INTO v_wrong
  FROM information_unit AS u WHERE u.id = ANY (p_unit_ids) AND u.lifecycle_status IN ('retired', 'deleted') LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'unit % cannot be added anywhere', v_wrong USING ERRCODE = 'IU009', COLUMN = 'unit_ids', HINT = 'Restore it first, or add another.';
  END IF;
  PERFORM fn_iu_collection_put(p_collection_id, p_unit_ids, p_positions, p_separators, p_pinned_version_seqs);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_add(bigint, bigint[], numeric[], text[], integer[]) IS 'Puts units into a collection at the given positions, in one set; the refusals of fn_iu_collection_put, and IU009 for a retired or deleted unit';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_add(bigint, bigint[], numeric[], text[], integer[]) FROM PUBLIC;

-- requires: iu_core
CREATE FUNCTION iu_core.fn_iu_collection_put(p_collection_id bigint, p_unit_ids bigint[], p_positions numeric[], p_separators text[], p_pinned_version_seqs integer[] DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_count constant integer := cardinality(p_unit_ids);
  v_address text;
  v_joiner text;
  v_tail integer;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  IF v_count IS NULL OR (cardinality(p_positions), cardinality(p_separators), cardinality(coalesce(p_pinned_version_seqs, array_fill(NULL::integer, ARRAY[v_count])))) IS DISTINCT FROM (v_count, v_count, v_count)
     OR array_position(p_unit_ids, NULL) > 0 OR array_position(p_positions, NULL) > 0 THEN
    RAISE EXCEPTION 'unit_ids, positions and separators must be arrays of one length, each unit with its position' USING ERRCODE = 'IU002', COLUMN = 'unit_ids';
  END IF;
  -- Units before collections: the lock order of every writer. A unit that is being revised is waited for, so that its new version counts.
  PERFORM FROM information_unit WHERE id = ANY (p_unit_ids) ORDER BY id FOR KEY SHARE;
  SELECT canonical_address, joiner INTO v_address, v_joiner FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'collection: no collection has the id %', p_collection_id USING ERRCODE = 'IU003', COLUMN = 'collection_id';
  END IF;
  v_tail := fn_iu_collection_tail(p_collection_id);
  BEGIN
    INSERT INTO iu_collection_piece (collection_id, unit_id, position, separator, pinned_version_seq)
    SELECT p_collection_id, unit_id, position, separator, pin FROM unnest(p_unit_ids, p_positions, p_separators, p_pinned_version_seqs) AS g(unit_id, position, separator, pin);
  EXCEPTION
    WHEN unique_violation THEN
      RAISE EXCEPTION 'a unit stands in a collection at most once, and a position holds one piece' USING ERRCODE = 'IU004', COLUMN = 'unit_ids';
    WHEN foreign_key_violation THEN
      RAISE EXCEPTION 'unit_ids: names a unit, or pins a version, that does not exist' USING ERRCODE = 'IU003', COLUMN = 'unit_ids';
  END;
  PERFORM fn_iu_collection_touch(p_collection_id, v_count,
    sum(v.byte_length + octet_length(coalesce(g.separator, v_joiner)))::bigint + v_tail - fn_iu_collection_tail(p_collection_id))
  FROM unnest(p_unit_ids, p_separators, p_pinned_version_seqs) AS g(unit_id, separator, pin)
  JOIN information_unit AS u ON u.id = g.unit_id
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(g.pin, u.current_version_seq)
  HAVING count(*) > 0;
  PERFORM fn_iu_outbox_append('piece_added_to_collection', 'iu_collection', array_agg(v_address ORDER BY g.n),
    array_agg(jsonb_build_object('collection_address', v_address, 'unit_id', u.id, 'unit_address', u.canonical_address, 'position', g.position) ORDER BY g.n))
  FROM unnest(p_unit_ids, p_positions) WITH ORDINALITY AS g(unit_id, position, n) JOIN information_unit AS u ON u.id = g.unit_id
  HAVING count(*) > 0;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_put(bigint, bigint[], numeric[], text[], integer[]) IS 'Puts units into a collection at the given positions, in one set, whatever their lifecycle; a pin is null to follow the current version. IU001 closed gate, IU002 bad input, IU003 unknown, IU004 already there';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_put(bigint, bigint[], numeric[], text[], integer[]) FROM PUBLIC;

-- requires: iu_collection
CREATE OR REPLACE FUNCTION iu_core.fn_iu_compose(
  p_canonical_address text, p_collection_kind text, p_title text, p_unit_ids bigint[],
  p_joiner text DEFAULT '', p_separators text[] DEFAULT NULL, p_source_path text DEFAULT NULL, p_source_digest bytea DEFAULT NULL, p_source_byte_length bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_id bigint;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  PERFORM fn_iu_classify('collection_kind', ARRAY[p_collection_kind], 'collection_kind');
  IF fn_iu_is_address(p_canonical_address) IS NOT TRUE THEN
    RAISE EXCEPTION 'canonical_address: "%" is not an address', left(p_canonical_address, 200)
      USING ERRCODE = 'IU002', COLUMN = 'canonical_address',
            HINT = 'Use lower-case segments of a-z 0-9 _ - joined by . and /, at most 512 bytes.';
  END IF;
  INSERT INTO iu_collection (canonical_address, collection_kind, title, joiner, source_path, source_digest, source_byte_length, created_by)
  VALUES (p_canonical_address, p_collection_kind, coalesce(p_title, ''), coalesce(p_joiner, ''), p_source_path, p_source_digest, p_source_byte_length, fn_iu_actor())
  ON CONFLICT (canonical_address) DO NOTHING
  RETURNING id INTO v_id;
  IF v_id IS NULL THEN
    RAISE EXCEPTION 'canonical_address: % is taken%', p_canonical_address,
        coalesce((SELECT format(' by the source %s', source_path) FROM iu_collection WHERE canonical_address = p_canonical_address AND source_path IS NOT NULL), '')
      USING ERRCODE = 'IU004', COLUMN = 'canonical_address', HINT = 'Import under another prefix (--into), or rename the file.';
  END IF;
  PERFORM fn_iu_outbox_append('collection_created', 'iu_collection', ARRAY[p_canonical_address],
    ARRAY[jsonb_build_object('collection_id', v_id, 'collection_address', p_canonical_address, 'collection_kind', p_collection_kind, 'title', coalesce(p_title, ''))]);
  IF cardinality(p_unit_ids) > 0 THEN
    PERFORM fn_iu_collection_add(v_id, p_unit_ids, fn_iu_positions_between(NULL, NULL, cardinality(p_unit_ids)),
                                 coalesce(p_separators, array_fill(NULL::text, ARRAY[cardinality(p_unit_ids)])));
  END IF;
  RETURN v_id;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_compose(text, text, text, bigint[], text, text[], text, bytea, bigint) IS 'Composes a new collection of units in the given order, returns its id; IU001 closed gate, IU002 bad input, IU004 address taken, and the refusals of fn_iu_collection_add';
REVOKE ALL ON FUNCTION iu_core.fn_iu_compose(text, text, text, bigint[], text, text[], text, bytea, bigint) FROM PUBLIC;

-- The birth gate: the only INSERT into information_unit there is, and of a first version.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_create_batch(
  p_canonical_addresses text[], p_unit_kinds text[], p_bodies text[], p_titles text[], p_source_path text DEFAULT NULL)
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_count integer := cardinality(p_canonical_addresses);
  v_wrong text;
  v_ids bigint[];
  v_actor constant text := fn_iu_actor();
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  IF v_count IS NULL OR (cardinality(p_unit_kinds), cardinality(p_bodies), cardinality(p_titles)) IS DISTINCT FROM (v_count, v_count, v_count) THEN
    RAISE EXCEPTION 'canonical_addresses, unit_kinds, bodies and titles must be arrays of one length'
      USING ERRCODE = 'IU002', COLUMN = 'canonical_addresses';
  END IF;
  SELECT coalesce(a, 'null') INTO v_wrong FROM unnest(p_canonical_addresses) AS a WHERE fn_iu_is_address(a) IS NOT TRUE LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'canonical_address: "%" is not an address', left(v_wrong, 200)
      USING ERRCODE = 'IU002', COLUMN = 'canonical_address',
            HINT = 'Use lower-case segments of a-z 0-9 _ - joined by . and /, at most 512 bytes.';
  END IF;
  IF array_position(p_bodies, NULL) IS NOT NULL THEN
    RAISE EXCEPTION 'body: a unit is born with a body' USING ERRCODE = 'IU002', COLUMN = 'body';
  END IF;
  PERFORM fn_iu_classify('unit_kind', p_unit_kinds, 'unit_kind');

  BEGIN
    WITH given AS (
      SELECT address, kind, coalesce(title, '') AS title, n
      FROM unnest(p_canonical_addresses, p_unit_kinds, p_titles) WITH ORDINALITY AS g(address, kind, title, n)
    ), born AS (
      INSERT INTO information_unit (canonical_address, unit_kind, title, source_path, created_by)
      SELECT address, kind, title, p_source_path, v_actor FROM given ORDER BY n
      RETURNING id, canonical_address
    )
    SELECT array_agg(born.id ORDER BY given.n) INTO v_ids
    FROM given JOIN born ON born.canonical_address = given.address;
  EXCEPTION WHEN unique_violation THEN
    SELECT a INTO v_wrong FROM unnest(p_canonical_addresses) AS a
    WHERE EXISTS (SELECT FROM information_unit u WHERE u.canonical_address = a) LIMIT 1;
    RAISE EXCEPTION 'canonical_address: % is taken', coalesce(v_wrong, '(given twice, or taken just now)')
      USING ERRCODE = 'IU004', COLUMN = 'canonical_address', HINT = 'Choose another address.';
  END;

  INSERT INTO unit_version (unit_id, version_seq, body, content_digest, byte_length, created_by)
  SELECT id, 1, body, sha256(convert_to(body, 'UTF8')), octet_length(body), v_actor
  FROM unnest(v_ids, p_bodies) AS v(id, body);
  RETURN coalesce(v_ids, '{}');
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_create_batch(text[], text[], text[], text[], text) IS 'Birth gate, set-based: makes one unit with version 1 per element, returns their ids in the given order; IU001 closed gate, IU002 bad input, IU004 address taken';
REVOKE ALL ON FUNCTION iu_core.fn_iu_create_batch(text[], text[], text[], text[], text) FROM PUBLIC;

-- requires: dot_config, iu_core, iu_vocabulary
CREATE FUNCTION iu_core.fn_iu_gate_repair(p_gate text)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  INSERT INTO dot_config (key, value, value_type, description, reason)
  SELECT term, 'false', 'gate', description, 'made anew, closed' FROM iu_vocabulary WHERE term_class = 'gate' AND term = p_gate
  ON CONFLICT (key) DO NOTHING
$$;
COMMENT ON FUNCTION iu_core.fn_iu_gate_repair(text) IS 'Makes the row of a declared gate that has lost it, closed';
REVOKE ALL ON FUNCTION iu_core.fn_iu_gate_repair(text) FROM PUBLIC;

-- requires: event_outbox
-- The only INSERT into the outbox, and the one place that decides the lane.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_outbox_append(
  p_event_type text, p_event_subject_table text, p_event_subject_refs text[], p_payloads jsonb[], p_idempotency_key text DEFAULT NULL)
RETURNS SETOF bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_actor constant text := fn_iu_actor();
  v_open boolean := fn_iu_gate_is_open('iu_core.routes_master_enabled');
BEGIN
  RETURN QUERY
  INSERT INTO event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, idempotency_key, actor)
  SELECT t.event_domain, t.event_type, p_event_subject_table, e.ref, e.payload,
         CASE WHEN v_open THEN t.delivery_lane ELSE 'held' END,
         CASE WHEN t.delivery_lane = 'immediate' THEN p_idempotency_key END, v_actor
  FROM iu_event_type AS t
  CROSS JOIN unnest(p_event_subject_refs, p_payloads) WITH ORDINALITY AS e(ref, payload, n)
  WHERE t.event_type = p_event_type
  ORDER BY e.n
  ON CONFLICT DO NOTHING
  RETURNING id;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_outbox_append(text, text, text[], jsonb[], text) IS 'Writes one event per element in the given order, on the type''s lane or, while the master gate is closed, on lane held; a duplicate key writes nothing. Returns the ids written';
REVOKE ALL ON FUNCTION iu_core.fn_iu_outbox_append(text, text, text[], jsonb[], text) FROM PUBLIC;

-- Runs for bad rows only; says in words what the compiled predicate only answers with no. It stops at
-- twenty: a person reads them, and a long list of bad items must not hold up a pass.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_payload_problems(p_payload jsonb, p_schema jsonb, p_path text DEFAULT '$')
RETURNS text[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_type constant text := jsonb_typeof(p_payload);
  v_wanted text[];
  v_problems text[] := '{}';
  v_key text;
  v_value jsonb;
  v_number numeric;
BEGIN
  IF p_schema ? 'type' THEN
    SELECT array_agg(t) INTO v_wanted
    FROM jsonb_array_elements_text(CASE jsonb_typeof(p_schema -> 'type') WHEN 'array' THEN p_schema -> 'type' ELSE jsonb_build_array(p_schema -> 'type') END) AS t;
    IF NOT (v_type = ANY (v_wanted) OR v_type = 'number' AND 'integer' = ANY (v_wanted) AND floor((p_payload #>> '{}')::numeric) = (p_payload #>> '{}')::numeric) THEN
      v_problems := v_problems || format('%s: want %s, have %s', p_path, array_to_string(v_wanted, ' or '), v_type);
    END IF;
  END IF;
  IF p_schema ? 'const' AND p_payload IS DISTINCT FROM p_schema -> 'const' THEN
    v_problems := v_problems || format('%s: want %s, have %s', p_path, p_schema -> 'const', left(p_payload::text, 80));
  END IF;
  IF p_schema ? 'enum' AND NOT EXISTS (SELECT FROM jsonb_array_elements(p_schema -> 'enum') AS e WHERE e = p_payload) THEN
    v_problems := v_problems || format('%s: want one of %s, have %s', p_path, p_schema -> 'enum', left(p_payload::text, 80));
  END IF;
  IF v_type = 'number' THEN
    v_number := (p_payload #>> '{}')::numeric;
    IF v_number < (p_schema ->> 'minimum')::numeric THEN v_problems := v_problems || format('%s: want at least %s, have %s', p_path, p_schema -> 'minimum', left(p_payload::text, 80)); END IF;
    IF v_number > (p_schema ->> 'maximum')::numeric THEN v_problems := v_problems || format('%s: want at most %s, have %s', p_path, p_schema -> 'maximum', left(p_payload::text, 80)); END IF;
    IF v_number <= (p_schema ->> 'exclusiveMinimum')::numeric THEN v_problems := v_problems || format('%s: want more than %s, have %s', p_path, p_schema -> 'exclusiveMinimum', left(p_payload::text, 80)); END IF;
    IF v_number >= (p_schema ->> 'exclusiveMaximum')::numeric THEN v_problems := v_problems || format('%s: want less than %s, have %s', p_path, p_schema -> 'exclusiveMaximum', left(p_payload::text, 80)); END IF;
  ELSIF v_type = 'string' THEN
    IF length(p_payload #>> '{}') < (p_schema ->> 'minLength')::integer THEN v_problems := v_problems || format('%s: want at least %s characters', p_path, p_schema -> 'minLength'); END IF;
    IF length(p_payload #>> '{}') > (p_schema ->> 'maxLength')::integer THEN v_problems := v_problems || format('%s: want at most %s characters, have %s', p_path, p_schema -> 'maxLength', length(p_payload #>> '{}')); END IF;
    IF cardinality(v_problems) = 0 AND p_schema ? 'pattern' AND (p_payload @@ ('$ like_regex ' || (p_schema -> 'pattern')::text)::jsonpath) IS NOT TRUE THEN
      v_problems := v_problems || format('%s: want a text like %s', p_path, p_schema -> 'pattern');
    END IF;
  ELSIF v_type = 'array' THEN
    IF jsonb_array_length(p_payload) < (p_schema ->> 'minItems')::integer THEN v_problems := v_problems || format('%s: want at least %s', p_path, p_schema -> 'minItems'); END IF;
    IF jsonb_array_length(p_payload) > (p_schema ->> 'maxItems')::integer THEN v_problems := v_problems || format('%s: want at most %s, have %s', p_path, p_schema -> 'maxItems', jsonb_array_length(p_payload)); END IF;
    FOR v_key, v_value IN SELECT n - 1, e FROM jsonb_array_elements(p_payload) WITH ORDINALITY AS x(e, n) WHERE p_schema ? 'items' LOOP
      EXIT WHEN cardinality(v_problems) >= 20;
      v_problems := v_problems || fn_iu_payload_problems(v_value, p_schema -> 'items', format('%s[%s]', p_path, v_key));
    END LOOP;
  ELSIF v_type = 'object' THEN
    FOR v_key IN SELECT k FROM jsonb_array_elements_text(coalesce(p_schema -> 'required', '[]')) AS k LOOP
      IF NOT p_payload ? v_key THEN v_problems := v_problems || format('%s.%s: missing', p_path, v_key); END IF;
    END LOOP;
    FOR v_key, v_value IN SELECT key, value FROM jsonb_each(p_payload) LOOP
      EXIT WHEN cardinality(v_problems) >= 20;
      IF p_schema -> 'properties' ? v_key THEN
        v_problems := v_problems || fn_iu_payload_problems(v_value, p_schema -> 'properties' -> v_key, format('%s.%s', p_path, v_key));
      ELSIF p_schema -> 'additionalProperties' = 'false' THEN
        v_problems := v_problems || format('%s.%s: not in the schema', p_path, left(v_key, 80));
      END IF;
    END LOOP;
  END IF;
  RETURN v_problems[:20];
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_payload_problems(jsonb, jsonb, text) IS 'The ways in which a payload breaks its schema, twenty at most, as "path: want …, have …"; empty when it meets it';
REVOKE ALL ON FUNCTION iu_core.fn_iu_payload_problems(jsonb, jsonb, text) FROM PUBLIC;

-- requires: iu_api_token, iu_core, iu_session
CREATE FUNCTION iu_core.fn_iu_session_check(p_token text, p_scope text DEFAULT 'read')
RETURNS TABLE (actor text, actor_kind text, account_right text, display_name text, expires_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_digest constant bytea := sha256(convert_to(p_token, 'UTF8'));
  v_who record;
BEGIN
  IF p_token IS NULL THEN
    RAISE EXCEPTION 'nobody is signed in' USING ERRCODE = 'IU012', HINT = 'Sign in, or pass an API token.';
  END IF;
  SELECT * INTO STRICT v_who FROM fn_iu_who(p_token);
  IF NOT (v_who.scopes && ARRAY['*', p_scope]) THEN
    RAISE EXCEPTION 'this token has no scope %', p_scope USING ERRCODE = 'IU013', HINT = 'Its scopes: ' || array_to_string(v_who.scopes, ', ');
  END IF;
  -- At most once a minute, and never waiting for another request of the same session.
  UPDATE iu_session SET last_used_at = clock_timestamp()
  WHERE id = (SELECT s.id FROM iu_session AS s WHERE s.token_digest = v_digest AND s.last_used_at < clock_timestamp() - interval '1 minute' FOR UPDATE SKIP LOCKED);
  UPDATE iu_api_token SET last_used_at = clock_timestamp()
  WHERE id = (SELECT k.id FROM iu_api_token AS k WHERE k.token_digest = v_digest AND (k.last_used_at IS NULL OR k.last_used_at < clock_timestamp() - interval '1 minute') FOR UPDATE SKIP LOCKED);
  actor := v_who.actor; actor_kind := v_who.actor_kind; account_right := v_who.account_right; display_name := v_who.display_name; expires_at := v_who.expires_at;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_session_check(text, text) IS 'Who holds the token, and marks it used; every request of the console begins with it. IU012 nobody, IU013 a token without the scope';
REVOKE ALL ON FUNCTION iu_core.fn_iu_session_check(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_session_check(text, text) TO iu_console;

-- requires: iu_account, iu_core, iu_session, iu_sign_in_failure
-- Answers instead of raising, so that a failure is kept and counted.
CREATE FUNCTION iu_core.fn_iu_sign_in(p_account text, p_key bytea, p_client text)
RETURNS TABLE (status text, token text, retry_after integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_account_digest constant bytea := sha256(convert_to(coalesce(p_account, ''), 'UTF8'));
  v_client_digest constant bytea := sha256(convert_to(coalesce(p_client, ''), 'UTF8'));
  v_account iu_account;
  v_failures integer;
  v_last timestamptz;
BEGIN
  -- One at a time for a name: guesses sent side by side are counted as those sent in a row.
  PERFORM pg_advisory_xact_lock(hashtextextended('iu_core.sign_in ' || coalesce(p_account, ''), 0));
  DELETE FROM iu_sign_in_failure WHERE id IN (SELECT f.id FROM iu_sign_in_failure AS f WHERE f.failed_at < clock_timestamp() - interval '15 minutes' LIMIT 100 FOR UPDATE SKIP LOCKED);
  SELECT greatest(a.n, c.n / 4), greatest(a.last, c.last) INTO v_failures, v_last
  FROM (SELECT count(*) AS n, max(failed_at) AS last FROM iu_sign_in_failure WHERE account_digest = v_account_digest AND failed_at > clock_timestamp() - interval '15 minutes') AS a,
       (SELECT count(*) AS n, max(failed_at) AS last FROM iu_sign_in_failure WHERE client_digest = v_client_digest AND failed_at > clock_timestamp() - interval '15 minutes') AS c;
  -- Four in peace, then 2, 4, 8 … seconds from the last, five minutes at most.
  IF v_failures >= 5 THEN
    retry_after := ceil(extract(epoch FROM v_last - clock_timestamp()) + least(300, 2 ^ least(v_failures - 4, 9)));
    IF retry_after > 0 THEN
      status := 'throttled'; RETURN NEXT; RETURN;
    END IF;
    retry_after := NULL;
  END IF;
  SELECT * INTO v_account FROM iu_account WHERE account = p_account FOR UPDATE;
  -- One answer for a wrong name, a wrong password and a disabled account.
  IF (v_account.password_verifier = sha256(p_key) AND v_account.status = 'active') IS NOT TRUE THEN
    INSERT INTO iu_sign_in_failure (account_digest, client_digest) VALUES (v_account_digest, v_client_digest);
    status := 'refused'; RETURN NEXT; RETURN;
  END IF;
  DELETE FROM iu_sign_in_failure WHERE account_digest = v_account_digest;
  UPDATE iu_account SET last_sign_in_at = clock_timestamp() WHERE id = v_account.id;
  token := 'ius_' || fn_iu_token();
  INSERT INTO iu_session (account_id, token_digest, expires_at) VALUES (v_account.id, sha256(convert_to(token, 'UTF8')), clock_timestamp() + interval '7 days');
  status := 'signed_in';
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_sign_in(text, bytea, text) IS 'Signs in with the scrypt key of the password: signed_in with the session''s token (told once), refused, or throttled with the seconds to wait';
REVOKE ALL ON FUNCTION iu_core.fn_iu_sign_in(text, bytea, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_sign_in(text, bytea, text) TO iu_console;

-- requires: iu_account, iu_core
-- An unknown name gets a salt as well, always the same one: the answer does not tell who has an account.
CREATE FUNCTION iu_core.fn_iu_sign_in_salt(p_account text)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT coalesce((SELECT password_salt FROM iu_account WHERE account = p_account),
                  substring(sha256(convert_to('iu_core.sign_in ' || fn_iu_system_identifier() || ' ' || coalesce(p_account, ''), 'UTF8')) FROM 1 FOR 16))
$$;
COMMENT ON FUNCTION iu_core.fn_iu_sign_in_salt(text) IS 'The salt that an account''s password is hashed with; a made-up one, always the same, for an unknown name';
REVOKE ALL ON FUNCTION iu_core.fn_iu_sign_in_salt(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_sign_in_salt(text) TO iu_console;

-- requires: iu_core, iu_session
CREATE FUNCTION iu_core.fn_iu_sign_out(p_token text)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  UPDATE iu_session SET ended_at = clock_timestamp(), end_reason = 'signed out' WHERE token_digest = sha256(convert_to(p_token, 'UTF8')) AND ended_at IS NULL
$$;
COMMENT ON FUNCTION iu_core.fn_iu_sign_out(text) IS 'Ends the session of this token; one that has ended stays as it is';
REVOKE ALL ON FUNCTION iu_core.fn_iu_sign_out(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_sign_out(text) TO iu_console;

-- requires: iu_account, iu_api_token, iu_core, iu_session
-- The one place that says who is acting. Nothing that a session can set counts: a token is looked up by
-- its hash, and without a token it is the login that PostgreSQL let in.
CREATE FUNCTION iu_core.fn_iu_who(p_token text)
RETURNS TABLE (actor text, actor_kind text, account_id bigint, account_right text, display_name text, scopes text[], expires_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_digest bytea;
BEGIN
  IF p_token IS NULL THEN
    -- By membership; who owns the schema could write its tables anyway, so admin takes nothing from anybody.
    RETURN QUERY
    SELECT 'db:' || session_user, CASE WHEN pg_has_role(session_user, 'iu_owner', 'MEMBER') THEN 'owner' ELSE 'login' END, NULL::bigint, r.granted, session_user::text, ARRAY['*'], NULL::timestamptz
    FROM (SELECT CASE WHEN pg_has_role(session_user, 'iu_owner', 'MEMBER') THEN 'admin'
                      WHEN pg_has_role(session_user, 'iu_approver', 'MEMBER') THEN 'approver'
                      WHEN pg_has_role(session_user, 'iu_operator', 'MEMBER') THEN 'operator' END AS granted) AS r
    WHERE r.granted IS NOT NULL;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'nobody is signed in, and % is no operator by itself', session_user
        USING ERRCODE = 'IU012', HINT = 'Sign in, pass an API token, or connect as a member of iu_operator or iu_approver.';
    END IF;
    RETURN;
  END IF;
  v_digest := sha256(convert_to(p_token, 'UTF8'));
  RETURN QUERY
  SELECT a.account, t.kind, a.id, a.account_right, coalesce(nullif(a.display_name, ''), a.account), t.scopes, t.expires_at
  FROM (
    SELECT 'session' AS kind, s.account_id, ARRAY['*'] AS scopes, least(s.expires_at, s.last_used_at + interval '12 hours') AS expires_at
    FROM iu_session AS s WHERE s.token_digest = v_digest AND s.ended_at IS NULL
    UNION ALL
    SELECT 'token', k.account_id, k.scopes, k.expires_at FROM iu_api_token AS k WHERE k.token_digest = v_digest AND k.revoked_at IS NULL
  ) AS t
  JOIN iu_account AS a ON a.id = t.account_id
  WHERE t.expires_at > clock_timestamp() AND a.status = 'active';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the session or token is unknown, ended or expired' USING ERRCODE = 'IU012', HINT = 'Sign in again, or issue another token.';
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_who(text) IS 'Who is acting: the live account behind a session or API token, or without one the login itself (actor db:NAME) by its memberships. IU012 nobody';
REVOKE ALL ON FUNCTION iu_core.fn_iu_who(text) FROM PUBLIC;

-- requires: dot_iu_command, dot_iu_command_run, gates, iu_core
CREATE VIEW iu_core.v_dot_iu_command_registry AS
SELECT c.command_code, c.area, c.tier, c.required_right, c.gates, c.reason_required, c.confirm_param, c.param_schema, c.description,
       r.planned, r.succeeded, r.refused, r.failed, r.undone, r.last_run_id, l.finished_at AS last_run_at, l.actor AS last_actor, l.status AS last_status
FROM iu_core.dot_iu_command AS c
CROSS JOIN LATERAL (
  -- The newest ten thousand of a command: what is older is counted as "more".
  SELECT count(*) FILTER (WHERE n.status = 'planned')::integer AS planned,
         count(*) FILTER (WHERE n.status = 'succeeded' AND n.mode = 'apply')::integer AS succeeded,
         count(*) FILTER (WHERE n.status = 'refused')::integer AS refused,
         count(*) FILTER (WHERE n.status = 'failed')::integer AS failed,
         count(*) FILTER (WHERE n.status = 'succeeded' AND n.mode = 'rollback')::integer AS undone,
         max(n.id) AS last_run_id
  FROM (SELECT id, status, mode FROM iu_core.dot_iu_command_run WHERE command_code = c.command_code ORDER BY id DESC LIMIT 10000) AS n
) AS r
LEFT JOIN iu_core.dot_iu_command_run AS l ON l.id = r.last_run_id;
COMMENT ON VIEW iu_core.v_dot_iu_command_registry IS 'Every command with what became of its newest ten thousand runs';
GRANT SELECT ON iu_core.v_dot_iu_command_registry TO iu_reader;

-- requires: dot_iu_command_run, dot_iu_command_seal, iu_core
CREATE VIEW iu_core.v_dot_iu_command_run AS
SELECT r.id AS run_id, r.command_code, r.mode, r.status, r.code, r.actor, r.actor_kind, r.reason, r.params, r.object_refs, r.event_count, r.event_from, r.event_to,
       encode(r.plan_digest, 'hex') AS plan_digest, r.plan_run_id, r.target_run_id, r.idempotency_key, r.receipt, r.started_at, r.finished_at,
       extract(epoch FROM r.finished_at - r.started_at) * 1000 AS duration_ms,
       v.status AS verify_status, v.id AS verify_run_id, u.id AS undone_by_run_id, s.seal_no
FROM iu_core.dot_iu_command_run AS r
LEFT JOIN LATERAL (SELECT w.id, w.status FROM iu_core.dot_iu_command_run AS w WHERE w.target_run_id = r.id AND w.mode = 'verify' AND w.status IN ('verified', 'unverified') ORDER BY w.id DESC LIMIT 1) AS v ON true
LEFT JOIN iu_core.dot_iu_command_run AS u ON u.target_run_id = r.id AND u.mode = 'rollback' AND u.status = 'succeeded'
LEFT JOIN iu_core.dot_iu_command_seal AS s ON s.run_id = r.id;
COMMENT ON VIEW iu_core.v_dot_iu_command_run IS 'The ledger, with each run''s latest verification, what undid it, and its link in the chain';
GRANT SELECT ON iu_core.v_dot_iu_command_run TO iu_reader;

-- requires: dot_iu_command_run, dot_iu_command_seal, dot_iu_command_unsealed, iu_core
CREATE VIEW iu_core.v_dot_iu_command_run_health AS
SELECT n.runs AS recent_runs, n.failed AS recent_failed, n.unverified AS recent_unverified, n.refused AS recent_refused, n.last_run_at,
       (SELECT count(*) FROM (SELECT FROM iu_core.dot_iu_command_unsealed LIMIT 10001) AS u)::integer AS unsealed,
       (SELECT min(r.finished_at) FROM iu_core.dot_iu_command_run AS r WHERE r.id = (SELECT min(u.run_id) FROM iu_core.dot_iu_command_unsealed AS u)) AS oldest_unsealed_at,
       s.seal_no AS head_no, encode(s.chain_digest, 'hex') AS head, s.sealed_at AS last_sealed_at
FROM (SELECT count(*)::integer AS runs, count(*) FILTER (WHERE status = 'failed')::integer AS failed, count(*) FILTER (WHERE status = 'unverified')::integer AS unverified,
             count(*) FILTER (WHERE status = 'refused')::integer AS refused, max(finished_at) AS last_run_at
      FROM (SELECT status, finished_at FROM iu_core.dot_iu_command_run ORDER BY id DESC LIMIT 1000) AS newest) AS n
LEFT JOIN (SELECT * FROM iu_core.dot_iu_command_seal ORDER BY seal_no DESC LIMIT 1) AS s ON true;
COMMENT ON VIEW iu_core.v_dot_iu_command_run_health IS 'One row: what became of the newest thousand runs, and how far the chain is';
GRANT SELECT ON iu_core.v_dot_iu_command_run_health TO iu_reader;

-- requires: iu_account, iu_api_token, iu_core, iu_session
CREATE VIEW iu_core.v_iu_account AS
SELECT a.id AS account_id, a.account, a.display_name, a.account_right, a.status, a.created_at, a.created_by, a.password_changed_at, a.last_sign_in_at,
       (SELECT count(*) FROM iu_core.iu_session AS s WHERE s.account_id = a.id AND s.ended_at IS NULL AND s.expires_at > clock_timestamp() AND s.last_used_at > clock_timestamp() - interval '12 hours')::integer AS live_sessions,
       (SELECT max(s.last_used_at) FROM iu_core.iu_session AS s WHERE s.account_id = a.id) AS last_used_at,
       (SELECT count(*) FROM iu_core.iu_api_token AS t WHERE t.account_id = a.id AND t.revoked_at IS NULL AND t.expires_at > clock_timestamp())::integer AS live_tokens
FROM iu_core.iu_account AS a;
COMMENT ON VIEW iu_core.v_iu_account IS 'Every account without its secrets';
GRANT SELECT ON iu_core.v_iu_account TO iu_reader;

-- requires: iu_account, iu_api_token, iu_core
CREATE VIEW iu_core.v_iu_api_token AS
SELECT t.id AS token_id, a.account, t.label, t.scopes, t.created_at, t.created_by, t.expires_at, t.last_used_at, t.revoked_at, t.revoked_by,
       CASE WHEN t.revoked_at IS NOT NULL THEN 'revoked' WHEN t.expires_at <= clock_timestamp() THEN 'expired' WHEN a.status <> 'active' THEN 'account_disabled' ELSE 'live' END AS status
FROM iu_core.iu_api_token AS t JOIN iu_core.iu_account AS a ON a.id = t.account_id;
COMMENT ON VIEW iu_core.v_iu_api_token IS 'Every API token without its secret';
GRANT SELECT ON iu_core.v_iu_api_token TO iu_reader;

-- requires: iu_collection, iu_collection_checkpoint, iu_core
CREATE VIEW iu_core.v_iu_collection_checkpoint AS
SELECT c.canonical_address AS collection_address, k.checkpoint_no, k.label, k.revision, encode(k.manifest_digest, 'hex') AS manifest_digest, k.piece_count, k.byte_length, k.created_at, k.created_by,
       c.revision = k.revision AS is_current
FROM iu_core.iu_collection_checkpoint AS k JOIN iu_core.iu_collection AS c ON c.id = k.collection_id
WHERE c.status = 'active';
COMMENT ON VIEW iu_core.v_iu_collection_checkpoint IS 'The checkpoints of every collection';
GRANT SELECT ON iu_core.v_iu_collection_checkpoint TO iu_reader;

-- requires: information_unit, iu_collection, iu_collection_checkpoint_piece, iu_core, unit_version
CREATE VIEW iu_core.v_iu_collection_checkpoint_piece AS
SELECT c.canonical_address AS collection_address, k.checkpoint_no, k.position, u.canonical_address AS unit_address, k.unit_kind, k.title, k.version_seq,
       encode(v.content_digest, 'hex') AS content_digest, v.byte_length
FROM iu_core.iu_collection_checkpoint_piece AS k
JOIN iu_core.iu_collection AS c ON c.id = k.collection_id
JOIN iu_core.information_unit AS u ON u.id = k.unit_id
JOIN iu_core.unit_version AS v ON v.unit_id = k.unit_id AND v.version_seq = k.version_seq
WHERE c.status = 'active';
COMMENT ON VIEW iu_core.v_iu_collection_checkpoint_piece IS 'The pieces of every checkpoint; order by position within one';
GRANT SELECT ON iu_core.v_iu_collection_checkpoint_piece TO iu_reader;

-- requires: iu_collection, iu_collection_piece_parked, information_unit
CREATE VIEW iu_core.v_iu_collection_piece_parked AS
SELECT c.canonical_address AS collection_address, k.position, u.canonical_address AS unit_address, u.unit_kind, u.title
FROM iu_core.iu_collection_piece_parked AS k
JOIN iu_core.iu_collection AS c ON c.id = k.collection_id
JOIN iu_core.information_unit AS u ON u.id = k.unit_id
WHERE c.status = 'active' AND u.lifecycle_status = 'deleted';
COMMENT ON VIEW iu_core.v_iu_collection_piece_parked IS 'Soft-deleted pieces, with the collection and position that they stood at';
GRANT SELECT ON iu_core.v_iu_collection_piece_parked TO iu_reader;

-- requires: dot_iu_command_run, dot_iu_disable_route, dot_iu_disable_triggers, dot_iu_enable_route, dot_iu_enable_triggers, iu_core, iu_outbound_route, routes, v_iu_emitting_trigger, v_iu_event_backlog, v_iu_gate, v_iu_held_event
-- A rung blocks where it is not wholly open. For routes and triggers, who and why are the last receipt's.
CREATE VIEW iu_core.v_iu_disable_ladder AS
SELECT 'L0' AS rung, 'iu_core.route_worker_enabled' AS subject, g.state, NOT g.is_open AS blocks, g.reason, g.changed_by, g.changed_at, g.expires_at, NULL::integer AS off, NULL::integer AS total,
       b.waiting AS would_release, 'no worker makes a pass; events are written and wait' AS stops, 'nothing' AS loses
FROM iu_core.v_iu_gate AS g, (SELECT coalesce(sum(pending), 0)::integer AS waiting FROM iu_core.v_iu_event_backlog) AS b WHERE g.gate = 'iu_core.route_worker_enabled'
UNION ALL
SELECT 'L1', g.gate, g.state, NOT g.is_open, g.reason, g.changed_by, g.changed_at, g.expires_at, NULL, NULL, h.held, 'nothing is routed; events are written on lane held', 'nothing: held events are released or discarded by a command'
FROM iu_core.v_iu_gate AS g, (SELECT count(*)::integer AS held FROM (SELECT FROM iu_core.v_iu_held_event LIMIT 10001) AS n) AS h WHERE g.gate = 'iu_core.routes_master_enabled'
UNION ALL
SELECT 'L2', 'routes', CASE WHEN r.off = 0 THEN 'open' WHEN r.off = r.total THEN 'closed' ELSE 'partly' END, r.total > 0 AND r.off = r.total, l.reason, l.actor, l.finished_at, NULL, r.off, r.total, NULL,
       'events of a disabled route are skipped as route_disabled', 'nothing: the skips are on record'
FROM (SELECT count(*)::integer AS total, count(*) FILTER (WHERE NOT enabled)::integer AS off FROM iu_core.iu_outbound_route) AS r
LEFT JOIN LATERAL (SELECT reason, actor, finished_at FROM iu_core.dot_iu_command_run WHERE command_code IN ('dot_iu_disable_route', 'dot_iu_enable_route') AND status = 'succeeded' ORDER BY id DESC LIMIT 1) AS l ON true
UNION ALL
SELECT 'L3', 'triggers', CASE WHEN t.total < 3 THEN 'missing' WHEN t.off = 0 THEN 'open' WHEN t.off = t.total THEN 'closed' ELSE 'partly' END, t.total < 3 OR t.off > 0, l.reason, l.actor, l.finished_at, NULL, t.off, t.total, NULL,
       'the unit family is not emitted: iu.created, iu.version_applied, iu.retired, iu.soft_deleted', 'those events, for good'
FROM (SELECT count(*)::integer AS total, count(*) FILTER (WHERE NOT enabled)::integer AS off FROM iu_core.v_iu_emitting_trigger) AS t
LEFT JOIN LATERAL (SELECT reason, actor, finished_at FROM iu_core.dot_iu_command_run WHERE command_code IN ('dot_iu_disable_triggers', 'dot_iu_enable_triggers') AND status = 'succeeded' ORDER BY id DESC LIMIT 1) AS l ON true;
COMMENT ON VIEW iu_core.v_iu_disable_ladder IS 'The disable ladder L0 to L3: state, who, why, since, what opening would release, what the rung stops and loses';
GRANT SELECT ON iu_core.v_iu_disable_ladder TO iu_reader;

-- requires: information_unit, iu_core, iu_unit_axis
CREATE VIEW iu_core.v_iu_unit_axis AS
SELECT u.canonical_address AS unit_address, a.axis, a.value
FROM iu_core.iu_unit_axis AS a JOIN iu_core.information_unit AS u ON u.id = a.unit_id;
COMMENT ON VIEW iu_core.v_iu_unit_axis IS 'The metadata axes of every unit, as of the last refresh';
GRANT SELECT ON iu_core.v_iu_unit_axis TO iu_reader;

-- requires: dot_iu_command_run, fn_iu_append_only, iu_core
CREATE TRIGGER trg_dot_iu_command_run_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.dot_iu_command_run
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_dot_iu_command_run_append_only ON iu_core.dot_iu_command_run IS 'The ledger is history.';

-- requires: dot_iu_command_seal, fn_iu_append_only, iu_core
CREATE TRIGGER trg_dot_iu_command_seal_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.dot_iu_command_seal
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_dot_iu_command_seal_append_only ON iu_core.dot_iu_command_seal IS 'The chain is history.';

-- requires: fn_iu_append_only, iu_collection_checkpoint, iu_core
CREATE TRIGGER trg_iu_collection_checkpoint_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.iu_collection_checkpoint
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_collection_checkpoint_append_only ON iu_core.iu_collection_checkpoint IS 'A checkpoint is frozen.';

-- requires: fn_iu_append_only, iu_collection_checkpoint_piece, iu_core
CREATE TRIGGER trg_iu_collection_checkpoint_piece_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.iu_collection_checkpoint_piece
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_collection_checkpoint_piece_append_only ON iu_core.iu_collection_checkpoint_piece IS 'A checkpoint is frozen.';

DROP FUNCTION iu_core.fn_iu_collection_add(bigint,bigint[],numeric[],text[]);
