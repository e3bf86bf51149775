-- The schema as the catalogue has it, written by `iu db dump`; reviewed as a diff, never edited.

-- schema iu_core
CREATE SCHEMA iu_core AUTHORIZATION iu_owner;
COMMENT ON SCHEMA iu_core IS 'IU Core: governed text, its outbox, its route worker. Only functions write here.';
GRANT USAGE ON SCHEMA iu_core TO iu_approver;
GRANT USAGE ON SCHEMA iu_core TO iu_console;
GRANT USAGE ON SCHEMA iu_core TO iu_emitter;
GRANT USAGE ON SCHEMA iu_core TO iu_operator;
GRANT USAGE ON SCHEMA iu_core TO iu_reader;
GRANT USAGE ON SCHEMA iu_core TO iu_worker;

-- table dot_config
CREATE TABLE dot_config (
  key text COLLATE "C" NOT NULL,
  value text NOT NULL,
  value_type text NOT NULL,
  description text NOT NULL,
  expires_at timestamp with time zone,
  reason text NOT NULL,
  changed_by text DEFAULT ('db:'::text || (SESSION_USER)::text) NOT NULL,
  changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT dot_config_pkey PRIMARY KEY (key)
);
ALTER TABLE dot_config OWNER TO iu_owner;
COMMENT ON TABLE dot_config IS 'Gates: a missing, malformed or expired row is a closed gate';
COMMENT ON COLUMN dot_config.value IS 'exactly ''true'' opens; anything else is closed';
COMMENT ON COLUMN dot_config.expires_at IS 'an opening holds until then; null = until closed';

-- table dot_deviation_decision
CREATE TABLE dot_deviation_decision (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  class text COLLATE "C" NOT NULL,
  identity text COLLATE "C" NOT NULL,
  digest text COLLATE "C",
  owner text,
  expires_at timestamp with time zone,
  reason text NOT NULL,
  decided_by text NOT NULL,
  decided_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT dot_deviation_decision_accepted_chk CHECK ((((digest IS NULL) = (owner IS NULL)) AND ((digest IS NULL) = (expires_at IS NULL)))),
  CONSTRAINT dot_deviation_decision_expires_chk CHECK (((expires_at > decided_at) AND (expires_at <= (decided_at + '366 days'::interval)))),
  CONSTRAINT dot_deviation_decision_pkey PRIMARY KEY (id)
);
ALTER TABLE dot_deviation_decision OWNER TO iu_owner;
CREATE INDEX dot_deviation_decision_object_idx ON iu_core.dot_deviation_decision USING btree (class, identity, id);
COMMENT ON TABLE dot_deviation_decision IS 'Deviations that an approver accepted, and what was withdrawn again; it counts only with its run in the ledger (fn_dot_accepted)';
COMMENT ON COLUMN dot_deviation_decision.digest IS 'of fn_dot_deviation_digest(): exactly this deviation and no other of that object; null: what was accepted was withdrawn';
COMMENT ON COLUMN dot_deviation_decision.owner IS 'who answers for the deviation: an account or any name';
COMMENT ON COLUMN dot_deviation_decision.expires_at IS 'it is drift again then';

-- table dot_drift_known
CREATE TABLE dot_drift_known (
  part text COLLATE "C" NOT NULL,
  stamp text COLLATE "C" NOT NULL,
  refused jsonb NOT NULL,
  found_at timestamp with time zone NOT NULL,
  CONSTRAINT dot_drift_known_pkey PRIMARY KEY (part)
);
ALTER TABLE dot_drift_known OWNER TO iu_owner;
COMMENT ON TABLE dot_drift_known IS 'What a comparison of each part came to, for as long as nothing in it has changed, so that a command need not compare';
COMMENT ON COLUMN dot_drift_known.part IS 'of fn_dot_stamp(): deployed, or registered';
COMMENT ON COLUMN dot_drift_known.stamp IS 'of fn_dot_stamp(), before the comparison';
COMMENT ON COLUMN dot_drift_known.refused IS 'each command that a drifted object serves, with that object';

-- table dot_inventory
CREATE TABLE dot_inventory (
  class text COLLATE "C" NOT NULL,
  identity text COLLATE "C" NOT NULL,
  definition text,
  facts text,
  digest bytea,
  switched jsonb,
  switched_after_run bigint DEFAULT 0 NOT NULL,
  server_major integer NOT NULL,
  registered_by_unit text COLLATE "C",
  registered_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  registered_by text DEFAULT ('db:'::text || (SESSION_USER)::text) NOT NULL,
  CONSTRAINT dot_inventory_known_chk CHECK ((((definition IS NULL) = (digest IS NULL)) AND ((definition IS NULL) = (facts IS NULL)))),
  CONSTRAINT dot_inventory_pkey PRIMARY KEY (class, identity)
);
ALTER TABLE dot_inventory OWNER TO iu_owner;
COMMENT ON TABLE dot_inventory IS 'What was deployed: every object of the schema as the unit, or the command, that made it left it; the live catalogue is held against it';
COMMENT ON COLUMN dot_inventory.definition IS 'as fn_dot_catalogue() spells it; null: not known, until a deploy has built the units beside the database';
COMMENT ON COLUMN dot_inventory.digest IS 'SHA-256 over the definition';
COMMENT ON COLUMN dot_inventory.switched IS 'the switches that stand in no definition, as they were made (fn_dot_state)';
COMMENT ON COLUMN dot_inventory.switched_after_run IS 'a run of the ledger with a higher id may have switched it since';
COMMENT ON COLUMN dot_inventory.server_major IS 'the PostgreSQL that spelled the definition: another may spell it otherwise';
COMMENT ON COLUMN dot_inventory.registered_by_unit IS 'the unit; null: a command';

-- table dot_iu_acting
CREATE TABLE dot_iu_acting (
  xid xid8 NOT NULL,
  actor text NOT NULL,
  CONSTRAINT dot_iu_acting_pkey PRIMARY KEY (xid)
) WITH (autovacuum_vacuum_threshold=200, autovacuum_vacuum_scale_factor=0);
ALTER TABLE dot_iu_acting OWNER TO iu_owner;
COMMENT ON TABLE dot_iu_acting IS 'Who the command under way acts for, by its transaction; empty for everybody else';

-- table dot_iu_command
CREATE TABLE dot_iu_command (
  command_code text COLLATE "C" NOT NULL,
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
  registered_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  registered_by text DEFAULT ('db:'::text || (SESSION_USER)::text) NOT NULL,
  CONSTRAINT dot_iu_command_code_chk CHECK (((command_code ~ '^dot_iu_[a-z_]+$'::text) AND (octet_length(command_code) <= 63))),
  CONSTRAINT dot_iu_command_confirm_chk CHECK (((tier = 3) = (confirm_param IS NOT NULL))),
  CONSTRAINT dot_iu_command_pkey PRIMARY KEY (command_code),
  CONSTRAINT dot_iu_command_tier_chk CHECK (((tier >= 1) AND (tier <= 3)))
);
ALTER TABLE dot_iu_command OWNER TO iu_owner;
COMMENT ON TABLE dot_iu_command IS 'The registry: every command there is; its handler is the function of its name';
COMMENT ON COLUMN dot_iu_command.tier IS '1: a click; 2: a plan and a reason; 3: the name typed, and a second person where the handler asks for one';
COMMENT ON COLUMN dot_iu_command.gates IS 'must be open when an apply begins and when it ends';
COMMENT ON COLUMN dot_iu_command.confirm_param IS 'the parameter whose value is typed once more';
COMMENT ON COLUMN dot_iu_command.body_params IS 'texts that the ledger keeps as digests';
COMMENT ON COLUMN dot_iu_command.secret_params IS 'values that the ledger does not keep at all';
COMMENT ON COLUMN dot_iu_command.param_schema IS 'JSON Schema of the parameters, in the subset of fn_iu_payload_problems';

-- table dot_iu_command_run
CREATE TABLE dot_iu_command_run (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
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
  object_refs text[] DEFAULT '{}'::text[] NOT NULL,
  event_count integer DEFAULT 0 NOT NULL,
  event_from bigint,
  event_to bigint,
  xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  frozen jsonb,
  receipt jsonb NOT NULL,
  started_at timestamp with time zone NOT NULL,
  finished_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  head_no bigint,
  head_digest bytea,
  outcome text COLLATE "C",
  CONSTRAINT dot_iu_command_run_code_chk CHECK (((status = ANY (ARRAY['refused'::text, 'failed'::text])) = (code IS NOT NULL))),
  CONSTRAINT dot_iu_command_run_kind_chk CHECK ((actor_kind = ANY (ARRAY['session'::text, 'token'::text, 'login'::text, 'owner'::text]))),
  CONSTRAINT dot_iu_command_run_mode_chk CHECK ((mode = ANY (ARRAY['plan'::text, 'apply'::text, 'verify'::text, 'rollback'::text]))),
  CONSTRAINT dot_iu_command_run_pkey PRIMARY KEY (id),
  CONSTRAINT dot_iu_command_run_status_chk CHECK ((status = ANY (ARRAY['planned'::text, 'succeeded'::text, 'verified'::text, 'unverified'::text, 'refused'::text, 'failed'::text])))
);
ALTER TABLE dot_iu_command_run OWNER TO iu_owner;
CREATE INDEX dot_iu_command_run_actor_idx ON iu_core.dot_iu_command_run USING btree (actor, id);
CREATE INDEX dot_iu_command_run_command_idx ON iu_core.dot_iu_command_run USING btree (command_code, id);
CREATE INDEX dot_iu_command_run_counted_idx ON iu_core.dot_iu_command_run USING btree (id) INCLUDE (mode, status, outcome);
CREATE INDEX dot_iu_command_run_digest_idx ON iu_core.dot_iu_command_run USING btree (plan_digest, id) WHERE (status = 'planned'::text);
CREATE UNIQUE INDEX dot_iu_command_run_key_idx ON iu_core.dot_iu_command_run USING btree (actor, idempotency_key) WHERE ((idempotency_key IS NOT NULL) AND (status = 'succeeded'::text));
CREATE INDEX dot_iu_command_run_object_idx ON iu_core.dot_iu_command_run USING gin (object_refs);
CREATE UNIQUE INDEX dot_iu_command_run_plan_idx ON iu_core.dot_iu_command_run USING btree (plan_run_id) WHERE ((plan_run_id IS NOT NULL) AND (status = 'succeeded'::text));
CREATE INDEX dot_iu_command_run_status_idx ON iu_core.dot_iu_command_run USING btree (status, id);
CREATE UNIQUE INDEX dot_iu_command_run_undo_idx ON iu_core.dot_iu_command_run USING btree (target_run_id) WHERE ((mode = 'rollback'::text) AND (status = 'succeeded'::text));
CREATE INDEX dot_iu_command_run_verify_idx ON iu_core.dot_iu_command_run USING btree (target_run_id, id) WHERE (mode = 'verify'::text);
COMMENT ON TABLE dot_iu_command_run IS 'The ledger: a row for every plan, apply, verify, rollback and refusal; append-only';
COMMENT ON COLUMN dot_iu_command_run.actor IS 'the account, or db:NAME for a login of the database';
COMMENT ON COLUMN dot_iu_command_run.params IS 'numbers, terms and names as given; texts and URLs are their digests, secrets are left out';
COMMENT ON COLUMN dot_iu_command_run.state_digest IS 'SHA-256 over what the handler declares it read';
COMMENT ON COLUMN dot_iu_command_run.plan_digest IS 'SHA-256 over command, parameters, state and gates: what an apply must quote';
COMMENT ON COLUMN dot_iu_command_run.plan_run_id IS 'the plan that was applied';
COMMENT ON COLUMN dot_iu_command_run.target_run_id IS 'the run that was verified or rolled back';
COMMENT ON COLUMN dot_iu_command_run.object_refs IS 'every object touched, as class:name';
COMMENT ON COLUMN dot_iu_command_run.event_from IS 'the events of this run: those of its xid with ids from here to event_to';
COMMENT ON COLUMN dot_iu_command_run.frozen IS 'a plan''s fixed set, for commands that act on many';
COMMENT ON COLUMN dot_iu_command_run.receipt IS 'what the caller was told, without secrets, texts as their digests';
COMMENT ON COLUMN dot_iu_command_run.head_no IS 'the newest link of the chain when it was written: a chain that lacks it was cut off';
COMMENT ON COLUMN dot_iu_command_run.outcome IS 'what came of it, where what it was for did not happen, or not wholly; null = as its status says';

-- table dot_iu_command_seal
CREATE TABLE dot_iu_command_seal (
  seal_no bigint NOT NULL,
  run_id bigint,
  chain_digest bytea NOT NULL,
  sealed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT dot_iu_command_seal_no_chk CHECK ((seal_no > 0)),
  CONSTRAINT dot_iu_command_seal_pkey PRIMARY KEY (seal_no),
  CONSTRAINT dot_iu_command_seal_run_fkey FOREIGN KEY (run_id) REFERENCES dot_iu_command_run(id),
  CONSTRAINT dot_iu_command_seal_run_key UNIQUE (run_id)
);
ALTER TABLE dot_iu_command_seal OWNER TO iu_owner;
CREATE INDEX dot_iu_command_seal_digest_idx ON iu_core.dot_iu_command_seal USING btree (chain_digest);
COMMENT ON TABLE dot_iu_command_seal IS 'The chain over the ledger and the history: each link is SHA-256 over the one before and its row';
COMMENT ON COLUMN dot_iu_command_seal.seal_no IS '1, 2, 3 … without a gap';
COMMENT ON COLUMN dot_iu_command_seal.run_id IS 'the ledger''s row; null = a block of history, dot_iu_history_block';

-- table dot_iu_command_unsealed
CREATE TABLE dot_iu_command_unsealed (
  run_id bigint NOT NULL,
  CONSTRAINT dot_iu_command_unsealed_pkey PRIMARY KEY (run_id),
  CONSTRAINT dot_iu_command_unsealed_run_fkey FOREIGN KEY (run_id) REFERENCES dot_iu_command_run(id)
);
ALTER TABLE dot_iu_command_unsealed OWNER TO iu_owner;
COMMENT ON TABLE dot_iu_command_unsealed IS 'Ledger rows that the sealer has not chained yet: it takes what it sees, so a late commit waits for the next batch and none is passed over';

-- table dot_iu_history_block
CREATE TABLE dot_iu_history_block (
  seal_no bigint NOT NULL,
  what text COLLATE "C" NOT NULL,
  columns text COLLATE "C" NOT NULL,
  row_keys text[] NOT NULL,
  row_digests bytea[] NOT NULL,
  written_after timestamp with time zone,
  system_identifier bigint NOT NULL,
  first_id bigint NOT NULL,
  last_id bigint NOT NULL,
  sealed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT dot_iu_history_block_pkey PRIMARY KEY (seal_no),
  CONSTRAINT dot_iu_history_block_rows_chk CHECK (((cardinality(row_keys) > 0) AND (cardinality(row_keys) = cardinality(row_digests)))),
  CONSTRAINT dot_iu_history_block_seal_fkey FOREIGN KEY (seal_no) REFERENCES dot_iu_command_seal(seal_no)
);
ALTER TABLE dot_iu_history_block OWNER TO iu_owner;
CREATE INDEX dot_iu_history_block_last_idx ON iu_core.dot_iu_history_block USING btree (what, last_id);
COMMENT ON TABLE dot_iu_history_block IS 'Blocks of history in the ledger''s chain: which rows there were, and what each was';
COMMENT ON COLUMN dot_iu_history_block.what IS 'the kind of row, as fn_dot_history_kinds names it';
COMMENT ON COLUMN dot_iu_history_block.columns IS 'what is digested of each row: a column that is added later changes no old digest';
COMMENT ON COLUMN dot_iu_history_block.row_digests IS 'the first half of SHA-256 over each row''s text';
COMMENT ON COLUMN dot_iu_history_block.written_after IS 'no row of it can be older; null = not known';
COMMENT ON COLUMN dot_iu_history_block.system_identifier IS 'the cluster that it was sealed in';
COMMENT ON COLUMN dot_iu_history_block.first_id IS 'the least leading number of its keys';
COMMENT ON COLUMN dot_iu_history_block.last_id IS 'the greatest leading number of its keys';

-- table dot_iu_history_state
CREATE TABLE dot_iu_history_state (
  is_the_one boolean DEFAULT true NOT NULL,
  head_no bigint DEFAULT 0 NOT NULL,
  head_digest bytea,
  system_identifier bigint,
  snap_from pg_snapshot DEFAULT '1:1:'::pg_snapshot NOT NULL,
  floor_id bigint DEFAULT 0 NOT NULL,
  began_at timestamp with time zone,
  snap_to pg_snapshot,
  floor_to_id bigint DEFAULT 0 NOT NULL,
  trusted_id bigint DEFAULT 0 NOT NULL,
  last_id bigint DEFAULT 0 NOT NULL,
  next_at timestamp with time zone,
  again_id bigint DEFAULT 0 NOT NULL,
  CONSTRAINT dot_iu_history_state_one_chk CHECK (is_the_one),
  CONSTRAINT dot_iu_history_state_pkey PRIMARY KEY (is_the_one)
) WITH (fillfactor=50);
ALTER TABLE dot_iu_history_state OWNER TO iu_owner;
COMMENT ON TABLE dot_iu_history_state IS 'One row: the head of the chain, and how far the events are sealed';
COMMENT ON COLUMN dot_iu_history_state.head_no IS 'the newest link: a chain that ends before it was cut off';
COMMENT ON COLUMN dot_iu_history_state.snap_from IS 'whatever it sees is sealed';
COMMENT ON COLUMN dot_iu_history_state.floor_id IS 'events of transactions that snap_from does not know have ids above it';
COMMENT ON COLUMN dot_iu_history_state.began_at IS 'when snap_from was taken, in this cluster; null = not known';
COMMENT ON COLUMN dot_iu_history_state.snap_to IS 'the end of the window being paged; null between windows';
COMMENT ON COLUMN dot_iu_history_state.trusted_id IS 'events up to here are taken whatever their transaction id: it may be another cluster''s';
COMMENT ON COLUMN dot_iu_history_state.next_at IS 'when snap_to was taken';
COMMENT ON COLUMN dot_iu_history_state.again_id IS 'events up to here, and their attempts, may come once more after a restart: what is sealed is passed over';

-- table dot_iu_history_unsealed
CREATE TABLE dot_iu_history_unsealed (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  what text COLLATE "C" NOT NULL,
  row_keys text[],
  event_ids bigint[],
  is_again boolean DEFAULT false NOT NULL,
  CONSTRAINT dot_iu_history_unsealed_pkey PRIMARY KEY (id),
  CONSTRAINT dot_iu_history_unsealed_which_chk CHECK (((row_keys IS NULL) <> (event_ids IS NULL)))
);
ALTER TABLE dot_iu_history_unsealed OWNER TO iu_owner;
COMMENT ON TABLE dot_iu_history_unsealed IS 'History that is not sealed yet, written in the transaction that writes the rows: a late commit waits for the next batch and none is passed over';
COMMENT ON COLUMN dot_iu_history_unsealed.row_keys IS 'rows of the kind, by key';
COMMENT ON COLUMN dot_iu_history_unsealed.event_ids IS 'events whose worker''s attempts and dead letters are to be sealed';
COMMENT ON COLUMN dot_iu_history_unsealed.is_again IS 'some of it may be sealed already';

-- table dot_iu_run_text
CREATE TABLE dot_iu_run_text (
  run_id bigint NOT NULL,
  params jsonb NOT NULL,
  CONSTRAINT dot_iu_run_text_pkey PRIMARY KEY (run_id),
  CONSTRAINT dot_iu_run_text_run_fkey FOREIGN KEY (run_id) REFERENCES dot_iu_command_run(id)
);
ALTER TABLE dot_iu_run_text OWNER TO iu_owner;
COMMENT ON TABLE dot_iu_run_text IS 'Texts that the undoing of a run puts back and no version or revision has: titles, separators, descriptions, targets; gone when the run is undone';

-- table event_outbox
CREATE TABLE event_outbox (
  xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  event_domain text COLLATE "C" NOT NULL,
  event_type text COLLATE "C" NOT NULL,
  event_subject_table text COLLATE "C" NOT NULL,
  event_subject_ref text COLLATE "C" NOT NULL,
  payload jsonb NOT NULL,
  delivery_lane text COLLATE "C" NOT NULL,
  idempotency_key text COLLATE "C",
  bucket smallint GENERATED ALWAYS AS (((hashtextextended(((event_subject_table || '/'::text) || event_subject_ref), (0)::bigint) & (15)::bigint))::smallint) STORED NOT NULL,
  actor text DEFAULT ('db:'::text || (SESSION_USER)::text) NOT NULL,
  created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  released_from bigint,
  CONSTRAINT event_outbox_key_chk CHECK (((delivery_lane <> 'immediate'::text) OR (idempotency_key IS NOT NULL))),
  CONSTRAINT event_outbox_lane_chk CHECK ((delivery_lane = ANY (ARRAY['immediate'::text, 'delayed'::text, 'held'::text]))),
  CONSTRAINT event_outbox_pkey PRIMARY KEY (id)
);
ALTER TABLE event_outbox OWNER TO iu_owner;
CREATE INDEX idx_event_outbox_held ON iu_core.event_outbox USING btree (id) WHERE (delivery_lane = 'held'::text);
CREATE INDEX idx_event_outbox_held_xid ON iu_core.event_outbox USING btree (xid, id) WHERE (delivery_lane = 'held'::text);
CREATE UNIQUE INDEX idx_event_outbox_idempotent ON iu_core.event_outbox USING btree (event_type, event_subject_ref, idempotency_key) WHERE ((idempotency_key IS NOT NULL) AND (released_from IS NULL));
CREATE UNIQUE INDEX idx_event_outbox_released_from ON iu_core.event_outbox USING btree (released_from) WHERE (released_from IS NOT NULL);
CREATE INDEX idx_event_outbox_xid ON iu_core.event_outbox USING btree (xid, id) WHERE (delivery_lane <> 'held'::text);
COMMENT ON TABLE event_outbox IS 'Every change as an event, written in the transaction of the change; append-only';
COMMENT ON COLUMN event_outbox.xid IS 'the top-level transaction that wrote the row; the worker''s window is over these';
COMMENT ON COLUMN event_outbox.id IS 'identity, which is also the order of writing';
COMMENT ON COLUMN event_outbox.idempotency_key IS 'the caller''s key on an immediate type; null on a delayed one';
COMMENT ON COLUMN event_outbox.bucket IS '0 to 15, from the subject; a worker cursor owns a range of buckets';
COMMENT ON COLUMN event_outbox.released_from IS 'the held row that this one releases';

-- table information_unit
CREATE TABLE information_unit (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  canonical_address text COLLATE "C" NOT NULL,
  unit_kind text COLLATE "C" NOT NULL,
  lifecycle_status text COLLATE "C" DEFAULT 'draft'::text NOT NULL,
  current_version_seq integer DEFAULT 1 NOT NULL,
  title text DEFAULT ''::text NOT NULL,
  source_path text COLLATE "C",
  created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  created_by text DEFAULT ('db:'::text || (SESSION_USER)::text) NOT NULL,
  lifecycle_before text[] DEFAULT '{}'::text[] NOT NULL,
  title_is_derived boolean DEFAULT false NOT NULL,
  CONSTRAINT information_unit_address_chk CHECK (fn_iu_is_address(canonical_address)),
  CONSTRAINT information_unit_canonical_address_key UNIQUE (canonical_address),
  CONSTRAINT information_unit_lifecycle_chk CHECK ((lifecycle_status = ANY (ARRAY['draft'::text, 'enacted'::text, 'retired'::text, 'deleted'::text]))),
  CONSTRAINT information_unit_pkey PRIMARY KEY (id),
  CONSTRAINT information_unit_version_chk CHECK ((current_version_seq > 0))
);
ALTER TABLE information_unit OWNER TO iu_owner;
COMMENT ON TABLE information_unit IS 'The smallest governed text; comes to exist through fn_iu_create alone';
COMMENT ON COLUMN information_unit.canonical_address IS 'unique, human-readable, stable: lower-case segments joined by . and /';
COMMENT ON COLUMN information_unit.current_version_seq IS 'the version that collections show unless they pin another';
COMMENT ON COLUMN information_unit.source_path IS 'the imported file that it was cut from, if any';
COMMENT ON COLUMN information_unit.lifecycle_before IS 'what it was before it was retired or deleted, the latest first: a restoration takes the first';
COMMENT ON COLUMN information_unit.title_is_derived IS 'the title is made of the text and follows it; somebody''s own title stays';

-- table iu_account
CREATE TABLE iu_account (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  account text COLLATE "C" NOT NULL,
  display_name text DEFAULT ''::text NOT NULL,
  account_right text COLLATE "C" NOT NULL,
  status text COLLATE "C" DEFAULT 'active'::text NOT NULL,
  password_salt bytea NOT NULL,
  password_verifier bytea NOT NULL,
  password_changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  last_sign_in_at timestamp with time zone,
  created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  created_by text NOT NULL,
  CONSTRAINT iu_account_account_key UNIQUE (account),
  CONSTRAINT iu_account_name_chk CHECK (((account ~ '^[a-z][a-z0-9._-]*$'::text) AND (octet_length(account) <= 63))),
  CONSTRAINT iu_account_pkey PRIMARY KEY (id),
  CONSTRAINT iu_account_right_chk CHECK ((account_right = ANY (ARRAY['reviewer'::text, 'operator'::text, 'approver'::text, 'admin'::text]))),
  CONSTRAINT iu_account_salt_chk CHECK ((octet_length(password_salt) >= 16)),
  CONSTRAINT iu_account_status_chk CHECK ((status = ANY (ARRAY['active'::text, 'disabled'::text]))),
  CONSTRAINT iu_account_verifier_chk CHECK ((octet_length(password_verifier) = 32))
);
ALTER TABLE iu_account OWNER TO iu_owner;
COMMENT ON TABLE iu_account IS 'Who may sign in to the console, and with which right';
COMMENT ON COLUMN iu_account.account_right IS 'reviewer < operator < approver < admin; each may what the lower may';
COMMENT ON COLUMN iu_account.password_verifier IS 'SHA-256 over scrypt(password, password_salt)';

-- table iu_api_token
CREATE TABLE iu_api_token (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  account_id bigint NOT NULL,
  label text NOT NULL,
  token_digest bytea NOT NULL,
  scopes text[] NOT NULL,
  created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  created_by text NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  last_used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  revoked_by text,
  CONSTRAINT iu_api_token_account_fkey FOREIGN KEY (account_id) REFERENCES iu_account(id),
  CONSTRAINT iu_api_token_pkey PRIMARY KEY (id),
  CONSTRAINT iu_api_token_revoked_chk CHECK (((revoked_at IS NULL) = (revoked_by IS NULL))),
  CONSTRAINT iu_api_token_scopes_chk CHECK ((cardinality(scopes) > 0)),
  CONSTRAINT iu_api_token_token_key UNIQUE (token_digest)
);
ALTER TABLE iu_api_token OWNER TO iu_owner;
CREATE INDEX iu_api_token_account_idx ON iu_core.iu_api_token USING btree (account_id);
COMMENT ON TABLE iu_api_token IS 'Tokens for scripts and CI: an account''s right, narrowed to scopes, until a date';
COMMENT ON COLUMN iu_api_token.token_digest IS 'SHA-256 over the token';
COMMENT ON COLUMN iu_api_token.scopes IS 'read, a command''s code, or * for everything that the account may';

-- table iu_archive
CREATE TABLE iu_archive (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  file_name text COLLATE "C" NOT NULL,
  file_digest bytea NOT NULL,
  file_bytes bigint NOT NULL,
  content_digest bytea NOT NULL,
  content_bytes bigint NOT NULL,
  first_id bigint NOT NULL,
  last_id bigint NOT NULL,
  events bigint NOT NULL,
  attempts bigint NOT NULL,
  older_than timestamp with time zone NOT NULL,
  oldest_at timestamp with time zone NOT NULL,
  newest_at timestamp with time zone NOT NULL,
  made_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  made_by text DEFAULT ('db:'::text || (SESSION_USER)::text) NOT NULL,
  CONSTRAINT iu_archive_digest_chk CHECK (((octet_length(file_digest) = 32) AND (octet_length(content_digest) = 32))),
  CONSTRAINT iu_archive_events_chk CHECK (((events > 0) AND (first_id <= last_id))),
  CONSTRAINT iu_archive_name_chk CHECK (((file_name ~ '^[A-Za-z0-9._-]+$'::text) AND (octet_length(file_name) <= 200))),
  CONSTRAINT iu_archive_pkey PRIMARY KEY (id)
);
ALTER TABLE iu_archive OWNER TO iu_owner;
CREATE INDEX iu_archive_range_idx ON iu_core.iu_archive USING btree (first_id, last_id);
COMMENT ON TABLE iu_archive IS 'Every file of archived events, written down before anything is removed; append-only';
COMMENT ON COLUMN iu_archive.file_digest IS 'SHA-256 over the compressed file';
COMMENT ON COLUMN iu_archive.content_digest IS 'SHA-256 over what the file holds, taken by the database over its own rows';

-- table iu_archive_move
CREATE TABLE iu_archive_move (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  archive_id bigint NOT NULL,
  move text COLLATE "C" NOT NULL,
  xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  moved_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  moved_by text DEFAULT ('db:'::text || (SESSION_USER)::text) NOT NULL,
  event_ids int8multirange,
  attempt_counts jsonb,
  CONSTRAINT iu_archive_move_archive_fkey FOREIGN KEY (archive_id) REFERENCES iu_archive(id),
  CONSTRAINT iu_archive_move_chk CHECK ((move = ANY (ARRAY['removed'::text, 'restored'::text]))),
  CONSTRAINT iu_archive_move_pkey PRIMARY KEY (id)
);
ALTER TABLE iu_archive_move OWNER TO iu_owner;
CREATE INDEX iu_archive_move_archive_idx ON iu_core.iu_archive_move USING btree (archive_id, id);
CREATE INDEX iu_archive_move_xid_idx ON iu_core.iu_archive_move USING btree (xid);
COMMENT ON TABLE iu_archive_move IS 'When an archive''s events were removed from the outbox, and brought back; append-only';
COMMENT ON COLUMN iu_archive_move.xid IS 'the transaction that removes: it alone may delete from the outbox and the attempts';
COMMENT ON COLUMN iu_archive_move.event_ids IS 'which events were removed: no other may be missing from the outbox';
COMMENT ON COLUMN iu_archive_move.attempt_counts IS 'their attempts by worker, hour, route and status: roll-ups go on counting them';

-- table iu_backup_evidence
CREATE TABLE iu_backup_evidence (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  file_name text COLLATE "C" NOT NULL,
  folder text NOT NULL,
  host text NOT NULL,
  kind text COLLATE "C" NOT NULL,
  unit_tag text COLLATE "C" NOT NULL,
  server_version text COLLATE "C" NOT NULL,
  file_bytes bigint NOT NULL,
  file_digest bytea NOT NULL,
  entries bigint NOT NULL,
  row_count bigint NOT NULL,
  taken_at timestamp with time zone NOT NULL,
  last_event bigint NOT NULL,
  last_run bigint NOT NULL,
  checks jsonb NOT NULL,
  restorable boolean NOT NULL,
  checked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  checked_by text DEFAULT ('db:'::text || (SESSION_USER)::text) NOT NULL,
  CONSTRAINT iu_backup_evidence_digest_chk CHECK ((octet_length(file_digest) = 32)),
  CONSTRAINT iu_backup_evidence_kind_chk CHECK ((kind = ANY (ARRAY['pg_dump'::text, 'copy'::text]))),
  CONSTRAINT iu_backup_evidence_pkey PRIMARY KEY (id),
  CONSTRAINT iu_backup_evidence_size_chk CHECK (((file_bytes > 0) AND (entries > 0) AND (row_count >= 0)))
);
ALTER TABLE iu_backup_evidence OWNER TO iu_owner;
COMMENT ON TABLE iu_backup_evidence IS 'Every backup that was tried: what the file is, and what came of restoring it; append-only';
COMMENT ON COLUMN iu_backup_evidence.file_digest IS 'SHA-256 over the whole file';
COMMENT ON COLUMN iu_backup_evidence.entries IS 'what it holds: entries in the table of contents of pg_dump, or tables and sequences of a copy';
COMMENT ON COLUMN iu_backup_evidence.row_count IS 'rows in its tables';
COMMENT ON COLUMN iu_backup_evidence.taken_at IS 'the time of its snapshot';
COMMENT ON COLUMN iu_backup_evidence.last_event IS 'the newest event in it; 0 = none';
COMMENT ON COLUMN iu_backup_evidence.last_run IS 'the newest run of the ledger in it; 0 = none';
COMMENT ON COLUMN iu_backup_evidence.checks IS 'what was looked at in the restored database: name, ok, detail';

-- table iu_collection
CREATE TABLE iu_collection (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  canonical_address text COLLATE "C" NOT NULL,
  collection_kind text COLLATE "C" NOT NULL,
  title text NOT NULL,
  status text COLLATE "C" DEFAULT 'active'::text NOT NULL,
  joiner text DEFAULT ''::text NOT NULL,
  revision bigint DEFAULT 1 NOT NULL,
  piece_count integer DEFAULT 0 NOT NULL,
  byte_length bigint DEFAULT 0 NOT NULL,
  next_piece_no integer DEFAULT 1 NOT NULL,
  source_path text COLLATE "C",
  source_digest bytea,
  source_byte_length bigint,
  render_digest bytea,
  render_revision bigint,
  manifest_digest bytea,
  manifest_revision bigint,
  created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  created_by text DEFAULT ('db:'::text || (SESSION_USER)::text) NOT NULL,
  updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  rendered_event_id bigint,
  base_id bigint,
  CONSTRAINT iu_collection_address_chk CHECK (fn_iu_is_address(canonical_address)),
  CONSTRAINT iu_collection_canonical_address_key UNIQUE (canonical_address),
  CONSTRAINT iu_collection_pkey PRIMARY KEY (id),
  CONSTRAINT iu_collection_source_chk CHECK ((((source_path IS NULL) = (source_digest IS NULL)) AND ((source_path IS NULL) = (source_byte_length IS NULL)))),
  CONSTRAINT iu_collection_source_path_key UNIQUE (source_path),
  CONSTRAINT iu_collection_status_chk CHECK ((status = ANY (ARRAY['active'::text, 'deleted'::text])))
);
ALTER TABLE iu_collection OWNER TO iu_owner;
COMMENT ON TABLE iu_collection IS 'An ordered composition of pieces';
COMMENT ON COLUMN iu_collection.joiner IS 'the text between two pieces where the membership gives none of its own';
COMMENT ON COLUMN iu_collection.revision IS 'raised by every change of membership, order, or a followed version';
COMMENT ON COLUMN iu_collection.byte_length IS 'bytes of the rendered collection';
COMMENT ON COLUMN iu_collection.next_piece_no IS 'the number in the next new piece''s address; never used twice';
COMMENT ON COLUMN iu_collection.source_digest IS 'SHA-256 of the file as it was last imported';
COMMENT ON COLUMN iu_collection.render_digest IS 'SHA-256 of the rendering at render_revision';
COMMENT ON COLUMN iu_collection.manifest_digest IS 'SHA-256 of the manifest text at manifest_revision';
COMMENT ON COLUMN iu_collection.rendered_event_id IS 'the collection_rendered of the last rendering; null where that was before exports were fed';
COMMENT ON COLUMN iu_collection.base_id IS 'what the last import wrote (iu_import_base); null where that is not on record';

-- table iu_collection_checkpoint
CREATE TABLE iu_collection_checkpoint (
  collection_id bigint NOT NULL,
  checkpoint_no integer NOT NULL,
  label text DEFAULT ''::text NOT NULL,
  revision bigint NOT NULL,
  title text NOT NULL,
  manifest_text text NOT NULL,
  manifest_digest bytea NOT NULL,
  render_digest bytea NOT NULL,
  piece_count integer NOT NULL,
  byte_length bigint NOT NULL,
  source_digest bytea,
  source_byte_length bigint,
  created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  created_by text DEFAULT fn_iu_actor() NOT NULL,
  base_id bigint,
  CONSTRAINT iu_collection_checkpoint_collection_fkey FOREIGN KEY (collection_id) REFERENCES iu_collection(id),
  CONSTRAINT iu_collection_checkpoint_digest_chk CHECK ((manifest_digest = sha256(convert_to(manifest_text, 'UTF8'::name)))),
  CONSTRAINT iu_collection_checkpoint_no_chk CHECK ((checkpoint_no > 0)),
  CONSTRAINT iu_collection_checkpoint_pkey PRIMARY KEY (collection_id, checkpoint_no)
);
ALTER TABLE iu_collection_checkpoint OWNER TO iu_owner;
COMMENT ON TABLE iu_collection_checkpoint IS 'A manifest frozen under a number, to compare with and to return to';
COMMENT ON COLUMN iu_collection_checkpoint.manifest_text IS 'as fn_iu_collection_manifest_text has it; its SHA-256 is the digest, so it can be verified offline';
COMMENT ON COLUMN iu_collection_checkpoint.base_id IS 'what the last import before it wrote';

-- table iu_collection_checkpoint_piece
CREATE TABLE iu_collection_checkpoint_piece (
  collection_id bigint NOT NULL,
  checkpoint_no integer NOT NULL,
  unit_id bigint NOT NULL,
  version_seq integer NOT NULL,
  is_pinned boolean NOT NULL,
  unit_version_seq integer NOT NULL,
  "position" numeric NOT NULL,
  separator text,
  unit_kind text COLLATE "C" NOT NULL,
  title text NOT NULL,
  parent_unit_id bigint,
  section_level smallint,
  CONSTRAINT iu_collection_checkpoint_piece_checkpoint_fkey FOREIGN KEY (collection_id, checkpoint_no) REFERENCES iu_collection_checkpoint(collection_id, checkpoint_no),
  CONSTRAINT iu_collection_checkpoint_piece_pkey PRIMARY KEY (collection_id, checkpoint_no, unit_id),
  CONSTRAINT iu_collection_checkpoint_piece_version_fkey FOREIGN KEY (unit_id, version_seq) REFERENCES unit_version(unit_id, version_seq)
);
ALTER TABLE iu_collection_checkpoint_piece OWNER TO iu_owner;
COMMENT ON TABLE iu_collection_checkpoint_piece IS 'The pieces of a checkpoint, with all that a return to it needs';
COMMENT ON COLUMN iu_collection_checkpoint_piece.version_seq IS 'the version that the collection showed';
COMMENT ON COLUMN iu_collection_checkpoint_piece.unit_version_seq IS 'the unit''s own version then; another one where the piece was pinned';

-- table iu_collection_piece
CREATE TABLE iu_collection_piece (
  collection_id bigint NOT NULL,
  unit_id bigint NOT NULL,
  "position" numeric NOT NULL,
  pinned_version_seq integer,
  separator text,
  CONSTRAINT iu_collection_piece_collection_fkey FOREIGN KEY (collection_id) REFERENCES iu_collection(id),
  CONSTRAINT iu_collection_piece_pin_fkey FOREIGN KEY (unit_id, pinned_version_seq) REFERENCES unit_version(unit_id, version_seq),
  CONSTRAINT iu_collection_piece_pkey PRIMARY KEY (collection_id, unit_id),
  CONSTRAINT iu_collection_piece_position_key UNIQUE (collection_id, "position") DEFERRABLE,
  CONSTRAINT iu_collection_piece_unit_fkey FOREIGN KEY (unit_id) REFERENCES information_unit(id)
);
ALTER TABLE iu_collection_piece OWNER TO iu_owner;
CREATE INDEX iu_collection_piece_unit_idx ON iu_core.iu_collection_piece USING btree (unit_id);
COMMENT ON TABLE iu_collection_piece IS 'Membership: a unit stands in a collection at most once';
COMMENT ON COLUMN iu_collection_piece."position" IS 'the order; any number, only its rank has a meaning';
COMMENT ON COLUMN iu_collection_piece.pinned_version_seq IS 'null follows the unit''s current version';
COMMENT ON COLUMN iu_collection_piece.separator IS 'the text after this piece; null takes the collection''s joiner (nothing after the last piece)';

-- table iu_collection_piece_parked
CREATE TABLE iu_collection_piece_parked (
  collection_id bigint NOT NULL,
  unit_id bigint NOT NULL,
  "position" numeric NOT NULL,
  pinned_version_seq integer,
  separator text,
  CONSTRAINT iu_collection_piece_parked_collection_fkey FOREIGN KEY (collection_id) REFERENCES iu_collection(id),
  CONSTRAINT iu_collection_piece_parked_pkey PRIMARY KEY (unit_id, collection_id),
  CONSTRAINT iu_collection_piece_parked_unit_fkey FOREIGN KEY (unit_id) REFERENCES information_unit(id)
);
ALTER TABLE iu_collection_piece_parked OWNER TO iu_owner;
COMMENT ON TABLE iu_collection_piece_parked IS 'Where a soft-deleted unit stood, for its restoration';

-- table iu_console_process
CREATE TABLE iu_console_process (
  process_id uuid NOT NULL,
  host text NOT NULL,
  pid integer NOT NULL,
  contract_unit text COLLATE "C" NOT NULL,
  contract_digest text COLLATE "C" NOT NULL,
  started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  last_seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT iu_console_process_pkey PRIMARY KEY (process_id)
) WITH (fillfactor=50);
ALTER TABLE iu_console_process OWNER TO iu_owner;
COMMENT ON TABLE iu_console_process IS 'Consoles that run: each tells every few seconds that it lives and which schema it was built for, and takes its row away when it ends in order';
COMMENT ON COLUMN iu_console_process.contract_unit IS 'the newest unit that it was built with';
COMMENT ON COLUMN iu_console_process.contract_digest IS 'SHA-256 over the units that it was built with, as fn_iu_contract takes it over those that are applied';

-- table iu_event_audit
CREATE TABLE iu_event_audit (
  is_the_one boolean DEFAULT true NOT NULL,
  system_identifier bigint NOT NULL,
  through_id bigint DEFAULT 0 NOT NULL,
  attempted bigint DEFAULT 0 NOT NULL,
  written_held bigint DEFAULT 0 NOT NULL,
  released bigint DEFAULT 0 NOT NULL,
  discarded bigint DEFAULT 0 NOT NULL,
  archived bigint DEFAULT 0 NOT NULL,
  audited_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT iu_event_audit_one_chk CHECK (is_the_one),
  CONSTRAINT iu_event_audit_pkey PRIMARY KEY (is_the_one)
) WITH (fillfactor=50);
ALTER TABLE iu_event_audit OWNER TO iu_owner;
COMMENT ON TABLE iu_event_audit IS 'One row: how far the events are audited, and what they came to; derived, made anew by fn_iu_event_audit_restart';
COMMENT ON COLUMN iu_event_audit.through_id IS 'every event up to here is counted, but for those of iu_event_audit_late and iu_event_audit_open';
COMMENT ON COLUMN iu_event_audit.attempted IS 'counted events with an attempt that are in the outbox still';
COMMENT ON COLUMN iu_event_audit.written_held IS 'counted events of lane held, whatever became of them';
COMMENT ON COLUMN iu_event_audit.released IS 'counted events that release a held one';
COMMENT ON COLUMN iu_event_audit.discarded IS 'rows of iu_held_decision, kept by their trigger';
COMMENT ON COLUMN iu_event_audit.archived IS 'events that are in archives and not in the outbox';

-- table iu_event_audit_late
CREATE TABLE iu_event_audit_late (
  xid xid8 NOT NULL,
  through_id bigint NOT NULL,
  foreign_ids bigint[] DEFAULT '{}'::bigint[] NOT NULL,
  CONSTRAINT iu_event_audit_late_pkey PRIMARY KEY (xid)
) WITH (fillfactor=50);
ALTER TABLE iu_event_audit_late OWNER TO iu_owner;
COMMENT ON TABLE iu_event_audit_late IS 'Transactions that were running when the audit went by: their events up to through_id are not counted yet';
COMMENT ON COLUMN iu_event_audit_late.foreign_ids IS 'events that were seen while the transaction still ran: a restored row has its id by chance, and is counted already';

-- table iu_event_audit_open
CREATE TABLE iu_event_audit_open (
  event_id bigint NOT NULL,
  CONSTRAINT iu_event_audit_open_pkey PRIMARY KEY (event_id)
) WITH (fillfactor=50);
ALTER TABLE iu_event_audit_open OWNER TO iu_owner;
COMMENT ON TABLE iu_event_audit_open IS 'Events that the audit has gone by and that were not settled then; looked at again each time, 1000 at most';

-- table iu_event_type
CREATE TABLE iu_event_type (
  event_type text COLLATE "C" NOT NULL,
  event_domain text COLLATE "C" NOT NULL,
  delivery_lane text COLLATE "C" NOT NULL,
  payload_schema jsonb NOT NULL,
  payload_predicate jsonpath NOT NULL,
  is_system boolean NOT NULL,
  description text NOT NULL,
  registered_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  registered_by text DEFAULT ('db:'::text || (SESSION_USER)::text) NOT NULL,
  payload_keys text[] GENERATED ALWAYS AS (fn_iu_schema_keys(payload_schema)) STORED,
  payload_fault text,
  CONSTRAINT iu_event_type_lane_chk CHECK ((delivery_lane = ANY (ARRAY['immediate'::text, 'delayed'::text]))),
  CONSTRAINT iu_event_type_name_chk CHECK (((event_type ~ '^[a-z0-9_]+([.][a-z0-9_]+)*$'::text) AND (octet_length(event_type) <= 128))),
  CONSTRAINT iu_event_type_pkey PRIMARY KEY (event_type)
);
ALTER TABLE iu_event_type OWNER TO iu_owner;
COMMENT ON TABLE iu_event_type IS 'Every type of event that may be emitted, with the schema its payload must meet';
COMMENT ON COLUMN iu_event_type.delivery_lane IS 'immediate: deduplicated by the caller''s key; delayed: never deduplicated';
COMMENT ON COLUMN iu_event_type.payload_schema IS 'a JSON Schema subset: type, required, properties, additionalProperties, items, enum, const, minimum, maximum, pattern';
COMMENT ON COLUMN iu_event_type.payload_predicate IS 'the schema, but for payload_keys, compiled to one jsonpath predicate, so that a batch is checked set-wise';
COMMENT ON COLUMN iu_event_type.is_system IS 'emitted by this schema''s own functions only';
COMMENT ON COLUMN iu_event_type.payload_keys IS 'the only names that a payload may have at its root, where others are forbidden: half as dear to see as within the predicate';
COMMENT ON COLUMN iu_event_type.payload_fault IS 'why nothing is judged by the schema: it was registered when more was taken, and stands until the type is registered anew';

-- table iu_export
CREATE TABLE iu_export (
  exporter_id integer NOT NULL,
  collection_id bigint NOT NULL,
  intended bytea[] DEFAULT '{}'::bytea[] NOT NULL,
  event_id bigint,
  revision bigint,
  render_digest bytea,
  manifest_digest bytea,
  byte_length bigint,
  exported_at timestamp with time zone,
  exported_by text,
  CONSTRAINT iu_export_collection_fkey FOREIGN KEY (collection_id) REFERENCES iu_collection(id),
  CONSTRAINT iu_export_exporter_fkey FOREIGN KEY (exporter_id) REFERENCES iu_exporter(id),
  CONSTRAINT iu_export_pkey PRIMARY KEY (exporter_id, collection_id),
  CONSTRAINT iu_export_whole_chk CHECK ((num_nonnulls(event_id, revision, render_digest, manifest_digest, byte_length, exported_at, exported_by) = ANY (ARRAY[0, 7])))
);
ALTER TABLE iu_export OWNER TO iu_owner;
COMMENT ON TABLE iu_export IS 'How far an exporter is with each collection: the rendering that was read back from its folder';
COMMENT ON COLUMN iu_export.intended IS 'digests of files that were about to be put in place since the last record: after a crash they are known to be its own';
COMMENT ON COLUMN iu_export.event_id IS 'the collection_rendered that was carried out; 0 for a rendering of before there were exports';

-- table iu_exporter
CREATE TABLE iu_exporter (
  id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  host text NOT NULL,
  folder text NOT NULL,
  created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  created_by text DEFAULT ('db:'::text || (SESSION_USER)::text) NOT NULL,
  CONSTRAINT iu_exporter_pkey PRIMARY KEY (id),
  CONSTRAINT iu_exporter_place_key UNIQUE (host, folder)
);
ALTER TABLE iu_exporter OWNER TO iu_owner;
COMMENT ON TABLE iu_exporter IS 'Folders that rendered collections are exported into';

-- table iu_held_decision
CREATE TABLE iu_held_decision (
  event_id bigint NOT NULL,
  decision text COLLATE "C" NOT NULL,
  reason text NOT NULL,
  decided_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  decided_by text DEFAULT ('db:'::text || (SESSION_USER)::text) NOT NULL,
  CONSTRAINT iu_held_decision_chk CHECK ((decision = 'discarded'::text)),
  CONSTRAINT iu_held_decision_event_fkey FOREIGN KEY (event_id) REFERENCES event_outbox(id),
  CONSTRAINT iu_held_decision_pkey PRIMARY KEY (event_id)
);
ALTER TABLE iu_held_decision OWNER TO iu_owner;
COMMENT ON TABLE iu_held_decision IS 'Held events that were discarded, with the reason; released ones have a row of their own in the outbox';

-- table iu_import_base
CREATE TABLE iu_import_base (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  collection_id bigint NOT NULL,
  revision bigint NOT NULL,
  unit_ids bigint[] NOT NULL,
  version_seqs integer[] NOT NULL,
  created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT iu_import_base_arrays_chk CHECK ((cardinality(unit_ids) = cardinality(version_seqs))),
  CONSTRAINT iu_import_base_collection_fkey FOREIGN KEY (collection_id) REFERENCES iu_collection(id),
  CONSTRAINT iu_import_base_pkey PRIMARY KEY (id)
);
ALTER TABLE iu_import_base OWNER TO iu_owner;
COMMENT ON TABLE iu_import_base IS 'What an import wrote: the pieces in order, each with its version. What differs from it was done here since';
COMMENT ON COLUMN iu_import_base.revision IS 'of the collection, when it was imported';

-- table iu_lock
CREATE TABLE iu_lock (
  name_digest bytea NOT NULL,
  CONSTRAINT iu_lock_pkey PRIMARY KEY (name_digest)
) WITH (autovacuum_vacuum_threshold=200, autovacuum_vacuum_scale_factor=0);
ALTER TABLE iu_lock OWNER TO iu_owner;
COMMENT ON TABLE iu_lock IS 'What takes turns, by the SHA-256 of its name; empty for everybody to see';

-- table iu_outbound_route
CREATE TABLE iu_outbound_route (
  id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  route_code text COLLATE "C" NOT NULL,
  event_type text COLLATE "C" NOT NULL,
  target_kind text COLLATE "C" NOT NULL,
  target_ref text NOT NULL,
  enabled boolean DEFAULT false NOT NULL,
  dry_run boolean DEFAULT true NOT NULL,
  definition_digest bytea NOT NULL,
  approval_digest bytea,
  registered_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  registered_by text DEFAULT ('db:'::text || (SESSION_USER)::text) NOT NULL,
  CONSTRAINT iu_outbound_route_code_chk CHECK (((route_code ~ '^[a-z0-9_]+([.][a-z0-9_]+)*$'::text) AND (octet_length(route_code) <= 128))),
  CONSTRAINT iu_outbound_route_code_key UNIQUE (route_code),
  CONSTRAINT iu_outbound_route_event_type_fkey FOREIGN KEY (event_type) REFERENCES iu_event_type(event_type),
  CONSTRAINT iu_outbound_route_id_chk CHECK ((id > 0)),
  CONSTRAINT iu_outbound_route_pkey PRIMARY KEY (id),
  CONSTRAINT iu_outbound_route_safe_chk CHECK (((NOT enabled) OR dry_run OR ((approval_digest IS NOT NULL) AND (approval_digest = definition_digest))))
);
ALTER TABLE iu_outbound_route OWNER TO iu_owner;
CREATE INDEX iu_outbound_route_event_type_idx ON iu_core.iu_outbound_route USING btree (event_type);
COMMENT ON TABLE iu_outbound_route IS 'What to do with the events of one type';
COMMENT ON COLUMN iu_outbound_route.dry_run IS 'true: the decision is written down and nothing is delivered';
COMMENT ON COLUMN iu_outbound_route.definition_digest IS 'SHA-256 over code, event type and target: what an approval approves';
COMMENT ON CONSTRAINT iu_outbound_route_safe_chk ON iu_outbound_route IS 'A live route needs an approval of exactly this definition';

-- table iu_relation
CREATE TABLE iu_relation (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  from_unit_id bigint NOT NULL,
  relation_kind text COLLATE "C" NOT NULL,
  to_unit_id bigint NOT NULL,
  to_version_seq integer,
  created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  created_by text DEFAULT fn_iu_actor() NOT NULL,
  CONSTRAINT iu_relation_apart_chk CHECK ((from_unit_id <> to_unit_id)),
  CONSTRAINT iu_relation_from_fkey FOREIGN KEY (from_unit_id) REFERENCES information_unit(id),
  CONSTRAINT iu_relation_key UNIQUE (from_unit_id, relation_kind, to_unit_id),
  CONSTRAINT iu_relation_kind_chk CHECK ((relation_kind = ANY (ARRAY['split_from'::text, 'merged_from'::text, 'cloned_from'::text, 'supersedes'::text, 'references'::text]))),
  CONSTRAINT iu_relation_pkey PRIMARY KEY (id),
  CONSTRAINT iu_relation_to_fkey FOREIGN KEY (to_unit_id) REFERENCES information_unit(id),
  CONSTRAINT iu_relation_version_fkey FOREIGN KEY (to_unit_id, to_version_seq) REFERENCES unit_version(unit_id, version_seq)
);
ALTER TABLE iu_relation OWNER TO iu_owner;
CREATE INDEX iu_relation_to_idx ON iu_core.iu_relation USING btree (to_unit_id);
COMMENT ON TABLE iu_relation IS 'Typed edges between units';
COMMENT ON COLUMN iu_relation.to_version_seq IS 'the version that the edge was made from, where that matters';

-- table iu_replay_batch
CREATE TABLE iu_replay_batch (
  job_id bigint NOT NULL,
  batch_no integer NOT NULL,
  event_ids bigint[] NOT NULL,
  route_ids integer[] NOT NULL,
  CONSTRAINT iu_replay_batch_job_fkey FOREIGN KEY (job_id) REFERENCES iu_replay_job(id),
  CONSTRAINT iu_replay_batch_pairs_chk CHECK (((cardinality(event_ids) = cardinality(route_ids)) AND ((cardinality(event_ids) >= 1) AND (cardinality(event_ids) <= 1000)))),
  CONSTRAINT iu_replay_batch_pkey PRIMARY KEY (job_id, batch_no)
);
ALTER TABLE iu_replay_batch OWNER TO iu_owner;
COMMENT ON TABLE iu_replay_batch IS 'The frozen set of a background replay, a thousand pairs of event and route a row; batch 0 first';

-- table iu_replay_job
CREATE TABLE iu_replay_job (
  id bigint NOT NULL,
  what text COLLATE "C" NOT NULL,
  filter jsonb NOT NULL,
  total integer NOT NULL,
  per_second integer,
  status text COLLATE "C" DEFAULT 'running'::text NOT NULL,
  done integer DEFAULT 0 NOT NULL,
  replayed integer DEFAULT 0 NOT NULL,
  failed_again integer DEFAULT 0 NOT NULL,
  left_alone integer DEFAULT 0 NOT NULL,
  next_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  started_by text DEFAULT ('db:'::text || (SESSION_USER)::text) NOT NULL,
  stopped_at timestamp with time zone,
  stopped_by text,
  last_batch_at timestamp with time zone,
  finished_at timestamp with time zone,
  CONSTRAINT iu_replay_job_done_chk CHECK ((((status = 'done'::text) = (done = total)) AND ((status = 'done'::text) = (finished_at IS NOT NULL)))),
  CONSTRAINT iu_replay_job_pkey PRIMARY KEY (id),
  CONSTRAINT iu_replay_job_progress_chk CHECK (((done >= 0) AND (done <= total) AND (done = ((replayed + failed_again) + left_alone)))),
  CONSTRAINT iu_replay_job_status_chk CHECK ((status = ANY (ARRAY['running'::text, 'stopped'::text, 'done'::text]))),
  CONSTRAINT iu_replay_job_stopped_chk CHECK (((status = 'stopped'::text) = (stopped_at IS NOT NULL))),
  CONSTRAINT iu_replay_job_what_chk CHECK ((what = ANY (ARRAY['dead_letters'::text, 'skipped'::text])))
) WITH (fillfactor=50);
ALTER TABLE iu_replay_job OWNER TO iu_owner;
CREATE INDEX iu_replay_job_running_idx ON iu_core.iu_replay_job USING btree (next_at) WHERE (status = 'running'::text);
COMMENT ON TABLE iu_replay_job IS 'Replays in the background: what each is to replay, how far it is, and how fast it may go';
COMMENT ON COLUMN iu_replay_job.id IS 'counted under a lock and not from a sequence, so that a plan tells the number that its apply gives';
COMMENT ON COLUMN iu_replay_job.what IS 'dead_letters, or skipped: events that a disabled route skipped';
COMMENT ON COLUMN iu_replay_job.filter IS 'what was asked for; the ids themselves are frozen in iu_replay_batch';
COMMENT ON COLUMN iu_replay_job.per_second IS 'at most so many a second; null = as fast as it goes';
COMMENT ON COLUMN iu_replay_job.left_alone IS 'resolved by somebody else, or its route is disabled again: not attempted';
COMMENT ON COLUMN iu_replay_job.next_at IS 'not before this, for the sake of per_second';

-- table iu_route_attempt
CREATE TABLE iu_route_attempt (
  event_id bigint NOT NULL,
  route_id integer NOT NULL,
  attempt_no integer DEFAULT 1 NOT NULL,
  status text COLLATE "C" NOT NULL,
  failure_code text COLLATE "C",
  failure_detail text,
  target_kind text COLLATE "C",
  target_ref text,
  worker_code text COLLATE "C" NOT NULL,
  created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT iu_route_attempt_pkey PRIMARY KEY (event_id, route_id, attempt_no),
  CONSTRAINT iu_route_attempt_status_chk CHECK (
CASE status
    WHEN 'dry_run'::text THEN (failure_code IS NULL)
    WHEN 'skipped'::text THEN (failure_code IS NOT NULL)
    WHEN 'failed'::text THEN (failure_code IS NOT NULL)
    WHEN 'sent'::text THEN (failure_code IS NULL)
    ELSE false
END)
);
ALTER TABLE iu_route_attempt OWNER TO iu_owner;
CREATE INDEX iu_route_attempt_disabled_idx ON iu_core.iu_route_attempt USING btree (route_id, event_id) WHERE (failure_code = 'route_disabled'::text);
CREATE INDEX iu_route_attempt_replay_idx ON iu_core.iu_route_attempt USING btree (event_id, route_id, attempt_no) WHERE (worker_code = 'replay'::text);
COMMENT ON TABLE iu_route_attempt IS 'One audited decision of the worker on one event for one route; append-only';
COMMENT ON COLUMN iu_route_attempt.route_id IS '0 = no route wanted the event';
COMMENT ON COLUMN iu_route_attempt.failure_code IS 'why it failed or was skipped: payload_schema, unknown_event_type, cannot_be_judged, worker_process_error, no_route, route_disabled';

-- table iu_route_attempt_block
CREATE TABLE iu_route_attempt_block (
  event_type text COLLATE "C" NOT NULL,
  route_id integer NOT NULL,
  status text COLLATE "C" NOT NULL,
  block_no bigint NOT NULL,
  attempts bigint NOT NULL,
  CONSTRAINT iu_route_attempt_block_pkey PRIMARY KEY (event_type, route_id, status, block_no)
) WITH (fillfactor=80);
ALTER TABLE iu_route_attempt_block OWNER TO iu_owner;
CREATE UNIQUE INDEX iu_route_attempt_block_kind_idx ON iu_core.iu_route_attempt_block USING btree (event_type, route_id, status) WHERE (block_no = '-1'::integer);
COMMENT ON TABLE iu_route_attempt_block IS 'How many attempts of a kind, replays apart, are in each block of 256 event ids, of events that the audit has counted';
COMMENT ON COLUMN iu_route_attempt_block.block_no IS 'event id / 256; -1 = all of them';

-- table iu_route_attempt_rollup
CREATE TABLE iu_route_attempt_rollup (
  worker_code text COLLATE "C" NOT NULL,
  span_start timestamp with time zone NOT NULL,
  route_id integer NOT NULL,
  status text COLLATE "C" NOT NULL,
  attempts bigint NOT NULL,
  last_attempt_at timestamp with time zone NOT NULL,
  CONSTRAINT iu_route_attempt_rollup_pkey PRIMARY KEY (worker_code, span_start, route_id, status)
) WITH (fillfactor=50);
ALTER TABLE iu_route_attempt_rollup OWNER TO iu_owner;
COMMENT ON TABLE iu_route_attempt_rollup IS 'Attempts counted by hour and over all time, kept in the transaction that writes them; per worker, so that two never meet on a row';
COMMENT ON COLUMN iu_route_attempt_rollup.span_start IS 'the hour (UTC); -infinity = all time';

-- table iu_route_dead_letter
CREATE TABLE iu_route_dead_letter (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  event_id bigint NOT NULL,
  route_id integer NOT NULL,
  attempt_no integer NOT NULL,
  failure_code text COLLATE "C" NOT NULL,
  failure_detail text NOT NULL,
  event_domain text COLLATE "C" NOT NULL,
  event_type text COLLATE "C" NOT NULL,
  event_subject_table text COLLATE "C" NOT NULL,
  event_subject_ref text COLLATE "C" NOT NULL,
  payload jsonb NOT NULL,
  actor text NOT NULL,
  event_created_at timestamp with time zone NOT NULL,
  status text COLLATE "C" DEFAULT 'open'::text NOT NULL,
  created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  resolved_at timestamp with time zone,
  resolved_by text,
  resolved_attempt_no integer,
  corrected_by_event_id bigint,
  replay_job_id bigint,
  cause text COLLATE "C" GENERATED ALWAYS AS (fn_iu_dead_letter_cause(failure_code, route_id, event_type, failure_detail)) STORED NOT NULL,
  CONSTRAINT iu_route_dead_letter_corrected_chk CHECK (((status = 'corrected'::text) = (corrected_by_event_id IS NOT NULL))),
  CONSTRAINT iu_route_dead_letter_pkey PRIMARY KEY (id),
  CONSTRAINT iu_route_dead_letter_resolved_chk CHECK (((status = 'open'::text) = (resolved_at IS NULL))),
  CONSTRAINT iu_route_dead_letter_status_chk CHECK ((status = ANY (ARRAY['open'::text, 'replayed'::text, 'rerouted'::text, 'corrected'::text, 'discarded'::text])))
);
ALTER TABLE iu_route_dead_letter OWNER TO iu_owner;
CREATE INDEX iu_route_dead_letter_cause_idx ON iu_core.iu_route_dead_letter USING btree (cause, id) WHERE (status = 'open'::text);
CREATE INDEX iu_route_dead_letter_corrected_idx ON iu_core.iu_route_dead_letter USING btree (corrected_by_event_id) WHERE (corrected_by_event_id IS NOT NULL);
CREATE INDEX iu_route_dead_letter_event_idx ON iu_core.iu_route_dead_letter USING btree (event_id);
CREATE INDEX iu_route_dead_letter_open_id_idx ON iu_core.iu_route_dead_letter USING btree (id) WHERE (status = 'open'::text);
CREATE UNIQUE INDEX iu_route_dead_letter_open_idx ON iu_core.iu_route_dead_letter USING btree (event_id, route_id) WHERE (status = 'open'::text);
COMMENT ON TABLE iu_route_dead_letter IS 'A snapshot of an event whose attempt failed, open until it is replayed, rerouted, corrected or discarded';
COMMENT ON COLUMN iu_route_dead_letter.attempt_no IS 'the latest attempt that failed';
COMMENT ON COLUMN iu_route_dead_letter.status IS 'rerouted: no route had taken the event, and the routes that do now have attempts of their own; corrected: a new event stands for it';
COMMENT ON COLUMN iu_route_dead_letter.resolved_attempt_no IS 'the attempt that a replay succeeded with';
COMMENT ON COLUMN iu_route_dead_letter.corrected_by_event_id IS 'the event with the corrected payload';
COMMENT ON COLUMN iu_route_dead_letter.replay_job_id IS 'the background replay that attempted it last';
COMMENT ON COLUMN iu_route_dead_letter.cause IS 'fingerprint of the cause: letters of one fault have one';

-- table iu_route_worker_cursor
CREATE TABLE iu_route_worker_cursor (
  worker_code text COLLATE "C" NOT NULL,
  lock_no integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  bucket_from smallint NOT NULL,
  bucket_to smallint NOT NULL,
  system_identifier bigint,
  snap_from pg_snapshot DEFAULT '1:1:'::pg_snapshot NOT NULL,
  floor_id bigint DEFAULT 0 NOT NULL,
  snap_to pg_snapshot,
  floor_to_id bigint DEFAULT 0 NOT NULL,
  trusted_id bigint DEFAULT 0 NOT NULL,
  last_id bigint DEFAULT 0 NOT NULL,
  own_xid xid8,
  own_last_id bigint DEFAULT 0 NOT NULL,
  events_seen bigint DEFAULT 0 NOT NULL,
  last_pass_at timestamp with time zone,
  last_pass_seen integer,
  reread_id bigint DEFAULT 0 NOT NULL,
  CONSTRAINT iu_route_worker_cursor_apart_excl EXCLUDE USING gist (int4range((bucket_from)::integer, (bucket_to)::integer, '[]'::text) WITH &&),
  CONSTRAINT iu_route_worker_cursor_buckets_chk CHECK (((bucket_from >= 0) AND (bucket_from <= bucket_to) AND (bucket_to <= 15))),
  CONSTRAINT iu_route_worker_cursor_code_chk CHECK (((worker_code ~ '^[a-z0-9_]+$'::text) AND (octet_length(worker_code) <= 63))),
  CONSTRAINT iu_route_worker_cursor_lock_key UNIQUE (lock_no),
  CONSTRAINT iu_route_worker_cursor_pkey PRIMARY KEY (worker_code)
) WITH (fillfactor=10, autovacuum_vacuum_threshold=500, autovacuum_vacuum_scale_factor=0);
ALTER TABLE iu_route_worker_cursor OWNER TO iu_owner;
COMMENT ON TABLE iu_route_worker_cursor IS 'How far each worker is; each owns a range of buckets that no other has';
COMMENT ON COLUMN iu_route_worker_cursor.lock_no IS 'second half of the advisory lock that a pass holds';
COMMENT ON COLUMN iu_route_worker_cursor.system_identifier IS 'the cluster that the snapshots belong to; another (or null) makes the next pass read everything once more';
COMMENT ON COLUMN iu_route_worker_cursor.floor_id IS 'rows of transactions that snap_from does not know have ids above it';
COMMENT ON COLUMN iu_route_worker_cursor.snap_to IS 'the end of the window being paged; null between windows';
COMMENT ON COLUMN iu_route_worker_cursor.floor_to_id IS 'floor_id of the next window';
COMMENT ON COLUMN iu_route_worker_cursor.trusted_id IS 'rows up to here are taken whatever their transaction id: it may be another cluster''s';
COMMENT ON COLUMN iu_route_worker_cursor.last_id IS 'the page''s end inside the window';
COMMENT ON COLUMN iu_route_worker_cursor.own_xid IS 'the writing transaction that ran a pass over its own events';
COMMENT ON COLUMN iu_route_worker_cursor.own_last_id IS 'how far that transaction''s own events are routed';
COMMENT ON COLUMN iu_route_worker_cursor.reread_id IS 'rows up to here may be read once more after a join or a reset: what has an attempt is passed over';

-- table iu_route_worker_run
CREATE TABLE iu_route_worker_run (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  worker_code text COLLATE "C" NOT NULL,
  started_at timestamp with time zone NOT NULL,
  finished_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  seen integer NOT NULL,
  attempts_written integer NOT NULL,
  skipped integer NOT NULL,
  dead_lettered integer NOT NULL,
  run_by text DEFAULT ('db:'::text || (SESSION_USER)::text) NOT NULL,
  CONSTRAINT iu_route_worker_run_pkey PRIMARY KEY (id)
);
ALTER TABLE iu_route_worker_run OWNER TO iu_owner;
COMMENT ON TABLE iu_route_worker_run IS 'Every pass that saw an event: what it saw and wrote';

-- table iu_session
CREATE TABLE iu_session (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  account_id bigint NOT NULL,
  token_digest bytea NOT NULL,
  created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  last_used_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  ended_at timestamp with time zone,
  end_reason text,
  CONSTRAINT iu_session_account_fkey FOREIGN KEY (account_id) REFERENCES iu_account(id),
  CONSTRAINT iu_session_end_chk CHECK (((ended_at IS NULL) = (end_reason IS NULL))),
  CONSTRAINT iu_session_pkey PRIMARY KEY (id),
  CONSTRAINT iu_session_token_key UNIQUE (token_digest)
);
ALTER TABLE iu_session OWNER TO iu_owner;
CREATE INDEX iu_session_live_idx ON iu_core.iu_session USING btree (account_id) WHERE (ended_at IS NULL);
COMMENT ON TABLE iu_session IS 'Sign-ins of the console; the token itself is only in the browser''s cookie';
COMMENT ON COLUMN iu_session.token_digest IS 'SHA-256 over the token';
COMMENT ON COLUMN iu_session.expires_at IS 'the latest end; 12 hours without use end it earlier';

-- table iu_sign_in_failure
CREATE TABLE iu_sign_in_failure (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  account_digest bytea NOT NULL,
  client_digest bytea NOT NULL,
  failed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT iu_sign_in_failure_pkey PRIMARY KEY (id)
);
ALTER TABLE iu_sign_in_failure OWNER TO iu_owner;
CREATE INDEX iu_sign_in_failure_pair_idx ON iu_core.iu_sign_in_failure USING btree (account_digest, client_digest, failed_at);
CREATE INDEX iu_sign_in_failure_time_idx ON iu_core.iu_sign_in_failure USING btree (failed_at);
COMMENT ON TABLE iu_sign_in_failure IS 'Failed sign-ins of the last quarter of an hour, for throttling; digests, because people type passwords into the name''s field';

-- table iu_sync_layer
CREATE TABLE iu_sync_layer (
  layer_code text COLLATE "C" NOT NULL,
  layer_no smallint NOT NULL,
  name text NOT NULL,
  description text NOT NULL,
  fed_by text NOT NULL,
  CONSTRAINT iu_sync_layer_layer_no_key UNIQUE (layer_no),
  CONSTRAINT iu_sync_layer_pkey PRIMARY KEY (layer_code)
);
ALTER TABLE iu_sync_layer OWNER TO iu_owner;
COMMENT ON TABLE iu_sync_layer IS 'The layers that hold what this schema holds: what each is, and how it is fed. Whether one is in step is read each time, never stored';

-- table iu_tree_path
CREATE TABLE iu_tree_path (
  unit_id bigint NOT NULL,
  parent_unit_id bigint,
  section_level smallint DEFAULT 0 NOT NULL,
  CONSTRAINT iu_tree_path_level_chk CHECK (((section_level >= 0) AND (section_level <= 6))),
  CONSTRAINT iu_tree_path_parent_chk CHECK ((parent_unit_id <> unit_id)),
  CONSTRAINT iu_tree_path_parent_fkey FOREIGN KEY (parent_unit_id) REFERENCES information_unit(id),
  CONSTRAINT iu_tree_path_pkey PRIMARY KEY (unit_id),
  CONSTRAINT iu_tree_path_unit_id_fkey FOREIGN KEY (unit_id) REFERENCES information_unit(id)
);
ALTER TABLE iu_tree_path OWNER TO iu_owner;
CREATE INDEX iu_tree_path_parent_idx ON iu_core.iu_tree_path USING btree (parent_unit_id);
COMMENT ON TABLE iu_tree_path IS 'A unit''s place in the tree: the section that it stands in';
COMMENT ON COLUMN iu_tree_path.parent_unit_id IS 'the heading of the enclosing section; null at the top';
COMMENT ON COLUMN iu_tree_path.section_level IS '1 to 6 for a heading, which starts a section; 0 for all else';

-- table iu_unit_axis
CREATE TABLE iu_unit_axis (
  unit_id bigint NOT NULL,
  axis text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  CONSTRAINT iu_unit_axis_pkey PRIMARY KEY (unit_id, axis),
  CONSTRAINT iu_unit_axis_unit_fkey FOREIGN KEY (unit_id) REFERENCES information_unit(id)
);
ALTER TABLE iu_unit_axis OWNER TO iu_owner;
CREATE INDEX iu_unit_axis_value_idx ON iu_core.iu_unit_axis USING btree (axis, value, unit_id);
COMMENT ON TABLE iu_unit_axis IS 'Metadata axes: facts derived from a unit, to filter by; as of the last refresh';
COMMENT ON COLUMN iu_unit_axis.axis IS 'kind, lifecycle, section, level, source, length, links, language';

-- table iu_vocabulary
CREATE TABLE iu_vocabulary (
  term_class text COLLATE "C" NOT NULL,
  term text COLLATE "C" NOT NULL,
  description text NOT NULL,
  CONSTRAINT iu_vocabulary_pkey PRIMARY KEY (term_class, term)
);
ALTER TABLE iu_vocabulary OWNER TO iu_owner;
COMMENT ON TABLE iu_vocabulary IS 'Every allowed kind and term, classified';

-- table iu_worker_process
CREATE TABLE iu_worker_process (
  process_id uuid NOT NULL,
  kind text COLLATE "C" NOT NULL,
  worker_code text COLLATE "C",
  host text NOT NULL,
  pid integer NOT NULL,
  status text COLLATE "C" NOT NULL,
  events_seen bigint NOT NULL,
  run_by text DEFAULT ('db:'::text || (SESSION_USER)::text) NOT NULL,
  started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  last_seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  fault text,
  CONSTRAINT iu_worker_process_kind_chk CHECK ((kind = ANY (ARRAY['cli'::text, 'schedule'::text]))),
  CONSTRAINT iu_worker_process_pkey PRIMARY KEY (process_id),
  CONSTRAINT iu_worker_process_status_chk CHECK ((status = ANY (ARRAY['routed'::text, 'idle'::text, 'busy'::text, 'worker_gate_closed'::text, 'master_gate_closed'::text])))
) WITH (fillfactor=50);
ALTER TABLE iu_worker_process OWNER TO iu_owner;
COMMENT ON TABLE iu_worker_process IS 'Processes that run passes: each tells every few seconds that it lives, and takes its row away when it ends in order';
COMMENT ON COLUMN iu_worker_process.worker_code IS 'whose passes it runs; null = every worker''s';
COMMENT ON COLUMN iu_worker_process.status IS 'how its last pass ended';
COMMENT ON COLUMN iu_worker_process.events_seen IS 'by this process, since it started';
COMMENT ON COLUMN iu_worker_process.fault IS 'what keeps its next pass from being made, as PostgreSQL tells it; null = nothing';

-- table iu_worker_schedule
CREATE TABLE iu_worker_schedule (
  schedule_code text COLLATE "C" DEFAULT 'console'::text NOT NULL,
  enabled boolean NOT NULL,
  poll_ms integer NOT NULL,
  batch_size integer NOT NULL,
  reason text NOT NULL,
  changed_by text DEFAULT ('db:'::text || (SESSION_USER)::text) NOT NULL,
  changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT iu_worker_schedule_batch_chk CHECK (((batch_size >= 1) AND (batch_size <= 100000))),
  CONSTRAINT iu_worker_schedule_one_chk CHECK ((schedule_code = 'console'::text)),
  CONSTRAINT iu_worker_schedule_pkey PRIMARY KEY (schedule_code),
  CONSTRAINT iu_worker_schedule_poll_chk CHECK (((poll_ms >= 10) AND (poll_ms <= 60000)))
);
ALTER TABLE iu_worker_schedule OWNER TO iu_owner;
COMMENT ON TABLE iu_worker_schedule IS 'Whether the consoles'' servers run passes, of every worker, and how often; an approver''s command enables it';
COMMENT ON COLUMN iu_worker_schedule.poll_ms IS 'wait after a round that found nothing';

-- table unit_version
CREATE TABLE unit_version (
  unit_id bigint NOT NULL,
  version_seq integer NOT NULL,
  body text NOT NULL,
  content_digest bytea NOT NULL,
  byte_length integer NOT NULL,
  created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  created_by text DEFAULT ('db:'::text || (SESSION_USER)::text) NOT NULL,
  CONSTRAINT unit_version_digest_chk CHECK ((content_digest = sha256(convert_to(body, 'UTF8'::name)))),
  CONSTRAINT unit_version_length_chk CHECK ((byte_length = octet_length(body))),
  CONSTRAINT unit_version_pkey PRIMARY KEY (unit_id, version_seq),
  CONSTRAINT unit_version_seq_chk CHECK ((version_seq > 0)),
  CONSTRAINT unit_version_unit_id_fkey FOREIGN KEY (unit_id) REFERENCES information_unit(id)
);
ALTER TABLE unit_version OWNER TO iu_owner;
COMMENT ON TABLE unit_version IS 'Immutable bodies of a unit; version_seq from 1';
COMMENT ON COLUMN unit_version.body IS 'UTF-8 text, kept byte for byte';
COMMENT ON COLUMN unit_version.content_digest IS 'SHA-256 over the bytes of the body';
COMMENT ON COLUMN unit_version.byte_length IS 'bytes of the body';

-- view v_dot_accepted
CREATE VIEW v_dot_accepted AS
 SELECT class,
    identity,
    state,
    digest,
    owner,
    reason,
    accepted_by,
    accepted_at,
    expires_at,
    expected,
    live,
    statement
   FROM jsonb_to_recordset((fn_dot_compare() -> 'accepted'::text)) a(class text, identity text, state text, digest text, owner text, reason text, accepted_by text, accepted_at timestamp with time zone, expires_at timestamp with time zone, expected text, live text, statement text);
ALTER VIEW v_dot_accepted OWNER TO iu_owner;
COMMENT ON VIEW v_dot_accepted IS 'Every object that is not as it was deployed and was accepted exactly so: by whom, who answers for it, why and until when; it is in v_dot_drift again when that time has come, or when it changes once more';
GRANT SELECT ON v_dot_accepted TO iu_reader;

-- view v_dot_comparison
CREATE VIEW v_dot_comparison AS
 SELECT checked_at,
    state,
    digest,
    expected,
    matching,
    drift,
    unknown,
    why,
    checks,
    objects,
    summary,
    accepted
   FROM jsonb_to_record(fn_dot_compare()) k(checked_at timestamp with time zone, state text, digest text, expected integer, matching integer, drift integer, unknown integer, why text, checks jsonb, objects jsonb, summary text, accepted jsonb);
ALTER VIEW v_dot_comparison OWNER TO iu_owner;
COMMENT ON VIEW v_dot_comparison IS 'One comparison as a whole: state (matches, accepted, drift, unknown and why), how many objects are expected, match, have drifted and are unknown, and the same in a sentence, SHA-256 over the catalogue, and what v_dot_conformance, v_dot_drift and v_dot_accepted would have told at that moment';
GRANT SELECT ON v_dot_comparison TO iu_reader;

-- view v_dot_conformance
CREATE VIEW v_dot_conformance AS
 SELECT check_code,
    class,
    expected,
    present,
    missing,
    unexpected,
    changed,
    unknown,
    ok,
    matching,
    accepted
   FROM jsonb_to_recordset((fn_dot_compare() -> 'checks'::text)) k(check_code text, class text, expected integer, present integer, missing integer, unexpected integer, changed integer, unknown integer, ok boolean, matching integer, accepted integer)
  ORDER BY (length(check_code)), check_code;
ALTER VIEW v_dot_conformance OWNER TO iu_owner;
COMMENT ON VIEW v_dot_conformance IS 'D1 to D7: each class, expected (the inventory) against the live catalogue; D8: everything in the inventory, in both directions; D9: the classes D1 to D7 that are as they should be; D10: what guards the schema, against what bootstrap makes. matching + accepted + missing + unexpected + changed + unknown is what was compared. What is unknown or accepted is never ok';
GRANT SELECT ON v_dot_conformance TO iu_reader;

-- view v_dot_drift
CREATE VIEW v_dot_drift AS
 SELECT class,
    identity,
    state,
    expected,
    live,
    statement,
    suggested_action,
    digest
   FROM fn_dot_drift() fn_dot_drift(class, identity, state, expected, live, statement, suggested_action, digest);
ALTER VIEW v_dot_drift OWNER TO iu_owner;
COMMENT ON VIEW v_dot_drift IS 'Every object that is not as it was deployed and was not accepted so, with both definitions, the statement that puts it right, what to do, and the digest by which it can be accepted; no rows: no drift. A row without a class: nothing can be said now, and why';
GRANT SELECT ON v_dot_drift TO iu_reader;

-- view v_dot_iu_command_registry
CREATE VIEW v_dot_iu_command_registry AS
 SELECT c.command_code,
    c.area,
    c.tier,
    c.required_right,
    c.gates,
    c.reason_required,
    c.confirm_param,
    c.param_schema,
    c.description,
    r.planned,
    r.succeeded,
    r.refused,
    r.failed,
    r.undone,
    r.last_run_id,
    l.finished_at AS last_run_at,
    l.actor AS last_actor,
    COALESCE(l.outcome, l.status) AS last_status,
    r.otherwise
   FROM ((dot_iu_command c
     CROSS JOIN LATERAL ( SELECT (count(*) FILTER (WHERE (n.status = 'planned'::text)))::integer AS planned,
            (count(*) FILTER (WHERE ((n.status = 'succeeded'::text) AND (n.mode = 'apply'::text) AND (n.outcome IS NULL))))::integer AS succeeded,
            (count(*) FILTER (WHERE ((n.status = 'succeeded'::text) AND (n.mode = 'apply'::text) AND (n.outcome IS NOT NULL))))::integer AS otherwise,
            (count(*) FILTER (WHERE (n.status = 'refused'::text)))::integer AS refused,
            (count(*) FILTER (WHERE (n.status = 'failed'::text)))::integer AS failed,
            (count(*) FILTER (WHERE ((n.status = 'succeeded'::text) AND (n.mode = 'rollback'::text))))::integer AS undone,
            max(n.id) AS last_run_id
           FROM ( SELECT dot_iu_command_run.id,
                    dot_iu_command_run.status,
                    dot_iu_command_run.mode,
                    dot_iu_command_run.outcome
                   FROM dot_iu_command_run
                  WHERE (dot_iu_command_run.command_code = c.command_code)
                  ORDER BY dot_iu_command_run.id DESC
                 LIMIT 10000) n) r)
     LEFT JOIN dot_iu_command_run l ON ((l.id = r.last_run_id)));
ALTER VIEW v_dot_iu_command_registry OWNER TO iu_owner;
COMMENT ON VIEW v_dot_iu_command_registry IS 'Every command with what became of its newest ten thousand runs';
GRANT SELECT ON v_dot_iu_command_registry TO iu_reader;

-- view v_dot_iu_command_run
CREATE VIEW v_dot_iu_command_run AS
 SELECT r.id AS run_id,
    r.command_code,
    r.mode,
    r.status,
    r.code,
    r.actor,
    r.actor_kind,
    r.reason,
    r.params,
    r.object_refs,
    r.event_count,
    r.event_from,
    r.event_to,
    encode(r.plan_digest, 'hex'::text) AS plan_digest,
    r.plan_run_id,
    r.target_run_id,
    r.idempotency_key,
    r.receipt,
    r.started_at,
    r.finished_at,
    (EXTRACT(epoch FROM (r.finished_at - r.started_at)) * (1000)::numeric) AS duration_ms,
    v.status AS verify_status,
    v.id AS verify_run_id,
    u.id AS undone_by_run_id,
    s.seal_no,
    r.outcome
   FROM (((dot_iu_command_run r
     LEFT JOIN LATERAL ( SELECT w.id,
            w.status
           FROM dot_iu_command_run w
          WHERE ((w.target_run_id = r.id) AND (w.mode = 'verify'::text) AND (w.status = ANY (ARRAY['verified'::text, 'unverified'::text])))
          ORDER BY w.id DESC
         LIMIT 1) v ON (true))
     LEFT JOIN dot_iu_command_run u ON (((u.target_run_id = r.id) AND (u.mode = 'rollback'::text) AND (u.status = 'succeeded'::text))))
     LEFT JOIN dot_iu_command_seal s ON ((s.run_id = r.id)));
ALTER VIEW v_dot_iu_command_run OWNER TO iu_owner;
COMMENT ON VIEW v_dot_iu_command_run IS 'The ledger, with each run''s latest verification, what undid it, and its link in the chain';
GRANT SELECT ON v_dot_iu_command_run TO iu_reader;

-- view v_dot_iu_command_run_health
CREATE VIEW v_dot_iu_command_run_health AS
 SELECT n.runs,
    n.apply,
    n.applied,
    n.refused,
    n.failed,
    n.unverified,
    n.otherwise,
    ( SELECT r.finished_at
           FROM dot_iu_command_run r
          ORDER BY r.id DESC
         LIMIT 1) AS last_run_at,
    (( SELECT count(*) AS count
           FROM ( SELECT
                   FROM dot_iu_command_unsealed
                 LIMIT 10001) u))::integer AS unsealed,
    ( SELECT min(r.finished_at) AS min
           FROM dot_iu_command_run r
          WHERE (r.id = ( SELECT min(u.run_id) AS min
                   FROM dot_iu_command_unsealed u))) AS oldest_unsealed_at,
    s.seal_no AS head_no,
    encode(s.chain_digest, 'hex'::text) AS head,
    s.sealed_at AS last_sealed_at
   FROM (( SELECT (count(*))::integer AS runs,
            (count(*) FILTER (WHERE (newest.mode = 'apply'::text)))::integer AS apply,
            (count(*) FILTER (WHERE ((newest.mode = 'apply'::text) AND (newest.status = 'succeeded'::text))))::integer AS applied,
            (count(*) FILTER (WHERE (newest.status = 'refused'::text)))::integer AS refused,
            (count(*) FILTER (WHERE (newest.status = 'failed'::text)))::integer AS failed,
            (count(*) FILTER (WHERE (newest.status = 'unverified'::text)))::integer AS unverified,
            (count(*) FILTER (WHERE ((newest.status = 'succeeded'::text) AND (newest.outcome IS NOT NULL))))::integer AS otherwise
           FROM ( SELECT dot_iu_command_run.mode,
                    dot_iu_command_run.status,
                    dot_iu_command_run.outcome
                   FROM dot_iu_command_run
                  ORDER BY dot_iu_command_run.id DESC
                 LIMIT 10001) newest) n
     LEFT JOIN ( SELECT dot_iu_command_seal.seal_no,
            dot_iu_command_seal.run_id,
            dot_iu_command_seal.chain_digest,
            dot_iu_command_seal.sealed_at
           FROM dot_iu_command_seal
          ORDER BY dot_iu_command_seal.seal_no DESC
         LIMIT 1) s ON (true));
ALTER VIEW v_dot_iu_command_run_health OWNER TO iu_owner;
COMMENT ON VIEW v_dot_iu_command_run_health IS 'One row: the runs of the ledger, the newest 10,001 at most, by what became of them, and how far the chain is';
GRANT SELECT ON v_dot_iu_command_run_health TO iu_reader;

-- view v_iu_account
CREATE VIEW v_iu_account AS
 SELECT id AS account_id,
    account,
    display_name,
    account_right,
    status,
    created_at,
    created_by,
    password_changed_at,
    last_sign_in_at,
    (( SELECT count(*) AS count
           FROM iu_session s
          WHERE ((s.account_id = a.id) AND (s.ended_at IS NULL) AND (s.expires_at > clock_timestamp()) AND (s.last_used_at > (clock_timestamp() - '12:00:00'::interval)))))::integer AS live_sessions,
    ( SELECT max(s.last_used_at) AS max
           FROM iu_session s
          WHERE (s.account_id = a.id)) AS last_used_at,
    (( SELECT count(*) AS count
           FROM iu_api_token t
          WHERE ((t.account_id = a.id) AND (t.revoked_at IS NULL) AND (t.expires_at > clock_timestamp()))))::integer AS live_tokens
   FROM iu_account a;
ALTER VIEW v_iu_account OWNER TO iu_owner;
COMMENT ON VIEW v_iu_account IS 'Every account without its secrets';
GRANT SELECT ON v_iu_account TO iu_reader;

-- view v_iu_accounting
CREATE VIEW v_iu_accounting AS
 SELECT events,
    attempted,
    held,
    released,
    discarded,
    archived,
    not_yet_routed,
    unexplained,
    is_exact,
    audited_through
   FROM fn_iu_event_account() fn_iu_event_account(events, attempted, held, released, discarded, archived, not_yet_routed, unexplained, is_exact, audited_through);
ALTER VIEW v_iu_accounting OWNER TO iu_owner;
COMMENT ON VIEW v_iu_accounting IS 'The accounting identity: events = attempted + held + released + discarded + archived + not_yet_routed, and unexplained is 0. Read from the audit and what lies above it; v_iu_accounting_recount counts every row';
GRANT SELECT ON v_iu_accounting TO iu_reader;

-- view v_iu_accounting_recount
CREATE VIEW v_iu_accounting_recount AS
 SELECT (count(accounted.account) + archives.archived) AS events,
    count(accounted.account) FILTER (WHERE (accounted.account = 'attempted'::text)) AS attempted,
    count(accounted.account) FILTER (WHERE (accounted.account = 'held'::text)) AS held,
    count(accounted.account) FILTER (WHERE (accounted.account = 'released'::text)) AS released,
    count(accounted.account) FILTER (WHERE (accounted.account = 'discarded'::text)) AS discarded,
    archives.archived,
    count(accounted.account) FILTER (WHERE (accounted.account = 'not_yet_routed'::text)) AS not_yet_routed,
    count(accounted.account) FILTER (WHERE (accounted.account = 'unexplained'::text)) AS unexplained
   FROM (( SELECT (COALESCE(sum(v_iu_archive.events), (0)::numeric))::bigint AS archived
           FROM v_iu_archive
          WHERE v_iu_archive.is_removed) archives
     LEFT JOIN ( SELECT
                CASE
                    WHEN (e.delivery_lane = 'held'::text) THEN
                    CASE
                        WHEN (EXISTS ( SELECT
                           FROM event_outbox n
                          WHERE (n.released_from = e.id))) THEN 'released'::text
                        WHEN (EXISTS ( SELECT
                           FROM iu_held_decision h
                          WHERE (h.event_id = e.id))) THEN 'discarded'::text
                        ELSE 'held'::text
                    END
                    WHEN (a.event_id IS NOT NULL) THEN 'attempted'::text
                    WHEN (NOT c.is_passed) THEN 'not_yet_routed'::text
                    ELSE 'unexplained'::text
                END AS account
           FROM ((event_outbox e
             LEFT JOIN ( SELECT DISTINCT iu_route_attempt.event_id
                   FROM iu_route_attempt
                  WHERE (iu_route_attempt.attempt_no = 1)) a ON ((a.event_id = e.id)))
             LEFT JOIN v_iu_event_claim c ON (((c.event_id = e.id) AND (a.event_id IS NULL))))
         OFFSET 0) accounted ON (true))
  GROUP BY archives.archived;
ALTER VIEW v_iu_accounting_recount OWNER TO iu_owner;
COMMENT ON VIEW v_iu_accounting_recount IS 'The accounting identity, counted from all rows: what v_iu_accounting must equal. It takes as long as there are events';
GRANT SELECT ON v_iu_accounting_recount TO iu_reader;

-- view v_iu_api_token
CREATE VIEW v_iu_api_token AS
 SELECT t.id AS token_id,
    a.account,
    t.label,
    t.scopes,
    t.created_at,
    t.created_by,
    t.expires_at,
    t.last_used_at,
    t.revoked_at,
    t.revoked_by,
        CASE
            WHEN (t.revoked_at IS NOT NULL) THEN 'revoked'::text
            WHEN (t.expires_at <= clock_timestamp()) THEN 'expired'::text
            WHEN (a.status <> 'active'::text) THEN 'account_disabled'::text
            ELSE 'live'::text
        END AS status
   FROM (iu_api_token t
     JOIN iu_account a ON ((a.id = t.account_id)));
ALTER VIEW v_iu_api_token OWNER TO iu_owner;
COMMENT ON VIEW v_iu_api_token IS 'Every API token without its secret';
GRANT SELECT ON v_iu_api_token TO iu_reader;

-- view v_iu_archive
CREATE VIEW v_iu_archive AS
 SELECT a.id AS archive_id,
    a.file_name,
    encode(a.file_digest, 'hex'::text) AS file_digest,
    a.file_bytes,
    encode(a.content_digest, 'hex'::text) AS content_digest,
    a.content_bytes,
    a.first_id,
    a.last_id,
    a.events,
    a.attempts,
    a.older_than,
    a.oldest_at,
    a.newest_at,
    a.made_at,
    a.made_by,
    COALESCE((m.move = 'removed'::text), false) AS is_removed,
    m.moved_at,
    m.moved_by
   FROM (iu_archive a
     LEFT JOIN LATERAL ( SELECT iu_archive_move.move,
            iu_archive_move.moved_at,
            iu_archive_move.moved_by
           FROM iu_archive_move
          WHERE (iu_archive_move.archive_id = a.id)
          ORDER BY iu_archive_move.id DESC
         LIMIT 1) m ON (true));
ALTER VIEW v_iu_archive OWNER TO iu_owner;
COMMENT ON VIEW v_iu_archive IS 'Every archive, and whether its events are removed from the outbox at present';
GRANT SELECT ON v_iu_archive TO iu_reader;

-- view v_iu_backup_evidence
CREATE VIEW v_iu_backup_evidence AS
 SELECT b.id AS backup_id,
    b.file_name,
    b.folder,
    b.host,
    b.kind,
    b.unit_tag,
    b.server_version,
    b.file_bytes,
    encode(b.file_digest, 'hex'::text) AS file_digest,
    b.entries,
    b.row_count,
    b.taken_at,
    b.last_event,
    b.last_run,
    b.checks,
    b.restorable,
    b.checked_at,
    b.checked_by,
    w.written_since,
    ((NOT w.written_since) OR (b.taken_at >= (clock_timestamp() - '01:00:00'::interval))) AS is_fresh
   FROM (iu_backup_evidence b
     CROSS JOIN LATERAL ( SELECT ((EXISTS ( SELECT
                   FROM event_outbox e
                  WHERE (e.id > b.last_event))) OR (EXISTS ( SELECT
                   FROM dot_iu_command_run r
                  WHERE (r.id > b.last_run)))) AS written_since) w);
ALTER VIEW v_iu_backup_evidence OWNER TO iu_owner;
COMMENT ON VIEW v_iu_backup_evidence IS 'Every backup that was tried, whether it can be restored, and whether it is fresh: nothing was written since, or it is at most an hour old';
GRANT SELECT ON v_iu_backup_evidence TO iu_reader;

-- view v_iu_collection_checkpoint
CREATE VIEW v_iu_collection_checkpoint AS
 SELECT c.canonical_address AS collection_address,
    k.checkpoint_no,
    k.label,
    k.revision,
    encode(k.manifest_digest, 'hex'::text) AS manifest_digest,
    k.piece_count,
    k.byte_length,
    k.created_at,
    k.created_by,
    (c.revision = k.revision) AS is_current
   FROM (iu_collection_checkpoint k
     JOIN iu_collection c ON ((c.id = k.collection_id)))
  WHERE (c.status = 'active'::text);
ALTER VIEW v_iu_collection_checkpoint OWNER TO iu_owner;
COMMENT ON VIEW v_iu_collection_checkpoint IS 'The checkpoints of every collection';
GRANT SELECT ON v_iu_collection_checkpoint TO iu_reader;

-- view v_iu_collection_checkpoint_piece
CREATE VIEW v_iu_collection_checkpoint_piece AS
 SELECT c.canonical_address AS collection_address,
    k.checkpoint_no,
    k."position",
    u.canonical_address AS unit_address,
    k.unit_kind,
    k.title,
    k.version_seq,
    encode(v.content_digest, 'hex'::text) AS content_digest,
    v.byte_length
   FROM (((iu_collection_checkpoint_piece k
     JOIN iu_collection c ON ((c.id = k.collection_id)))
     JOIN information_unit u ON ((u.id = k.unit_id)))
     JOIN unit_version v ON (((v.unit_id = k.unit_id) AND (v.version_seq = k.version_seq))))
  WHERE (c.status = 'active'::text);
ALTER VIEW v_iu_collection_checkpoint_piece OWNER TO iu_owner;
COMMENT ON VIEW v_iu_collection_checkpoint_piece IS 'The pieces of every checkpoint; order by position within one';
GRANT SELECT ON v_iu_collection_checkpoint_piece TO iu_reader;

-- view v_iu_collection_health
CREATE VIEW v_iu_collection_health AS
 SELECT c.id AS collection_id,
    c.canonical_address,
    (f.findings = 0) AS healthy,
    p.pieces,
    c.piece_count AS pieces_counted,
    p.bytes,
    c.byte_length AS bytes_counted,
    p.missing_body,
    p.retired_inside,
    (c.render_revision IS DISTINCT FROM c.revision) AS render_stale,
    ((c.source_digest IS NOT NULL) AND (c.render_digest IS DISTINCT FROM c.source_digest) AND (NOT (b.revision IS DISTINCT FROM c.revision))) AS differs_from_source,
    f.findings
   FROM (((iu_collection c
     LEFT JOIN iu_import_base b ON ((b.id = c.base_id)))
     CROSS JOIN LATERAL ( SELECT (count(*))::integer AS pieces,
            COALESCE(sum((v.byte_length + octet_length(COALESCE(p_1.separator,
                CASE
                    WHEN p_1.followed THEN c.joiner
                    ELSE ''::text
                END)))), (0)::bigint) AS bytes,
            (count(*) FILTER (WHERE (v.unit_id IS NULL)))::integer AS missing_body,
            (count(*) FILTER (WHERE (u.lifecycle_status = ANY (ARRAY['retired'::text, 'deleted'::text]))))::integer AS retired_inside
           FROM ((( SELECT iu_collection_piece.collection_id,
                    iu_collection_piece.unit_id,
                    iu_collection_piece."position",
                    iu_collection_piece.pinned_version_seq,
                    iu_collection_piece.separator,
                    (lead(iu_collection_piece.unit_id) OVER (ORDER BY iu_collection_piece."position") IS NOT NULL) AS followed
                   FROM iu_collection_piece
                  WHERE (iu_collection_piece.collection_id = c.id)) p_1
             JOIN information_unit u ON ((u.id = p_1.unit_id)))
             LEFT JOIN unit_version v ON (((v.unit_id = u.id) AND (v.version_seq = COALESCE(p_1.pinned_version_seq, u.current_version_seq)))))) p)
     CROSS JOIN LATERAL ( SELECT (count(*))::integer AS findings
           FROM fn_iu_collection_findings(c.id) fn_iu_collection_findings(finding, piece, detail)) f)
  WHERE (c.status = 'active'::text);
ALTER VIEW v_iu_collection_health OWNER TO iu_owner;
COMMENT ON VIEW v_iu_collection_health IS 'Each collection counted anew from its rows: healthy is where Validate finds nothing; pieces and bytes, missing bodies, retired pieces inside. A rendering that is stale is a state and no ill health; one that differs from the source though nobody has edited it since is a fault';
GRANT SELECT ON v_iu_collection_health TO iu_reader;

-- view v_iu_collection_manifest
CREATE VIEW v_iu_collection_manifest AS
 SELECT c.id AS collection_id,
    c.canonical_address,
    c.collection_kind,
    c.title,
    c.status,
    c.source_path,
    c.revision,
    c.piece_count,
    c.byte_length,
    encode(c.manifest_digest, 'hex'::text) AS manifest_digest,
    c.manifest_revision,
    (NOT (c.manifest_revision IS DISTINCT FROM c.revision)) AS manifest_current,
    encode(c.render_digest, 'hex'::text) AS render_digest,
    c.render_revision,
    encode(c.source_digest, 'hex'::text) AS source_digest,
    c.source_byte_length,
        CASE
            WHEN (c.source_digest IS NULL) THEN 'no_source'::text
            WHEN ((c.render_revision = c.revision) AND (c.render_digest = c.source_digest)) THEN 'identical'::text
            WHEN (b.revision = c.revision) THEN
            CASE
                WHEN (c.render_revision = c.revision) THEN 'differs'::text
                ELSE 'stale'::text
            END
            ELSE 'edited'::text
        END AS round_trip,
    c.created_at,
    c.created_by,
    c.updated_at
   FROM (iu_collection c
     LEFT JOIN iu_import_base b ON ((b.id = c.base_id)))
  WHERE (c.status = 'active'::text);
ALTER VIEW v_iu_collection_manifest OWNER TO iu_owner;
COMMENT ON VIEW v_iu_collection_manifest IS 'One row a collection: counts, digests, and its round trip: identical to the file that it was cut from, edited since the import, or (a fault) differing without an edit';
GRANT SELECT ON v_iu_collection_manifest TO iu_reader;

-- view v_iu_collection_piece
CREATE VIEW v_iu_collection_piece AS
 SELECT p.collection_id,
    c.canonical_address AS collection_address,
    p."position",
    u.id AS unit_id,
    u.canonical_address AS unit_address,
    u.unit_kind,
    u.lifecycle_status,
    u.title,
    COALESCE((t.section_level)::integer, 0) AS section_level,
        CASE
            WHEN (t.section_level > 0) THEN (t.section_level - 1)
            ELSE COALESCE((s.section_level)::integer, 0)
        END AS depth,
    v.version_seq,
    (p.pinned_version_seq IS NOT NULL) AS pinned,
    encode(v.content_digest, 'hex'::text) AS content_digest,
    v.byte_length,
        CASE
            WHEN (p.separator IS NOT NULL) THEN p.separator
            WHEN (EXISTS ( SELECT
               FROM iu_collection_piece n
              WHERE ((n.collection_id = p.collection_id) AND (n."position" > p."position")))) THEN c.joiner
            ELSE ''::text
        END AS separator,
    v.body,
    (( SELECT count(*) AS count
           FROM iu_collection_piece o
          WHERE (o.unit_id = p.unit_id)))::integer AS used_in
   FROM (((((iu_collection_piece p
     JOIN iu_collection c ON ((c.id = p.collection_id)))
     JOIN information_unit u ON ((u.id = p.unit_id)))
     CROSS JOIN LATERAL ( SELECT unit_version.unit_id,
            unit_version.version_seq,
            unit_version.body,
            unit_version.content_digest,
            unit_version.byte_length,
            unit_version.created_at,
            unit_version.created_by
           FROM unit_version
          WHERE ((unit_version.unit_id = u.id) AND (unit_version.version_seq = COALESCE(p.pinned_version_seq, u.current_version_seq)))
         LIMIT 1) v)
     LEFT JOIN iu_tree_path t ON ((t.unit_id = u.id)))
     LEFT JOIN iu_tree_path s ON ((s.unit_id = t.parent_unit_id)))
  WHERE (c.status = 'active'::text);
ALTER VIEW v_iu_collection_piece OWNER TO iu_owner;
COMMENT ON VIEW v_iu_collection_piece IS 'The rows of a manifest; order by position within one collection. body || separator, in order, is the rendering';
GRANT SELECT ON v_iu_collection_piece TO iu_reader;

-- view v_iu_collection_piece_parked
CREATE VIEW v_iu_collection_piece_parked AS
 SELECT c.canonical_address AS collection_address,
    k."position",
    u.canonical_address AS unit_address,
    u.unit_kind,
    u.title
   FROM ((iu_collection_piece_parked k
     JOIN iu_collection c ON ((c.id = k.collection_id)))
     JOIN information_unit u ON ((u.id = k.unit_id)))
  WHERE ((c.status = 'active'::text) AND (u.lifecycle_status = 'deleted'::text));
ALTER VIEW v_iu_collection_piece_parked OWNER TO iu_owner;
COMMENT ON VIEW v_iu_collection_piece_parked IS 'Soft-deleted pieces, with the collection and position that they stood at';
GRANT SELECT ON v_iu_collection_piece_parked TO iu_reader;

-- view v_iu_collection_sealed
CREATE VIEW v_iu_collection_sealed AS
 SELECT id AS collection_id,
    canonical_address,
    COALESCE(rendered_event_id, (0)::bigint) AS rendered_event_id,
    render_revision,
    encode(render_digest, 'hex'::text) AS render_digest,
    encode(manifest_digest, 'hex'::text) AS manifest_digest
   FROM iu_collection
  WHERE ((status = 'active'::text) AND (render_revision = revision) AND (manifest_revision = revision));
ALTER VIEW v_iu_collection_sealed OWNER TO iu_owner;
COMMENT ON VIEW v_iu_collection_sealed IS 'Collections as they were last rendered, while they still are what was rendered: the event that said so, and both digests';
GRANT SELECT ON v_iu_collection_sealed TO iu_reader;

-- view v_iu_composer_event_backlog
CREATE VIEW v_iu_composer_event_backlog AS
 SELECT worker_code,
    event_type,
    pending,
    oldest_at
   FROM v_iu_event_backlog
  WHERE (event_domain = 'composer'::text);
ALTER VIEW v_iu_composer_event_backlog OWNER TO iu_owner;
COMMENT ON VIEW v_iu_composer_event_backlog IS 'The composer''s part of v_iu_event_backlog';
GRANT SELECT ON v_iu_composer_event_backlog TO iu_reader;

-- view v_iu_console_process
CREATE VIEW v_iu_console_process AS
 SELECT process_id,
    host,
    pid,
    contract_unit,
    contract_digest,
    started_at,
    last_seen_at,
    (last_seen_at < (clock_timestamp() - '00:00:20'::interval)) AS is_stale,
    (NOT (contract_digest IS DISTINCT FROM ( SELECT c.contract_digest
           FROM fn_iu_contract() c(contract_unit, contract_digest, applied_at)))) AS is_in_step
   FROM iu_console_process p;
ALTER VIEW v_iu_console_process OWNER TO iu_owner;
COMMENT ON VIEW v_iu_console_process IS 'Consoles that run, the schema that each was built for, and whether that is the one deployed; one that has been silent for twenty seconds is stale';
GRANT SELECT ON v_iu_console_process TO iu_reader;

-- view v_iu_disable_ladder
CREATE VIEW v_iu_disable_ladder AS
 SELECT 'L0'::text AS rung,
    'iu_core.route_worker_enabled'::text AS subject,
    g.state,
    (NOT g.is_open) AS blocks,
    g.reason,
    g.changed_by,
    g.changed_at,
    g.expires_at,
    NULL::integer AS off,
    NULL::integer AS total,
    b.waiting AS would_release,
    'no worker makes a pass; events are written and wait'::text AS stops,
    'nothing'::text AS loses
   FROM v_iu_gate g,
    ( SELECT (COALESCE(sum(v_iu_event_backlog.pending), (0)::bigint))::integer AS waiting
           FROM v_iu_event_backlog) b
  WHERE (g.gate = 'iu_core.route_worker_enabled'::text)
UNION ALL
 SELECT 'L1'::text AS rung,
    g.gate AS subject,
    g.state,
    (NOT g.is_open) AS blocks,
    g.reason,
    g.changed_by,
    g.changed_at,
    g.expires_at,
    NULL::integer AS off,
    NULL::integer AS total,
    h.held AS would_release,
    'nothing is routed; events are written on lane held'::text AS stops,
    'nothing: held events are released or discarded by a command'::text AS loses
   FROM v_iu_gate g,
    ( SELECT (count(*))::integer AS held
           FROM ( SELECT
                   FROM v_iu_held_event
                 LIMIT 10001) n) h
  WHERE (g.gate = 'iu_core.routes_master_enabled'::text)
UNION ALL
 SELECT 'L2'::text AS rung,
    'routes'::text AS subject,
        CASE
            WHEN (r.off = 0) THEN 'open'::text
            WHEN (r.off = r.total) THEN 'closed'::text
            ELSE 'partly'::text
        END AS state,
    ((r.total > 0) AND (r.off = r.total)) AS blocks,
    l.reason,
    l.actor AS changed_by,
    l.finished_at AS changed_at,
    NULL::timestamp with time zone AS expires_at,
    r.off,
    r.total,
    NULL::integer AS would_release,
    'events of a disabled route are skipped as route_disabled'::text AS stops,
    'nothing: the skips are on record'::text AS loses
   FROM (( SELECT (count(*))::integer AS total,
            (count(*) FILTER (WHERE (NOT iu_outbound_route.enabled)))::integer AS off
           FROM iu_outbound_route) r
     LEFT JOIN LATERAL ( SELECT dot_iu_command_run.reason,
            dot_iu_command_run.actor,
            dot_iu_command_run.finished_at
           FROM dot_iu_command_run
          WHERE ((dot_iu_command_run.command_code = ANY (ARRAY['dot_iu_disable_route'::text, 'dot_iu_enable_route'::text])) AND (dot_iu_command_run.status = 'succeeded'::text))
          ORDER BY dot_iu_command_run.id DESC
         LIMIT 1) l ON (true))
UNION ALL
 SELECT 'L3'::text AS rung,
    'triggers'::text AS subject,
        CASE
            WHEN (t.total < 3) THEN 'missing'::text
            WHEN (t.off = 0) THEN 'open'::text
            WHEN (t.off = t.total) THEN 'closed'::text
            ELSE 'partly'::text
        END AS state,
    ((t.total < 3) OR (t.off > 0)) AS blocks,
    l.reason,
    l.actor AS changed_by,
    l.finished_at AS changed_at,
    NULL::timestamp with time zone AS expires_at,
    t.off,
    t.total,
    NULL::integer AS would_release,
    'the unit family is not emitted: iu.created, iu.version_applied, iu.retired, iu.soft_deleted'::text AS stops,
    'those events, for good'::text AS loses
   FROM (( SELECT (count(*))::integer AS total,
            (count(*) FILTER (WHERE (NOT v_iu_emitting_trigger.enabled)))::integer AS off
           FROM v_iu_emitting_trigger) t
     LEFT JOIN LATERAL ( SELECT dot_iu_command_run.reason,
            dot_iu_command_run.actor,
            dot_iu_command_run.finished_at
           FROM dot_iu_command_run
          WHERE ((dot_iu_command_run.command_code = ANY (ARRAY['dot_iu_disable_triggers'::text, 'dot_iu_enable_triggers'::text])) AND (dot_iu_command_run.status = 'succeeded'::text))
          ORDER BY dot_iu_command_run.id DESC
         LIMIT 1) l ON (true));
ALTER VIEW v_iu_disable_ladder OWNER TO iu_owner;
COMMENT ON VIEW v_iu_disable_ladder IS 'The disable ladder L0 to L3: state, who, why, since, what opening would release, what the rung stops and loses';
GRANT SELECT ON v_iu_disable_ladder TO iu_reader;

-- view v_iu_emitting_trigger
CREATE VIEW v_iu_emitting_trigger AS
 SELECT (t.tgname)::text AS trigger,
    (c.relname)::text AS relation,
    (t.tgenabled = 'O'::"char") AS enabled
   FROM ((pg_trigger t
     JOIN pg_class c ON ((c.oid = t.tgrelid)))
     JOIN pg_namespace n ON ((n.oid = c.relnamespace)))
  WHERE ((n.nspname = 'iu_core'::name) AND (NOT t.tgisinternal) AND (t.tgname = ANY (ARRAY['trg_iu_out_unit'::name, 'trg_iu_out_version'::name, 'trg_iu_out_lifecycle'::name])));
ALTER VIEW v_iu_emitting_trigger OWNER TO iu_owner;
COMMENT ON VIEW v_iu_emitting_trigger IS 'The triggers that emit the unit family, and whether they are on: rung L3 of the disable ladder';
GRANT SELECT ON v_iu_emitting_trigger TO iu_reader;

-- view v_iu_event_archivable
CREATE VIEW v_iu_event_archivable AS
 SELECT e.id AS event_id,
    GREATEST(e.created_at, a.newest_at) AS newest_at
   FROM (event_outbox e
     CROSS JOIN LATERAL ( SELECT max(iu_route_attempt.created_at) AS newest_at
           FROM iu_route_attempt
          WHERE (iu_route_attempt.event_id = e.id)
         HAVING bool_or((iu_route_attempt.attempt_no = 1))
         OFFSET 0) a)
  WHERE ((e.id <= ( SELECT iu_event_audit.through_id
           FROM iu_event_audit)) AND (e.delivery_lane <> 'held'::text) AND (e.released_from IS NULL) AND (NOT (EXISTS ( SELECT
           FROM iu_event_audit_open o
          WHERE (o.event_id = e.id)))) AND (NOT (EXISTS ( SELECT
           FROM iu_event_audit_late l
          WHERE ((l.xid = e.xid) AND (e.id <= l.through_id))))) AND (NOT (EXISTS ( SELECT
           FROM iu_route_dead_letter d
          WHERE ((d.event_id = e.id) AND (d.status = 'open'::text))))) AND (NOT (e.id IN ( SELECT v_iu_replay_left.event_id
           FROM v_iu_replay_left))) AND (EXISTS ( SELECT
           FROM v_iu_event_claim c
          WHERE ((c.event_id = e.id) AND c.is_passed))) AND (fn_iu_json_unbounded(e.payload, 67108864) IS NULL));
ALTER VIEW v_iu_event_archivable OWNER TO iu_owner;
COMMENT ON VIEW v_iu_event_archivable IS 'Events that may be archived when they are old enough: newest_at is the time of the event or of its last attempt';

-- view v_iu_event_backlog
CREATE VIEW v_iu_event_backlog AS
 SELECT worker_code,
    event_domain,
    event_type,
    (waiting)::integer AS pending,
    oldest_at,
    is_exact
   FROM fn_iu_event_standing() fn_iu_event_standing(worker_code, event_domain, event_type, waiting, oldest_at, is_exact, account)
  WHERE (waiting > 0);
ALTER VIEW v_iu_event_backlog OWNER TO iu_owner;
COMMENT ON VIEW v_iu_event_backlog IS 'Events not yet routed, by worker and type; where more than 10,000 are not audited these may be the least that wait (is_exact)';
GRANT SELECT ON v_iu_event_backlog TO iu_reader;

-- view v_iu_event_claim
CREATE VIEW v_iu_event_claim AS
 SELECT e.id AS event_id,
    e.xid,
    e.event_domain,
    e.event_type,
    e.created_at,
    c.worker_code,
        CASE
            WHEN (c.worker_code IS NULL) THEN NULL::boolean
            WHEN c.is_foreign THEN false
            WHEN pg_visible_in_snapshot(e.xid, c.snap_from) THEN true
            WHEN ((e.id <= c.floor_id) AND (e.xid >= c.snap_from_xmax)) THEN true
            WHEN ((e.xid = c.own_xid) AND (e.id <= c.own_last_id)) THEN true
            WHEN ((c.snap_to IS NULL) OR (e.id > c.last_id)) THEN false
            WHEN (e.id <= c.trusted_id) THEN (NOT (e.xid IN ( SELECT pg_snapshot_xip(c.snap_to) AS pg_snapshot_xip)))
            ELSE pg_visible_in_snapshot(e.xid, c.snap_to)
        END AS is_passed,
    e.released_from
   FROM (event_outbox e
     JOIN ( SELECT b.bucket,
            w.worker_code,
            w.snap_from,
            w.floor_id,
            w.snap_to,
            w.trusted_id,
            w.last_id,
            w.own_xid,
            w.own_last_id,
            pg_snapshot_xmax(w.snap_from) AS snap_from_xmax,
            ((w.system_identifier IS DISTINCT FROM ( SELECT fn_iu_system_identifier() AS fn_iu_system_identifier)) OR (pg_snapshot_xmin(w.snap_from) > ( SELECT pg_snapshot_xmax(pg_current_snapshot()) AS pg_snapshot_xmax))) AS is_foreign
           FROM (( VALUES ((0)::smallint), ((1)::smallint), ((2)::smallint), ((3)::smallint), ((4)::smallint), ((5)::smallint), ((6)::smallint), ((7)::smallint), ((8)::smallint), ((9)::smallint), ((10)::smallint), ((11)::smallint), ((12)::smallint), ((13)::smallint), ((14)::smallint), ((15)::smallint)) b(bucket)
             LEFT JOIN iu_route_worker_cursor w ON (((b.bucket >= w.bucket_from) AND (b.bucket <= w.bucket_to))))
         OFFSET 0) c ON ((c.bucket = e.bucket)))
  WHERE (e.delivery_lane <> 'held'::text);
ALTER VIEW v_iu_event_claim OWNER TO iu_owner;
COMMENT ON VIEW v_iu_event_claim IS 'For every event that is not held: the worker whose it is, and whether that worker claims to be done with it; null and null where no cursor owns its bucket. Accounting holds the claim against the attempts';

-- view v_iu_event_release
CREATE VIEW v_iu_event_release AS
 SELECT id AS event_id,
    released_from
   FROM event_outbox
  WHERE (released_from IS NOT NULL);
ALTER VIEW v_iu_event_release OWNER TO iu_owner;
COMMENT ON VIEW v_iu_event_release IS 'Which event is the release of which held one';
GRANT SELECT ON v_iu_event_release TO iu_reader;

-- view v_iu_event_type
CREATE VIEW v_iu_event_type AS
 SELECT event_type,
    event_domain,
    delivery_lane,
    is_system,
    description,
        CASE
            WHEN ((payload_fault IS NULL) OR (fn_iu_json_unbounded(payload_schema, 65536) IS NULL)) THEN (payload_schema)::text
            ELSE '{}'::text
        END AS payload_schema,
    payload_fault
   FROM iu_event_type;
ALTER VIEW v_iu_event_type OWNER TO iu_owner;
COMMENT ON VIEW v_iu_event_type IS 'Every event type with the schema that its payload must meet';
GRANT SELECT ON v_iu_event_type TO iu_reader;

-- view v_iu_event_unaudited
CREATE VIEW v_iu_event_unaudited AS
 SELECT e.id AS event_id
   FROM event_outbox e
  WHERE (e.id > COALESCE(( SELECT iu_event_audit.through_id
           FROM iu_event_audit), (0)::bigint))
UNION ALL
 SELECT o.event_id
   FROM iu_event_audit_open o
UNION ALL
 SELECT late.id AS event_id
   FROM (iu_event_audit_late l
     CROSS JOIN LATERAL ( SELECT e.id
           FROM event_outbox e
          WHERE ((e.xid = l.xid) AND (e.id <= l.through_id) AND (e.delivery_lane <> 'held'::text))
        UNION ALL
         SELECT e.id
           FROM event_outbox e
          WHERE ((e.xid = l.xid) AND (e.id <= l.through_id) AND (e.delivery_lane = 'held'::text))
 OFFSET 0) late)
  WHERE (late.id <> ALL (l.foreign_ids));
ALTER VIEW v_iu_event_unaudited OWNER TO iu_owner;
COMMENT ON VIEW v_iu_event_unaudited IS 'The events that the audit has not counted';

-- view v_iu_export
CREATE VIEW v_iu_export AS
 SELECT e.exporter_id,
    e.collection_id,
    c.canonical_address,
    e.event_id,
    e.revision,
    encode(e.render_digest, 'hex'::text) AS render_digest,
    encode(e.manifest_digest, 'hex'::text) AS manifest_digest,
    e.byte_length,
    e.exported_at,
    e.exported_by,
    ARRAY( SELECT encode(i.i, 'hex'::text) AS encode
           FROM unnest(e.intended) i(i)) AS intended
   FROM (iu_export e
     JOIN iu_collection c ON ((c.id = e.collection_id)));
ALTER VIEW v_iu_export OWNER TO iu_owner;
COMMENT ON VIEW v_iu_export IS 'What was read back from each folder, and what was about to be put there';
GRANT SELECT ON v_iu_export TO iu_reader;

-- view v_iu_export_pending
CREATE VIEW v_iu_export_pending AS
 SELECT x.id AS exporter_id,
    c.id AS collection_id,
    c.canonical_address,
    COALESCE(c.rendered_event_id, (0)::bigint) AS event_id,
    encode(c.render_digest, 'hex'::text) AS render_digest,
    (c.render_revision IS DISTINCT FROM c.revision) AS is_changed,
    e.event_id AS exported_event_id
   FROM ((iu_exporter x
     CROSS JOIN iu_collection c)
     LEFT JOIN iu_export e ON (((e.exporter_id = x.id) AND (e.collection_id = c.id))))
  WHERE ((c.status = 'active'::text) AND (c.render_digest IS NOT NULL) AND (e.event_id IS DISTINCT FROM COALESCE(c.rendered_event_id, (0)::bigint)));
ALTER VIEW v_iu_export_pending OWNER TO iu_owner;
COMMENT ON VIEW v_iu_export_pending IS 'Renderings that a folder does not have yet: the last collection_rendered of a collection is not the one that was exported. is_changed: the collection changed since, and has to be rendered once more first';
GRANT SELECT ON v_iu_export_pending TO iu_reader;

-- view v_iu_exporter
CREATE VIEW v_iu_exporter AS
 SELECT x.id AS exporter_id,
    x.host,
    x.folder,
    x.created_at,
    x.created_by,
    (( SELECT count(*) AS count
           FROM v_iu_export_pending p
          WHERE (p.exporter_id = x.id)))::integer AS pending,
    (( SELECT count(*) AS count
           FROM v_iu_export_pending p
          WHERE ((p.exporter_id = x.id) AND p.is_changed)))::integer AS changed,
    e.exported,
    e.exported_at,
    (EXISTS ( SELECT
           FROM pg_locks l
          WHERE ((l.locktype = 'advisory'::text) AND l.granted AND (l.database = ( SELECT d.oid
                   FROM pg_database d
                  WHERE (d.datname = current_database()))) AND ((l.classid)::bigint = ((hashtext('iu_core export'::text))::bigint & '4294967295'::bigint)) AND ((l.objid)::bigint = x.id) AND (l.objsubid = 2)))) AS is_running,
    (( SELECT count(*) AS count
           FROM (iu_collection c
             LEFT JOIN iu_export f ON (((f.exporter_id = x.id) AND (f.collection_id = c.id))))
          WHERE ((c.status = 'active'::text) AND (NOT (f.event_id IS DISTINCT FROM COALESCE(c.rendered_event_id, (0)::bigint))) AND (c.render_revision IS DISTINCT FROM c.revision) AND (c.render_digest IS NOT NULL))))::integer AS edited,
    (( SELECT count(*) AS count
           FROM iu_collection c
          WHERE ((c.status = 'active'::text) AND (c.render_digest IS NULL))))::integer AS unrendered
   FROM (iu_exporter x
     CROSS JOIN LATERAL ( SELECT (count(iu_export.exported_at))::integer AS exported,
            max(iu_export.exported_at) AS exported_at
           FROM iu_export
          WHERE (iu_export.exporter_id = x.id)) e);
ALTER VIEW v_iu_exporter OWNER TO iu_owner;
COMMENT ON VIEW v_iu_exporter IS 'Folders that are exported into: how much each lacks, and whether a session holds it now. edited: exported as rendered, and changed since; unrendered: never rendered';
GRANT SELECT ON v_iu_exporter TO iu_reader;

-- view v_iu_gate
CREATE VIEW v_iu_gate AS
 SELECT COALESCE(v.term, c.key) AS gate,
    s.state,
    (s.state = 'open'::text) AS is_open,
    COALESCE(c.description, v.description) AS description,
    c.reason,
    c.changed_by,
    c.changed_at,
    c.expires_at
   FROM ((( SELECT iu_vocabulary.term,
            iu_vocabulary.description
           FROM iu_vocabulary
          WHERE (iu_vocabulary.term_class = 'gate'::text)) v
     FULL JOIN dot_config c ON ((c.key = v.term)))
     CROSS JOIN LATERAL ( SELECT fn_iu_gate_state(COALESCE(v.term, c.key)) AS state) s);
ALTER VIEW v_iu_gate OWNER TO iu_owner;
COMMENT ON VIEW v_iu_gate IS 'Every gate with its effective state, who set it, when and why';
GRANT SELECT ON v_iu_gate TO iu_reader;

-- view v_iu_held_event
CREATE VIEW v_iu_held_event AS
 SELECT id AS event_id,
    event_domain,
    event_type,
    event_subject_table,
    event_subject_ref,
    actor,
    created_at
   FROM event_outbox e
  WHERE ((delivery_lane = 'held'::text) AND (NOT (EXISTS ( SELECT
           FROM event_outbox n
          WHERE (n.released_from = e.id)))) AND (NOT (EXISTS ( SELECT
           FROM iu_held_decision h
          WHERE (h.event_id = e.id)))));
ALTER VIEW v_iu_held_event OWNER TO iu_owner;
COMMENT ON VIEW v_iu_held_event IS 'Events written while the master gate was closed, neither released nor discarded yet';
GRANT SELECT ON v_iu_held_event TO iu_reader;

-- view v_iu_outbound_route
CREATE VIEW v_iu_outbound_route AS
 SELECT r.id AS route_id,
    r.route_code,
    r.event_type,
    t.event_domain,
    r.target_kind,
    fn_iu_target_told((r.target_kind COLLATE "default"), r.target_ref) AS target_ref,
    r.enabled,
    r.dry_run,
    encode(r.definition_digest, 'hex'::text) AS definition_digest
   FROM (iu_outbound_route r
     JOIN iu_event_type t ON ((t.event_type = r.event_type)));
ALTER VIEW v_iu_outbound_route OWNER TO iu_owner;
COMMENT ON VIEW v_iu_outbound_route IS 'Every route with its switches';
GRANT SELECT ON v_iu_outbound_route TO iu_reader;

-- view v_iu_probe
CREATE VIEW v_iu_probe AS
 SELECT id AS run_id,
    actor,
    finished_at,
    (((receipt -> 'result'::text) -> 'passed'::text))::integer AS passed,
    (((receipt -> 'result'::text) -> 'ms'::text))::double precision AS ms,
    jsonb_path_query_array(receipt, '$."checks"[*]?(@."kind" == "probe")'::jsonpath) AS scenarios,
    ( SELECT jsonb_agg(jsonb_build_object('relation', l.relation, 'rows', l.left_rows) ORDER BY l.relation) AS jsonb_agg
           FROM fn_iu_probe_left(jsonb_path_query_first(r.receipt, '$."checks"[*]?(@."kind" == "probe_left")."drawn"'::jsonpath)) l(relation, left_rows)) AS leftovers
   FROM dot_iu_command_run r
  WHERE ((command_code = 'dot_iu_run_probe'::text) AND (mode = 'apply'::text) AND (status = 'succeeded'::text))
  ORDER BY id DESC
 LIMIT 1;
ALTER VIEW v_iu_probe OWNER TO iu_owner;
COMMENT ON VIEW v_iu_probe IS 'The last probe: what each scenario found, and how many rows with its marker there are now, table by table';
GRANT SELECT ON v_iu_probe TO iu_reader;

-- view v_iu_replay_job
CREATE VIEW v_iu_replay_job AS
 SELECT id AS job_id,
    what,
    filter,
    total,
    per_second,
    status,
    done,
    replayed,
    failed_again,
    left_alone,
    started_at,
    started_by,
    stopped_at,
    stopped_by,
    last_batch_at,
    finished_at,
        CASE
            WHEN (status = 'running'::text) THEN ( SELECT g.gate
               FROM v_iu_gate g
              WHERE ((g.gate = ANY (ARRAY['iu_core.operator_runtime_enabled'::text, 'iu_core.route_worker_enabled'::text, 'iu_core.routes_master_enabled'::text])) AND (NOT g.is_open))
              ORDER BY g.gate
             LIMIT 1)
            ELSE NULL::text
        END AS waits_for
   FROM iu_replay_job j;
ALTER VIEW v_iu_replay_job OWNER TO iu_owner;
COMMENT ON VIEW v_iu_replay_job IS 'Every replay in the background with its progress, and the gate that it waits for';
GRANT SELECT ON v_iu_replay_job TO iu_reader;

-- view v_iu_replay_left
CREATE VIEW v_iu_replay_left AS
 SELECT j.id AS job_id,
    p.event_id,
    p.route_id
   FROM ((iu_replay_job j
     JOIN iu_replay_batch b ON (((b.job_id = j.id) AND (b.batch_no >= (j.done / 1000)))))
     CROSS JOIN LATERAL UNNEST(b.event_ids, b.route_ids) WITH ORDINALITY p(event_id, route_id, n))
  WHERE ((j.status <> 'done'::text) AND (((b.batch_no * 1000) + p.n) > j.done));
ALTER VIEW v_iu_replay_left OWNER TO iu_owner;
COMMENT ON VIEW v_iu_replay_left IS 'What replays in the background have yet to attempt, those included that are stopped';

-- view v_iu_route_attempt
CREATE VIEW v_iu_route_attempt AS
 SELECT a.event_id,
    a.route_id,
    COALESCE(r.route_code, '(no route)'::text) AS route_code,
    a.attempt_no,
    a.status,
    a.failure_code,
    a.failure_detail,
    ((a.event_id || ':'::text) || a.route_id) AS idempotency_key,
    e.event_domain,
    e.event_type,
    e.event_subject_table,
    e.event_subject_ref,
    a.target_kind,
    a.target_ref,
    a.worker_code,
    a.created_at
   FROM ((iu_route_attempt a
     JOIN event_outbox e ON ((e.id = a.event_id)))
     LEFT JOIN iu_outbound_route r ON ((r.id = a.route_id)));
ALTER VIEW v_iu_route_attempt OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_attempt IS 'Every attempt with its event; newest first is order by event_id desc, route_id desc, attempt_no desc';
GRANT SELECT ON v_iu_route_attempt TO iu_reader;

-- view v_iu_route_attempt_hourly
CREATE VIEW v_iu_route_attempt_hourly AS
 SELECT t.span_start AS hour,
    t.route_id,
    COALESCE(r.route_code, '(no route)'::text) AS route_code,
    t.status,
    (sum(t.attempts))::bigint AS attempts,
    r.event_type
   FROM (iu_route_attempt_rollup t
     LEFT JOIN iu_outbound_route r ON ((r.id = t.route_id)))
  WHERE (t.span_start > '-infinity'::timestamp with time zone)
  GROUP BY t.span_start, t.route_id, r.route_code, r.event_type, t.status;
ALTER VIEW v_iu_route_attempt_hourly OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_attempt_hourly IS 'Attempts per hour, route and outcome; event_type is the route''s, and null for the attempts without a route';
GRANT SELECT ON v_iu_route_attempt_hourly TO iu_reader;

-- view v_iu_route_attempt_summary
CREATE VIEW v_iu_route_attempt_summary AS
 SELECT COALESCE(r.id, t.route_id) AS route_id,
    COALESCE(r.route_code, '(no route)'::text) AS route_code,
    r.event_type,
    r.target_kind,
    fn_iu_target_told((r.target_kind COLLATE "default"), r.target_ref) AS target_ref,
    r.enabled,
    r.dry_run,
    t.status,
    COALESCE(t.attempts, (0)::bigint) AS attempts,
    t.last_attempt_at
   FROM (iu_outbound_route r
     FULL JOIN ( SELECT iu_route_attempt_rollup.route_id,
            iu_route_attempt_rollup.status,
            (sum(iu_route_attempt_rollup.attempts))::bigint AS attempts,
            max(iu_route_attempt_rollup.last_attempt_at) AS last_attempt_at
           FROM iu_route_attempt_rollup
          WHERE (iu_route_attempt_rollup.span_start = '-infinity'::timestamp with time zone)
          GROUP BY iu_route_attempt_rollup.route_id, iu_route_attempt_rollup.status) t ON ((t.route_id = r.id)));
ALTER VIEW v_iu_route_attempt_summary OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_attempt_summary IS 'Attempts per route and outcome over all time; a route without attempts has one row with a null status';
GRANT SELECT ON v_iu_route_attempt_summary TO iu_reader;

-- view v_iu_route_dead_letter
CREATE VIEW v_iu_route_dead_letter AS
 SELECT d.id AS dead_letter_id,
    d.event_id,
    d.route_id,
    COALESCE(r.route_code, '(no route)'::text) AS route_code,
    d.attempt_no,
    d.failure_code,
    d.failure_detail,
    d.event_domain,
    d.event_type,
    d.event_subject_table,
    d.event_subject_ref,
    d.payload,
    d.actor,
    d.event_created_at,
    d.created_at,
    d.status,
    d.resolved_at,
    d.resolved_by,
    d.resolved_attempt_no,
    d.corrected_by_event_id,
    d.replay_job_id,
    d.cause,
    r.enabled AS route_enabled,
    COALESCE(t.is_system, false) AS is_system
   FROM ((iu_route_dead_letter d
     LEFT JOIN iu_outbound_route r ON ((r.id = d.route_id)))
     LEFT JOIN iu_event_type t ON ((t.event_type = d.event_type)));
ALTER VIEW v_iu_route_dead_letter OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_dead_letter IS 'Every dead letter, with what became of it';
GRANT SELECT ON v_iu_route_dead_letter TO iu_reader;

-- view v_iu_route_dead_letter_cause
CREATE VIEW v_iu_route_dead_letter_cause AS
 WITH RECURSIVE walk(cause, n) AS (
        ( SELECT d.cause,
            1 AS "?column?"
           FROM iu_route_dead_letter d
          WHERE (d.status = 'open'::text)
          ORDER BY d.cause
         LIMIT 1)
        UNION ALL
         SELECT ( SELECT d.cause
                   FROM iu_route_dead_letter d
                  WHERE ((d.status = 'open'::text) AND (d.cause > walk_1.cause))
                  ORDER BY d.cause
                 LIMIT 1) AS cause,
            (walk_1.n + 1)
           FROM walk walk_1
          WHERE ((walk_1.cause IS NOT NULL) AND (walk_1.n <= 100))
        )
 SELECT walk.cause,
    last.failure_code,
    last.event_type,
    last.route_id,
    COALESCE(r.route_code, '(no route)'::text) AS route_code,
    r.enabled AS route_enabled,
    fn_iu_failure_kind(last.failure_detail) AS failure_kind,
    last.failure_detail AS sample_detail,
    last.id AS sample_id,
    counted.n AS letters,
    first.created_at AS first_at,
    last.created_at AS last_at
   FROM ((((walk
     CROSS JOIN LATERAL ( SELECT d.id,
            d.event_id,
            d.route_id,
            d.attempt_no,
            d.failure_code,
            d.failure_detail,
            d.event_domain,
            d.event_type,
            d.event_subject_table,
            d.event_subject_ref,
            d.payload,
            d.actor,
            d.event_created_at,
            d.status,
            d.created_at,
            d.resolved_at,
            d.resolved_by,
            d.resolved_attempt_no,
            d.corrected_by_event_id,
            d.replay_job_id,
            d.cause
           FROM iu_route_dead_letter d
          WHERE ((d.status = 'open'::text) AND ((d.cause >= walk.cause) AND (d.cause <= walk.cause)))
          ORDER BY d.cause DESC, d.id DESC
         LIMIT 1) last)
     CROSS JOIN LATERAL ( SELECT d.created_at
           FROM iu_route_dead_letter d
          WHERE ((d.status = 'open'::text) AND ((d.cause >= walk.cause) AND (d.cause <= walk.cause)))
          ORDER BY d.cause, d.id
         LIMIT 1) first)
     CROSS JOIN LATERAL ( SELECT (count(*))::integer AS n
           FROM ( SELECT
                   FROM iu_route_dead_letter d
                  WHERE ((d.status = 'open'::text) AND ((d.cause >= walk.cause) AND (d.cause <= walk.cause)))
                 LIMIT 10001) bounded) counted)
     LEFT JOIN iu_outbound_route r ON ((r.id = last.route_id)))
  WHERE (walk.cause IS NOT NULL);
ALTER VIEW v_iu_route_dead_letter_cause OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_dead_letter_cause IS 'Open dead letters by cause, 101 causes at most: how many (up to 10001), since when, and the newest as a sample';
GRANT SELECT ON v_iu_route_dead_letter_cause TO iu_reader;

-- view v_iu_route_dead_letter_open
CREATE VIEW v_iu_route_dead_letter_open AS
 SELECT d.id AS dead_letter_id,
    d.event_id,
    d.route_id,
    COALESCE(r.route_code, '(no route)'::text) AS route_code,
    d.attempt_no,
    d.failure_code,
    d.failure_detail,
    d.event_domain,
    d.event_type,
    d.event_subject_table,
    d.event_subject_ref,
    d.payload,
    d.actor,
    d.event_created_at,
    d.created_at,
    d.cause,
    r.enabled AS route_enabled
   FROM (iu_route_dead_letter d
     LEFT JOIN iu_outbound_route r ON ((r.id = d.route_id)))
  WHERE (d.status = 'open'::text);
ALTER VIEW v_iu_route_dead_letter_open OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_dead_letter_open IS 'The open dead letters, with the reason and the event as it was';
GRANT SELECT ON v_iu_route_dead_letter_open TO iu_reader;

-- view v_iu_route_decision
CREATE VIEW v_iu_route_decision AS
 SELECT e.id AS event_id,
    COALESCE(r.route_id, 0) AS route_id,
    r.target_kind,
    r.target_ref,
    COALESCE(f.fault, r.skip_code) AS failure_code,
        CASE
            WHEN (f.fault IS NULL) THEN r.decision
            ELSE 'failed'::text
        END AS decision,
    f.detail AS failure_detail
   FROM ((event_outbox e
     LEFT JOIN v_iu_route_rule r ON ((r.event_type = e.event_type)))
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN (r.event_type IS NULL) THEN 'unknown_event_type'::text
                    ELSE j.fault
                END AS fault,
                CASE
                    WHEN (r.event_type IS NULL) THEN 'the type is not registered'::text
                    ELSE j.detail
                END AS detail
           FROM fn_iu_payload_judged(e.payload, r.payload_schema, r.payload_predicate, r.payload_keys, r.payload_fault) j(fault, detail)
         OFFSET 0) f);
ALTER VIEW v_iu_route_decision OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_decision IS 'What the worker would decide on each event for each of its routes, now: dry_run, live, failed or skipped, with the code';

-- view v_iu_route_rule
CREATE VIEW v_iu_route_rule AS
 SELECT t.event_type,
    COALESCE(r.id, 0) AS route_id,
    r.target_kind,
    fn_iu_target_told((r.target_kind COLLATE "default"), r.target_ref) AS target_ref,
        CASE
            WHEN ((r.enabled IS NOT FALSE) AND (t.payload_schema <> '{}'::jsonb)) THEN t.payload_predicate
            ELSE NULL::jsonpath
        END AS payload_predicate,
    t.payload_schema,
        CASE
            WHEN (r.id IS NULL) THEN 'no_route'::text
            WHEN (NOT r.enabled) THEN 'route_disabled'::text
            ELSE NULL::text
        END AS skip_code,
        CASE
            WHEN ((r.id IS NULL) OR (NOT r.enabled)) THEN 'skipped'::text
            WHEN r.dry_run THEN 'dry_run'::text
            ELSE 'live'::text
        END AS decision,
    t.payload_keys,
    t.payload_fault
   FROM (iu_event_type t
     LEFT JOIN iu_outbound_route r ON ((r.event_type = t.event_type)));
ALTER VIEW v_iu_route_rule OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_rule IS 'What becomes of an event of each type on each of its routes, now: failed where there is a payload_predicate and the payload does not meet it and payload_keys, or where there is a payload_fault beside it, else the decision; an event of no type here fails as unknown_event_type';

-- view v_iu_route_worker_health
CREATE VIEW v_iu_route_worker_health AS
 SELECT (worker_code COLLATE "C") AS worker_code,
    healthy,
    reasons,
    worker_gate_open,
    master_gate_open,
    delivery_mode,
    blocked_by,
    backlog,
    oldest_unrouted_at,
    held_back_since,
    open_dead_letters,
    last_pass_at,
    last_pass_seen,
    locked_since,
    oldest_snapshot_at,
    accounting,
    backlog_is_exact
   FROM fn_iu_route_workers_health() h(worker_code, healthy, reasons, worker_gate_open, master_gate_open, delivery_mode, blocked_by, backlog, oldest_unrouted_at, held_back_since, open_dead_letters, last_pass_at, last_pass_seen, locked_since, oldest_snapshot_at, accounting, backlog_is_exact);
ALTER VIEW v_iu_route_worker_health OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_worker_health IS 'One row a worker: healthy, or every reason why not';
GRANT SELECT ON v_iu_route_worker_health TO iu_reader;

-- view v_iu_route_worker_run
CREATE VIEW v_iu_route_worker_run AS
 SELECT id AS pass_id,
    worker_code,
    started_at,
    finished_at,
    seen,
    attempts_written,
    skipped,
    dead_lettered,
    run_by
   FROM iu_route_worker_run;
ALTER VIEW v_iu_route_worker_run OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_worker_run IS 'Every pass that saw an event: what it saw and wrote, and who ran it';
GRANT SELECT ON v_iu_route_worker_run TO iu_reader;

-- view v_iu_sync_layer
CREATE VIEW v_iu_sync_layer AS
 SELECT l.layer_code,
    (l.layer_no)::integer AS layer_no,
    l.name,
    l.description,
    l.fed_by,
    s.state,
    s.seen_at,
    s.saw,
    s.digest,
    s.behind,
    s.detail
   FROM (iu_sync_layer l
     JOIN fn_iu_sync_layers() s(layer_code, state, seen_at, saw, digest, behind, detail) ON ((s.layer_code = l.layer_code)));
ALTER VIEW v_iu_sync_layer OWNER TO iu_owner;
COMMENT ON VIEW v_iu_sync_layer IS 'The layers with their state, read from evidence each time: digests, contract versions, what was read back';
GRANT SELECT ON v_iu_sync_layer TO iu_reader;

-- view v_iu_unit_axis
CREATE VIEW v_iu_unit_axis AS
 SELECT u.canonical_address AS unit_address,
    a.axis,
    a.value
   FROM (iu_unit_axis a
     JOIN information_unit u ON ((u.id = a.unit_id)));
ALTER VIEW v_iu_unit_axis OWNER TO iu_owner;
COMMENT ON VIEW v_iu_unit_axis IS 'The metadata axes of every unit, as of the last refresh';
GRANT SELECT ON v_iu_unit_axis TO iu_reader;

-- view v_iu_worker_cursor
CREATE VIEW v_iu_worker_cursor AS
 SELECT worker_code,
    (bucket_from)::integer AS bucket_from,
    (bucket_to)::integer AS bucket_to,
    events_seen,
    last_pass_at,
    last_pass_seen
   FROM iu_route_worker_cursor;
ALTER VIEW v_iu_worker_cursor OWNER TO iu_owner;
COMMENT ON VIEW v_iu_worker_cursor IS 'Workers, the buckets that each owns, and their last pass';
GRANT SELECT ON v_iu_worker_cursor TO iu_reader;

-- view v_iu_worker_process
CREATE VIEW v_iu_worker_process AS
 SELECT process_id,
    kind,
    worker_code,
    host,
    pid,
    status,
    events_seen,
    run_by,
    started_at,
    last_seen_at,
    (last_seen_at < (clock_timestamp() - '00:00:20'::interval)) AS is_stale,
    fault
   FROM iu_worker_process;
ALTER VIEW v_iu_worker_process OWNER TO iu_owner;
COMMENT ON VIEW v_iu_worker_process IS 'Processes that run passes; one that has been silent for twenty seconds is stale: it died, or cannot reach the database';
GRANT SELECT ON v_iu_worker_process TO iu_reader;

-- view v_iu_worker_schedule
CREATE VIEW v_iu_worker_schedule AS
 SELECT COALESCE(s.enabled, false) AS enabled,
    COALESCE(s.poll_ms, 250) AS poll_ms,
    COALESCE(s.batch_size, 1000) AS batch_size,
    s.reason,
    s.changed_by,
    s.changed_at
   FROM (( VALUES (1)) one(n)
     LEFT JOIN iu_worker_schedule s ON (true));
ALTER VIEW v_iu_worker_schedule OWNER TO iu_owner;
COMMENT ON VIEW v_iu_worker_schedule IS 'The consoles'' schedule; what it would be where there is no row';
GRANT SELECT ON v_iu_worker_schedule TO iu_reader;

-- view v_iu_works
CREATE VIEW v_iu_works AS
 SELECT check_code,
    name,
    ok,
    detail
   FROM fn_iu_works() fn_iu_works(check_code, name, ok, detail);
ALTER VIEW v_iu_works OWNER TO iu_owner;
COMMENT ON VIEW v_iu_works IS 'The checks W1 to W9: whether what is installed works, as far as reading can tell';
GRANT SELECT ON v_iu_works TO iu_reader;

-- function dot_iu_accept_deviation(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_accept_deviation(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
DECLARE
  v_class constant text := p_params ->> 'class';
  v_identity constant text := p_params ->> 'object';
  v_expires constant timestamptz := fn_dot_instant(p_params, 'expires_at');
  v_compared jsonb;
  v_found jsonb;
  v_decision dot_deviation_decision;
BEGIN
  IF v_expires <= clock_timestamp() OR v_expires > clock_timestamp() + interval '366 days' THEN
    RAISE EXCEPTION 'expires_at: an acceptance holds for a year at most, and its end is not past' USING ERRCODE = 'IU002', COLUMN = 'expires_at', HINT = 'Write a time within the next 366 days, as in 2030-01-31T12:00:00Z.';
  END IF;
  -- Two decisions on one object take turns.
  PERFORM fn_iu_lock(format('iu_core.deviation %s %s', v_class, v_identity));
  v_compared := fn_dot_compare(ARRAY[v_class, 'principal']);
  IF v_compared ->> 'digest' IS NULL THEN
    RAISE EXCEPTION 'object: it cannot be said now whether % % has drifted', v_class, v_identity USING ERRCODE = 'IU003', COLUMN = 'object', HINT = v_compared ->> 'why';
  -- A login that nobody admitted yet admits neither itself nor anybody else.
  ELSIF p_context ->> 'actor_kind' = 'login' AND EXISTS (
    SELECT FROM jsonb_array_elements(v_compared -> 'objects') AS o
    WHERE o ->> 'class' = 'principal' AND (o ->> 'identity' ~ fn_dot_word(quote_ident(session_user))
      OR o ->> 'identity' LIKE 'member %' AND EXISTS (SELECT FROM pg_roles AS r WHERE starts_with(o ->> 'identity', format('member %I of ', r.rolname)) AND pg_has_role(session_user, r.oid, 'MEMBER')))) THEN
    RAISE EXCEPTION 'object: % has drifted itself as a principal, and accepts nothing', p_context ->> 'actor' USING ERRCODE = 'IU018', COLUMN = 'object', HINT = 'Ask another approver.';
  END IF;
  SELECT o INTO v_found FROM jsonb_array_elements((v_compared -> 'objects') || (v_compared -> 'accepted')) AS o WHERE (o ->> 'class', o ->> 'identity') = (v_class, v_identity);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'object: % % has not drifted, so there is nothing to accept', v_class, v_identity USING ERRCODE = 'IU016', COLUMN = 'object', HINT = 'Conformance (v_dot_drift) names every object that has drifted, as it is written there.';
  ELSIF v_found ->> 'state' = 'unknown' THEN
    RAISE EXCEPTION 'object: % % is unknown, and only what is known can be accepted', v_class, v_identity USING ERRCODE = 'IU003', COLUMN = 'object', HINT = v_found ->> 'suggested_action';
  ELSIF v_class = 'other' AND v_identity NOT LIKE 'default privileges%' THEN
    RAISE EXCEPTION 'object: of % % only the name is compared, so it cannot be accepted as it is now', v_class, v_identity USING ERRCODE = 'IU003', COLUMN = 'object', HINT = 'Drop it, or keep it in a schema of your own.';
  ELSIF v_found ->> 'digest' <> p_params ->> 'digest' THEN
    RAISE EXCEPTION 'digest: % % deviates otherwise now', v_class, v_identity USING ERRCODE = 'IU014', COLUMN = 'digest',
      HINT = format('Read in Conformance (v_dot_drift) what differs now. The digest of that is %s.', v_found ->> 'digest');
  ELSIF v_found ? 'accepted_by' AND (v_found ->> 'owner', (v_found ->> 'expires_at')::timestamptz) = (p_params ->> 'owner', v_expires) THEN
    RAISE EXCEPTION 'object: % % is accepted already, by % until %', v_class, v_identity, v_found ->> 'accepted_by', v_expires USING ERRCODE = 'IU016', COLUMN = 'object';
  END IF;
  v_decision.class := v_class; v_decision.identity := v_identity; v_decision.digest := v_found ->> 'digest';
  v_decision.owner := p_params ->> 'owner'; v_decision.expires_at := v_expires; v_decision.reason := p_context ->> 'reason'; v_decision.decided_by := p_context ->> 'actor';
  RETURN fn_dot_deviation_decide(v_decision, jsonb_build_object('state', v_found -> 'state', 'sha256', v_found -> 'digest'))
    || jsonb_build_object('notes', jsonb_build_array(format('%s %s is %s. It refuses no command until %s.', v_class, v_identity, v_found ->> 'state', to_char(v_expires, 'YYYY-MM-DD HH24:MI "UTC"')),
                                                     'It is drift again then, and before that when it changes once more.'));
END
$function$;
ALTER FUNCTION dot_iu_accept_deviation(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_accept_deviation(jsonb,jsonb) IS 'Accepts one object that has drifted, exactly as it is now, until a time';

-- function dot_iu_add_account(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_add_account(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION dot_iu_add_account(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_add_account(jsonb,jsonb) IS 'Makes an account with a right and a first password';

-- function dot_iu_add_piece(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_add_piece(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_facts jsonb;
  v_changes jsonb;
  v_seams record;
BEGIN
  IF EXISTS (SELECT FROM iu_collection_piece WHERE collection_id = v_collection.id AND unit_id = v_unit.id) THEN
    RAISE EXCEPTION 'piece: % stands in % already', v_unit.canonical_address, v_collection.canonical_address USING ERRCODE = 'IU004', COLUMN = 'piece', HINT = 'A piece stands in a collection at most once; move it instead.';
  ELSIF p_params ? 'pinned_version' AND NOT EXISTS (SELECT FROM unit_version WHERE unit_id = v_unit.id AND version_seq = (p_params ->> 'pinned_version')::integer) THEN
    RAISE EXCEPTION 'pinned_version: the piece has no version %', p_params ->> 'pinned_version' USING ERRCODE = 'IU003', COLUMN = 'pinned_version';
  END IF;
  PERFORM fn_iu_collection_add(v_collection.id, ARRAY[v_unit.id], ARRAY[fn_dot_place(v_collection.id, v_unit.id, p_params)], ARRAY[p_params ->> 'separator'], ARRAY[(p_params ->> 'pinned_version')::integer]);
  v_changes := CASE WHEN p_params ? 'separators' THEN fn_dot_separators_restore(v_collection, p_params -> 'separators')
    ELSE fn_iu_seam_open(v_collection.id, v_unit.id, p_params ? 'separator', NULL) END;
  v_seams := fn_dot_seams(v_collection, v_changes, v_unit.id, false);
  v_facts := fn_dot_piece_facts(v_collection.id, v_unit.id);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'version', v_unit.current_version_seq, 'status', v_unit.lifecycle_status),
    'objects', jsonb_build_array(fn_dot_collection_object(v_collection),
      jsonb_build_object('ref', format('piece:%s#%s', v_collection.canonical_address, v_unit.canonical_address), 'change', 'create', 'after', v_facts)) || v_seams.objects,
    'refs', jsonb_build_array('unit:' || v_unit.canonical_address),
    'result', jsonb_build_object('at', v_facts -> 'at'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_in_place', 'kind', 'piece', 'collection', v_collection.canonical_address, 'unit', v_unit.canonical_address, 'at', v_facts -> 'at')),
    'inverse', jsonb_build_object('command', 'dot_iu_remove_piece_from_collection', 'params', jsonb_build_object('collection', v_collection.canonical_address, 'piece', v_unit.canonical_address, 'separators', v_seams.before)));
END
$function$;
ALTER FUNCTION dot_iu_add_piece(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_add_piece(jsonb,jsonb) IS 'Puts a piece into a collection';

-- function dot_iu_checkpoint_collection(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_checkpoint_collection(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION dot_iu_checkpoint_collection(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_checkpoint_collection(jsonb,jsonb) IS 'Freezes a collection''s manifest under the next number';

-- function dot_iu_clone_piece(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_clone_piece(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
  UPDATE information_unit SET title_is_derived = true WHERE id = v_clone AND v_unit.title_is_derived AND coalesce(p_params ->> 'title', v_unit.title) = v_unit.title;
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
$function$;
ALTER FUNCTION dot_iu_clone_piece(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_clone_piece(jsonb,jsonb) IS 'Copies a unit''s current text under a new address, related to it as cloned_from';

-- function dot_iu_close_gate(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_close_gate(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_gate constant text := p_params ->> 'gate';
  v_before jsonb;
BEGIN
  -- Judged on the row that is written: who is closing or opening it at this moment goes first.
  PERFORM FROM dot_config WHERE key = v_gate FOR UPDATE;
  v_before := fn_dot_gate_facts(v_gate);
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
$function$;
ALTER FUNCTION dot_iu_close_gate(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_close_gate(jsonb,jsonb) IS 'Closes a gate; it never waits behind a running command';

-- function dot_iu_correct_dead_letter(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_correct_dead_letter(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
DECLARE
  v_letter constant iu_route_dead_letter := fn_dot_letter((p_params ->> 'dead_letter')::bigint);
  v_payload constant jsonb := p_params -> 'payload';
  v_letters iu_route_dead_letter[];
  v_type iu_event_type;
  v_problems text[];
  v_key text;
  v_event bigint;
  v_again text;
BEGIN
  SELECT * INTO v_type FROM iu_event_type WHERE event_type = v_letter.event_type;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'event_type: % is not registered', v_letter.event_type USING ERRCODE = 'IU007', COLUMN = 'event_type', HINT = 'Register the type, then replay the letter or correct it.';
  ELSIF v_type.is_system THEN
    RAISE EXCEPTION 'event_type: % is emitted by the system only', v_letter.event_type
      USING ERRCODE = 'IU008', COLUMN = 'event_type', HINT = 'It says what happened here, which nobody can say otherwise. Mend the cause and replay the letter.';
  ELSIF v_payload = v_letter.payload THEN
    RAISE EXCEPTION 'payload: it is what it was' USING ERRCODE = 'IU016', COLUMN = 'payload', HINT = 'Replay the letter, if its cause is mended.';
  END IF;
  v_problems := ARRAY(SELECT regexp_replace(p, '^\$', 'payload') FROM unnest(fn_iu_payload_problems(v_payload, v_type.payload_schema)) AS p);
  IF NOT fn_iu_payload_meets(v_payload, v_type.payload_predicate, v_type.payload_keys) THEN
    RAISE EXCEPTION 'payload: %', coalesce(nullif(array_to_string(v_problems, '; '), ''), 'it breaks the schema of its type')
      USING ERRCODE = 'IU002', COLUMN = 'payload', HINT = 'This is what the worker would say of it, too.';
  END IF;
  PERFORM FROM iu_route_dead_letter WHERE event_id = v_letter.event_id AND status = 'open' ORDER BY id FOR UPDATE;
  v_letters := ARRAY(SELECT d FROM iu_route_dead_letter AS d WHERE d.event_id = v_letter.event_id AND d.status = 'open' ORDER BY d.id);
  -- A type of lane immediate has a key for each occurrence. Under one that is taken nothing would be emitted: an event that was
  -- corrected may fail again, on a route that was disabled then.
  IF v_type.delivery_lane = 'immediate' THEN
    v_key := 'corrects event ' || v_letter.event_id;
    IF EXISTS (SELECT FROM event_outbox WHERE (event_type, event_subject_ref, idempotency_key) = (v_letter.event_type, v_letter.event_subject_ref, v_key)) THEN
      v_key := format('%s, dead letter %s', v_key, v_letter.id);
    END IF;
  END IF;
  v_event := fn_iu_emit_event(v_letter.event_type, v_letter.event_subject_table, v_letter.event_subject_ref, v_payload, v_key);
  UPDATE iu_route_dead_letter SET status = 'corrected', resolved_at = clock_timestamp(), resolved_by = fn_iu_actor(), corrected_by_event_id = v_event
  WHERE event_id = v_letter.event_id AND status = 'open';
  SELECT string_agg(DISTINCT r.route_code, ', ') INTO v_again
  FROM iu_outbound_route AS r JOIN iu_route_attempt AS a ON a.event_id = v_letter.event_id AND a.route_id = r.id AND a.status IN ('dry_run', 'sent');
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_letter.status, 'attempt', v_letter.attempt_no),
    'objects', (SELECT jsonb_agg(fn_dot_letter_object(l) ORDER BY (l).id) FROM unnest(v_letters) AS l),
    'refs', jsonb_build_array('event:' || v_letter.event_id, 'event:' || v_event),
    'result', jsonb_build_object('event', v_event, 'corrects_event', v_letter.event_id),
    'notes', to_jsonb(ARRAY(SELECT n FROM unnest(ARRAY[
      CASE WHEN cardinality(v_letters) > 1 THEN format('The event has %s open dead letters, one a route; the new event answers all of them.', cardinality(v_letters)) END,
      CASE WHEN v_again IS NOT NULL THEN format('Routes that had decided the first event get the new one as WELL: %s.', v_again) END,
      CASE WHEN (SELECT delivery_lane FROM event_outbox WHERE id = v_event) = 'held' THEN 'The master gate is closed: the new event is HELD until it is released.' END]) AS n WHERE n IS NOT NULL)),
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'letters_are_corrected', 'kind', 'dead_letters', 'ids', to_jsonb(ARRAY(SELECT (l).id FROM unnest(v_letters) AS l)), 'status', 'corrected'),
      jsonb_build_object('name', 'event_is_written', 'kind', 'event', 'event', v_event, 'type', v_letter.event_type, 'sha256', encode(sha256(convert_to(v_payload::text, 'UTF8')), 'hex'))),
    'irreversible', 'The new event is in the outbox.');
END
$function$;
ALTER FUNCTION dot_iu_correct_dead_letter(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_correct_dead_letter(jsonb,jsonb) IS 'Emits a new event with another payload in the place of one that failed; the old one stays. IU002 a payload that breaks its schema, IU008 an event of the system';

-- function dot_iu_create_collection(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_create_collection(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_id constant bigint := fn_iu_compose(p_params ->> 'address', p_params ->> 'kind', p_params ->> 'title', '{}', coalesce(p_params ->> 'joiner', E'\n\n'));
BEGIN
  RETURN fn_dot_collection_created(v_id, '[]');
END
$function$;
ALTER FUNCTION dot_iu_create_collection(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_create_collection(jsonb,jsonb) IS 'Makes an empty collection';

-- function dot_iu_create_file_from_pieces(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_create_file_from_pieces(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_units constant information_unit[] := fn_dot_units(p_params -> 'pieces', 'pieces');
  v_id bigint;
BEGIN
  v_id := fn_iu_compose(p_params ->> 'address', 'file', p_params ->> 'title', ARRAY(SELECT u.id FROM unnest(v_units) WITH ORDINALITY AS u ORDER BY u.ordinality), coalesce(p_params ->> 'joiner', E'\n\n'));
  RETURN fn_dot_collection_created(v_id, '[]')
    || jsonb_build_object('state', (SELECT jsonb_agg(u.current_version_seq ORDER BY u.ordinality) FROM unnest(v_units) WITH ORDINALITY AS u),
                          'refs', (SELECT jsonb_agg('unit:' || u.canonical_address) FROM unnest(v_units) AS u));
END
$function$;
ALTER FUNCTION dot_iu_create_file_from_pieces(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_create_file_from_pieces(jsonb,jsonb) IS 'Composes a file of pieces that exist, in the given order';

-- function dot_iu_create_piece(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_create_piece(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_unit_id bigint;
  v_collection iu_collection;
  v_objects jsonb;
  v_seams record;
  v_separators jsonb := '[]';
BEGIN
  v_unit_id := fn_iu_create(p_params ->> 'address', p_params ->> 'kind', p_params ->> 'body', coalesce(p_params ->> 'title', ''));
  v_objects := jsonb_build_array(fn_dot_unit_object(NULL, v_unit_id));
  IF p_params ? 'collection' THEN
    v_collection := fn_dot_collection(p_params);
    PERFORM fn_iu_collection_add(v_collection.id, ARRAY[v_unit_id], ARRAY[fn_dot_place(v_collection.id, v_unit_id, p_params)], ARRAY[p_params ->> 'separator']);
    v_seams := fn_dot_seams(v_collection, fn_iu_seam_open(v_collection.id, v_unit_id, p_params ? 'separator', NULL), v_unit_id, false);
    v_separators := v_seams.before;
    v_objects := v_objects || fn_dot_collection_object(v_collection) || jsonb_build_object(
      'ref', format('piece:%s#%s', v_collection.canonical_address, p_params ->> 'address'), 'change', 'create', 'after', fn_dot_piece_facts(v_collection.id, v_unit_id)) || v_seams.objects;
  ELSIF p_params ?| ARRAY['to', 'after', 'before', 'position', 'separator'] THEN
    RAISE EXCEPTION 'collection: a place needs the collection that it is in' USING ERRCODE = 'IU002', COLUMN = 'collection';
  END IF;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision),
    'objects', v_objects,
    'result', jsonb_build_object('piece', p_params -> 'address'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_born', 'kind', 'unit', 'unit', p_params -> 'address', 'status', 'draft', 'version', 1, 'sha256', encode(sha256(convert_to(p_params ->> 'body', 'UTF8')), 'hex')))
      || CASE WHEN v_collection.id IS NULL THEN '[]' ELSE jsonb_build_array(jsonb_build_object('name', 'piece_in_place', 'kind', 'piece', 'collection', v_collection.canonical_address, 'unit', p_params -> 'address', 'at', fn_dot_piece_facts(v_collection.id, v_unit_id) -> 'at')) END,
    'inverse', jsonb_build_object('command', 'dot_iu_soft_delete_piece', 'params', jsonb_build_object('piece', p_params -> 'address', 'separators', v_separators)));
END
$function$;
ALTER FUNCTION dot_iu_create_piece(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_create_piece(jsonb,jsonb) IS 'Makes a unit, and puts it into a collection where one is named';

-- function dot_iu_create_workflow_from_steps(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_create_workflow_from_steps(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION dot_iu_create_workflow_from_steps(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_create_workflow_from_steps(jsonb,jsonb) IS 'Composes a workflow of steps: pieces that exist, or new ones from their text';

-- function dot_iu_disable_account(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_disable_account(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION dot_iu_disable_account(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_disable_account(jsonb,jsonb) IS 'Disables an account: its sessions end, its tokens are dead';

-- function dot_iu_disable_route(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_disable_route(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  RETURN fn_dot_route_switched(p_params ->> 'route', false);
END
$function$;
ALTER FUNCTION dot_iu_disable_route(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_disable_route(jsonb,jsonb) IS 'Disables a route; its events are skipped as route_disabled, and none is lost';

-- function dot_iu_disable_schedule(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_disable_schedule(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  RETURN fn_dot_schedule_switched(false, NULL, NULL, coalesce(p_context ->> 'reason', 'a plan'));
END
$function$;
ALTER FUNCTION dot_iu_disable_schedule(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_disable_schedule(jsonb,jsonb) IS 'Stops the passes that the consoles'' servers run, within a second or so; iu worker goes on';

-- function dot_iu_disable_triggers(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_disable_triggers(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  RETURN fn_dot_triggers_switched(false) || jsonb_build_object('notes', jsonb_build_array(
    'Stops: iu.created, iu.version_applied, iu.retired and iu.soft_deleted.',
    'LOSES EVENTS: what changes while they are off is never reported, not even after they are on again. L0 and L1 stop the routing and lose nothing.'));
END
$function$;
ALTER FUNCTION dot_iu_disable_triggers(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_disable_triggers(jsonb,jsonb) IS 'Switches off the triggers that emit the unit family: while they are off those events are lost';

-- function dot_iu_discard_dead_letter(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_discard_dead_letter(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION dot_iu_discard_dead_letter(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_discard_dead_letter(jsonb,jsonb) IS 'Gives up an open dead letter, with a reason';

-- function dot_iu_discard_dead_letters(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_discard_dead_letters(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_ids constant bigint[] := fn_dot_letters(p_params, p_context, 10000, false);
  v_letters iu_route_dead_letter[];
  v_done bigint[];
BEGIN
  PERFORM FROM iu_route_dead_letter WHERE id = ANY (v_ids) ORDER BY id FOR UPDATE;
  v_letters := ARRAY(SELECT d FROM iu_route_dead_letter AS d WHERE d.id = ANY (v_ids) AND d.status = 'open' ORDER BY d.id);
  v_done := ARRAY(SELECT (l).id FROM unnest(v_letters) AS l);
  IF cardinality(v_done) = 0 THEN
    RAISE EXCEPTION 'all of them are resolved already' USING ERRCODE = 'IU016';
  END IF;
  UPDATE iu_route_dead_letter SET status = 'discarded', resolved_at = clock_timestamp(), resolved_by = fn_iu_actor() WHERE id = ANY (v_done);
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', fn_dot_frozen(v_ids),
    'objects', (SELECT jsonb_agg(fn_dot_letter_object(l) ORDER BY (l).id) FROM unnest(v_letters) AS l),
    'result', jsonb_build_object('letters', cardinality(v_ids), 'discarded', cardinality(v_done),
      'sample', (SELECT jsonb_agg(jsonb_build_object('dead_letter', (l).id, 'event', (l).event_id, 'event_type', (l).event_type, 'subject', (l).event_subject_ref, 'because', left((l).failure_detail, 200)) ORDER BY (l).id) FROM unnest(v_letters[:5]) AS l)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'letters_are_discarded', 'kind', 'dead_letters', 'ids', to_jsonb(v_done), 'status', 'discarded')),
    'irreversible', 'What was given up stays given up; the events are in the outbox.');
END
$function$;
ALTER FUNCTION dot_iu_discard_dead_letters(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_discard_dead_letters(jsonb,jsonb) IS 'Gives up the dead letters that a plan froze, with a reason';

-- function dot_iu_discard_held_events(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_discard_held_events(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_ids bigint[];
  v_done bigint[];
BEGIN
  v_ids := fn_dot_held(p_params, p_context);
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
    'frozen', fn_dot_frozen(v_ids),
    'objects', (SELECT jsonb_agg(jsonb_build_object('ref', 'event:' || e.id, 'change', 'update', 'before', jsonb_build_object('account', 'held', 'type', e.event_type, 'subject', e.event_subject_ref), 'after', jsonb_build_object('account', 'discarded', 'type', e.event_type, 'subject', e.event_subject_ref)) ORDER BY e.id)
                FROM event_outbox AS e WHERE e.id = ANY (v_done)),
    'result', jsonb_build_object('discarded', cardinality(v_done), 'by_type', (SELECT jsonb_object_agg(event_type, n) FROM (SELECT event_type, count(*) AS n FROM event_outbox WHERE id = ANY (v_done) GROUP BY event_type) AS t)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_discarded', 'kind', 'held', 'ids', to_jsonb(v_done), 'account', 'discarded')),
    'irreversible', 'What was given up stays given up; the events are in the outbox, on lane held.');
END
$function$;
ALTER FUNCTION dot_iu_discard_held_events(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_discard_held_events(jsonb,jsonb) IS 'Gives up held events, with a reason; the plan freezes which';

-- function dot_iu_enable_account(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_enable_account(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION dot_iu_enable_account(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_enable_account(jsonb,jsonb) IS 'Enables an account again; sessions that ended stay ended';

-- function dot_iu_enable_route(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_enable_route(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  RETURN fn_dot_route_switched(p_params ->> 'route', true);
END
$function$;
ALTER FUNCTION dot_iu_enable_route(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_enable_route(jsonb,jsonb) IS 'Enables a route; it stays the dry run that it is';

-- function dot_iu_enable_schedule(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_enable_schedule(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  RETURN fn_dot_schedule_switched(true, (p_params ->> 'poll_ms')::integer, (p_params ->> 'batch_size')::integer, coalesce(p_context ->> 'reason', 'a plan'));
END
$function$;
ALTER FUNCTION dot_iu_enable_schedule(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_enable_schedule(jsonb,jsonb) IS 'Lets the consoles'' servers run the passes of every worker, at this pace';

-- function dot_iu_enable_triggers(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_enable_triggers(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  RETURN fn_dot_triggers_switched(true);
END
$function$;
ALTER FUNCTION dot_iu_enable_triggers(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_enable_triggers(jsonb,jsonb) IS 'Switches the triggers of the unit family on again';

-- function dot_iu_enact_piece(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_enact_piece(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION dot_iu_enact_piece(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_enact_piece(jsonb,jsonb) IS 'Puts a draft in force, or (status draft) takes one back';

-- function dot_iu_import_text(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_import_text(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
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
  v_text text;                    -- what it was
  v_over text[] := '{}';          -- pieces whose edits it undoes
BEGIN
  IF (p_params ? 'text') <> (p_params ? 'source_path') OR (p_params ? 'checkpoint') <> (p_params ? 'collection') OR (p_params ? 'text') = (p_params ? 'checkpoint') OR (p_params ? 'text') <> (p_params ? 'cut') THEN
    RAISE EXCEPTION 'text: give a source_path and its text, or a collection and the checkpoint to return to' USING ERRCODE = 'IU002', COLUMN = 'text';
  END IF;
  IF EXISTS (SELECT FROM jsonb_array_elements_text(coalesce(p_params -> 'cut' -> 'titles', '[]')) AS t WHERE length(t) > 500 OR t ~ '[\x01-\x1f\x7f]') THEN
    RAISE EXCEPTION 'cut: a title is one line of at most 500 characters' USING ERRCODE = 'IU002', COLUMN = 'cut';
  END IF;
  IF p_params ? 'text' THEN
    -- Imports of one source take turns, before they lock anything.
    PERFORM fn_iu_lock('iu_core.import ' || (p_params ->> 'source_path'));
    SELECT * INTO v_before FROM iu_collection WHERE source_path = p_params ->> 'source_path';
  ELSE
    -- Units before collections; the return locks them in order.
    SELECT * INTO v_before FROM iu_collection WHERE canonical_address = p_params ->> 'collection' AND status = 'active';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'collection: no collection has the address %', p_params ->> 'collection' USING ERRCODE = 'IU003', COLUMN = 'collection';
    END IF;
  END IF;
  IF v_before.id IS NOT NULL THEN
    -- Every unit that it may touch, before the collection; also those that the last import wrote and somebody has removed,
    -- which it may bring back. Where one joined until the collection was locked, going back frees the locks for another round.
    LOOP
      BEGIN
        v_locked := ARRAY(SELECT unit_id FROM iu_collection_piece WHERE collection_id = v_before.id
                          UNION SELECT unit_id FROM iu_collection_checkpoint_piece WHERE collection_id = v_before.id AND checkpoint_no = (p_params ->> 'checkpoint')::integer
                          UNION SELECT unnest(unit_ids) FROM iu_import_base WHERE id = v_before.base_id AND p_params ? 'text');
        PERFORM FROM information_unit WHERE id = ANY (v_locked) ORDER BY id FOR UPDATE;
        SELECT * INTO v_before FROM iu_collection WHERE id = v_before.id FOR UPDATE;
        EXIT WHEN NOT EXISTS (SELECT unit_id FROM iu_collection_piece WHERE collection_id = v_before.id
                              UNION SELECT unnest(unit_ids) FROM iu_import_base WHERE id = v_before.base_id AND p_params ? 'text'
                              EXCEPT SELECT unnest(v_locked));
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

  v_text := fn_iu_collection_render(v_before.id);
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
    v_over := v_imported.over_edits;
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
    'friction', CASE WHEN v_over = '{}' THEN '[]' ELSE jsonb_build_array(jsonb_build_object('because', 'edits', 'what', format('It undoes what was done here since the last import, on %s: %s.',
        CASE cardinality(v_over) WHEN 1 THEN '1 piece' ELSE cardinality(v_over) || ' pieces' END, array_to_string(v_over[:20], ', ') || CASE WHEN cardinality(v_over) > 20 THEN ' …' ELSE '' END))) END
      || CASE WHEN v_outcome = 'unchanged' THEN '[]' ELSE fn_dot_loss(v_before, v_imported.pieces_removed, v_after.byte_length) END,
    'result', jsonb_strip_nulls(jsonb_build_object('outcome', v_outcome, 'collection', v_after.canonical_address, 'pieces', v_after.piece_count, 'bytes', v_after.byte_length,
      'sha256', encode(v_after.render_digest, 'hex'), 'pieces_created', v_imported.pieces_created, 'versions_created', v_imported.versions_created,
      'pieces_removed', v_imported.pieces_removed, 'pieces_moved', v_imported.pieces_moved, 'checkpoint', nullif(v_checkpoint, 0))),
    'notes', CASE WHEN v_before.id IS NULL THEN '[]' ELSE fn_dot_line_end_notes(v_text, coalesce(p_params ->> 'text', fn_iu_collection_render(v_after.id))) END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'renders_to_the_text', 'kind', 'rendered', 'collection', v_after.canonical_address, 'sha256', encode(v_after.render_digest, 'hex'), 'revision', v_after.revision)),
    'inverse', CASE WHEN v_outcome <> 'unchanged' AND v_retired IS NULL THEN jsonb_build_object('command', 'dot_iu_import_text', 'params', jsonb_build_object('collection', v_after.canonical_address, 'checkpoint', v_checkpoint, 'expect_revision', v_after.revision)) END,
    'irreversible', CASE WHEN v_outcome = 'unchanged' THEN 'Nothing was changed.' ELSE format('%s is retired and has left the collection. Restore it, then return to checkpoint %s.', v_retired, v_checkpoint) END);
END
$function$;
ALTER FUNCTION dot_iu_import_text(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_import_text(jsonb,jsonb) IS 'Brings a source to a new text, cut into pieces, or a collection back to a checkpoint (0 = empty); what was before is kept as a checkpoint';

-- function dot_iu_issue_token(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_issue_token(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
  PERFORM fn_dot_own_password(fn_dot_account(v_account), p_params ->> 'current_key');
  BEGIN
    v_expires := (p_params ->> 'expires_at')::timestamptz;
  EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow OR invalid_time_zone_displacement_value THEN
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
    'objects', jsonb_build_array(jsonb_build_object('ref', format('token:%s/%s', v_account, left(encode(sha256(convert_to(p_params ->> 'label', 'UTF8')), 'hex'), 12)), 'change', 'create', 'after', jsonb_build_object('scopes', p_params -> 'scopes', 'expires_at', v_expires))),
    'refs', jsonb_build_array('account:' || v_account),
    'result', jsonb_build_object('label', p_params -> 'label', 'expires_at', v_expires),
    'notes', jsonb_build_array('The token is shown once, here. It is kept nowhere.'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'token_is_live', 'kind', 'token', 'token', v_id, 'live', true)),
    'inverse', jsonb_build_object('command', 'dot_iu_revoke_token', 'params', jsonb_build_object('token', v_id)));
END
$function$;
ALTER FUNCTION dot_iu_issue_token(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_issue_token(jsonb,jsonb) IS 'Issues an API token for the account that asks, with its present password: told once, scoped, expiring';

-- function dot_iu_join_cursors(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_join_cursors(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_worker constant text := p_params ->> 'worker';
  v_joined constant text := p_params ->> 'joined';
  v_before jsonb;
  v_gone jsonb;
  v_reads text;
BEGIN
  IF fn_dot_cursor_object(v_joined) IS NULL THEN
    RAISE EXCEPTION 'joined: % has no cursor', v_joined USING ERRCODE = 'IU003', COLUMN = 'joined';
  END IF;
  PERFORM fn_iu_cursor_lock(v_worker, v_joined);
  v_before := fn_dot_cursor_object(v_worker);
  v_gone := fn_dot_cursor_object(v_joined);
  v_reads := fn_iu_cursor_join(v_worker, v_joined);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('worker', v_before, 'joined', v_gone),
    'objects', jsonb_build_array(
      jsonb_build_object('ref', 'cursor:' || v_worker, 'change', 'update', 'before', v_before, 'after', fn_dot_cursor_object(v_worker)),
      jsonb_build_object('ref', 'cursor:' || v_joined, 'change', 'delete', 'before', v_gone)),
    'refs', jsonb_build_array('worker:' || v_worker, 'worker:' || v_joined),
    'result', jsonb_build_object('workers', jsonb_build_object(v_worker, fn_dot_cursor_object(v_worker)), 'reads_again', v_reads),
    'notes', CASE v_reads
      WHEN 'nothing' THEN jsonb_build_array(format('A process that serves %s by name ends with its next pass.', v_joined))
      WHEN 'some' THEN jsonb_build_array('The two are not in the same place: what one of them did beyond the other is read once more, and nothing is decided twice.')
      ELSE jsonb_build_array('At least one of them has yet to read everything, as after a restore: every event is read once more, and nothing is decided twice.') END,
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'worker_has_all_buckets', 'kind', 'cursor', 'worker', v_worker) || fn_dot_cursor_object(v_worker),
      jsonb_build_object('name', 'joined_worker_has_none', 'kind', 'cursor', 'worker', v_joined, 'bucket_from', NULL, 'bucket_to', NULL)),
    'inverse', jsonb_build_object('command', 'dot_iu_split_cursor', 'params', CASE WHEN (v_gone -> 'bucket_from')::integer > (v_before -> 'bucket_from')::integer
      THEN jsonb_build_object('worker', v_worker, 'new_worker', v_joined, 'bucket', v_gone -> 'bucket_from')
      ELSE jsonb_build_object('worker', v_worker, 'new_worker', v_joined, 'bucket', v_before -> 'bucket_from', 'new_part', 'lower') END));
END
$function$;
ALTER FUNCTION dot_iu_join_cursors(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_join_cursors(jsonb,jsonb) IS 'Gives all buckets of a worker to one whose buckets touch them, while both go on';

-- function dot_iu_open_gate(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_open_gate(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_gate constant text := p_params ->> 'gate';
  v_before jsonb;
  v_expires timestamptz;
BEGIN
  -- Judged on the row that is written: who is closing or opening it at this moment goes first.
  PERFORM FROM dot_config WHERE key = v_gate FOR UPDATE;
  v_before := fn_dot_gate_facts(v_gate);
  v_expires := fn_dot_instant(p_params, 'expires_at');
  IF v_before ->> 'state' = 'open' AND v_expires IS NOT DISTINCT FROM (v_before ->> 'expires_at')::timestamptz THEN
    RAISE EXCEPTION 'gate: % is open already', v_gate USING ERRCODE = 'IU016', COLUMN = 'gate';
  -- Who closed it, or gave it the end that has come, does not open it: the second person. The schema's owner is no person, and could write the row anyway.
  ELSIF v_before ->> 'state' IN ('closed', 'expired') AND v_before ->> 'by' = p_context ->> 'actor' AND p_context ->> 'actor_kind' <> 'owner' THEN
    RAISE EXCEPTION 'gate: % %, and does not open it again', p_context ->> 'actor', CASE v_before ->> 'state' WHEN 'closed' THEN 'closed it' ELSE 'gave it the end that has come' END
      USING ERRCODE = 'IU018', COLUMN = 'gate', HINT = 'Ask another approver.';
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
$function$;
ALTER FUNCTION dot_iu_open_gate(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_open_gate(jsonb,jsonb) IS 'Opens a gate, until a time where one is given';

-- function dot_iu_record_archive(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_record_archive(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_older_than constant timestamptz := (p_params ->> 'older_than')::timestamptz;
  v_batch record;
  v_digest bytea;
  v_id bigint;
BEGIN
  IF v_older_than > clock_timestamp() THEN
    RAISE EXCEPTION 'older_than: % has not come yet', v_older_than USING ERRCODE = 'IU002', COLUMN = 'older_than';
  END IF;
  SELECT * INTO v_batch FROM fn_iu_archive_content(v_older_than, (p_params ->> 'first_event')::bigint - 1, (p_params ->> 'last_event')::bigint, 100000, 1073741824);
  v_digest := sha256(convert_to(v_batch.content, 'UTF8'));
  IF v_digest IS DISTINCT FROM decode(p_params ->> 'content_sha256', 'hex') THEN
    RAISE EXCEPTION 'content_sha256: the events from % to % are not what the file holds', p_params ->> 'first_event', p_params ->> 'last_event'
      USING ERRCODE = 'IU014', COLUMN = 'content_sha256', HINT = 'Something happened to them since: make the file anew.';
  END IF;
  INSERT INTO iu_archive (file_name, file_digest, file_bytes, content_digest, content_bytes, first_id, last_id, events, attempts, older_than, oldest_at, newest_at, made_by)
  VALUES (p_params ->> 'file', decode(p_params ->> 'file_sha256', 'hex'), (p_params ->> 'file_bytes')::bigint, v_digest, octet_length(v_batch.content),
          v_batch.first_id, v_batch.last_id, v_batch.events, v_batch.attempts, v_older_than, v_batch.oldest_at, v_batch.newest_at, fn_iu_actor())
  RETURNING id INTO v_id;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'objects', jsonb_build_array(jsonb_build_object('ref', 'archive:' || (p_params ->> 'file'), 'change', 'create', 'after', jsonb_build_object('events', v_batch.events, 'attempts', v_batch.attempts))),
    'result', jsonb_build_object('archive', v_id, 'events', v_batch.events, 'attempts', v_batch.attempts, 'first_event', v_batch.first_id, 'last_event', v_batch.last_id),
    'checks', jsonb_build_array(jsonb_build_object('name', 'the_file_is_on_record', 'kind', 'archive', 'archive', v_id, 'sha256', p_params -> 'content_sha256')),
    'irreversible', 'A record of a file stays; nothing was removed.');
END
$function$;
ALTER FUNCTION dot_iu_record_archive(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_record_archive(jsonb,jsonb) IS 'Writes a file of archived events down with its digests; refuses one whose content is not what the rows are. Removes nothing';

-- function dot_iu_refresh_metadata_axes(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_refresh_metadata_axes(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_ids bigint[];
  v_axes text;
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
  v_axes := (SELECT string_agg(concat_ws(' ', unit_id, axis, value), chr(10) ORDER BY unit_id, axis) FROM iu_unit_axis WHERE unit_id = ANY (v_ids));
  v_changed := fn_iu_axes_refresh(v_ids);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('units', encode(sha256(convert_to((SELECT coalesce(string_agg(u.id || ' ' || u.current_version_seq || ' ' || u.lifecycle_status, ',' ORDER BY u.id), '') FROM information_unit AS u WHERE u.id = ANY (v_ids)), 'UTF8')), 'hex'),
      'axes', encode(sha256(convert_to(coalesce(v_axes, ''), 'UTF8')), 'hex')),
    'objects', CASE WHEN v_changed = 0 THEN '[]' ELSE jsonb_build_array(jsonb_build_object('ref', v_ref, 'change', 'update', 'after', jsonb_build_object('axes_changed', v_changed))) END,
    'refs', jsonb_build_array(v_ref),
    'result', jsonb_build_object('pieces', cardinality(v_ids), 'changed', v_changed),
    'checks', jsonb_build_array(jsonb_build_object('name', 'axes_are_derived', 'kind', 'axes') || (p_params)),
    'irreversible', 'Axes are derived from the text; they follow it at the next refresh.');
END
$function$;
ALTER FUNCTION dot_iu_refresh_metadata_axes(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_refresh_metadata_axes(jsonb,jsonb) IS 'Derives the metadata axes of a collection''s pieces, or of one piece, anew';

-- function dot_iu_register_event_type(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_register_event_type(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_type constant text := p_params ->> 'event_type';
  v_before jsonb;
  v_after jsonb;
BEGIN
  -- Two registrations of one name take turns.
  PERFORM fn_iu_lock('iu_core.event_type ' || v_type);
  v_before := (SELECT to_jsonb(t) - 'registered_at' - 'registered_by' - 'payload_predicate' - 'payload_keys' - 'payload_fault' FROM iu_event_type AS t WHERE event_type = v_type);
  IF v_type !~ '^[a-z0-9_]+([.][a-z0-9_]+)*$' THEN
    RAISE EXCEPTION 'event_type: "%" is no name of a type', left(v_type, 80) USING ERRCODE = 'IU002', COLUMN = 'event_type', HINT = 'Use a-z 0-9 _ joined by dots.';
  END IF;
  PERFORM fn_iu_event_types_register('application', coalesce(p_params ->> 'delivery_lane', 'delayed'), false,
    jsonb_build_object(v_type, jsonb_build_object('description', p_params ->> 'description', 'payload_schema', coalesce(p_params -> 'payload_schema', '{}'))));
  v_after := (SELECT to_jsonb(t) - 'registered_at' - 'registered_by' - 'payload_predicate' - 'payload_keys' - 'payload_fault' FROM iu_event_type AS t WHERE event_type = v_type);
  -- What was made by hand exactly so is taken into the inventory, which does not have it.
  IF v_after = v_before AND EXISTS (SELECT FROM dot_inventory WHERE (class, identity) = ('event_type', v_type)) THEN
    RAISE EXCEPTION 'event_type: % is registered like that already', v_type USING ERRCODE = 'IU016', COLUMN = 'event_type';
  END IF;
  PERFORM fn_dot_inventory_register(NULL, '[]', 'event_type', v_type);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('before', v_before),
    'objects', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('ref', 'event_type:' || v_type, 'change', CASE WHEN v_before IS NULL THEN 'create' ELSE 'update' END, 'before', v_before)) || jsonb_build_object('after', v_after)),
    'result', jsonb_build_object('event_type', v_type),
    'notes', CASE WHEN EXISTS (SELECT FROM iu_outbound_route WHERE event_type = v_type) THEN '[]' ELSE jsonb_build_array('No route wants it yet: its events will be skipped as no_route.') END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'event_type_is_registered', 'kind', 'event_type', 'event_type', v_type)),
    'inverse', CASE WHEN v_before IS NOT NULL THEN jsonb_build_object('command', 'dot_iu_register_event_type', 'params', v_before - 'event_domain' - 'is_system') END,
    'irreversible', CASE WHEN v_before IS NULL THEN 'A registered name stays registered: events may carry it.' END);
END
$function$;
ALTER FUNCTION dot_iu_register_event_type(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_register_event_type(jsonb,jsonb) IS 'Registers an application''s event type; known under the same name it is re-described';

-- function dot_iu_register_route(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_register_route(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_code constant text := p_params ->> 'route';
  v_before jsonb;
  v_after jsonb;
BEGIN
  PERFORM fn_iu_lock('iu_core.route ' || v_code);
  v_before := (SELECT jsonb_build_object('event_type', event_type, 'target_kind', target_kind, 'target_ref', target_ref, 'enabled', enabled, 'dry_run', dry_run) FROM iu_outbound_route WHERE route_code = v_code);
  IF v_code !~ '^[a-z0-9_]+([.][a-z0-9_]+)*$' THEN
    RAISE EXCEPTION 'route: "%" is no code of a route', left(v_code, 80) USING ERRCODE = 'IU002', COLUMN = 'route', HINT = 'Use a-z 0-9 _ joined by dots.';
  ELSIF EXISTS (SELECT FROM iu_event_type WHERE event_type IN (p_params ->> 'event_type', v_before ->> 'event_type') AND is_system) AND v_before IS NOT NULL THEN
    RAISE EXCEPTION 'route: % is one of the system''s', v_code USING ERRCODE = 'IU008', COLUMN = 'route', HINT = 'Choose another code.';
  END IF;
  IF v_before IS NOT NULL AND p_params ? 'enabled' AND p_params -> 'enabled' <> v_before -> 'enabled' THEN
    RAISE EXCEPTION 'enabled: a route that is known keeps its switch' USING ERRCODE = 'IU002', COLUMN = 'enabled', HINT = 'Use dot_iu_enable_route or dot_iu_disable_route.';
  END IF;
  PERFORM fn_iu_routes_register(jsonb_build_object(v_code, jsonb_build_object('event_type', p_params -> 'event_type', 'target_kind', p_params -> 'target_kind', 'target_ref', p_params -> 'target_ref', 'enabled', coalesce(p_params -> 'enabled', 'false'))));
  v_after := (SELECT jsonb_build_object('event_type', event_type, 'target_kind', target_kind, 'target_ref', target_ref, 'enabled', enabled, 'dry_run', dry_run) FROM iu_outbound_route WHERE route_code = v_code);
  -- What was made by hand exactly so is taken into the inventory, which does not have it.
  IF v_after = v_before AND EXISTS (SELECT FROM dot_inventory WHERE (class, identity) = ('route', v_code)) THEN
    RAISE EXCEPTION 'route: % is registered like that already', v_code USING ERRCODE = 'IU016', COLUMN = 'route';
  END IF;
  PERFORM fn_dot_inventory_register(NULL, '[]', 'route', v_code);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('before', v_before),
    'objects', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('ref', 'route:' || v_code, 'change', CASE WHEN v_before IS NULL THEN 'create' ELSE 'update' END, 'before', v_before, 'after', v_after))),
    'result', jsonb_build_object('route', v_code),
    'checks', jsonb_build_array(jsonb_build_object('name', 'route_is_registered', 'kind', 'route', 'route', v_code, 'enabled', v_after -> 'enabled')),
    'inverse', CASE WHEN v_before IS NOT NULL THEN jsonb_build_object('command', 'dot_iu_register_route', 'params', jsonb_build_object('route', v_code) || (v_before - 'enabled' - 'dry_run'))
                    WHEN (v_after -> 'enabled')::boolean THEN jsonb_build_object('command', 'dot_iu_disable_route', 'params', jsonb_build_object('route', v_code)) END,
    'irreversible', CASE WHEN v_before IS NULL AND NOT (v_after -> 'enabled')::boolean THEN 'A route stays registered; disabled, it delivers nothing.' END);
END
$function$;
ALTER FUNCTION dot_iu_register_route(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_register_route(jsonb,jsonb) IS 'Registers a route as a dry run; known under the same code it is redefined, and loses its approval';

-- function dot_iu_release_held_events(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_release_held_events(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_ids bigint[];
  v_done bigint[];
BEGIN
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_ids := fn_dot_held(p_params, p_context);
  v_done := ARRAY(SELECT fn_iu_held_release(v_ids));
  IF cardinality(v_done) = 0 THEN
    RAISE EXCEPTION 'no held event matches' USING ERRCODE = 'IU016';
  END IF;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', fn_dot_frozen(v_ids),
    'objects', (SELECT jsonb_agg(jsonb_build_object('ref', 'event:' || e.id, 'change', 'update', 'before', jsonb_build_object('account', 'held', 'type', e.event_type, 'subject', e.event_subject_ref), 'after', jsonb_build_object('account', 'released', 'type', e.event_type, 'subject', e.event_subject_ref)) ORDER BY e.id)
                FROM event_outbox AS e WHERE e.id = ANY (v_done)),
    'result', jsonb_build_object('released', cardinality(v_done), 'by_type', (SELECT jsonb_object_agg(event_type, n) FROM (SELECT event_type, count(*) AS n FROM event_outbox WHERE id = ANY (v_done) GROUP BY event_type) AS t)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_released', 'kind', 'held', 'ids', to_jsonb(v_done), 'account', 'released')),
    'irreversible', 'The released events are in the outbox.');
END
$function$;
ALTER FUNCTION dot_iu_release_held_events(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_release_held_events(jsonb,jsonb) IS 'Releases held events, in the order of writing; the plan freezes which';

-- function dot_iu_remove_archived_events(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_remove_archived_events(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_archive v_iu_archive;
  v_batch record;
  v_events bigint;
  v_attempts bigint;
  v_keyed bigint;
BEGIN
  -- The audit stands still meanwhile, and no cursor begins to read everything once more.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_event_audit'));
  -- Nor does a replay begin: what it freezes stays.
  PERFORM fn_iu_lock('iu_core.iu_replay_job');
  SELECT * INTO v_archive FROM v_iu_archive WHERE archive_id = (p_params ->> 'archive')::bigint;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'archive: there is no %', p_params ->> 'archive' USING ERRCODE = 'IU003', COLUMN = 'archive';
  ELSIF v_archive.is_removed THEN
    RAISE EXCEPTION 'archive: the events of % are removed already', p_params ->> 'archive' USING ERRCODE = 'IU016', COLUMN = 'archive';
  END IF;
  -- A replay locks its event: it is finished before the rows are compared, or finds no event after.
  PERFORM FROM event_outbox WHERE id BETWEEN v_archive.first_id AND v_archive.last_id ORDER BY id FOR UPDATE;
  SELECT * INTO v_batch FROM fn_iu_archive_content(v_archive.older_than, v_archive.first_id - 1, v_archive.last_id, 100000, 1073741824);
  IF encode(sha256(convert_to(v_batch.content, 'UTF8')), 'hex') IS DISTINCT FROM v_archive.content_digest THEN
    RAISE EXCEPTION 'archive: the events of % are not what its file holds', p_params ->> 'archive'
      USING ERRCODE = 'IU014', COLUMN = 'archive', HINT = 'Something happened to them since, or they must stay: archive them anew.';
  END IF;
  SELECT count(*) INTO v_keyed FROM event_outbox WHERE id = ANY (v_batch.event_ids) AND idempotency_key IS NOT NULL;
  PERFORM fn_iu_attempt_block_count(v_batch.event_ids, -1);
  INSERT INTO iu_archive_move (archive_id, move, moved_by, event_ids, attempt_counts)
  SELECT v_archive.archive_id, 'removed', fn_iu_actor(), (SELECT range_agg(int8range(i, i, '[]')) FROM unnest(v_batch.event_ids) AS i),
         (SELECT jsonb_agg(jsonb_build_object('worker_code', worker_code, 'hour', hour, 'route_id', route_id, 'status', status, 'attempts', n))
          FROM (SELECT a.worker_code, extract(epoch FROM date_trunc('hour', a.created_at, 'UTC'))::bigint AS hour, a.route_id, a.status, count(*) AS n
                FROM iu_route_attempt AS a WHERE a.event_id = ANY (v_batch.event_ids) GROUP BY 1, 2, 3, 4) AS c);
  DELETE FROM iu_route_attempt WHERE event_id = ANY (v_batch.event_ids);
  GET DIAGNOSTICS v_attempts = ROW_COUNT;
  DELETE FROM event_outbox WHERE id = ANY (v_batch.event_ids);
  GET DIAGNOSTICS v_events = ROW_COUNT;
  IF (v_events, v_attempts) <> (v_archive.events, v_archive.attempts) THEN
    RAISE EXCEPTION 'archive: % holds % events and % attempts, and % and % would go', p_params ->> 'archive', v_archive.events, v_archive.attempts, v_events, v_attempts USING ERRCODE = 'IU014', COLUMN = 'archive';
  END IF;
  UPDATE iu_event_audit SET attempted = attempted - v_events, archived = archived + v_events;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('archive', v_archive.archive_id, 'sha256', v_archive.content_digest),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'archive:' || v_archive.file_name, 'change', 'update',
      'before', jsonb_build_object('events', 'in the outbox'), 'after', jsonb_build_object('events', 'archived'))),
    'result', jsonb_build_object('events', v_events, 'attempts', v_attempts, 'first_event', v_archive.first_id, 'last_event', v_archive.last_id),
    'notes', CASE v_keyed WHEN 0 THEN '[]' ELSE jsonb_build_array(format('%s of them %s a key: emitted again under it, an event will be a new one.', v_keyed, CASE v_keyed WHEN 1 THEN 'has' ELSE 'have' END)) END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_archived', 'kind', 'archive', 'archive', v_archive.archive_id, 'removed', true)),
    'irreversible', format('The file brings them back: iu retention restore %s', v_archive.file_name));
END
$function$;
ALTER FUNCTION dot_iu_remove_archived_events(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_remove_archived_events(jsonb,jsonb) IS 'Removes the events and attempts of an archive on record, when they are exactly what its file holds and nothing needs them';

-- function dot_iu_remove_piece_from_collection(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_remove_piece_from_collection(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_before constant jsonb := fn_dot_piece_facts(v_collection.id, v_unit.id);
  v_changes jsonb;
  v_seams record;
BEGIN
  IF v_before IS NULL THEN
    RAISE EXCEPTION 'piece: % does not stand in %', v_unit.canonical_address, v_collection.canonical_address USING ERRCODE = 'IU003', COLUMN = 'piece';
  END IF;
  PERFORM fn_iu_collection_remove(v_collection.id, ARRAY[v_unit.id]);
  v_changes := CASE WHEN p_params ? 'separators' THEN fn_dot_separators_restore(v_collection, p_params -> 'separators')
    ELSE fn_iu_seam_close(v_collection.id, (v_before ->> 'at')::numeric, v_before ->> 'separator') END;
  v_seams := fn_dot_seams(v_collection, v_changes, v_unit.id, false);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'piece', v_before),
    'objects', jsonb_build_array(fn_dot_collection_object(v_collection),
      jsonb_build_object('ref', format('piece:%s#%s', v_collection.canonical_address, v_unit.canonical_address), 'change', 'delete', 'before', v_before)) || v_seams.objects,
    'refs', jsonb_build_array('unit:' || v_unit.canonical_address),
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'piece_gone_from_collection', 'kind', 'piece_absent', 'collection', v_collection.canonical_address, 'unit', v_unit.canonical_address),
      jsonb_build_object('name', 'piece_lives_on', 'kind', 'unit', 'unit', v_unit.canonical_address, 'status', v_unit.lifecycle_status)),
    'inverse', jsonb_build_object('command', 'dot_iu_add_piece', 'params', jsonb_build_object('collection', v_collection.canonical_address, 'piece', v_unit.canonical_address, 'separators', v_seams.before) || (v_before - 'after')))
    || CASE WHEN v_unit.lifecycle_status = 'retired' THEN '{"inverse": null, "irreversible": "A retired piece cannot be added anywhere; restore it first."}'::jsonb ELSE '{}' END;
END
$function$;
ALTER FUNCTION dot_iu_remove_piece_from_collection(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_remove_piece_from_collection(jsonb,jsonb) IS 'Takes a piece out of a collection; the piece lives on';

-- function dot_iu_render_collection(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_render_collection(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_digest constant text := encode(fn_iu_collection_seal(v_collection.id), 'hex');
  v_sealed iu_collection;
BEGIN
  SELECT * INTO STRICT v_sealed FROM iu_collection WHERE id = v_collection.id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'render_revision', v_collection.render_revision, 'render', encode(v_collection.render_digest, 'hex'), 'manifest', encode(v_collection.manifest_digest, 'hex')),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'collection:' || v_sealed.canonical_address, 'change', 'update',
      'before', jsonb_build_object('render_sha256', encode(v_collection.render_digest, 'hex'), 'render_revision', v_collection.render_revision, 'manifest_sha256', encode(v_collection.manifest_digest, 'hex')),
      'after', jsonb_build_object('render_sha256', v_digest, 'render_revision', v_sealed.render_revision, 'manifest_sha256', encode(v_sealed.manifest_digest, 'hex')))),
    'result', jsonb_build_object('sha256', v_digest, 'bytes', v_sealed.byte_length, 'revision', v_sealed.revision, 'manifest_sha256', encode(v_sealed.manifest_digest, 'hex'),
      'equals_source', CASE WHEN v_sealed.source_digest IS NOT NULL THEN v_sealed.render_digest = v_sealed.source_digest END),
    'checks', jsonb_build_array(jsonb_build_object('name', 'rendering_is_its_digest', 'kind', 'rendered', 'collection', v_sealed.canonical_address, 'sha256', v_digest, 'revision', v_sealed.revision)),
    'irreversible', 'Only digests were written; the text is as it was.');
END
$function$;
ALTER FUNCTION dot_iu_render_collection(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_render_collection(jsonb,jsonb) IS 'Renders a collection and keeps the digests of rendering and manifest with the revision';

-- function dot_iu_reorder_piece(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_reorder_piece(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_before constant jsonb := fn_dot_piece_facts(v_collection.id, v_unit.id);
  v_at numeric;
  v_was_last boolean;
  v_after jsonb;
  v_changes jsonb;
  v_seams record;
BEGIN
  IF v_before IS NULL THEN
    RAISE EXCEPTION 'piece: % does not stand in %', v_unit.canonical_address, v_collection.canonical_address USING ERRCODE = 'IU003', COLUMN = 'piece';
  ELSIF NOT p_params ?| ARRAY['to', 'after', 'before', 'position', 'at'] THEN
    RAISE EXCEPTION 'to: say where to' USING ERRCODE = 'IU002', COLUMN = 'to', HINT = 'One of to (first, last), after, before, position.';
  ELSIF (p_params ->> 'expect_at')::numeric <> (v_before ->> 'at')::numeric THEN
    RAISE EXCEPTION 'expect_at: the piece has moved since' USING ERRCODE = 'IU014', COLUMN = 'expect_at', HINT = 'Look where it stands now.';
  END IF;
  v_was_last := (SELECT unit_id FROM iu_collection_piece WHERE collection_id = v_collection.id ORDER BY position DESC LIMIT 1) = v_unit.id;
  v_at := fn_dot_place(v_collection.id, v_unit.id, p_params);
  PERFORM fn_iu_collection_reorder(v_collection.id, ARRAY[v_unit.id], ARRAY[v_at]);
  IF p_params ? 'separators' THEN
    v_changes := fn_dot_separators_restore(v_collection, p_params -> 'separators');
  ELSE
    -- What the last piece of a text has behind it ends the text, and separates nothing.
    v_changes := fn_iu_seam_close(v_collection.id, (v_before ->> 'at')::numeric, v_before ->> 'separator');
    v_changes := v_changes || fn_iu_seam_open(v_collection.id, v_unit.id, false, CASE WHEN NOT v_was_last THEN v_before ->> 'separator' END);
  END IF;
  v_seams := fn_dot_seams(v_collection, v_changes, v_unit.id, true);
  v_after := fn_dot_piece_facts(v_collection.id, v_unit.id);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'piece', v_before),
    'objects', jsonb_build_array(fn_dot_collection_object(v_collection),
      jsonb_build_object('ref', format('piece:%s#%s', v_collection.canonical_address, v_unit.canonical_address), 'change', 'update', 'before', v_before, 'after', v_after)) || v_seams.objects,
    'refs', jsonb_build_array('unit:' || v_unit.canonical_address),
    'result', jsonb_build_object('at', v_after -> 'at'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_in_place', 'kind', 'piece', 'collection', v_collection.canonical_address, 'unit', v_unit.canonical_address, 'at', v_after -> 'at')),
    'inverse', jsonb_build_object('command', 'dot_iu_reorder_piece', 'params', jsonb_build_object('collection', v_collection.canonical_address, 'piece', v_unit.canonical_address, 'at', v_before -> 'at', 'expect_at', v_after -> 'at', 'separators', v_seams.before)));
END
$function$;
ALTER FUNCTION dot_iu_reorder_piece(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_reorder_piece(jsonb,jsonb) IS 'Moves a piece within its collection; one row is written, whatever the collection''s size';

-- function dot_iu_replay_dead_letter(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_replay_dead_letter(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_letter iu_route_dead_letter;
  v_replay record;
  v_route integer;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_letter := fn_dot_letter((p_params ->> 'dead_letter')::bigint);
  SELECT * INTO STRICT v_replay FROM fn_iu_route_dead_letter_replay(v_letter.id);
  IF v_replay.status = 'route_disabled' THEN
    RAISE EXCEPTION 'dead_letter: %: its route % is disabled', v_letter.id, coalesce((SELECT route_code FROM iu_outbound_route WHERE id = v_letter.route_id), 'for ' || v_letter.event_type)
      USING ERRCODE = 'IU016', COLUMN = 'dead_letter', HINT = 'Enable the route first.';
  ELSIF v_replay.status = 'no_route' THEN
    RAISE EXCEPTION 'dead_letter: %: no route takes %', v_letter.id, v_letter.event_type
      USING ERRCODE = 'IU016', COLUMN = 'dead_letter', HINT = 'Register a route for the type, or discard the letter.';
  END IF;
  -- An event that no route had taken is attempted on those that take it now.
  SELECT a.route_id INTO STRICT v_route FROM iu_route_attempt AS a JOIN iu_route_dead_letter AS d ON d.id = v_letter.id
  WHERE a.event_id = v_letter.event_id AND a.attempt_no = v_replay.attempt_no AND CASE d.status WHEN 'rerouted' THEN a.route_id > 0 ELSE a.route_id = v_letter.route_id END
  ORDER BY a.route_id LIMIT 1;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_letter.status, 'attempt', v_letter.attempt_no),
    'objects', jsonb_build_array(fn_dot_letter_object(v_letter)),
    'refs', jsonb_build_array('event:' || v_letter.event_id),
    'result', jsonb_build_object('status', v_replay.status, 'decision', v_replay.decision, 'attempt_no', v_replay.attempt_no),
    'outcome', fn_dot_replay_outcome(jsonb_build_object(v_replay.status, 1)),
    'notes', CASE v_replay.status WHEN 'failed_again' THEN jsonb_build_array('It fails again and stays OPEN; the attempt is on record.') ELSE '[]' END,
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'letter_is_replayed', 'kind', 'dead_letters', 'ids', jsonb_build_array(v_letter.id), 'status', 'replayed'),
      jsonb_build_object('name', 'attempt_is_written', 'kind', 'attempt', 'event', v_letter.event_id, 'route', v_route, 'attempt_no', v_replay.attempt_no)),
    'irreversible', 'An attempt is history.');
END
$function$;
ALTER FUNCTION dot_iu_replay_dead_letter(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_replay_dead_letter(jsonb,jsonb) IS 'Attempts one dead letter once more; IU016 when that would do nothing';

-- function dot_iu_replay_dead_letters(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_replay_dead_letters(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_ids bigint[];
  v_letters iu_route_dead_letter[];
  v_result jsonb;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_ids := fn_dot_letters(p_params, p_context, 1000, true);
  PERFORM FROM iu_route_dead_letter WHERE id = ANY (v_ids) ORDER BY id FOR UPDATE;
  v_letters := ARRAY(SELECT d FROM iu_route_dead_letter AS d WHERE d.id = ANY (v_ids) AND d.status = 'open' ORDER BY d.id);
  v_result := fn_dot_replayed(ARRAY(SELECT (l).event_id FROM unnest(v_letters) AS l ORDER BY (l).id),
                              ARRAY(SELECT (l).route_id FROM unnest(v_letters) AS l ORDER BY (l).id), cardinality(v_ids));
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', fn_dot_frozen(v_ids),
    'objects', (SELECT coalesce(jsonb_agg(fn_dot_letter_object(l) ORDER BY (l).id), '[]') FROM unnest(v_letters) AS l),
    'outcome', fn_dot_replay_outcome(v_result -> 'results'),
    'result', jsonb_build_object('letters', cardinality(v_ids)) || v_result,
    'checks', jsonb_build_array(jsonb_build_object('name', 'letters_are_replayed', 'kind', 'dead_letters', 'ids', to_jsonb(v_ids), 'status', 'replayed')),
    'irreversible', 'Attempts are history.');
END
$function$;
ALTER FUNCTION dot_iu_replay_dead_letters(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_replay_dead_letters(jsonb,jsonb) IS 'Attempts the dead letters that a plan froze, each once more; IU016 when that would do nothing';

-- function dot_iu_replay_skipped(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_replay_skipped(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_ids constant bigint[] := fn_dot_skipped(p_params, p_context, 10000);
  v_route constant integer := (SELECT id FROM iu_outbound_route WHERE route_code = p_params ->> 'route');
  v_result jsonb;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_result := fn_dot_replayed(v_ids, array_fill(v_route, ARRAY[cardinality(v_ids)]), cardinality(v_ids));
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', fn_dot_frozen(v_ids),
    'objects', (SELECT jsonb_agg(jsonb_build_object('ref', 'event:' || a.event_id, 'change', 'update', 'before', jsonb_build_object('attempt', a.attempt_no - 1, 'outcome', 'skipped'),
                                                    'after', jsonb_build_object('attempt', a.attempt_no, 'outcome', a.status)) ORDER BY a.event_id)
                FROM unnest(v_ids) AS i
                CROSS JOIN LATERAL (SELECT l.* FROM iu_route_attempt AS l WHERE l.event_id = i AND l.route_id = v_route ORDER BY l.attempt_no DESC LIMIT 1) AS a),
    'outcome', fn_dot_replay_outcome(v_result -> 'results'),
    'result', jsonb_build_object('events', cardinality(v_ids)) || v_result,
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_attempted', 'kind', 'skipped', 'route', p_params ->> 'route', 'ids', to_jsonb(v_ids))),
    'irreversible', 'Attempts are history.');
END
$function$;
ALTER FUNCTION dot_iu_replay_skipped(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_replay_skipped(jsonb,jsonb) IS 'Attempts what a route skipped while it was disabled; the plan freezes the events';

-- function dot_iu_restore_archived_events(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_restore_archived_events(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
DECLARE
  v_archive v_iu_archive;
  v_lines jsonb[];
  v_ids bigint[];
  v_attempts bigint;
  v_taken bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_event_audit'));
  SELECT * INTO v_archive FROM v_iu_archive WHERE archive_id = (p_params ->> 'archive')::bigint;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'archive: there is no %', p_params ->> 'archive' USING ERRCODE = 'IU003', COLUMN = 'archive';
  ELSIF NOT v_archive.is_removed THEN
    RAISE EXCEPTION 'archive: the events of % are %', p_params ->> 'archive',
      CASE WHEN EXISTS (SELECT FROM event_outbox WHERE id = v_archive.first_id) THEN 'in the outbox' ELSE 'in another archive by now' END USING ERRCODE = 'IU016', COLUMN = 'archive';
  ELSIF encode(sha256(convert_to(p_params ->> 'content', 'UTF8')), 'hex') <> v_archive.content_digest THEN
    RAISE EXCEPTION 'content: this is not what archive % holds', p_params ->> 'archive' USING ERRCODE = 'IU002', COLUMN = 'content', HINT = format('Its file is %s.', v_archive.file_name);
  END IF;
  v_lines := ARRAY(SELECT line::jsonb FROM string_to_table(p_params ->> 'content', E'\n') AS line WHERE line <> '');
  SELECT min(e.id) INTO v_taken
  FROM unnest(v_lines) AS r(line) JOIN event_outbox AS e
    ON (e.event_type, e.event_subject_ref, e.idempotency_key) = (r.line -> 'event' ->> 'event_type', r.line -> 'event' ->> 'event_subject_ref', r.line -> 'event' ->> 'idempotency_key') AND e.released_from IS NULL;
  IF v_taken IS NOT NULL THEN
    RAISE EXCEPTION 'content: event % was emitted since, with the key of one of these', v_taken USING ERRCODE = 'IU004', COLUMN = 'content', HINT = 'One key, one event: these stay in the archive.';
  END IF;
  -- Each row as it was, its transaction included: it was routed, and no worker looks for it. A payload may be the JSON null.
  WITH restored AS (
    INSERT INTO event_outbox (xid, id, event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, idempotency_key, actor, created_at, released_from)
    OVERRIDING SYSTEM VALUE
    SELECT e.xid, e.id, e.event_domain, e.event_type, e.event_subject_table, e.event_subject_ref, r.line -> 'event' -> 'payload', e.delivery_lane, e.idempotency_key, e.actor, e.created_at, e.released_from
    FROM unnest(v_lines) AS r(line) CROSS JOIN LATERAL jsonb_populate_record(NULL::event_outbox, r.line -> 'event') AS e
    RETURNING id
  )
  SELECT array_agg(id) INTO v_ids FROM restored;
  INSERT INTO iu_route_attempt SELECT a.* FROM unnest(v_lines) AS r(line) CROSS JOIN LATERAL jsonb_populate_recordset(NULL::iu_route_attempt, r.line -> 'attempts') AS a;
  GET DIAGNOSTICS v_attempts = ROW_COUNT;
  -- Whatever of it was archived before it was sealed is sealed now.
  INSERT INTO dot_iu_history_unsealed (what, row_keys, is_again)
  VALUES ('events', (SELECT array_agg(i::text) FROM unnest(v_ids) AS i), true),
         ('attempts', (SELECT array_agg(concat_ws('/', a.event_id, a.route_id, a.attempt_no)) FROM unnest(v_ids) AS i JOIN iu_route_attempt AS a ON a.event_id = i), true);
  PERFORM fn_iu_attempt_block_count(v_ids, 1);
  INSERT INTO iu_archive_move (archive_id, move, moved_by) VALUES (v_archive.archive_id, 'restored', fn_iu_actor());
  UPDATE iu_event_audit SET attempted = attempted + cardinality(v_ids), archived = archived - cardinality(v_ids);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('archive', v_archive.archive_id, 'sha256', v_archive.content_digest),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'archive:' || v_archive.file_name, 'change', 'update',
      'before', jsonb_build_object('events', 'archived'), 'after', jsonb_build_object('events', 'in the outbox'))),
    'result', jsonb_build_object('events', cardinality(v_ids), 'attempts', v_attempts),
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_back', 'kind', 'archive', 'archive', v_archive.archive_id, 'removed', false, 'in_outbox', true)),
    'inverse', jsonb_build_object('command', 'dot_iu_remove_archived_events', 'params', jsonb_build_object('archive', v_archive.archive_id)));
END
$function$;
ALTER FUNCTION dot_iu_restore_archived_events(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_restore_archived_events(jsonb,jsonb) IS 'Brings the events and attempts of a removed archive back, each row as it was, from the content of its file';

-- function dot_iu_restore_piece(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_restore_piece(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_parked record;
  v_at numeric;
  v_objects jsonb := '[]';
  v_checks jsonb := '[]';
  v_notes jsonb := '[]';
  v_revisions jsonb := '[]';
  v_status text;
  v_first record;
  v_seams record;
  v_separators jsonb := '[]';
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
      -- What a text must begin with comes first again, and nothing before it.
      SELECT min(o.position) AS at, (SELECT min(n.position) FROM iu_collection_piece AS n WHERE n.collection_id = (v_parked.collection).id AND n.position > min(o.position)) AS next INTO v_first
      FROM iu_collection_piece AS o WHERE o.collection_id = (v_parked.collection).id;
      IF v_at > v_first.at AND fn_iu_begins_text(v_unit.id) THEN
        v_at := (fn_iu_positions_between(NULL, v_first.at, 1))[1];
        v_notes := v_notes || to_jsonb(format('In %s it comes first, because a text begins with it.', (v_parked.collection).canonical_address));
      ELSIF v_at < v_first.at AND fn_iu_begins_text((SELECT unit_id FROM iu_collection_piece WHERE collection_id = (v_parked.collection).id AND position = v_first.at)) THEN
        v_at := (fn_iu_positions_between(v_first.at, v_first.next, 1))[1];
        v_notes := v_notes || to_jsonb(format('In %s it comes second, because the text begins with another piece.', (v_parked.collection).canonical_address));
      END IF;
      PERFORM fn_iu_collection_put((v_parked.collection).id, ARRAY[v_unit.id], ARRAY[v_at], ARRAY[v_parked.separator], ARRAY[v_parked.pinned_version_seq]);
      v_seams := fn_dot_seams(v_parked.collection, CASE WHEN p_params ? 'separators' THEN fn_dot_separators_restore(v_parked.collection, p_params -> 'separators')
        ELSE fn_iu_seam_open((v_parked.collection).id, v_unit.id, coalesce(v_parked.separator ~ '\S', false), v_parked.separator) END, v_unit.id, false);
      v_separators := v_separators || v_seams.before;
      v_objects := v_objects || fn_dot_collection_object(v_parked.collection) || jsonb_build_object(
        'ref', format('piece:%s#%s', (v_parked.collection).canonical_address, v_unit.canonical_address), 'change', 'create', 'after', fn_dot_piece_facts((v_parked.collection).id, v_unit.id)) || v_seams.objects;
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
    'inverse', jsonb_build_object('command', CASE v_unit.lifecycle_status WHEN 'retired' THEN 'dot_iu_retire_piece' ELSE 'dot_iu_soft_delete_piece' END, 'params', jsonb_build_object('piece', v_unit.canonical_address)
      || CASE WHEN v_unit.lifecycle_status = 'deleted' THEN jsonb_build_object('separators', v_separators) ELSE '{}' END));
END
$function$;
ALTER FUNCTION dot_iu_restore_piece(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_restore_piece(jsonb,jsonb) IS 'Brings a retired or soft-deleted piece back to what it was before, and to its places where they are still free';

-- function dot_iu_resume_replay(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_resume_replay(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ SELECT fn_dot_replay_switched((p_params ->> 'replay')::bigint, true) $function$;
ALTER FUNCTION dot_iu_resume_replay(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_resume_replay(jsonb,jsonb) IS 'Lets a stopped background replay go on where it was';

-- function dot_iu_retire_piece(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_retire_piece(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION dot_iu_retire_piece(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_retire_piece(jsonb,jsonb) IS 'Retires a piece: no new use anywhere; where it stands it stays, and its history too';

-- function dot_iu_revise_piece(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_revise_piece(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_body text := p_params ->> 'body';
  v_followers jsonb;
  v_collections iu_collection[];
  v_was text;
  v_title text;
  v_derives boolean;
  v_seams record;
  v_objects jsonb := '[]';
  v_separators jsonb := '[]';
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
  PERFORM FROM iu_collection WHERE id IN (SELECT collection_id FROM iu_collection_piece WHERE unit_id = v_unit.id AND pinned_version_seq IS NULL) ORDER BY id FOR NO KEY UPDATE;
  SELECT array_agg(c ORDER BY c.id) INTO v_collections
  FROM iu_collection AS c WHERE c.id IN (SELECT collection_id FROM iu_collection_piece WHERE unit_id = v_unit.id AND pinned_version_seq IS NULL);
  SELECT body INTO STRICT v_was FROM unit_version WHERE unit_id = v_unit.id AND version_seq = v_unit.current_version_seq;
  -- A title that was made of the text is made anew, unless somebody gives another. The same once more is nobody's own.
  v_derives := coalesce((p_params ->> 'derive_title')::boolean, v_unit.title_is_derived AND coalesce(nullif(p_params ->> 'title', ''), v_unit.title) = v_unit.title);
  v_title := CASE WHEN v_derives THEN fn_iu_title(v_unit.unit_kind, v_body) WHEN p_params -> 'derive_title' = 'false' THEN coalesce(p_params ->> 'title', v_unit.title)
    ELSE coalesce(nullif(p_params ->> 'title', ''), v_unit.title) END;
  IF fn_iu_apply_versions(ARRAY[v_unit.id], ARRAY[v_body], NULL, ARRAY[v_title]) = 0 THEN
    RAISE EXCEPTION 'body: it is the current one, byte for byte' USING ERRCODE = 'IU016', COLUMN = 'body';
  END IF;
  UPDATE information_unit SET title_is_derived = v_derives WHERE id = v_unit.id AND title_is_derived <> v_derives;
  -- A document is known by its first heading.
  UPDATE iu_collection AS c SET title = v_title
  FROM iu_tree_path AS t
  WHERE t.unit_id = v_unit.id AND t.section_level = 1 AND c.id IN (SELECT f.id FROM unnest(v_collections) AS f) AND c.source_path IS NOT NULL AND c.title = v_unit.title AND v_title <> '';
  FOR i IN 1 .. coalesce(cardinality(v_collections), 0) LOOP
    v_seams := fn_dot_seams(v_collections[i], CASE WHEN p_params ? 'separators' THEN fn_dot_separators_restore(v_collections[i], p_params -> 'separators')
      ELSE fn_iu_seam_revised(v_collections[i].id, v_unit.id, v_was) END, v_unit.id, true);
    v_separators := v_separators || v_seams.before;
    v_objects := v_objects || v_seams.objects || v_seams.own;
  END LOOP;
  SELECT coalesce(jsonb_agg(fn_dot_collection_object(c) ORDER BY c.id), '[]') INTO v_followers FROM unnest(v_collections) AS c;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('version', v_unit.current_version_seq, 'title', v_unit.title, 'followers', (SELECT jsonb_agg(c.revision ORDER BY c.id) FROM unnest(v_collections) AS c)),
    'objects', jsonb_build_array(fn_dot_unit_object(v_unit, v_unit.id)) || v_followers || v_objects,
    'friction', CASE WHEN v_body !~ '\S' AND v_was ~ '\S' THEN jsonb_build_array(jsonb_build_object('because', 'removals', 'what', format('It leaves no text of %s.', v_unit.canonical_address)))
      ELSE coalesce((SELECT l.loss FROM unnest(v_collections) AS c CROSS JOIN LATERAL (SELECT fn_dot_loss(c, 0, c.byte_length + octet_length(v_body) - octet_length(v_was)) AS loss) AS l ORDER BY l.loss = '[]', c.id LIMIT 1), '[]') END,
    'result', jsonb_build_object('version', v_unit.current_version_seq + 1),
    'notes', fn_dot_line_end_notes((SELECT body FROM unit_version WHERE unit_id = v_unit.id AND version_seq = v_unit.current_version_seq), v_body),
    'checks', jsonb_build_array(jsonb_build_object('name', 'version_applied', 'kind', 'unit', 'unit', v_unit.canonical_address, 'version', v_unit.current_version_seq + 1, 'sha256', encode(sha256(convert_to(v_body, 'UTF8')), 'hex'))),
    'inverse', jsonb_build_object('command', 'dot_iu_revise_piece', 'params', jsonb_build_object('piece', v_unit.canonical_address, 'version', v_unit.current_version_seq, 'expect_version', v_unit.current_version_seq + 1, 'separators', v_separators) || CASE WHEN v_unit.title_is_derived THEN '{"derive_title": true}'::jsonb ELSE jsonb_build_object('title', v_unit.title, 'derive_title', false) END));
END
$function$;
ALTER FUNCTION dot_iu_revise_piece(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_revise_piece(jsonb,jsonb) IS 'Gives a unit a new version: a new body, or that of an earlier version';

-- function dot_iu_revoke_token(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_revoke_token(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
    'objects', jsonb_build_array(jsonb_build_object('ref', format('token:%s/%s', v_account, left(encode(sha256(convert_to(v_token.label, 'UTF8')), 'hex'), 12)), 'change', 'update', 'before', '{"status": "live"}'::jsonb, 'after', '{"status": "revoked"}'::jsonb)),
    'refs', jsonb_build_array('account:' || v_account),
    'checks', jsonb_build_array(jsonb_build_object('name', 'token_is_revoked', 'kind', 'token', 'token', v_token.id, 'live', false)),
    'irreversible', 'A revoked token stays dead; issue another.');
END
$function$;
ALTER FUNCTION dot_iu_revoke_token(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_revoke_token(jsonb,jsonb) IS 'Revokes an API token: one''s own, or anybody''s as an admin';

-- function dot_iu_run_probe(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_run_probe(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_started constant timestamptz := clock_timestamp();
  v_numbered constant text[] := '{event_outbox,iu_route_dead_letter,iu_route_worker_run}';
  v_before jsonb;
  v_drawn jsonb;
  v_scenarios jsonb;
  v_passed integer;
  v_count integer;
BEGIN
  SELECT jsonb_object_agg(t, coalesce(pg_sequence_last_value(format('iu_core.%s_id_seq', t)::regclass), 0)) INTO v_before FROM unnest(v_numbered) AS t;
  SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(p) || jsonb_build_object('kind', 'probe', 'name', format('%s: %s', scenario, name))) ORDER BY scenario), count(*) FILTER (WHERE status = 'passed'), count(*) INTO v_scenarios, v_passed, v_count FROM fn_iu_probe() AS p;
  SELECT jsonb_object_agg(t, jsonb_build_array(v_before -> t, coalesce(pg_sequence_last_value(format('iu_core.%s_id_seq', t)::regclass), 0))) INTO v_drawn FROM unnest(v_numbered) AS t;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'result', jsonb_build_object('passed', v_passed, 'scenarios', v_count, 'ms', round(extract(epoch FROM clock_timestamp() - v_started) * 1000, 1)),
    'outcome', jsonb_build_object('code', CASE WHEN v_passed < v_count THEN 'not_passed' END, 'would', format('%s of %s scenarios pass', v_passed, v_count), 'did', format('%s of %s scenarios passed', v_passed, v_count)),
    'notes', (SELECT coalesce(jsonb_agg(format('%s (%s)', s ->> 'name', replace(s ->> 'status', '_', ' ')) ORDER BY n), '[]')
              FROM jsonb_array_elements(v_scenarios) WITH ORDINALITY AS x(s, n) WHERE s ->> 'status' <> 'passed'),
    'checks', v_scenarios || jsonb_build_array(jsonb_build_object('name', 'nothing_is_left', 'kind', 'probe_left', 'drawn', v_drawn)),
    'irreversible', 'Everything it did is taken back already.');
END
$function$;
ALTER FUNCTION dot_iu_run_probe(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_run_probe(jsonb,jsonb) IS 'Runs the eight scenarios, taken back one by one, and returns what each found';

-- function dot_iu_run_worker(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_run_worker(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
    'outcome', jsonb_build_object('code', CASE WHEN v_seen = 0 THEN 'nothing_waited' WHEN v_pass.status = 'routed' THEN 'more_waits' END,
      'would', format('%s %s would be routed, %s dead-lettered', v_seen, CASE v_seen WHEN 1 THEN 'event' ELSE 'events' END, v_dead),
      'did', format('%s %s routed, %s dead-lettered', v_seen, CASE v_seen WHEN 1 THEN 'event' ELSE 'events' END, v_dead)),
    'notes', CASE WHEN v_pass.status = 'routed' THEN jsonb_build_array('More is waiting.') ELSE '[]' END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'passes_are_on_record', 'kind', 'worker_runs', 'worker', v_worker, 'after', v_first, 'passes', v_passes, 'seen', v_seen)),
    'irreversible', 'Attempts are history.');
END
$function$;
ALTER FUNCTION dot_iu_run_worker(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_run_worker(jsonb,jsonb) IS 'Routes what waits: passes of one worker until it is idle, or as many as are allowed';

-- function dot_iu_set_account_right(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_set_account_right(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION dot_iu_set_account_right(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_set_account_right(jsonb,jsonb) IS 'Gives an account another right, from its next request on';

-- function dot_iu_set_password(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_set_password(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_account iu_account;
  v_revoked integer;
  v_own constant boolean := p_params ->> 'account' = p_context ->> 'actor' AND p_context ? 'account_id';
BEGIN
  IF NOT v_own AND p_context ->> 'right' <> 'admin' THEN
    RAISE EXCEPTION 'account: only an admin sets the password of another' USING ERRCODE = 'IU013', COLUMN = 'account';
  END IF;
  v_account := fn_dot_account(p_params ->> 'account');
  IF v_own THEN
    PERFORM fn_dot_own_password(v_account, p_params ->> 'current_key');
  END IF;
  UPDATE iu_account SET password_salt = decode(p_params ->> 'password_salt', 'hex'), password_verifier = decode(p_params ->> 'password_verifier', 'hex'), password_changed_at = clock_timestamp() WHERE id = v_account.id;
  -- Whoever knew the old password may have made them.
  UPDATE iu_api_token SET revoked_at = clock_timestamp(), revoked_by = p_context ->> 'actor' WHERE account_id = v_account.id AND revoked_at IS NULL;
  GET DIAGNOSTICS v_revoked = ROW_COUNT;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_account.status, 'changed', v_account.password_changed_at),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'account:' || v_account.account, 'change', 'update', 'before', jsonb_build_object('password', 'the present one'), 'after', jsonb_build_object('password', 'a new one'))),
    'result', jsonb_build_object('sessions_ended', fn_iu_sessions_end(v_account.id, 'password changed'), 'tokens_revoked', v_revoked),
    'checks', jsonb_build_array(jsonb_build_object('name', 'account_is_' || v_account.status, 'kind', 'account', 'account', v_account.account, 'status', v_account.status, 'right', v_account.account_right)),
    'irreversible', 'The old password is not kept.');
END
$function$;
ALTER FUNCTION dot_iu_set_password(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_set_password(jsonb,jsonb) IS 'Sets an account''s password: one''s own with the present one, anybody''s as an admin; its sessions end and its tokens are revoked';

-- function dot_iu_soft_delete_piece(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_soft_delete_piece(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collections iu_collection[];
  v_pieces jsonb := '[]';
  v_facts jsonb;
  v_seams record;
  v_separators jsonb := '[]';
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
    v_seams := fn_dot_seams(v_collections[i], CASE WHEN p_params ? 'separators' THEN fn_dot_separators_restore(v_collections[i], p_params -> 'separators')
      ELSE fn_iu_seam_close(v_collections[i].id, (v_facts ->> 'at')::numeric, v_facts ->> 'separator') END, v_unit.id, false);
    v_separators := v_separators || v_seams.before;
    v_pieces := v_pieces || fn_dot_collection_object(v_collections[i])
      || jsonb_build_object('ref', format('piece:%s#%s', v_collections[i].canonical_address, v_unit.canonical_address), 'change', 'delete', 'before', v_facts) || v_seams.objects;
  END LOOP;
  PERFORM fn_iu_lifecycle_set(v_unit.id, 'deleted');
  v_facts := fn_dot_lifecycle_changed(v_unit, 'deleted');
  RETURN v_facts || jsonb_build_object(
    'state', (v_facts -> 'state') || jsonb_build_object('revisions', (SELECT jsonb_agg(c.revision ORDER BY c.id) FROM unnest(v_collections) AS c)),
    'objects', (v_facts -> 'objects') || v_pieces,
    'inverse', jsonb_set(v_facts -> 'inverse', '{params,separators}', v_separators),
    'checks', (v_facts -> 'checks') || jsonb_build_object('name', 'piece_in_no_manifest', 'kind', 'unit_unused', 'unit', v_unit.canonical_address),
    'notes', CASE WHEN cardinality(v_collections) > 1 THEN jsonb_build_array(format('It leaves %s collections.', cardinality(v_collections))) ELSE '[]' END);
END
$function$;
ALTER FUNCTION dot_iu_soft_delete_piece(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_soft_delete_piece(jsonb,jsonb) IS 'Soft-deletes a piece: it leaves every manifest, and a restore brings it back';

-- function dot_iu_split_cursor(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_split_cursor(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_worker constant text := p_params ->> 'worker';
  v_new constant text := p_params ->> 'new_worker';
  v_before jsonb;
BEGIN
  PERFORM fn_iu_cursor_lock(v_worker);
  v_before := fn_dot_cursor_object(v_worker);
  PERFORM fn_iu_cursor_split(v_worker, (p_params ->> 'bucket')::integer, v_new, coalesce(p_params ->> 'new_part', 'upper'));
  RETURN jsonb_build_object(
    'state', v_before,
    'objects', jsonb_build_array(
      jsonb_build_object('ref', 'cursor:' || v_worker, 'change', 'update', 'before', v_before, 'after', fn_dot_cursor_object(v_worker)),
      jsonb_build_object('ref', 'cursor:' || v_new, 'change', 'create', 'after', fn_dot_cursor_object(v_new))),
    'refs', jsonb_build_array('worker:' || v_worker, 'worker:' || v_new),
    'result', jsonb_build_object('workers', jsonb_build_object(v_worker, fn_dot_cursor_object(v_worker), v_new, fn_dot_cursor_object(v_new))),
    'notes', jsonb_build_array('A process that serves one worker by name does not serve the new one; the schedule and a plain iu worker serve every one.'),
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'worker_has_its_part', 'kind', 'cursor', 'worker', v_worker) || fn_dot_cursor_object(v_worker),
      jsonb_build_object('name', 'new_worker_has_the_rest', 'kind', 'cursor', 'worker', v_new) || fn_dot_cursor_object(v_new)),
    'inverse', jsonb_build_object('command', 'dot_iu_join_cursors', 'params', jsonb_build_object('worker', v_worker, 'joined', v_new)));
END
$function$;
ALTER FUNCTION dot_iu_split_cursor(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_split_cursor(jsonb,jsonb) IS 'Gives a part of a worker''s buckets to a new worker, while both go on';

-- function dot_iu_start_replay(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_start_replay(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_what constant text := coalesce(p_params ->> 'what', 'dead_letters');
  v_ids bigint[];
  v_id bigint;
  v_total integer;
  v_result jsonb := '{}';
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  IF v_what = 'skipped' AND (p_params ? 'cause' OR p_params ? 'failure_code' OR p_params ? 'event_type') THEN
    RAISE EXCEPTION 'what: skipped events are chosen by route and time' USING ERRCODE = 'IU002', COLUMN = 'what', HINT = 'Leave out cause, failure_code and event_type.';
  END IF;
  v_ids := CASE v_what WHEN 'skipped' THEN fn_dot_skipped(p_params, p_context, 500000) ELSE fn_dot_letters(p_params, p_context, 500000, true) END;
  -- The plan's number is the apply's, unless another was started between them.
  PERFORM fn_iu_lock('iu_core.iu_replay_job');
  SELECT coalesce(max(id), 0) + 1 INTO v_id FROM iu_replay_job;
  -- From here on no archive takes any of them; what one has taken since the plan is left out.
  SELECT CASE v_what WHEN 'skipped' THEN (SELECT count(*) FROM event_outbox WHERE id = ANY (v_ids)) ELSE (SELECT count(*) FROM iu_route_dead_letter WHERE id = ANY (v_ids) AND status = 'open') END INTO v_total;
  IF v_total = 0 THEN
    RAISE EXCEPTION 'all of them are resolved already' USING ERRCODE = 'IU016';
  ELSIF v_what = 'dead_letters' AND NOT EXISTS (SELECT FROM iu_route_dead_letter AS d LEFT JOIN iu_outbound_route AS r ON r.id = d.route_id
                                                WHERE d.id = ANY (v_ids) AND d.status = 'open' AND coalesce(r.enabled, true)) THEN
    -- Since the plan: that chooses none whose route is disabled.
    RAISE EXCEPTION 'nothing would be attempted: their route is disabled' USING ERRCODE = 'IU016', HINT = 'Enable the route first.';
  END IF;
  INSERT INTO iu_replay_job (id, what, filter, total, per_second, started_by)
  VALUES (v_id, v_what, p_params - 'what' - 'per_second', v_total, (p_params ->> 'per_second')::integer, fn_iu_actor());
  INSERT INTO iu_replay_batch (job_id, batch_no, event_ids, route_ids)
  SELECT v_id, (n - 1) / 1000, array_agg(event_id ORDER BY n), array_agg(route_id ORDER BY n)
  FROM (SELECT p.event_id, p.route_id, row_number() OVER (ORDER BY p.id) AS n
        FROM (SELECT d.id, d.event_id, d.route_id FROM iu_route_dead_letter AS d WHERE v_what = 'dead_letters' AND d.id = ANY (v_ids) AND d.status = 'open'
              UNION ALL
              SELECT e.id, e.id, r.id FROM event_outbox AS e CROSS JOIN iu_outbound_route AS r WHERE v_what = 'skipped' AND e.id = ANY (v_ids) AND r.route_code = p_params ->> 'route') AS p) AS numbered
  GROUP BY (n - 1) / 1000;
  IF NOT p_context ? 'frozen' THEN
    WITH pairs AS MATERIALIZED (
      SELECT p.event_id, p.route_id FROM iu_replay_batch AS b CROSS JOIN LATERAL unnest(b.event_ids, b.route_ids) AS p(event_id, route_id) WHERE b.job_id = v_id
    ), decided AS MATERIALIZED (
      -- Without the words: to tell what is wrong costs more than to see that something is.
      SELECT DISTINCT ON (p.event_id, p.route_id) p.event_id, p.route_id, w.route_id AS to_route_id,
             CASE WHEN w.decision IS NULL THEN 'no_route' WHEN w.decision = 'failed' THEN 'failed_again' WHEN w.decision = 'skipped' THEN w.failure_code ELSE 'replayed' END AS becomes
      FROM pairs AS p LEFT JOIN v_iu_route_decision AS w ON w.event_id = p.event_id AND (w.route_id = p.route_id OR p.route_id = 0)
      ORDER BY p.event_id, p.route_id, w.decision = 'failed' DESC NULLS LAST
    )
    SELECT jsonb_build_object(
      'would_become', (SELECT jsonb_object_agg(becomes, n) FROM (SELECT becomes, count(*) AS n FROM decided GROUP BY becomes) AS c),
      'sample', (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('event', s.event_id, 'event_type', e.event_type, 'subject', e.event_subject_ref, 'becomes', s.becomes, 'because', left(w.failure_detail, 200))) ORDER BY s.event_id, s.route_id)
                 FROM (SELECT DISTINCT ON (n) * FROM (SELECT d.*, ntile(5) OVER (ORDER BY event_id, route_id) AS n FROM decided AS d) AS t ORDER BY n, event_id, route_id) AS s
                 JOIN event_outbox AS e ON e.id = s.event_id
                 LEFT JOIN v_iu_route_decision AS w ON w.event_id = s.event_id AND w.route_id = s.to_route_id))
    INTO v_result;
    IF v_result -> 'would_become' ?| ARRAY['replayed', 'failed_again'] IS NOT TRUE THEN
      RAISE EXCEPTION 'nothing would be attempted: no route takes them' USING ERRCODE = 'IU016', HINT = 'Register a route for the type, or discard the letters.';
    END IF;
  END IF;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('replay', v_id),
    'frozen', fn_dot_frozen(v_ids),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'replay:' || v_id, 'change', 'create', 'after', jsonb_strip_nulls(jsonb_build_object('status', 'running', 'what', v_what, 'total', v_total, 'per_second', p_params -> 'per_second')))),
    'outcome', coalesce(fn_dot_replay_outcome(v_result -> 'would_become') - 'code' - 'did', '{}'),
    'result', jsonb_build_object('replay', v_id, CASE v_what WHEN 'skipped' THEN 'events' ELSE 'letters' END, v_total) || v_result,
    'notes', CASE WHEN cardinality(v_ids) = 500000 THEN jsonb_build_array('At most 500,000 go into one replay: MORE may match.') ELSE '[]' END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'replay_has_its_set', 'kind', 'replay_set', 'replay', v_id, 'total', v_total)),
    'irreversible', 'Attempts are history. Stop it to keep it from making more.');
END
$function$;
ALTER FUNCTION dot_iu_start_replay(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_start_replay(jsonb,jsonb) IS 'Starts a replay in the background over the dead letters, or the skipped events, that the plan froze';

-- function dot_iu_stop_replay(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_stop_replay(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ SELECT fn_dot_replay_switched((p_params ->> 'replay')::bigint, false) $function$;
ALTER FUNCTION dot_iu_stop_replay(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_stop_replay(jsonb,jsonb) IS 'Stops a background replay after the batch under way; what it has not attempted stays as it is';

-- function dot_iu_validate_collection(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_validate_collection(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
    'outcome', (SELECT jsonb_build_object('code', CASE WHEN n > 0 THEN 'not_valid' END, 'would', s, 'did', s)
                FROM jsonb_array_length(v_findings) AS n CROSS JOIN LATERAL (SELECT CASE n WHEN 0 THEN 'Nothing is wrong with it.' WHEN 1 THEN '1 finding' ELSE n || ' findings' END AS s) AS t),
    'checks', jsonb_build_array(jsonb_build_object('name', 'findings_stand', 'kind', 'findings', 'collection', v_collection.canonical_address, 'revision', v_collection.revision, 'count', jsonb_array_length(v_findings))),
    'irreversible', 'Nothing but an event was written.');
END
$function$;
ALTER FUNCTION dot_iu_validate_collection(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_validate_collection(jsonb,jsonb) IS 'Checks a collection and names what it finds';

-- function dot_iu_withdraw_acceptance(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.dot_iu_withdraw_acceptance(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_class constant text := p_params ->> 'class';
  v_identity constant text := p_params ->> 'object';
  v_decision dot_deviation_decision;
BEGIN
  PERFORM fn_iu_lock(format('iu_core.deviation %s %s', v_class, v_identity));
  IF fn_dot_deviation_facts(v_class, v_identity) ->> 'state' <> 'accepted' THEN
    RAISE EXCEPTION 'object: no deviation of % % is accepted', v_class, v_identity USING ERRCODE = 'IU016', COLUMN = 'object', HINT = 'v_dot_accepted names every deviation that is. One that has expired need not be withdrawn.';
  END IF;
  v_decision.class := v_class; v_decision.identity := v_identity; v_decision.reason := p_context ->> 'reason'; v_decision.decided_by := p_context ->> 'actor';
  RETURN fn_dot_deviation_decide(v_decision, 'null') || jsonb_build_object('notes', jsonb_build_array('Where it still deviates it is drift again at once, and refuses the commands that it serves.'));
END
$function$;
ALTER FUNCTION dot_iu_withdraw_acceptance(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_withdraw_acceptance(jsonb,jsonb) IS 'Withdraws the acceptance of a deviation: it is drift again';

-- function fn_dot_accepted()
CREATE OR REPLACE FUNCTION iu_core.fn_dot_accepted()
 RETURNS TABLE(decision_id bigint, class text, identity text, digest text, owner text, reason text, accepted_by text, accepted_at timestamp with time zone, expires_at timestamp with time zone)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
BEGIN
  IF has_table_privilege(to_regclass('iu_core.dot_deviation_decision'), 'SELECT') THEN
    RETURN QUERY
    SELECT d.id, d.class, d.identity, d.digest, d.owner, r.reason, r.actor, r.finished_at, d.expires_at
    FROM dot_deviation_decision AS d
    CROSS JOIN LATERAL (
      SELECT w.* FROM dot_iu_command_run AS w
      WHERE w.object_refs @> ARRAY[format('deviation:%s %s', d.class, d.identity)] AND w.status = 'succeeded' AND w.mode IN ('apply', 'rollback')
      ORDER BY w.id DESC LIMIT 1) AS r
    CROSS JOIN LATERAL (SELECT o -> 'after' AS after FROM jsonb_array_elements(r.receipt -> 'objects') AS o WHERE o ->> 'ref' = format('deviation:%s %s', d.class, d.identity)) AS t
    WHERE d.expires_at > clock_timestamp()
      AND NOT EXISTS (SELECT FROM dot_deviation_decision AS l WHERE (l.class, l.identity) = (d.class, d.identity) AND l.id > d.id)
      AND t.after ->> 'state' = 'accepted' AND t.after ->> 'sha256' = d.digest AND t.after -> 'owner' = fn_dot_text_kept(to_jsonb(d.owner)) AND (t.after ->> 'expires_at')::timestamptz = d.expires_at;
  END IF;
END
$function$;
ALTER FUNCTION fn_dot_accepted() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_accepted() IS 'The acceptances that hold now: the newest decision on each object, not withdrawn, not expired, and with its run in the ledger';

-- function fn_dot_account(text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_account(p_account text)
 RETURNS iu_account
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_account iu_account;
BEGIN
  SELECT * INTO v_account FROM iu_account WHERE account = p_account FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'account: there is no %', p_account USING ERRCODE = 'IU003', COLUMN = 'account';
  END IF;
  RETURN v_account;
END
$function$;
ALTER FUNCTION fn_dot_account(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_account(text) IS 'An account by its name, locked; IU003 when there is none';

-- function fn_dot_account_keep_admin(iu_account)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_account_keep_admin(p_account iu_account)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  -- Two who take each other's right away at once must not leave nobody.
  PERFORM fn_iu_lock('iu_core.admins');
  IF (p_account).account_right = 'admin' AND NOT EXISTS (SELECT FROM iu_account WHERE account_right = 'admin' AND status = 'active' AND id <> (p_account).id) THEN
    RAISE EXCEPTION 'account: % is the last admin', (p_account).account USING ERRCODE = 'IU009', COLUMN = 'account', HINT = 'Make another account an admin first.';
  END IF;
END
$function$;
ALTER FUNCTION fn_dot_account_keep_admin(iu_account) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_account_keep_admin(iu_account) IS 'Raises IU009 when this account is the last admin who can sign in';

-- function fn_dot_account_object(iu_account,bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_account_object(p_before iu_account, p_account_id bigint)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT jsonb_strip_nulls(jsonb_build_object('ref', 'account:' || a.account, 'change', CASE WHEN (p_before).id IS NULL THEN 'create' ELSE 'update' END,
    'before', CASE WHEN (p_before).id IS NOT NULL THEN jsonb_build_object('status', (p_before).status, 'right', (p_before).account_right, 'display_name', (p_before).display_name) END,
    'after', jsonb_build_object('status', a.status, 'right', a.account_right, 'display_name', a.display_name)))
  FROM iu_account AS a WHERE a.id = p_account_id
$function$;
ALTER FUNCTION fn_dot_account_object(iu_account,bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_account_object(iu_account,bigint) IS 'An account in a plan''s diff, without its secrets: born when p_before is null';

-- function fn_dot_backup_record(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_backup_record(p_backup jsonb, p_checks jsonb)
 RETURNS TABLE(backup_id bigint, restorable boolean)
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  INSERT INTO iu_backup_evidence (file_name, folder, host, kind, unit_tag, server_version, file_bytes, file_digest, entries, row_count, taken_at, last_event, last_run, checks, restorable)
  SELECT b.file_name, b.folder, b.host, b.kind, b.unit_tag, b.server_version, b.file_bytes, decode(b.file_digest, 'hex'), b.entries, b.row_count, b.taken_at, b.last_event, b.last_run, p_checks,
         (SELECT count(*) FILTER (WHERE c.ok) = 5 AND bool_and(c.ok)
          FROM unnest(ARRAY['restored', 'rows', 'units', 'conformance', 'accounting']) AS wanted(name)
          LEFT JOIN jsonb_to_recordset(p_checks) AS c(name text, ok boolean) USING (name))
  FROM jsonb_to_record(p_backup) AS b(file_name text, folder text, host text, kind text, unit_tag text, server_version text, file_bytes bigint, file_digest text,
                                      entries bigint, row_count bigint, taken_at timestamptz, last_event bigint, last_run bigint)
  RETURNING id, restorable
$function$;
ALTER FUNCTION fn_dot_backup_record(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_backup_record(jsonb,jsonb) IS 'Records a backup and what came of restoring it; for whoever deploys: nobody but the owner may call it';

-- function fn_dot_catalogue(text[])
CREATE OR REPLACE FUNCTION iu_core.fn_dot_catalogue(p_classes text[] DEFAULT NULL::text[])
 RETURNS TABLE(class text, identity text, definition text, facts text)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET quote_all_identifiers TO 'off'
 SET standard_conforming_strings TO 'on'
 SET bytea_output TO 'hex'
 SET "DateStyle" TO 'ISO, YMD'
 SET "IntervalStyle" TO 'postgres'
 SET "TimeZone" TO 'UTC'
 SET extra_float_digits TO '1'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
DECLARE
  v_data record;
  v_columns text[];
BEGIN
  -- What is data, but part of what was deployed. A unit before its table finds none, and
  -- fn_dot_drift() says that nothing is known of a table that cannot be read.
  FOR v_data IN
    SELECT * FROM (VALUES
      ('config', 'dot_config', '{key}', '{value_type,description}', '{value,reason}', '{false,"made anew, closed"}',
        'concat_ws(chr(10), value_type, description)'),
      ('vocabulary', 'iu_vocabulary', '{term_class,term}', '{description}', '{}', '{}', 'description'),
      ('command', 'dot_iu_command', '{command_code}', '{area,tier,required_right,gates,reason_required,confirm_param,body_params,secret_params,description,param_schema}', '{}', '{}',
        'concat_ws(chr(10), area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)'),
      ('event_type', 'iu_event_type', '{event_type}', '{event_domain,delivery_lane,is_system,description,payload_schema,payload_predicate}', '{}', '{}',
        'concat_ws(chr(10), event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate)'),
      ('route', 'iu_outbound_route', '{route_code}', '{event_type,target_kind,target_ref,definition_digest}', '{}', '{}', 'concat_ws(chr(10), event_type, target_kind, target_ref)')
    ) AS v(class, relation, keys, columns, fixed, fixed_values, facts)
  LOOP
    CONTINUE WHEN NOT v_data.class = ANY (p_classes) OR has_table_privilege(to_regclass('iu_core.' || v_data.relation), 'SELECT') IS NOT TRUE;
    -- The definition of a row is the statement that makes it, or makes it again.
    v_columns := v_data.keys::text[] || v_data.columns::text[];
    RETURN QUERY EXECUTE format('SELECT %L::text, concat_ws('' '', %s)::text, format(%L, %s), (%s)::text FROM iu_core.%I', v_data.class, array_to_string(v_data.keys::text[], ', '),
      format(E'INSERT INTO %I (%s)\nVALUES (\n  %s)\nON CONFLICT (%s) DO UPDATE SET %s;', v_data.relation, array_to_string(v_columns || v_data.fixed::text[], ', '),
        (SELECT string_agg(v, E',\n  ' ORDER BY n) FROM (SELECT '%L', n FROM unnest(v_columns) WITH ORDINALITY AS c(c, n) UNION ALL SELECT quote_literal(f), 1000 + n FROM unnest(v_data.fixed_values::text[]) WITH ORDINALITY AS f(f, n)) AS v(v, n)),
        array_to_string(v_data.keys::text[], ', '), (SELECT string_agg(format('%s = excluded.%1$s', c), ', ') FROM unnest(v_data.columns::text[]) AS c)),
      (SELECT string_agg(c || '::text', ', ') FROM unnest(v_columns) AS c), v_data.facts, v_data.relation);
  END LOOP;
  IF 'principal' = ANY (p_classes) THEN
    RETURN QUERY SELECT 'principal', p.identity, p.definition, p.undo FROM fn_dot_principals() AS p;
  END IF;
  -- To plan the rest takes longer than to read all data.
  IF p_classes <@ '{config,vocabulary,command,event_type,route,principal}' THEN
    RETURN;
  END IF;

  RETURN QUERY
  WITH grants AS (
    SELECT o.objid, o.classid, string_agg(format('%s %s', privilege, grantee), ', ' ORDER BY grantee, privilege) AS facts,
           string_agg(CASE WHEN is_lost THEN format('REVOKE %s ON %s%s FROM %s;', privilege_type, o.prefix, o.name, grantee)
                           ELSE format('GRANT %s ON %s%s TO %s%s;', privilege_type, o.prefix, o.name, grantee, CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END) END, chr(10) ORDER BY grantee, privilege) AS sql
    FROM (
      SELECT oid AS objid, 'pg_class'::regclass AS classid, '' AS prefix, relname::text AS name, relowner AS owner, coalesce(relacl, acldefault('r', relowner)) AS acl, acldefault('r', relowner) AS whole
      FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relkind IN ('r', 'v')
      UNION ALL
      SELECT oid, 'pg_proc'::regclass, 'FUNCTION ', oid::regprocedure::text, proowner, coalesce(proacl, acldefault('f', proowner)), acldefault('f', proowner)
      FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace
      UNION ALL
      SELECT oid, 'pg_namespace'::regclass, 'SCHEMA ', nspname::text, nspowner, coalesce(nspacl, acldefault('n', nspowner)), acldefault('n', nspowner)
      FROM pg_namespace WHERE oid = 'iu_core'::regnamespace
    ) AS o
    CROSS JOIN LATERAL (
      SELECT a.privilege_type || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS privilege,
             CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee, a.privilege_type, a.is_grantable, false AS is_lost
      FROM aclexplode(o.acl) AS a WHERE a.grantee <> o.owner
      UNION ALL
      SELECT 'without ' || w.privilege_type, w.grantee::regrole::text, w.privilege_type, false, true
      FROM aclexplode(o.whole) AS w
      WHERE o.acl <> o.whole AND w.grantee = o.owner AND NOT EXISTS (SELECT FROM aclexplode(o.acl) AS a WHERE a.grantee = o.owner AND a.privilege_type = w.privilege_type)
    ) AS g
    GROUP BY o.objid, o.classid
  ), column_grants AS (
    SELECT a.attrelid AS objid, string_agg(format('GRANT %s (%I) ON %I TO %s%s;', x.privilege_type, a.attname, a.attrelid::regclass, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END,
             CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' END), chr(10) ORDER BY a.attname COLLATE "C", x.grantee::regrole::text COLLATE "C", x.privilege_type) AS sql
    FROM pg_attribute AS a CROSS JOIN LATERAL aclexplode(a.attacl) AS x
    WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND a.attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace)
    GROUP BY a.attrelid
  ), rules AS (
    SELECT r.ev_class AS objid, string_agg(regexp_replace(pg_get_ruledef(r.oid), '\s+', ' ', 'g'), chr(10) ORDER BY r.rulename COLLATE "C") AS sql
    FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class WHERE c.relnamespace = 'iu_core'::regnamespace AND r.rulename <> '_RETURN'
    GROUP BY r.ev_class
  ), described AS NOT MATERIALIZED (   -- by its index, object by object
    SELECT objoid, classoid, objsubid, description FROM pg_description
  )
  SELECT o.class, o.identity, o.definition, o.facts FROM (
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
                             WHEN a.attgenerated <> '' THEN format('GENERATED ALWAYS AS (%s) VIRTUAL', pg_get_expr(x.adbin, x.adrelid))
                             WHEN a.attidentity = 'a' THEN 'GENERATED ALWAYS AS IDENTITY'
                             WHEN a.attidentity = 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY'
                             WHEN x.adbin IS NOT NULL THEN 'DEFAULT ' || pg_get_expr(x.adbin, x.adrelid) END,
                        CASE WHEN a.attnotnull THEN 'NOT NULL' END) AS line
               FROM pg_attribute AS a LEFT JOIN pg_attrdef AS x ON x.adrelid = a.attrelid AND x.adnum = a.attnum
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               UNION ALL
               SELECT 2, k.conname, (row_number() OVER (ORDER BY k.conname COLLATE "C"))::integer, format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid))
               FROM pg_constraint AS k WHERE k.conrelid = c.oid AND (k.contype IN ('p', 'u', 'c', 'f', 'x') OR k.contype = 'n' AND NOT k.convalidated)
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
           g.sql,
           CASE WHEN c.relpersistence <> 'p' THEN format('ALTER TABLE %I SET UNLOGGED;', c.relname) END,
           CASE WHEN c.relreplident <> 'd' THEN format('ALTER TABLE %I REPLICA IDENTITY %s;', c.relname, CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' ELSE 'USING INDEX' END) END,
           CASE WHEN c.reltablespace <> 0 THEN format('ALTER TABLE %I SET TABLESPACE %I;', c.relname, (SELECT spcname FROM pg_tablespace WHERE oid = c.reltablespace)) END,
           CASE WHEN c.relrowsecurity THEN format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY;', c.relname) END,
           CASE WHEN c.relforcerowsecurity THEN format('ALTER TABLE %I FORCE ROW LEVEL SECURITY;', c.relname) END,
           (SELECT string_agg(format('CREATE POLICY %I ON %I AS %s FOR %s TO %s%s%s;', p.polname, c.relname, CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                     CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                     (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', ') FROM unnest(p.polroles) AS r),
                     ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'), chr(10) ORDER BY p.polname COLLATE "C")
            FROM pg_policy AS p WHERE p.polrelid = c.oid),
           (SELECT string_agg(CASE WHEN c.relispartition THEN format('ALTER TABLE %s ATTACH PARTITION %I %s;', h.inhparent::regclass, c.relname, pg_get_expr(c.relpartbound, c.oid)) ELSE format('ALTER TABLE %I INHERIT %s;', c.relname, h.inhparent::regclass) END, chr(10) ORDER BY h.inhseqno) FROM pg_inherits AS h WHERE h.inhrelid = c.oid),
           (SELECT string_agg(concat_ws(chr(10),
                     CASE WHEN a.attstorage <> y.typstorage THEN format('ALTER TABLE %I ALTER COLUMN %I SET STORAGE %s;', c.relname, a.attname, CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END) END,
                     CASE WHEN a.attcompression <> '' THEN format('ALTER TABLE %I ALTER COLUMN %I SET COMPRESSION %s;', c.relname, a.attname, CASE a.attcompression WHEN 'p' THEN 'pglz' ELSE 'lz4' END) END,
                     CASE WHEN coalesce(a.attstattarget, -1) <> -1 THEN format('ALTER TABLE %I ALTER COLUMN %I SET STATISTICS %s;', c.relname, a.attname, a.attstattarget) END,
                     CASE WHEN a.attoptions IS NOT NULL THEN format('ALTER TABLE %I ALTER COLUMN %I SET (%s);', c.relname, a.attname, array_to_string(a.attoptions, ', ')) END), chr(10) ORDER BY a.attnum)
            FROM pg_attribute AS a JOIN pg_type AS y ON y.oid = a.atttypid
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND (a.attstorage <> y.typstorage OR a.attcompression <> '' OR coalesce(a.attstattarget, -1) <> -1 OR a.attoptions IS NOT NULL)),
           (SELECT string_agg(format('REINDEX INDEX %s;', i.indexrelid::regclass), chr(10) ORDER BY i.indexrelid::regclass::text COLLATE "C") FROM pg_index AS i WHERE i.indrelid = c.oid AND NOT i.indisvalid),
           (SELECT nullif(string_agg(concat_ws(chr(10),
                     CASE WHEN (q.seqstart, q.seqincrement, q.seqmin, q.seqcache, q.seqcycle) IS DISTINCT FROM (1::bigint, 1::bigint, 1::bigint, 1::bigint, false)
                       OR q.seqmax <> CASE q.seqtypid WHEN 'bigint'::regtype THEN 9223372036854775807 WHEN 'integer'::regtype THEN 2147483647 ELSE 32767 END
                       THEN format('ALTER SEQUENCE %I START %s INCREMENT %s MINVALUE %s MAXVALUE %s CACHE %s %s;', s.relname, q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, CASE WHEN q.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END) END,
                     CASE WHEN s.relowner <> c.relowner THEN format('ALTER SEQUENCE %I OWNER TO %s;', s.relname, s.relowner::regrole) END,
                     (SELECT string_agg(format('GRANT %s ON SEQUENCE %I TO %s%s;', x.privilege_type, s.relname, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END, CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' END),
                               chr(10) ORDER BY x.grantee::regrole::text COLLATE "C", x.privilege_type) FROM aclexplode(s.relacl) AS x WHERE x.grantee <> s.relowner)), chr(10) ORDER BY s.relname COLLATE "C"), '')
            FROM pg_depend AS b JOIN pg_class AS s ON s.oid = b.objid AND s.relkind = 'S' JOIN pg_sequence AS q ON q.seqrelid = s.oid
            WHERE b.classid = 'pg_class'::regclass AND b.refclassid = 'pg_class'::regclass AND b.refobjid = c.oid AND b.deptype = 'i'
            HAVING bool_or(s.relacl IS NOT NULL OR s.relowner <> c.relowner OR q.seqstart <> 1 OR q.seqincrement <> 1 OR q.seqmin <> 1 OR q.seqcache <> 1 OR q.seqcycle
                        OR q.seqmax <> CASE q.seqtypid WHEN 'bigint'::regtype THEN 9223372036854775807 WHEN 'integer'::regtype THEN 2147483647 ELSE 32767 END)),
           cg.sql, ru.sql),
         concat_ws('; ', 'owner ' || c.relowner::regrole, g.facts, (
           SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
  FROM pg_class AS c LEFT JOIN grants AS g ON g.objid = c.oid AND g.classid = 'pg_class'::regclass
  LEFT JOIN column_grants AS cg ON cg.objid = c.oid
  LEFT JOIN rules AS ru ON ru.objid = c.oid
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
  WHERE p.pronamespace = 'iu_core'::regnamespace AND p.prokind <> 'a'   -- an aggregate has no such definition

  UNION ALL
  SELECT 'view', c.relname::text,
         concat_ws(chr(10), format('CREATE VIEW %I%s AS', c.relname, CASE WHEN c.reloptions IS NOT NULL THEN format(' WITH (%s)', array_to_string(c.reloptions, ', ')) END),
                   pg_get_viewdef(c.oid), format('ALTER VIEW %I OWNER TO %s;', c.relname, c.relowner::regrole), format('COMMENT ON VIEW %I IS %L;', c.relname, d.description), g.sql,
                   (SELECT string_agg(format('ALTER VIEW %I ALTER COLUMN %I SET DEFAULT %s;', c.relname, a.attname, pg_get_expr(x.adbin, x.adrelid)), chr(10) ORDER BY a.attnum)
                    FROM pg_attrdef AS x JOIN pg_attribute AS a ON a.attrelid = x.adrelid AND a.attnum = x.adnum WHERE x.adrelid = c.oid),
                   cg.sql, ru.sql),
         concat_ws('; ', 'owner ' || c.relowner::regrole, g.facts, (
           SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0))
  FROM pg_class AS c
  LEFT JOIN grants AS g ON g.objid = c.oid AND g.classid = 'pg_class'::regclass
  LEFT JOIN described AS d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
  LEFT JOIN column_grants AS cg ON cg.objid = c.oid
  LEFT JOIN rules AS ru ON ru.objid = c.oid
  WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'v'

  UNION ALL
  SELECT 'trigger', format('%s on %s', t.tgname, t.tgrelid::regclass),
         concat_ws(chr(10), pg_get_triggerdef(t.oid) || ';', format('COMMENT ON TRIGGER %I ON %s IS %L;', t.tgname, t.tgrelid::regclass, d.description),
                   -- A function of ours is compared by itself.
                   CASE WHEN p.pronamespace <> 'iu_core'::regnamespace THEN pg_get_functiondef(p.oid) END),
         'executes ' || t.tgfoid::regprocedure
  FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_proc AS p ON p.oid = t.tgfoid
  LEFT JOIN described AS d ON d.objoid = t.oid AND d.classoid = 'pg_trigger'::regclass
  WHERE c.relnamespace = 'iu_core'::regnamespace AND NOT t.tgisinternal

  -- Whatever else stands in the schema. Row types, array types, indexes and identity sequences belong to what
  -- is read above.
  UNION ALL
  SELECT 'other', format('%s %s', o.type, o.identity), format('-- %s %s', o.type, o.identity), o.type
  FROM pg_depend AS d CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) AS o
  WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = 'iu_core'::regnamespace AND d.deptype IN ('n', 'a')
    AND NOT (d.classid = 'pg_proc'::regclass AND (SELECT prokind <> 'a' FROM pg_proc WHERE oid = d.objid))
    AND NOT (d.classid = 'pg_class'::regclass AND (SELECT relkind IN ('r', 'v') FROM pg_class WHERE oid = d.objid))
    AND NOT (d.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_depend AS i WHERE i.classid = d.classid AND i.objid = d.objid AND i.deptype = 'i' AND i.refobjid <> d.objid))
    -- Who publishes the schema guards it, and has a row there.
    AND d.classid NOT IN ('pg_default_acl'::regclass, 'pg_publication_namespace'::regclass)
  UNION ALL
  SELECT 'other', format('default privileges of %s on %s', a.defaclrole::regrole, a.defaclobjtype),
         format('-- default privileges of %s on %s: %s', a.defaclrole::regrole, a.defaclobjtype, a.defaclacl),
         (SELECT string_agg(format('ALTER DEFAULT PRIVILEGES FOR ROLE %s IN SCHEMA iu_core REVOKE ALL ON %s FROM %s CASCADE;', a.defaclrole::regrole,
                   CASE a.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' ELSE 'TYPES' END, g.grantee), chr(10) ORDER BY g.grantee COLLATE "C")
          FROM (SELECT DISTINCT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END AS grantee FROM aclexplode(a.defaclacl) AS x) AS g)
  FROM pg_default_acl AS a WHERE a.defaclnamespace = 'iu_core'::regnamespace
  ) AS o(class, identity, definition, facts)
  WHERE p_classes IS NULL OR o.class = ANY (p_classes);
END
$function$;
ALTER FUNCTION fn_dot_catalogue(text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_catalogue(text[]) IS 'Every object of the schema as it stands, or of the classes named: class, identity, the statements that make it, and the facts that no PostgreSQL version spells otherwise (owner, rights, columns, settings)';

-- function fn_dot_check(jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_check(p_check jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
      SELECT jsonb_build_object('others', count(*) FILTER (WHERE status <> c ->> 'status' AND NOT (status = 'rerouted' AND c ->> 'status' = 'replayed'))) INTO v_have FROM iu_route_dead_letter WHERE id IN (SELECT jsonb_array_elements_text(c -> 'ids')::bigint);
    WHEN 'skipped' THEN
      v_want := '{"not_attempted": 0}';
      SELECT jsonb_build_object('not_attempted', count(*)) INTO v_have
      FROM jsonb_array_elements_text(c -> 'ids') AS i CROSS JOIN iu_outbound_route AS r
      CROSS JOIN LATERAL (SELECT a.failure_code FROM iu_route_attempt AS a WHERE a.event_id = i::bigint AND a.route_id = r.id ORDER BY a.attempt_no DESC LIMIT 1) AS latest
      WHERE r.route_code = c ->> 'route' AND latest.failure_code = 'route_disabled';
    WHEN 'replay' THEN
      v_want := jsonb_build_object('stopped', c -> 'stopped');
      SELECT jsonb_build_object('stopped', status = 'stopped') INTO v_have FROM iu_replay_job WHERE id = (c ->> 'replay')::bigint;
    WHEN 'replay_set' THEN
      v_want := jsonb_build_object('total', c -> 'total', 'frozen', c -> 'total');
      SELECT jsonb_build_object('total', j.total, 'frozen', (SELECT sum(cardinality(b.event_ids)) FROM iu_replay_batch AS b WHERE b.job_id = j.id)) INTO v_have FROM iu_replay_job AS j WHERE j.id = (c ->> 'replay')::bigint;
    WHEN 'event' THEN
      v_want := jsonb_build_object('type', c -> 'type', 'sha256', c -> 'sha256');
      SELECT jsonb_build_object('type', event_type, 'sha256', encode(sha256(convert_to(payload::text, 'UTF8')), 'hex')) INTO v_have FROM event_outbox WHERE id = (c ->> 'event')::bigint;
    WHEN 'attempt' THEN
      v_want := '{"attempts": 1}';
      SELECT jsonb_build_object('attempts', CASE WHEN fn_iu_event_archived((c ->> 'event')::bigint) THEN 1 ELSE count(*) END) INTO v_have FROM iu_route_attempt WHERE (event_id, route_id, attempt_no) = ((c ->> 'event')::bigint, (c ->> 'route')::integer, (c ->> 'attempt_no')::integer);
    WHEN 'worker_runs' THEN
      v_want := '{"on_record": true}';
      SELECT jsonb_build_object('on_record', count(*) >= (c ->> 'passes')::integer AND coalesce(sum(seen), 0) >= (c ->> 'seen')::integer) INTO v_have FROM iu_route_worker_run WHERE worker_code = c ->> 'worker' AND id > (c ->> 'after')::bigint;
    WHEN 'probe' THEN
      -- Of the run itself: it was taken back, and is nowhere to be found but here.
      v_want := CASE WHEN c ? 'actual' THEN c -> 'expected' ELSE '{"status": "passed"}' END;
      v_have := coalesce(c -> 'actual', jsonb_build_object('status', concat_ws(': ', c ->> 'status', c ->> 'detail')));
    WHEN 'probe_left' THEN
      v_want := '{"rows": 0}';
      SELECT jsonb_build_object('rows', sum(left_rows)) INTO v_have FROM fn_iu_probe_left(c -> 'drawn');
    WHEN 'cursor' THEN
      v_want := jsonb_build_object('bucket_from', c -> 'bucket_from', 'bucket_to', c -> 'bucket_to');
      v_have := coalesce(fn_dot_cursor_object(c ->> 'worker'), '{"bucket_from": null, "bucket_to": null}');
    WHEN 'schedule' THEN
      v_want := jsonb_strip_nulls(jsonb_build_object('enabled', c -> 'enabled', 'poll_ms', c -> 'poll_ms', 'batch_size', c -> 'batch_size'));
      SELECT jsonb_build_object('enabled', enabled, 'poll_ms', poll_ms, 'batch_size', batch_size) INTO v_have FROM v_iu_worker_schedule;
    WHEN 'held' THEN
      v_want := '{"others": 0}';
      SELECT jsonb_build_object('others', count(*) FILTER (WHERE NOT CASE c ->> 'account'
               WHEN 'released' THEN EXISTS (SELECT FROM event_outbox AS n WHERE n.released_from = i.id)
               ELSE EXISTS (SELECT FROM iu_held_decision AS h WHERE h.event_id = i.id) END)) INTO v_have
      FROM (SELECT jsonb_array_elements_text(c -> 'ids')::bigint AS id) AS i;
    WHEN 'archive' THEN
      v_want := jsonb_strip_nulls(jsonb_build_object('sha256', c -> 'sha256', 'removed', c -> 'removed', 'in_outbox', c -> 'in_outbox'));
      SELECT jsonb_build_object('sha256', a.content_digest, 'removed', a.is_removed,
        'in_outbox', (SELECT count(*) FROM event_outbox WHERE id BETWEEN a.first_id AND a.last_id) >= a.events) INTO v_have
      FROM v_iu_archive AS a WHERE a.archive_id = (c ->> 'archive')::bigint;
    WHEN 'acceptance' THEN
      v_want := jsonb_build_object('sha256', c -> 'sha256');
      v_have := jsonb_build_object('sha256', (SELECT a.digest FROM fn_dot_accepted() AS a WHERE (a.class, a.identity) = (c ->> 'class', c ->> 'identity')));
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
$function$;
ALTER FUNCTION fn_dot_check(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_check(jsonb) IS 'What is wrong with a postcondition at present, in words; null when it holds';

-- function fn_dot_checks(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_checks(p_expected jsonb, p_drift jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH drift AS MATERIALIZED (
    SELECT d ->> 'class' AS class, CASE WHEN d ? 'accepted_by' THEN 'accepted ' ELSE '' END || (d ->> 'state') AS state FROM jsonb_array_elements(p_drift) AS d
  ), counted AS (
    SELECT k.check_code, k.class, i.n AS expected,
           (count(d.state) FILTER (WHERE d.state = 'missing'))::integer AS missing, (count(d.state) FILTER (WHERE d.state = 'unexpected'))::integer AS unexpected,
           (count(d.state) FILTER (WHERE d.state = 'changed'))::integer AS changed, (count(d.state) FILTER (WHERE d.state = 'unknown'))::integer AS unknown,
           (count(d.state) FILTER (WHERE d.state LIKE 'accepted %'))::integer AS accepted, (count(d.state) FILTER (WHERE d.state = 'accepted missing'))::integer AS without, (count(d.state) FILTER (WHERE d.state = 'accepted changed'))::integer AS otherwise
    FROM (VALUES ('D1', 'table'), ('D2', 'view'), ('D3', 'function'), ('D4', 'trigger'), ('D5', 'config'), ('D6', 'event_type'), ('D7', 'route'), ('D8', 'drift'), ('D10', 'principal')) AS k(check_code, class)
    CROSS JOIN LATERAL (SELECT coalesce(sum(value::integer), 0)::integer AS n FROM jsonb_each_text(p_expected) WHERE key = k.class OR k.class = 'drift') AS i
    LEFT JOIN drift AS d ON d.class = k.class OR k.class = 'drift'
    GROUP BY k.check_code, k.class, i.n
  ), checked AS (
    SELECT check_code, class, expected, CASE WHEN p_drift IS NULL THEN 0 ELSE expected - missing - without - unknown END AS present, missing, unexpected, changed,
           CASE WHEN p_drift IS NULL THEN greatest(expected, 1) ELSE unknown END AS unknown,
           p_drift IS NOT NULL AND missing + unexpected + changed + unknown + accepted = 0 AND expected > 0 AS ok,
           CASE WHEN p_drift IS NULL THEN 0 ELSE expected - missing - without - unknown - changed - otherwise END AS matching, accepted
    FROM counted
  )
  SELECT jsonb_agg(to_jsonb(c) ORDER BY length(c.check_code), c.check_code)
  FROM (
    SELECT * FROM checked
    UNION ALL
    SELECT 'D9', 'class', count(*)::integer, (count(*) FILTER (WHERE ok))::integer, 0, 0, (count(*) FILTER (WHERE NOT ok AND unknown = 0 AND NOT is_accepted))::integer, (count(*) FILTER (WHERE unknown > 0))::integer, bool_and(ok), (count(*) FILTER (WHERE ok))::integer, (count(*) FILTER (WHERE is_accepted))::integer
    FROM checked CROSS JOIN LATERAL (SELECT accepted > 0 AND missing + unexpected + changed + unknown = 0 AS is_accepted) AS a WHERE class NOT IN ('drift', 'principal')
  ) AS c
$function$;
ALTER FUNCTION fn_dot_checks(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_checks(jsonb,jsonb) IS 'The checks D1 to D10 of a comparison: of {"class": how many are expected} and what has drifted, accepted or not (null: nothing can be said, and all is unknown)';

-- function fn_dot_closed_functions()
CREATE OR REPLACE FUNCTION iu_core.fn_dot_closed_functions()
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ SELECT '^(pg_(try_)?advisory_|pg_logical_emit_message$|lo_|loread$|lowrite$)' $function$;
ALTER FUNCTION fn_dot_closed_functions() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_closed_functions() IS 'The names, as a regular expression, of the functions of PostgreSQL that bootstrap takes from PUBLIC: locks, large objects, messages into the log';

-- function fn_dot_collection(jsonb,text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_collection(p_params jsonb, p_field text DEFAULT 'collection'::text)
 RETURNS iu_collection
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_collection iu_collection;
BEGIN
  SELECT * INTO v_collection FROM iu_collection WHERE canonical_address = p_params ->> p_field AND status = 'active' FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION '%: no collection has the address %', p_field, p_params ->> p_field USING ERRCODE = 'IU003', COLUMN = p_field;
  END IF;
  RETURN v_collection;
END
$function$;
ALTER FUNCTION fn_dot_collection(jsonb,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_collection(jsonb,text) IS 'The collection that a parameter names by its address, locked; units are locked before it. IU003 when there is none';

-- function fn_dot_collection_created(bigint,jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_collection_created(p_collection_id bigint, p_objects jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT jsonb_build_object(
    'objects', jsonb_build_array(jsonb_build_object('ref', 'collection:' || canonical_address, 'change', 'create',
      'after', jsonb_build_object('kind', collection_kind, 'title', title, 'pieces', piece_count, 'bytes', byte_length))) || p_objects,
    'result', jsonb_build_object('collection', canonical_address, 'pieces', piece_count, 'bytes', byte_length),
    'checks', jsonb_build_array(jsonb_build_object('name', 'collection_composed', 'kind', 'collection', 'collection', canonical_address, 'pieces', piece_count, 'bytes', byte_length)),
    'irreversible', 'A birth is not undone: the collection stays. Its pieces can be removed from it.')
  FROM iu_collection WHERE id = p_collection_id
$function$;
ALTER FUNCTION fn_dot_collection_created(bigint,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_collection_created(bigint,jsonb) IS 'What the handlers that make a collection return';

-- function fn_dot_collection_object(iu_collection)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_collection_object(p_before iu_collection)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT jsonb_build_object('ref', 'collection:' || c.canonical_address, 'change', 'update',
           'before', jsonb_build_object('revision', (p_before).revision, 'pieces', (p_before).piece_count, 'bytes', (p_before).byte_length),
           'after', jsonb_build_object('revision', c.revision, 'pieces', c.piece_count, 'bytes', c.byte_length))
  FROM iu_collection AS c WHERE c.id = (p_before).id
$function$;
ALTER FUNCTION fn_dot_collection_object(iu_collection) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_collection_object(iu_collection) IS 'A collection in a plan''s diff: as it was, and as it is now; only counts, never a digest over all pieces';

-- function fn_dot_command_blocked(text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_command_blocked(p_right text)
 RETURNS TABLE(command_code text, code text, gate text, why text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH compared AS MATERIALIZED (SELECT fn_dot_drift_refused(false) AS refused)
  SELECT c.command_code,
         CASE WHEN fn_iu_right_rank(p_right) < fn_iu_right_rank(c.required_right) THEN 'forbidden' WHEN g.gate IS NOT NULL THEN 'gate_closed' WHEN d.object IS NOT NULL THEN 'drifted' END,
         CASE WHEN fn_iu_right_rank(p_right) >= fn_iu_right_rank(c.required_right) THEN g.gate END,
         CASE WHEN fn_iu_right_rank(p_right) < fn_iu_right_rank(c.required_right) THEN format('This needs the right %s; you have %s.', c.required_right, coalesce(p_right, 'none'))
              WHEN g.gate IS NOT NULL THEN format('Gate %s is %s%s.', g.gate, g.state, coalesce(': ' || nullif(g.reason, ''), ''))
              WHEN d.object IS NOT NULL THEN format('It needs %s, which is not as it was deployed.', d.object) END
  FROM dot_iu_command AS c
  CROSS JOIN compared AS f
  CROSS JOIN LATERAL (SELECT CASE WHEN NOT fn_dot_works_in_drift(c.command_code) THEN f.refused ->> c.command_code END AS object) AS d
  LEFT JOIN LATERAL (
    SELECT v.gate, v.state, v.reason FROM unnest(c.gates) WITH ORDINALITY AS n(gate, n)
    LEFT JOIN v_iu_gate AS v ON v.gate = n.gate WHERE v.is_open IS NOT TRUE ORDER BY n.n LIMIT 1
  ) AS g ON true
$function$;
ALTER FUNCTION fn_dot_command_blocked(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_command_blocked(text) IS 'Per command: why somebody with this right may not apply it now (forbidden, gate_closed, drifted), or nulls when nothing is in the way';
GRANT EXECUTE ON FUNCTION fn_dot_command_blocked(text) TO iu_reader;

-- function fn_dot_command_run(text,text,jsonb,text,text,bigint,text,text,text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_command_run(p_command text, p_mode text, p_params jsonb DEFAULT '{}'::jsonb, p_reason text DEFAULT NULL::text, p_plan_digest text DEFAULT NULL::text, p_target_run_id bigint DEFAULT NULL::bigint, p_confirm text DEFAULT NULL::text, p_idempotency_key text DEFAULT NULL::text, p_token text DEFAULT NULL::text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET quote_all_identifiers TO 'off'
 SET standard_conforming_strings TO 'on'
 SET bytea_output TO 'hex'
 SET "DateStyle" TO 'ISO, YMD'
 SET "IntervalStyle" TO 'postgres'
 SET extra_float_digits TO '1'
 SET "plpgsql.extra_errors" TO 'none'
AS $function$
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
  v_overtaken bigint;
  v_unbounded text;
  v_drifted text;
  v_friction jsonb := '[]';        -- why this very change is of the second tier, though its command is not
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
  -- Before anything writes them out: a number of a dozen bytes may be a text of a hundred thousand.
  v_unbounded := fn_iu_json_unbounded(v_params, 67108864);
  IF v_unbounded IS NOT NULL THEN
    -- The parameter that it is, where it is one; together they may be too much as well.
    v_column := coalesce((SELECT p.key FROM jsonb_each(CASE WHEN jsonb_typeof(v_params) = 'object' THEN v_params ELSE '{}' END) AS p
                          WHERE octet_length(p.key) <= 80 AND fn_iu_json_unbounded(p.value, 67108864) IS NOT NULL ORDER BY p.key LIMIT 1), 'params');
    RAISE EXCEPTION '%: %', v_column, v_unbounded USING ERRCODE = 'IU002', COLUMN = v_column,
      HINT = 'Make the value smaller: at most 67108864 bytes written out, 100 levels, and 500 digits before and behind the point of a number.';
  END IF;

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
    v_params := coalesce(v_target.receipt -> 'inverse' -> 'params', '{}') || coalesce((SELECT t.params FROM dot_iu_run_text AS t WHERE t.run_id = p_target_run_id), '{}');
  END IF;
  v_params := fn_dot_ids_trimmed(v_params, v_command.param_schema);
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
    PERFORM fn_iu_lock('iu_core.command ' || v_run.actor || chr(10) || v_run.idempotency_key);
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

  -- Outside of the subtransaction: what the comparison came to is kept, whatever becomes of the command.
  IF p_mode <> 'verify' AND p_target_run_id IS NULL AND NOT fn_dot_works_in_drift(v_command.command_code) THEN
    v_drifted := fn_dot_drift_refused(true) ->> v_command.command_code;
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
      ELSIF EXISTS (SELECT FROM jsonb_object_keys(v_params) AS k WHERE k = ANY (v_command.body_params) AND v_params -> k = v_target.receipt -> 'inverse' -> 'params' -> k AND v_params -> k ?& '{sha256,bytes}') THEN
        RAISE EXCEPTION 'run %: the text that it would put back was deleted', p_target_run_id USING ERRCODE = 'IU017', COLUMN = 'run', HINT = format('Put it back by %s, with the text.', v_command.command_code);
      ELSIF EXISTS (SELECT FROM dot_iu_run_text AS t CROSS JOIN LATERAL jsonb_each(t.params) AS p
                    WHERE t.run_id = p_target_run_id AND fn_dot_params_kept(v_command, jsonb_build_object(p.key, p.value)) -> p.key IS DISTINCT FROM v_target.receipt -> 'inverse' -> 'params' -> p.key) THEN
        RAISE EXCEPTION 'run %: the text that it would put back is not the one whose digest the ledger has', p_target_run_id USING ERRCODE = 'IU017', COLUMN = 'run', HINT = format('Somebody changed it by hand. Put it back by %s, with the text.', v_command.command_code);
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
    IF v_drifted IS NOT NULL THEN
      RAISE EXCEPTION '% needs %, which is not as it was deployed', v_command.command_code, v_drifted USING ERRCODE = 'IU020',
        HINT = 'Conformance (v_dot_drift) shows what differs and how to put it right. Closing, disabling and undoing go on working.';
    END IF;
    SELECT jsonb_object_agg(gate, state) INTO v_gates FROM v_iu_gate;

    v_events_before := coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0);
    INSERT INTO dot_iu_acting (xid, actor) VALUES (pg_current_xact_id(), v_who.actor);
    EXECUTE format('SELECT iu_core.%I($1, $2)', v_command.command_code) INTO v_outcome
      USING v_params, jsonb_strip_nulls(jsonb_build_object('actor', v_who.actor, 'actor_kind', v_who.actor_kind, 'account_id', v_who.account_id,
        'right', v_who.account_right, 'reason', v_reason, 'frozen', v_plan.frozen));
    v_friction := CASE WHEN p_target_run_id IS NULL THEN coalesce(v_outcome -> 'friction', '[]') ELSE '[]' END;
    v_outcome := v_outcome || jsonb_build_object('notes', jsonb_path_query_array(v_friction, '$[*].what') || coalesce(v_outcome -> 'notes', '[]'));
    IF p_mode = 'apply' AND v_friction <> '[]' AND (p_plan_digest IS NULL OR v_reason IS NULL) THEN
      RAISE EXCEPTION '%: %', CASE WHEN p_plan_digest IS NULL THEN 'plan_digest' ELSE 'reason' END, (SELECT string_agg(f ->> 'what', ' ') FROM jsonb_array_elements(v_friction) AS f)
        USING ERRCODE = 'IU002', COLUMN = CASE WHEN p_plan_digest IS NULL THEN 'plan_digest' ELSE 'reason' END, HINT = 'Plan it, read the plan, and apply that plan with a reason.';
    END IF;
    -- What a constraint would refuse at the commit, it refuses here: a plan that passes is one that commits.
    -- Each by its name: ALL would be the caller's own too, and up to PostgreSQL 17 their triggers would run as the owner.
    -- It is named where it is there: closing works though the tables of texts are gone.
    IF to_regclass('iu_core.iu_collection_piece_position_key') IS NOT NULL THEN
      SET CONSTRAINTS iu_core.iu_collection_piece_position_key IMMEDIATE;
    END IF;
    DELETE FROM dot_iu_acting WHERE xid = pg_current_xact_id();
    IF p_target_run_id IS NOT NULL THEN
      -- Asked when the handler holds its locks: whoever changed the same before is on record by now.
      v_overtaken := fn_dot_run_overtaken(v_target);
      IF v_overtaken IS NOT NULL THEN
        RAISE EXCEPTION 'run: what run % did was changed again by run %', p_target_run_id, v_overtaken USING ERRCODE = 'IU014', COLUMN = 'run',
          HINT = format('Undo run %s first, or ask for what is wanted by a command of its own.', v_overtaken);
      END IF;
    END IF;

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
        'given', v_params, 'status', CASE WHEN fn_dot_refusal_code(SQLSTATE) IS NULL THEN 'failed' ELSE 'refused' END, 'sqlstate', SQLSTATE,
        'field', nullif(v_column, ''), 'friction', CASE WHEN v_column IN ('plan_digest', 'reason') THEN nullif(jsonb_path_query_array(v_friction, '$[*].because'), '[]') END, 'detail', v_message, 'more', nullif(v_detail, ''), 'hint', nullif(v_hint, ''),
        'errors', CASE WHEN cardinality(v_problems) > 0 THEN (SELECT jsonb_agg(jsonb_build_object('field', split_part(p, ': ', 1), 'message', substr(p, length(split_part(p, ': ', 1)) + 3))) FROM unnest(v_problems) AS p) END));
  END;
  RETURN fn_dot_run_write(v_run, jsonb_build_object('status', CASE p_mode WHEN 'plan' THEN 'planned' ELSE 'succeeded' END, 'events', v_events), v_outcome);
END
$function$;
ALTER FUNCTION fn_dot_command_run(text,text,jsonb,text,text,bigint,text,text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_command_run(text,text,jsonb,text,text,bigint,text,text,text) IS 'Runs a command for who holds the token (without one: for the login): plan, apply, verify or rollback; returns the receipt, which is also the ledger''s row, but for the texts. A refusal is returned, not raised. Raises 40001, 40P01 and 55P03 (try again with the same key), IU012 nobody, IU013 no right, IU003 unknown command or run, IU002 bad mode, key or parameters that are too large to be written out, IU011 isolation; these leave no row';
GRANT EXECUTE ON FUNCTION fn_dot_command_run(text,text,jsonb,text,text,bigint,text,text,text) TO iu_approver;
GRANT EXECUTE ON FUNCTION fn_dot_command_run(text,text,jsonb,text,text,bigint,text,text,text) TO iu_console;
GRANT EXECUTE ON FUNCTION fn_dot_command_run(text,text,jsonb,text,text,bigint,text,text,text) TO iu_operator;

-- function fn_dot_commands_forget(text[])
CREATE OR REPLACE FUNCTION iu_core.fn_dot_commands_forget(p_command_codes text[])
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ DELETE FROM dot_iu_command WHERE command_code = ANY (p_command_codes) $function$;
ALTER FUNCTION fn_dot_commands_forget(text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_commands_forget(text[]) IS 'Removes commands from the registry, the rollback of their registration; the ledger keeps their history';

-- function fn_dot_commands_register(jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_commands_register(p_commands jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_dot_commands_register(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_commands_register(jsonb) IS 'Registers commands: {"code": {"area", "tier", "required_right", "gates", "reason_required", "confirm_param", "body_params", "secret_params", "param_schema", "description"}}; IU002 for one without a handler';

-- function fn_dot_compare(text[])
CREATE OR REPLACE FUNCTION iu_core.fn_dot_compare(p_classes text[] DEFAULT NULL::text[])
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET lock_timeout TO '500ms'
 SET plan_cache_mode TO 'force_generic_plan'
 SET quote_all_identifiers TO 'off'
 SET standard_conforming_strings TO 'on'
 SET bytea_output TO 'hex'
 SET "DateStyle" TO 'ISO, YMD'
 SET "IntervalStyle" TO 'postgres'
 SET "TimeZone" TO 'UTC'
 SET extra_float_digits TO '1'
 SET "plpgsql.extra_errors" TO 'none'
AS $function$
#variable_conflict use_column
DECLARE
  v_major constant integer := current_setting('server_version_num')::integer / 10000;
  v_at constant timestamptz := clock_timestamp();
  -- What guards the schema is told by what bootstrap makes, and beside it by what was entered, which may also be gone.
  v_with_principals constant boolean := p_classes IS NULL OR 'principal' = ANY (p_classes);
  v_classes constant text[] := array_remove(p_classes, 'principal');
  v_principals integer;
  v_expected jsonb;
  v_found jsonb;
  v_digest text;
  v_locked boolean;
  v_checks jsonb;
  v_all jsonb;
  v_why text;
  v_what text;
BEGIN
  BEGIN
    -- Where a stranger may take locks, as on a managed server, one that holds this one is no deployer, and hides nothing.
    -- A deployer who waits for it begins as soon as the others let go; and who held it a moment ago may come again.
    v_locked := pg_try_advisory_xact_lock_shared(hashtext('iu_core deploy')) OR coalesce((
      SELECT bool_and(NOT pg_has_role(a.usesysid, 'iu_owner', 'MEMBER'))
      FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
      WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (l.classid::bigint << 32 | l.objid::bigint) = hashtext('iu_core deploy') AND l.mode = 'ExclusiveLock'), false);
    -- Told also where the comparison itself cannot be made.
    v_expected := (SELECT jsonb_object_agg(n.class, n.n) FROM (
      SELECT class, count(*) AS n FROM dot_inventory WHERE class <> 'principal' AND (v_classes IS NULL OR class = ANY (v_classes)) GROUP BY class
      UNION ALL SELECT 'principal', count(*) FROM fn_dot_principals_expected() WHERE v_with_principals) AS n);
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
      v_why := format('a comparison under %s sees an older schema than there is', upper(current_setting('transaction_isolation')));
      v_what := 'Read it under READ COMMITTED.';
    ELSIF NOT v_locked THEN
      v_why := 'a deploy is under way';
      v_what := 'Wait until it has ended.';
    ELSIF NOT EXISTS (SELECT FROM dot_inventory) THEN
      v_why := 'the inventory is empty';
      v_what := 'Run iu db deploy: it builds the units beside this database and registers what they make.';
    ELSIF EXISTS (SELECT FROM dot_inventory WHERE server_major <> v_major) THEN
      v_why := format('the inventory was spelled by PostgreSQL %s and this is %s', (SELECT string_agg(DISTINCT server_major::text, ', ') FROM dot_inventory WHERE server_major <> v_major), v_major);
      v_what := 'Run iu db deploy: it builds the units beside this database and registers what they make.';
    ELSE
      SELECT coalesce(jsonb_agg(jsonb_build_object('class', d.class, 'identity', d.identity, 'state', d.state, 'expected', d.expected, 'live', d.live, 'statement', d.statement, 'suggested_action', d.action) || CASE WHEN d.refuses IS NULL THEN '{}' ELSE jsonb_build_object('refuses', d.refuses) END) FILTER (WHERE d.state IS NOT NULL), '[]'),
             encode(sha256(convert_to(coalesce(string_agg(concat_ws(' ', d.class, d.identity, encode(d.digest, 'hex'), d.switched) || chr(10), '' ORDER BY d.class COLLATE "C", d.identity COLLATE "C") FILTER (WHERE d.digest IS NOT NULL AND d.class <> 'principal'), ''), 'UTF8')), 'hex'),
             (count(*) FILTER (WHERE d.class = 'principal' AND d.is_expected))::integer
      INTO v_found, v_digest, v_principals
      FROM (
        SELECT class, identity, j.state, c.digest, s.switched, i.class IS NOT NULL AND (i.is_required OR c.class IS NOT NULL) AS is_expected,
               CASE class WHEN 'principal' THEN coalesce(c.refuses, identity !~ ' of iu_reader$') END AS refuses,
               -- Beside a definition that is as it should be, its switches say what differs.
               concat_ws(chr(10), i.definition, w.said) AS expected, concat_ws(chr(10), c.definition, v.said) AS live,
               CASE WHEN j.state <> 'unknown' THEN concat_ws(chr(10),
                 CASE WHEN i.digest IS DISTINCT FROM c.digest THEN replace(fn_dot_repair(class, identity, i.definition, i.facts, c.definition, c.facts), 'DATABASE current_database', format('DATABASE %I', current_database())) END,
                 CASE WHEN i.digest IS NOT NULL AND (w.said IS NOT NULL OR c.digest IS NULL) THEN w.sql END) END AS statement,
               CASE j.state
                 WHEN 'unknown' THEN CASE WHEN i.digest = sha256(convert_to(i.definition, 'UTF8')) THEN 'Give its table back to its owner: it cannot be read.' ELSE 'Run iu db deploy: it builds the units beside this database and registers what they make.' END
                 WHEN 'missing' THEN CASE WHEN class = 'principal' THEN 'Make it again with the statement, as an administrator of the server.' ELSE 'Make it again with the statement, or roll back what dropped it.' END
                 WHEN 'unexpected' THEN CASE WHEN class = 'principal' AND identity ~ '^member ' THEN 'Undo it with the statement, as an administrator of the server. To admit it, an approver accepts it until a time (dot_iu_accept_deviation).' WHEN class = 'principal' THEN 'Undo it with the statement, as an administrator of the server.' WHEN class IN ('event_type', 'route') THEN 'Remove it with the statement, or register it by command.' ELSE 'Drop it with the statement, or write a unit that makes it.' END
                 ELSE CASE WHEN class = 'principal' THEN 'Put it back with the statement, as an administrator of the server.' WHEN i.digest = c.digest AND class = 'config' THEN 'Set the gate by command: close it, or open it with a reason.'
                           WHEN i.digest = c.digest AND class = 'route' THEN 'Switch the route by command, or with the statement.'
                           WHEN i.digest = c.digest THEN 'Put the switch back with the statement, or switch it by command.'
                           ELSE 'Put it back with the statement, or write a unit that makes it so.' END END AS action
        FROM (
          SELECT class, identity, definition, facts, digest, true AS is_required FROM dot_inventory WHERE class <> 'principal' AND (v_classes IS NULL OR class = ANY (v_classes))
          UNION ALL
          SELECT 'principal', identity, coalesce(n.definition, l.definition), NULL, coalesce(n.digest, sha256(convert_to(l.definition, 'UTF8'))), l.definition IS NOT NULL
          FROM fn_dot_principals_expected() AS l FULL JOIN (SELECT identity, definition, digest FROM dot_inventory WHERE class = 'principal') AS n USING (identity) WHERE v_with_principals
        ) AS i
        FULL JOIN (
          SELECT f.*, sha256(convert_to(f.definition, 'UTF8')) AS digest, NULL::boolean AS refuses FROM fn_dot_catalogue(v_classes) AS f
          UNION ALL
          SELECT 'principal', p.identity, p.definition, p.undo, sha256(convert_to(p.definition, 'UTF8')), p.refuses FROM fn_dot_principals() AS p WHERE v_with_principals
        ) AS c USING (class, identity)
        LEFT JOIN (SELECT x.class, x.identity, x.switched, x.run_id FROM fn_dot_state_expected() AS x) AS e USING (class, identity)
        LEFT JOIN (SELECT x.class, x.identity, x.switched FROM fn_dot_state() AS x) AS s USING (class, identity)
        CROSS JOIN LATERAL (
          SELECT CASE WHEN i.class IS NULL THEN 'unexpected' WHEN i.digest IS NULL OR i.digest <> sha256(convert_to(i.definition, 'UTF8')) THEN 'unknown'
                      -- Its table is there and belongs to somebody else.
                      WHEN c.class IS NULL AND NOT has_table_privilege(to_regclass(CASE class WHEN 'config' THEN 'dot_config' WHEN 'event_type' THEN 'iu_event_type' WHEN 'route' THEN 'iu_outbound_route'
                        WHEN 'vocabulary' THEN 'iu_vocabulary' WHEN 'command' THEN 'dot_iu_command' END), 'SELECT') THEN 'unknown'
                      WHEN c.class IS NULL AND NOT i.is_required THEN NULL
                      WHEN c.class IS NULL THEN 'missing' WHEN i.digest <> c.digest OR e.switched IS DISTINCT FROM s.switched THEN 'changed' END AS state
        ) AS j
        CROSS JOIN LATERAL (
          SELECT CASE WHEN e.switched IS DISTINCT FROM s.switched AND i.class IS NOT NULL AND c.class IS NOT NULL
                      THEN format('-- switched: %s, as %s', coalesce(e.switched::text, '{}'), coalesce(format('run %s left it', e.run_id), 'it was made')) END AS said,
                 CASE class
                   WHEN 'trigger' THEN format('ALTER TABLE %s %s TRIGGER %s;', split_part(identity, ' on ', 2), CASE e.switched ->> 'enabled' WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE' END, split_part(identity, ' on ', 1))
                   WHEN 'config' THEN format('SELECT fn_iu_gate_set(%L, %L, ''as the ledger has it'', %L);', identity, e.switched ->> 'value', e.switched ->> 'expires_at')
                   WHEN 'route' THEN format('UPDATE iu_outbound_route SET enabled = %L, dry_run = %L WHERE route_code = %L;', e.switched ->> 'enabled', e.switched ->> 'dry_run', identity)
                   WHEN 'table' THEN format('ALTER TABLE %I ENABLE TRIGGER ALL;', identity) END AS sql
        ) AS w
        CROSS JOIN LATERAL (SELECT CASE WHEN w.said IS NOT NULL THEN format('-- switched: %s', coalesce(s.switched::text, '{}')) END AS said) AS v
      ) AS d;
      v_expected := CASE WHEN v_with_principals THEN v_expected || jsonb_build_object('principal', v_principals) ELSE v_expected END;
      IF v_found <> '[]' THEN
        -- What was accepted exactly so says who did, and is no drift.
        v_found := (
          SELECT jsonb_agg(o.object || jsonb_build_object('digest', o.digest) || coalesce(to_jsonb(a) - 'decision_id', '{}') ORDER BY o.n)
          FROM (SELECT object, n, fn_dot_deviation_digest(object) AS digest FROM jsonb_array_elements(fn_dot_repairs(v_found)) WITH ORDINALITY AS r(object, n)) AS o
          LEFT JOIN fn_dot_accepted() AS a ON (a.class, a.identity, a.digest) = (o.object ->> 'class', o.object ->> 'identity', o.digest));
      END IF;
    END IF;
    RAISE EXCEPTION 'taken back' USING ERRCODE = 'XPLAN';
  EXCEPTION
    WHEN SQLSTATE 'XPLAN' THEN
      NULL;
    WHEN lock_not_available THEN
      v_why := CASE WHEN v_locked THEN 'another session is changing an object of the schema' ELSE 'a deploy is under way' END;
      v_what := 'Wait until it has ended.';
    WHEN OTHERS THEN
      v_why := format('the comparison failed: %s', SQLERRM);
      v_what := 'Read the catalogue with iu db dump, which says where it fails.';
  END;
  IF v_found IS NULL THEN
    v_digest := NULL;
    v_why := concat_ws(' ', upper(left(v_why, 1)) || substr(v_why, 2) || '.', v_what);
  END IF;
  v_checks := fn_dot_checks(coalesce(v_expected, '{}'), v_found);
  v_all := jsonb_path_query_first(v_checks, '$[*] ? (@.check_code == "D8")');
  RETURN (
    SELECT jsonb_build_object(
      'checked_at', v_at, 'digest', v_digest, 'expected', v_all -> 'expected', 'matching', n.matching, 'drift', n.missing + n.unexpected + n.changed, 'unknown', n.unknown,
      'state', CASE WHEN v_found IS NULL THEN 'unknown' WHEN n.missing + n.unexpected + n.changed > 0 THEN 'drift' WHEN n.unknown > 0 THEN 'unknown' WHEN n.accepted > 0 THEN 'accepted' ELSE 'matches' END,
      'summary', CASE WHEN v_found IS NULL THEN format('%s objects are expected, and were not compared', n.expected)
        ELSE concat_ws('; ', format('drift %s', n.missing + n.unexpected + n.changed) || coalesce(': ' || nullif(concat_ws(', ', nullif(n.changed, 0) || ' changed', nullif(n.missing, 0) || ' missing', nullif(n.unexpected, 0) || ' unexpected'), ''), ''),
          CASE WHEN n.accepted > 0 THEN format('accepted %s', n.accepted) END, format('%s of %s expected objects are as deployed', n.matching, n.expected), CASE WHEN n.unknown > 0 THEN format('%s cannot be compared', n.unknown) END) END,
      'why', CASE WHEN v_found IS NULL THEN v_why WHEN n.unknown > 0 THEN format('%s of %s objects cannot be compared.', n.unknown, n.expected) END,
      'checks', v_checks, 'objects', jsonb_path_query_array(coalesce(v_found, '[]'), '$[*] ? (!exists(@.accepted_by))'),
      'accepted', coalesce((SELECT jsonb_agg(o - '{refuses,suggested_action}'::text[] ORDER BY n) FROM jsonb_array_elements(v_found) WITH ORDINALITY AS e(o, n) WHERE o ? 'accepted_by'), '[]'))
    FROM jsonb_to_record(v_all) AS n(expected integer, present integer, missing integer, unexpected integer, changed integer, unknown integer, matching integer, accepted integer));
END
$function$;
ALTER FUNCTION fn_dot_compare(text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_compare(text[]) IS 'The live schema and what guards it, or the classes named, against the inventory and what bootstrap makes, as one document: state (matches, accepted, drift, unknown), counts, the checks D1 to D10, a digest of the catalogue, each object that is not as deployed, and apart from these each that was accepted so. Waits for nobody longer than half a second';
GRANT EXECUTE ON FUNCTION fn_dot_compare(text[]) TO iu_reader;

-- function fn_dot_cursor_object(text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_cursor_object(p_worker_code text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ SELECT jsonb_build_object('bucket_from', bucket_from, 'bucket_to', bucket_to) FROM iu_route_worker_cursor WHERE worker_code = p_worker_code $function$;
ALTER FUNCTION fn_dot_cursor_object(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_cursor_object(text) IS 'A worker''s range of buckets, as receipts show it; null where there is no such worker';

-- function fn_dot_deployer_enter(boolean)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_deployer_enter(p_anew boolean)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
DECLARE
  v_count bigint;
BEGIN
  IF NOT p_anew AND EXISTS (SELECT FROM dot_inventory WHERE class = 'principal' AND identity = 'owner of the database') THEN
    RETURN 0;
  END IF;
  DELETE FROM dot_inventory WHERE class = 'principal' AND starts_with(identity, 'rights of PUBLIC on ');
  WITH RECURSIVE him(role) AS (
    SELECT oid FROM pg_roles WHERE rolname = session_user
    UNION SELECT m.roleid FROM him AS h JOIN pg_auth_members AS m ON m.member = h.role
  ), names AS (
    SELECT role::regrole::text AS name, role::regrole::text = quote_ident(session_user) AS is_himself FROM him WHERE role::regrole::text NOT LIKE 'iu\_%' OR role::regrole::text = quote_ident(session_user)
  ), entered AS (
    INSERT INTO dot_inventory AS i (class, identity, definition, facts, digest, server_major)
    SELECT 'principal', p.identity, p.definition, coalesce(p.undo, ''), sha256(convert_to(p.definition, 'UTF8')), current_setting('server_version_num')::integer / 10000
    FROM fn_dot_principals() AS p
    WHERE p.identity = 'owner of the database' OR p.identity ~ '^rights of PUBLIC on (the database|function .*|schema public)$'
       OR EXISTS (SELECT FROM names AS n WHERE starts_with(p.identity, format('member %s of ', n.name))
                  OR n.is_himself AND (p.identity IN (format('role %s', n.name), format('rights of %s on the database', n.name)) OR p.identity ~ format('^setting \S+ of role %s( in the database)?$', regexp_replace(n.name, '(\W)', '\\\1', 'g'))))
    ON CONFLICT (class, identity) DO UPDATE
    SET definition = excluded.definition, facts = excluded.facts, digest = excluded.digest, server_major = excluded.server_major, registered_at = clock_timestamp(), registered_by = session_user
    WHERE (i.digest, i.server_major) IS DISTINCT FROM (excluded.digest, excluded.server_major)
    RETURNING 1
  )
  SELECT count(*) INTO v_count FROM entered;
  RETURN v_count;
END
$function$;
ALTER FUNCTION fn_dot_deployer_enter(boolean) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_deployer_enter(boolean) IS 'Enters the login of this session as one that deploys, with its memberships and what it may, and the owner of the database, so that neither is drift; only where nobody has yet, or anew';

-- function fn_dot_deviation_decide(dot_deviation_decision,jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_deviation_decide(p_decision dot_deviation_decision, p_state jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_before constant jsonb := fn_dot_deviation_facts((p_decision).class, (p_decision).identity);
  v_object constant jsonb := jsonb_build_object('class', (p_decision).class, 'object', (p_decision).identity);
  v_after jsonb;
BEGIN
  INSERT INTO dot_deviation_decision (class, identity, digest, owner, expires_at, reason, decided_by)
  VALUES ((p_decision).class, (p_decision).identity, (p_decision).digest, (p_decision).owner, (p_decision).expires_at, coalesce((p_decision).reason, 'a plan'), (p_decision).decided_by);
  v_after := fn_dot_deviation_facts((p_decision).class, (p_decision).identity);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('before', v_before, 'deviation', p_state),
    'objects', jsonb_build_array(jsonb_build_object('ref', format('deviation:%s %s', (p_decision).class, (p_decision).identity), 'change', 'update', 'before', v_before, 'after', v_after)),
    'result', v_after,
    'checks', jsonb_build_array(jsonb_build_object('name', CASE WHEN (p_decision).digest IS NULL THEN 'acceptance_is_withdrawn' ELSE 'deviation_is_accepted' END, 'kind', 'acceptance',
                'class', (p_decision).class, 'identity', (p_decision).identity, 'sha256', v_after -> 'sha256')),
    -- What was accepted before, until another time or by another owner, is accepted so again.
    'inverse', CASE WHEN v_before ->> 'state' = 'accepted' AND (v_after ->> 'state' = 'drift' OR v_before -> 'sha256' = v_after -> 'sha256')
      THEN jsonb_build_object('command', 'dot_iu_accept_deviation', 'params', v_object || jsonb_build_object('digest', v_before -> 'sha256', 'owner', v_before -> 'owner', 'expires_at', to_char((v_before ->> 'expires_at')::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))
      ELSE jsonb_build_object('command', 'dot_iu_withdraw_acceptance', 'params', v_object) END);
END
$function$;
ALTER FUNCTION fn_dot_deviation_decide(dot_deviation_decision,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_deviation_decide(dot_deviation_decision,jsonb) IS 'Writes a decision on a deviation down, and returns what its command returns; p_state is what was read of the deviation';

-- function fn_dot_deviation_digest(jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_deviation_digest(p_object jsonb)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT CASE WHEN p_object ->> 'state' <> 'unknown' THEN
    encode(sha256(convert_to(jsonb_build_array(p_object -> 'class', p_object -> 'identity', p_object -> 'state', p_object -> 'expected', p_object -> 'live')::text, 'UTF8')), 'hex') END
$function$;
ALTER FUNCTION fn_dot_deviation_digest(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_deviation_digest(jsonb) IS 'SHA-256, in hex, over a deviation as v_dot_drift tells it: class, identity, state, and the definition as it should be and as it is; null for what is unknown';

-- function fn_dot_deviation_facts(text,text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_deviation_facts(p_class text, p_identity text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
  SELECT coalesce((
    SELECT CASE WHEN d.expires_at > clock_timestamp() THEN jsonb_build_object('state', 'accepted', 'sha256', d.digest, 'owner', d.owner, 'expires_at', d.expires_at) END
    FROM dot_deviation_decision AS d WHERE (d.class, d.identity) = (p_class, p_identity) ORDER BY d.id DESC LIMIT 1), '{"state": "drift"}')
$function$;
ALTER FUNCTION fn_dot_deviation_facts(text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_deviation_facts(text,text) IS 'How a deviation of an object stands, as receipts tell it: accepted with its digest, owner and end, or drift';

-- function fn_dot_drift()
CREATE OR REPLACE FUNCTION iu_core.fn_dot_drift()
 RETURNS TABLE(class text, identity text, state text, expected text, live text, statement text, suggested_action text, digest text)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH compared AS MATERIALIZED (SELECT fn_dot_compare() AS c)
  SELECT o.class, o.identity, o.state, o.expected, o.live, o.statement, o.suggested_action, o.digest
  FROM compared CROSS JOIN LATERAL jsonb_to_recordset(c -> 'objects') AS o(class text, identity text, state text, expected text, live text, statement text, suggested_action text, digest text)
  UNION ALL
  SELECT NULL, NULL, 'unknown', NULL, NULL, NULL, c ->> 'why', NULL FROM compared WHERE c ->> 'digest' IS NULL
$function$;
ALTER FUNCTION fn_dot_drift() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_drift() IS 'The live schema against the inventory: a row for each object that is missing, unexpected, changed or unknown, and not accepted so; one row without a class where nothing can be said now';
GRANT EXECUTE ON FUNCTION fn_dot_drift() TO iu_reader;

-- function fn_dot_drift_refused(boolean)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_drift_refused(p_keep boolean)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_part record;
  v_found jsonb;
  v_refused jsonb;
  v_all jsonb := '{}';
BEGIN
  FOR v_part IN SELECT part, classes, stamp FROM fn_dot_stamp() LOOP
    v_refused := (SELECT refused FROM dot_drift_known WHERE part = v_part.part AND stamp = v_part.stamp);
    IF v_refused IS NULL THEN
      v_found := fn_dot_compare(v_part.classes);
      IF v_found ->> 'digest' IS NULL THEN
        RETURN '{}';
      END IF;
      v_found := jsonb_path_query_array(v_found, 'strict $.objects[*] ? (@.state != "unknown")');
      v_refused := CASE WHEN v_found = '[]' THEN '{}' ELSE fn_dot_drift_served(v_found) END;
      IF p_keep AND pg_try_advisory_xact_lock(hashtext('iu_core drift known')) THEN
        INSERT INTO dot_drift_known AS k (part, stamp, refused, found_at) VALUES (v_part.part, v_part.stamp, v_refused, clock_timestamp())
        ON CONFLICT (part) DO UPDATE SET stamp = excluded.stamp, refused = excluded.refused, found_at = excluded.found_at;
      END IF;
    END IF;
    v_all := v_refused || v_all;
  END LOOP;
  RETURN v_all;
EXCEPTION WHEN undefined_table OR undefined_column OR undefined_function OR insufficient_privilege THEN
  -- What the comparison itself stands on is gone.
  RETURN '{}';
END
$function$;
ALTER FUNCTION fn_dot_drift_refused(boolean) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_drift_refused(boolean) IS 'The commands that are refused while drift stands, each with the object: {"command": "class identity"}; compares only the part in which something has changed since it last did, and keeps the answer where p_keep says so';

-- function fn_dot_drift_served(jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_drift_served(p_drift jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
  WITH RECURSIVE drifted AS MATERIALIZED (
    SELECT d.class, d.identity FROM jsonb_to_recordset(p_drift) AS d(class text, identity text, refuses boolean) WHERE d.class <> 'principal' OR d.refuses
  ), named AS MATERIALIZED (
    SELECT class, split_part(identity, '(', 1) AS name,
           -- Without its comments: they speak of others.
           regexp_replace(split_part(split_part(definition, E'\nALTER FUNCTION ', 1), E'\nCOMMENT ON ', 1), '--[^\n]*', '', 'g') AS said
    FROM dot_inventory WHERE class IN ('table', 'view', 'function', 'trigger')
      -- These serve whom they serve without being named, and change more often than the others together.
      AND EXISTS (SELECT FROM drifted WHERE class NOT IN ('config', 'command', 'schema', 'principal'))
  ), users AS MATERIALIZED (
    SELECT DISTINCT CASE n.class WHEN 'trigger' THEN split_part(n.name, ' on ', 2) ELSE n.name END AS name, w[1] AS used
    FROM named AS n CROSS JOIN LATERAL regexp_matches(n.said, '\w+', 'g') AS w
    WHERE n.name !~ '^(fn_dot_(catalogue|checks|compare|drift|fingerprints|inventory|repair|stamp|state)|v_dot_(accepted|comparison|conformance|drift))' AND EXISTS (SELECT FROM named AS k WHERE k.name = w[1])
  ), reached(name, class, identity) AS (
    SELECT CASE class WHEN 'function' THEN split_part(identity, '(', 1) WHEN 'trigger' THEN split_part(identity, ' on ', 2) ELSE identity END, class, identity
    FROM drifted WHERE class IN ('table', 'view', 'function', 'trigger')
    UNION
    -- An event type or a route is used by what names it.
    SELECT n.name, d.class, d.identity FROM drifted AS d JOIN named AS n ON n.class = 'function' AND strpos(n.said, quote_literal(d.identity)) > 0 WHERE d.class IN ('event_type', 'route')
    UNION
    SELECT u.name, r.class, r.identity FROM reached AS r JOIN users AS u ON u.used = r.name
  )
  SELECT coalesce(jsonb_object_agg(s.command_code, s.object), '{}')
  FROM (
    SELECT DISTINCT ON (c.command_code) c.command_code, o.object
    FROM dot_iu_command AS c
    CROSS JOIN LATERAL (
      SELECT r.class || ' ' || r.identity AS object FROM reached AS r WHERE r.name IN (c.command_code, 'fn_dot_command_run')
      UNION ALL SELECT d.class || ' ' || d.identity FROM drifted AS d WHERE d.class IN ('schema', 'principal') OR d.class = 'command' AND d.identity = c.command_code OR d.class = 'config' AND d.identity = ANY (c.gates)
    ) AS o
    ORDER BY c.command_code, o.object COLLATE "C"
  ) AS s
$function$;
ALTER FUNCTION fn_dot_drift_served(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_drift_served(jsonb) IS 'The commands that drifted objects ({class, identity} each) serve, by handler, dispatcher, triggers and gates, however indirectly: {"command": "class identity"}';

-- function fn_dot_facts_kept(jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_facts_kept(p_facts jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT CASE WHEN jsonb_typeof(p_facts) IS DISTINCT FROM 'object' THEN p_facts ELSE (
    SELECT coalesce(jsonb_object_agg(key, CASE
             WHEN jsonb_typeof(value) IN ('number', 'boolean', 'null') OR value IN ('""', '[]', '{}') THEN value
             WHEN key IN ('status', 'kind', 'sha256', 'render_sha256', 'manifest_sha256', 'at', 'piece', 'cloned_from', 'collection', 'after', 'outcome', 'decision', 'findings',
                          'event_type', 'event_domain', 'delivery_lane', 'type', 'subject', 'target_kind', 'route', 'failure', 'state', 'gate', 'gate_state', 'expires_at',
                          'account', 'right', 'scopes', 'password', 'events', 'what', 'workers', 'reads_again', 'by_type', 'results', 'would_become', 'becomes', 'triggers') THEN value
             WHEN key = 'sample' AND jsonb_typeof(value) = 'array' THEN (SELECT coalesce(jsonb_agg(s - 'because' ORDER BY n), '[]') FROM jsonb_array_elements(value) WITH ORDINALITY AS x(s, n))
             ELSE fn_dot_text_kept(value) END), '{}')
    FROM jsonb_each(p_facts)) END
$function$;
ALTER FUNCTION fn_dot_facts_kept(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_facts_kept(jsonb) IS 'What a receipt tells of an object or a result, as the ledger keeps it: numbers, terms, names and digests; any text as SHA-256 and bytes';

-- function fn_dot_field(text,jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_field(p_column text, p_schema jsonb)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT coalesce((
    SELECT a.parameter
    FROM (VALUES (1, p_column, p_column), (2, 'canonical_address', 'address'), (3, 'canonical_address', 'source_path'), (4, 'unit_kind', 'kind'), (5, 'unit_kind', 'cut'),
                 (6, 'collection_kind', 'kind'), (7, 'unit_ids', 'piece'), (8, 'unit_ids', 'pieces'), (9, 'unit_ids', 'steps'), (10, 'unit_ids', 'checkpoint'), (11, 'starts', 'cut'),
                 (12, 'content', 'cut'), (13, 'section_levels', 'cut'), (14, 'worker_code', 'worker')) AS a(n, raised, parameter)
    WHERE a.raised = p_column AND p_schema -> 'properties' ? a.parameter
    ORDER BY a.n LIMIT 1), p_column)
$function$;
ALTER FUNCTION fn_dot_field(text,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_field(text,jsonb) IS 'The parameter of a command that a refusal''s column stands for; the column itself where there is none';

-- function fn_dot_fingerprints()
CREATE OR REPLACE FUNCTION iu_core.fn_dot_fingerprints()
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT coalesce(jsonb_agg(jsonb_build_array(c.class, c.identity, encode(sha256(convert_to(c.definition, 'UTF8')), 'hex'), s.switched)), '[]')
  FROM fn_dot_catalogue() AS c LEFT JOIN fn_dot_state() AS s ON s.class = c.class AND s.identity = c.identity
$function$;
ALTER FUNCTION fn_dot_fingerprints() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_fingerprints() IS 'Every live object as [class, identity, SHA-256 of its definition, switches]: the before of fn_dot_inventory_register';

-- function fn_dot_frozen(bigint[])
CREATE OR REPLACE FUNCTION iu_core.fn_dot_frozen(p_ids bigint[])
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ SELECT to_jsonb(coalesce(range_agg(int8range(i, i, '[]')), '{}')::text) FROM unnest(p_ids) AS i $function$;
ALTER FUNCTION fn_dot_frozen(bigint[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_frozen(bigint[]) IS 'A set of ids as a plan keeps it';

-- function fn_dot_gate_changed(text,jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_gate_changed(p_gate text, p_before jsonb, p_inverse jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT jsonb_build_object(
    'state', p_before,
    'objects', jsonb_build_array(jsonb_build_object('ref', 'gate:' || p_gate, 'change', 'update', 'before', p_before - 'by' - 'reason', 'after', fn_dot_gate_facts(p_gate) - 'by' - 'reason')),
    'result', jsonb_build_object('gate', p_gate, 'gate_state', fn_iu_gate_state(p_gate)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'gate_is_' || fn_iu_gate_state(p_gate), 'kind', 'gate', 'gate', p_gate, 'state', fn_iu_gate_state(p_gate))),
    'inverse', p_inverse)
$function$;
ALTER FUNCTION fn_dot_gate_changed(text,jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_gate_changed(text,jsonb,jsonb) IS 'What the gate commands return; who and why are in the ledger''s row, so a plan''s diff does not depend on them';

-- function fn_dot_gate_facts(text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_gate_facts(p_gate text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT jsonb_strip_nulls(jsonb_build_object('state', fn_iu_gate_state(p_gate), 'expires_at', c.expires_at, 'by', c.changed_by, 'reason', c.reason))
  FROM (SELECT) AS one LEFT JOIN dot_config AS c ON c.key = p_gate
$function$;
ALTER FUNCTION fn_dot_gate_facts(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_gate_facts(text) IS 'A gate in a plan''s diff';

-- function fn_dot_gate_would_release(text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_gate_would_release(p_gate text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT CASE p_gate
    WHEN 'iu_core.route_worker_enabled' THEN (SELECT jsonb_build_array(CASE WHEN coalesce(sum(pending), 0) = 0 THEN 'No event waits for the worker.' ELSE
        format('%s wait%s for the worker, of %s.', CASE WHEN sum(pending) > 10000 THEN '10,000+ events' WHEN sum(pending) = 1 THEN '1 event' ELSE sum(pending) || ' events' END,
               CASE sum(pending) WHEN 1 THEN 's' ELSE '' END, CASE count(*) WHEN 1 THEN '1 type' ELSE count(*) || ' types' END) END) FROM v_iu_event_backlog)
    WHEN 'iu_core.routes_master_enabled' THEN (SELECT jsonb_build_array(CASE count(*) WHEN 0 THEN 'New events go to their lanes again. No event is held.' ELSE
        format('New events go to their lanes again. %s until released or discarded.', CASE WHEN count(*) > 10000 THEN '10,000+ held events stay held' WHEN count(*) = 1 THEN '1 held event stays held' ELSE count(*) || ' held events stay held' END) END) FROM (SELECT FROM v_iu_held_event LIMIT 10001) AS held)
    ELSE '[]' END
$function$;
ALTER FUNCTION fn_dot_gate_would_release(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_gate_would_release(text) IS 'What the opening of a gate lets go, in words';

-- function fn_dot_held(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_held(p_params jsonb, p_context jsonb)
 RETURNS bigint[]
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  -- One decision at a time on what is held: none is released and discarded both.
  PERFORM fn_iu_lock('iu_core.held_events');
  RETURN CASE WHEN p_context ? 'frozen' THEN fn_dot_thawed(p_context -> 'frozen')
    ELSE ARRAY(SELECT event_id FROM v_iu_held_event
               WHERE (NOT p_params ? 'event_type' OR event_type = p_params ->> 'event_type') AND (NOT p_params ? 'through' OR event_id <= (p_params ->> 'through')::bigint)
               ORDER BY event_id LIMIT coalesce((p_params ->> 'limit')::integer, 10000)) END;
END
$function$;
ALTER FUNCTION fn_dot_held(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_held(jsonb,jsonb) IS 'The held events that a command is about: those that its plan froze, or those that match; nobody else decides on held events until the caller''s transaction ends';

-- function fn_dot_history_begin()
CREATE OR REPLACE FUNCTION iu_core.fn_dot_history_begin()
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_kind record;
BEGIN
  INSERT INTO dot_iu_history_state (head_no, head_digest)
  SELECT coalesce(max(s.seal_no), 0), (SELECT l.chain_digest FROM dot_iu_command_seal AS l ORDER BY l.seal_no DESC LIMIT 1) FROM dot_iu_command_seal AS s;
  FOR v_kind IN SELECT * FROM fn_dot_history_kinds() WHERE what NOT IN ('events', 'dead_letters') LOOP
    EXECUTE format('INSERT INTO dot_iu_history_unsealed (what, row_keys, is_again) SELECT %L, array_agg(key), true FROM (SELECT concat_ws(''/'', %s) AS key, row_number() OVER () / 1000 AS part FROM %I%s) AS n GROUP BY part',
                   v_kind.what, array_to_string(v_kind.key_columns, ', '), v_kind.relation, CASE v_kind.what WHEN 'attempts' THEN ' WHERE worker_code = ''replay''' ELSE '' END);
  END LOOP;
  PERFORM fn_iu_event_audit_restart() WHERE EXISTS (SELECT FROM iu_event_audit);
END
$function$;
ALTER FUNCTION fn_dot_history_begin() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_history_begin() IS 'Makes the sealer''s state, and leaves it all the history that there is';

-- function fn_dot_history_block_digest(dot_iu_history_block)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_history_block_digest(p_block dot_iu_history_block)
 RETURNS bytea
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT sha256(convert_to(jsonb_build_array(1, (p_block).what, (p_block).columns, (p_block).row_keys, extract(epoch FROM (p_block).written_after), (p_block).system_identifier,
                                             extract(epoch FROM (p_block).sealed_at))::text, 'UTF8')
                || (SELECT string_agg(d, ''::bytea ORDER BY n) FROM unnest((p_block).row_digests) WITH ORDINALITY AS u(d, n)))
$function$;
ALTER FUNCTION fn_dot_history_block_digest(dot_iu_history_block) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_history_block_digest(dot_iu_history_block) IS 'SHA-256 over one block of history, form 1';

-- function fn_dot_history_differs(text,int8multirange)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_history_differs(p_what text, p_archived int8multirange)
 RETURNS SETOF text
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET "DateStyle" TO 'ISO, MDY'
 SET bytea_output TO 'hex'
 SET extra_float_digits TO '1'
AS $function$
DECLARE
  v_kind record;
  v_columns text;
  v_pending text;
  v record;
BEGIN
  SELECT k.called, k.relation, k.key_columns[1] AS lead,
         (SELECT string_agg('t.' || c, ', ' ORDER BY n) FROM unnest(k.key_columns) WITH ORDINALITY AS u(c, n)) AS key,
         (SELECT string_agg(format('t.%I = split_part(g.key, ''/'', %s)::%s', c, n, y), ' AND ' ORDER BY n) FROM unnest(k.key_columns, k.key_types) WITH ORDINALITY AS u(c, y, n)) AS is_key
  INTO STRICT v_kind FROM fn_dot_history_kinds() AS k WHERE k.what = p_what;
  FOR v_columns IN SELECT DISTINCT b.columns FROM dot_iu_history_block AS b WHERE b.what = p_what ORDER BY 1 LOOP
    BEGIN
      EXECUTE format(
        'SELECT g.seal_no, g.key, t.%1$I IS NULL AS is_gone, count(*) OVER () AS n
         FROM (SELECT b.seal_no, k.key, k.digest, k.n FROM dot_iu_history_block AS b CROSS JOIN LATERAL unnest(b.row_keys, b.row_digests) WITH ORDINALITY AS k(key, digest, n)
               WHERE b.what = $1 AND b.columns = $2) AS g
         LEFT JOIN %2$I AS t ON %3$s
         WHERE CASE WHEN t.%1$I IS NULL THEN NOT split_part(g.key, ''/'', 1)::bigint <@ $3 ELSE substr(sha256(convert_to(ROW(%4$s)::text, ''UTF8'')), 1, 16) <> g.digest END
         ORDER BY g.seal_no, g.n LIMIT 1', v_kind.lead, v_kind.relation, v_kind.is_key, v_columns)
        INTO v USING p_what, v_columns, CASE WHEN p_what IN ('events', 'attempts') THEN p_archived ELSE '{}' END;
    EXCEPTION WHEN program_limit_exceeded OR out_of_memory THEN
      v := NULL;
      RETURN NEXT format('the %ss cannot be compared: one of them is too long to be written out', v_kind.called);
    END;
    IF v.n IS NOT NULL THEN
      RETURN NEXT format('link %s: %s %s %s%s', v.seal_no, v_kind.called, v.key, CASE WHEN v.is_gone THEN 'is gone' ELSE 'is not what was sealed' END, CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
    END IF;
  END LOOP;

  v_pending := CASE p_what
    WHEN 'events' THEN
      'NOT pg_visible_in_snapshot(t.xid, s.snap_from) AND (t.id > s.floor_id OR t.xid IN (SELECT pg_snapshot_xip(s.snap_from)))
       AND NOT (s.snap_to IS NOT NULL AND t.id <= s.last_id AND CASE WHEN t.id <= s.trusted_id THEN t.xid NOT IN (SELECT pg_snapshot_xip(s.snap_to)) ELSE pg_visible_in_snapshot(t.xid, s.snap_to) END)
       OR t.id::text IN (SELECT unnest(q.row_keys) FROM dot_iu_history_unsealed AS q WHERE q.what = ''events'')'
    WHEN 'attempts' THEN
      't.event_id > coalesce((SELECT a.through_id FROM iu_event_audit AS a), 0) OR t.event_id IN (SELECT o.event_id FROM iu_event_audit_open AS o)
       OR EXISTS (SELECT FROM iu_event_audit_late AS l JOIN event_outbox AS e ON e.xid = l.xid WHERE e.id = t.event_id AND e.id <= l.through_id)
       OR t.event_id IN (SELECT unnest(q.event_ids) FROM dot_iu_history_unsealed AS q) OR concat_ws(''/'', t.event_id, t.route_id, t.attempt_no) IN (SELECT unnest(q.row_keys) FROM dot_iu_history_unsealed AS q WHERE q.what = ''attempts'')'
    WHEN 'dead_letters' THEN
      't.event_id > coalesce((SELECT a.through_id FROM iu_event_audit AS a), 0) OR t.event_id IN (SELECT o.event_id FROM iu_event_audit_open AS o)
       OR EXISTS (SELECT FROM iu_event_audit_late AS l JOIN event_outbox AS e ON e.xid = l.xid WHERE e.id = t.event_id AND e.id <= l.through_id)
       OR t.event_id IN (SELECT unnest(q.event_ids) FROM dot_iu_history_unsealed AS q) OR t.event_id IN (SELECT split_part(k, ''/'', 1)::bigint FROM dot_iu_history_unsealed AS q CROSS JOIN LATERAL unnest(q.row_keys) AS k WHERE q.what = ''attempts'')'
    ELSE format('concat_ws(''/'', %s) IN (SELECT unnest(q.row_keys) FROM dot_iu_history_unsealed AS q WHERE q.what = %L)', v_kind.key, p_what) END;
  EXECUTE format(
    'SELECT concat_ws(''/'', %s) AS key, count(*) OVER () AS n FROM dot_iu_history_state AS s CROSS JOIN %I AS t
     WHERE concat_ws(''/'', %s) NOT IN (SELECT unnest(b.row_keys) FROM dot_iu_history_block AS b WHERE b.what = $1) AND NOT (%s)
     ORDER BY %s LIMIT 1', v_kind.key, v_kind.relation, v_kind.key, v_pending, v_kind.key)
    INTO v USING p_what;
  IF v.n IS NOT NULL THEN
    RETURN NEXT format('%s %s stands in no link: it was put in past the functions%s', v_kind.called, v.key, CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;
END
$function$;
ALTER FUNCTION fn_dot_history_differs(text,int8multirange) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_history_differs(text,int8multirange) IS 'What differs between the rows of one kind and what was sealed of them, the first of each sort named; events and attempts may be missing where they are archived';

-- function fn_dot_history_kinds()
CREATE OR REPLACE FUNCTION iu_core.fn_dot_history_kinds()
 RETURNS TABLE(what text, called text, relation text, key_columns text[], key_types text[], columns text)
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  VALUES
    ('events', 'event', 'event_outbox', '{id}'::text[], '{bigint}'::text[],
     't.xid, t.id, t.event_domain, t.event_type, t.event_subject_table, t.event_subject_ref, t.payload, t.delivery_lane, t.idempotency_key, t.actor, t.created_at, t.released_from'),
    ('attempts', 'attempt', 'iu_route_attempt', '{event_id,route_id,attempt_no}', '{bigint,integer,integer}',
     't.event_id, t.route_id, t.attempt_no, t.status, t.failure_code, t.failure_detail, t.target_kind, t.target_ref, t.worker_code, t.created_at'),
    ('dead_letters', 'dead letter', 'iu_route_dead_letter', '{id}', '{bigint}',
     't.id, t.event_id, t.route_id, t.event_domain, t.event_type, t.event_subject_table, t.event_subject_ref, t.payload, t.actor, t.event_created_at, t.created_at'),
    ('held_decisions', 'decision on the held event', 'iu_held_decision', '{event_id}', '{bigint}', 't.event_id, t.decision, t.reason, t.decided_at, t.decided_by'),
    ('units', 'unit', 'information_unit', '{id}', '{bigint}', 't.id, t.canonical_address, t.created_at, t.created_by'),
    ('versions', 'version', 'unit_version', '{unit_id,version_seq}', '{bigint,integer}', 't.unit_id, t.version_seq, t.body, t.content_digest, t.byte_length, t.created_at, t.created_by'),
    ('checkpoints', 'checkpoint', 'iu_collection_checkpoint', '{collection_id,checkpoint_no}', '{bigint,integer}',
     't.collection_id, t.checkpoint_no, t.label, t.revision, t.title, t.manifest_text, t.manifest_digest, t.render_digest, t.piece_count, t.byte_length, t.source_digest, t.source_byte_length, t.created_at, t.created_by'),
    ('checkpoint_pieces', 'piece of a checkpoint', 'iu_collection_checkpoint_piece', '{collection_id,checkpoint_no,unit_id}', '{bigint,integer,bigint}',
     't.collection_id, t.checkpoint_no, t.unit_id, t.version_seq, t.is_pinned, t.unit_version_seq, t.position, t.separator, t.unit_kind, t.title, t.parent_unit_id, t.section_level'),
    ('archives', 'archive', 'iu_archive', '{id}', '{bigint}',
     't.id, t.file_name, t.file_digest, t.file_bytes, t.content_digest, t.content_bytes, t.first_id, t.last_id, t.events, t.attempts, t.older_than, t.oldest_at, t.newest_at, t.made_at, t.made_by'),
    ('archive_moves', 'move of an archive', 'iu_archive_move', '{id}', '{bigint}', 't.id, t.archive_id, t.move, t.xid, t.moved_at, t.moved_by, t.event_ids, t.attempt_counts'),
    ('backups', 'evidence of a backup', 'iu_backup_evidence', '{id}', '{bigint}',
     't.id, t.file_name, t.folder, t.host, t.kind, t.unit_tag, t.server_version, t.file_bytes, t.file_digest, t.entries, t.row_count, t.taken_at, t.last_event, t.last_run, t.checks, t.restorable, t.checked_at, t.checked_by')
$function$;
ALTER FUNCTION fn_dot_history_kinds() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_history_kinds() IS 'What is sealed beside the ledger: the kinds of row, their tables and keys, and the columns that never change';

-- function fn_dot_history_queue()
CREATE OR REPLACE FUNCTION iu_core.fn_dot_history_queue()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  EXECUTE (SELECT format('INSERT INTO dot_iu_history_unsealed (what, row_keys) SELECT %L, array_agg(key) FROM (SELECT concat_ws(''/'', %s) AS key, row_number() OVER () / 1000 AS part FROM new_rows) AS n GROUP BY part',
                          k.what, array_to_string(k.key_columns, ', '))
           FROM fn_dot_history_kinds() AS k WHERE k.relation = TG_TABLE_NAME);
  RETURN NULL;
END
$function$;
ALTER FUNCTION fn_dot_history_queue() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_history_queue() IS 'Trigger function: leaves the keys of new rows for the sealer';

-- function fn_dot_history_seal(integer)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_history_seal(p_limit integer DEFAULT 5000)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
DECLARE
  v_state dot_iu_history_state;
  v_floor bigint;
  v_newest xid8;
  v_now pg_snapshot;
  v_at timestamptz;
  v_group record;
  v_page record;
  v_sealed integer := 0;
BEGIN
  IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 100000 THEN
    RAISE EXCEPTION 'limit: % is not between 1 and 100000', coalesce(p_limit::text, 'null') USING ERRCODE = 'IU002', COLUMN = 'limit';
  ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'sealing needs READ COMMITTED, not %', upper(current_setting('transaction_isolation')) USING ERRCODE = 'IU011', HINT = 'Its snapshot must be taken after its lock.';
  END IF;
  SELECT * INTO v_state FROM dot_iu_history_state;
  -- A state that is gone is not made anew: that would take what is left of the chain for all there was. Verifying tells it.
  IF NOT FOUND THEN
    RETURN 0;
  ELSIF v_state.snap_to IS NULL AND v_state.system_identifier = fn_iu_system_identifier()
     AND v_state.floor_id >= coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0) AND NOT EXISTS (SELECT FROM dot_iu_history_unsealed)
     AND NOT EXISTS (SELECT FROM pg_snapshot_xip(v_state.snap_from) AS x WHERE pg_visible_in_snapshot(x, pg_current_snapshot())
                     AND (EXISTS (SELECT FROM event_outbox AS e WHERE e.xid = x AND e.delivery_lane <> 'held') OR EXISTS (SELECT FROM event_outbox AS e WHERE e.xid = x AND e.delivery_lane = 'held'))) THEN
    RETURN 0;
  -- One sealer at a time; another has nothing to wait for.
  ELSIF NOT pg_try_advisory_xact_lock(hashtext('iu_core.ledger_seal')) THEN
    RETURN 0;
  END IF;
  FOR v_group IN
    WITH next AS (
      SELECT u.id FROM (SELECT n.id, sum(n.size) OVER (ORDER BY n.id) - n.size AS before
                        FROM (SELECT q.id, coalesce(cardinality(q.row_keys), cardinality(q.event_ids)) AS size FROM dot_iu_history_unsealed AS q ORDER BY q.id LIMIT 1000) AS n) AS u
      WHERE u.before < p_limit
    ), taken AS (
      DELETE FROM dot_iu_history_unsealed AS q USING next WHERE q.id = next.id RETURNING q.*
    )
    SELECT t.what, t.is_again,
           (SELECT array_agg(k) FROM taken AS x CROSS JOIN LATERAL unnest(x.row_keys) AS k WHERE (x.what, x.is_again) = (t.what, t.is_again)) AS row_keys,
           (SELECT array_agg(i ORDER BY i) FROM taken AS x CROSS JOIN LATERAL unnest(x.event_ids) AS i WHERE (x.what, x.is_again) = (t.what, t.is_again)) AS event_ids
    FROM taken AS t GROUP BY t.what, t.is_again ORDER BY t.is_again, t.what
  LOOP
    IF v_group.row_keys IS NOT NULL THEN
      v_sealed := v_sealed + fn_dot_history_write(v_group.what, v_group.row_keys, NULL, NULL, v_group.is_again);
    END IF;
    IF v_group.event_ids IS NOT NULL THEN
      v_sealed := v_sealed + fn_dot_history_write(v_group.what, NULL, v_group.event_ids, NULL, v_group.is_again);
    END IF;
    IF v_group.what = 'attempts' THEN
      -- A letter is made with the attempt that failed; one that failed again is there, and sealed.
      v_sealed := v_sealed + fn_dot_history_write('dead_letters', NULL, ARRAY(SELECT split_part(k, '/', 1)::bigint FROM unnest(v_group.row_keys) AS k UNION SELECT unnest(v_group.event_ids)), NULL, true);
    END IF;
  END LOOP;

  SELECT * INTO STRICT v_state FROM dot_iu_history_state;
  -- In this order, as a pass has it: the floor, the newest transaction, the snapshot.
  v_at := clock_timestamp();
  v_floor := coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0);
  v_newest := fn_iu_newest_xid(pg_current_xact_id());
  v_now := fn_iu_snapshot_fenced(pg_current_snapshot(), pg_current_xact_id(), v_newest);
  IF v_state.system_identifier IS DISTINCT FROM fn_iu_system_identifier() OR pg_snapshot_xmin(v_state.snap_from) > pg_snapshot_xmax(v_now) THEN
    -- The first time, or in another cluster: every event is read, whatever its transaction id.
    v_state.system_identifier := fn_iu_system_identifier();
    v_state.snap_from := '1:1:'; v_state.floor_id := 0; v_state.began_at := NULL;
    v_state.snap_to := v_now; v_state.floor_to_id := v_floor; v_state.trusted_id := v_floor; v_state.last_id := 0; v_state.next_at := v_at;
    v_state.again_id := CASE WHEN EXISTS (SELECT FROM dot_iu_history_block WHERE what = 'events') THEN v_floor ELSE 0 END;
  ELSIF v_state.snap_to IS NULL THEN
    v_state.snap_to := v_now; v_state.floor_to_id := v_floor; v_state.trusted_id := 0; v_state.last_id := 0; v_state.next_at := v_at;
  END IF;
  WITH page AS (
    SELECT p.id, p.is_late FROM (
      (SELECT e.id, false AS is_late FROM event_outbox AS e
       WHERE e.id > greatest(v_state.last_id, v_state.floor_id) AND e.xid >= pg_snapshot_xmax(v_state.snap_from)
         AND CASE WHEN e.id <= v_state.trusted_id THEN e.xid <> ALL (ARRAY(SELECT pg_snapshot_xip(v_state.snap_to))) ELSE pg_visible_in_snapshot(e.xid, v_state.snap_to) END
       ORDER BY e.id LIMIT p_limit)
      UNION ALL
      (SELECT l.id, true FROM pg_snapshot_xip(v_state.snap_from) AS x
       CROSS JOIN LATERAL (SELECT e.id FROM event_outbox AS e WHERE e.xid = x AND e.delivery_lane <> 'held' AND e.id > v_state.last_id
                           UNION ALL SELECT e.id FROM event_outbox AS e WHERE e.xid = x AND e.delivery_lane = 'held' AND e.id > v_state.last_id OFFSET 0) AS l
       WHERE pg_visible_in_snapshot(x, v_state.snap_to) ORDER BY l.id LIMIT p_limit)) AS p
    ORDER BY p.id LIMIT p_limit
  )
  SELECT count(*) AS seen, max(id) AS last_id, coalesce(array_agg(id ORDER BY id) FILTER (WHERE NOT is_late), '{}') AS ids, coalesce(array_agg(id ORDER BY id) FILTER (WHERE is_late), '{}') AS late
  INTO STRICT v_page FROM page;
  v_sealed := v_sealed + fn_dot_history_write('events', NULL, v_page.ids, v_state.began_at, v_page.ids[1] <= v_state.again_id)
                       + fn_dot_history_write('events', NULL, v_page.late, NULL, v_page.late[1] <= v_state.again_id);
  IF v_page.seen < p_limit THEN
    v_state.snap_from := v_state.snap_to; v_state.floor_id := v_state.floor_to_id; v_state.began_at := v_state.next_at;
    v_state.snap_to := NULL; v_state.trusted_id := 0; v_state.last_id := 0; v_state.next_at := NULL;
  ELSE
    v_state.last_id := v_page.last_id;
  END IF;
  UPDATE dot_iu_history_state AS s
  SET system_identifier = v_state.system_identifier, snap_from = v_state.snap_from, floor_id = v_state.floor_id, began_at = v_state.began_at, snap_to = v_state.snap_to,
      floor_to_id = v_state.floor_to_id, trusted_id = v_state.trusted_id, last_id = v_state.last_id, next_at = v_state.next_at, again_id = greatest(s.again_id, v_state.again_id);
  RETURN v_sealed;
END
$function$;
ALTER FUNCTION fn_dot_history_seal(integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_history_seal(integer) IS 'One step of sealing the history (fn_dot_history_kinds) into the ledger''s chain: about p_limit rows at most; how many, 0 when there is none or another is sealing. In the caller''s transaction, which must be READ COMMITTED. IU002 bad limit, IU011 wrong isolation level';
GRANT EXECUTE ON FUNCTION fn_dot_history_seal(integer) TO iu_approver;
GRANT EXECUTE ON FUNCTION fn_dot_history_seal(integer) TO iu_console;
GRANT EXECUTE ON FUNCTION fn_dot_history_seal(integer) TO iu_operator;
GRANT EXECUTE ON FUNCTION fn_dot_history_seal(integer) TO iu_worker;

-- function fn_dot_history_verify()
CREATE OR REPLACE FUNCTION iu_core.fn_dot_history_verify()
 RETURNS TABLE(ok boolean, problems text[], rows_sealed bigint, blocks bigint, blocks_unsealed bigint)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_archived int8multirange;
  v_is_counted boolean;
  v_what text;
  v record;
BEGIN
  -- An archive that was removed before its events were written down hides whatever lies between its first and its last.
  SELECT coalesce(range_agg(coalesce(m.event_ids, int8multirange(int8range(a.first_id, a.last_id, '[]')))), '{}'), coalesce(bool_and(m.attempt_counts IS NOT NULL), true)
  INTO v_archived, v_is_counted
  FROM (SELECT DISTINCT ON (x.archive_id) x.archive_id, x.move, x.event_ids, x.attempt_counts FROM iu_archive_move AS x ORDER BY x.archive_id, x.id DESC) AS m
  JOIN iu_archive AS a ON a.id = m.archive_id WHERE m.move = 'removed';

  problems := '{}';
  FOR v_what IN SELECT k.what FROM fn_dot_history_kinds() AS k LOOP
    problems := problems || ARRAY(SELECT fn_dot_history_differs(v_what, v_archived));
  END LOOP;

  -- The clock may go back; then nothing is said of that block.
  SELECT b.seal_no, t.id, t.created_at, count(*) OVER () AS n INTO v
  FROM dot_iu_history_block AS b CROSS JOIN LATERAL unnest(b.row_keys) AS k JOIN event_outbox AS t ON t.id = k::bigint
  WHERE b.what = 'events' AND b.sealed_at > b.written_after AND (t.created_at < b.written_after - interval '1 minute' OR t.created_at > b.sealed_at + interval '1 minute')
  ORDER BY b.seal_no, t.id LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('link %s: event %s says it was written at %s, and was not%s', v.seal_no, v.id, to_char(v.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'), CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;

  -- A letter stands for its attempts, and says of them what they say.
  SELECT a.event_id, a.route_id, a.attempt_no, count(*) OVER () AS n INTO v FROM iu_route_attempt AS a
  WHERE a.status = 'failed' AND NOT EXISTS (SELECT FROM iu_route_dead_letter AS d WHERE d.event_id = a.event_id AND d.route_id = a.route_id)
  ORDER BY a.event_id, a.route_id, a.attempt_no LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('attempt %s/%s/%s failed, and its dead letter is gone%s', v.event_id, v.route_id, v.attempt_no, CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;
  SELECT l.id, l.status, count(*) OVER () AS n INTO v
  FROM iu_route_dead_letter AS l
  WHERE NOT l.event_id <@ v_archived AND NOT coalesce(
    EXISTS (SELECT FROM iu_route_attempt AS a WHERE (a.event_id, a.route_id, a.attempt_no, a.status, a.failure_code) = (l.event_id, l.route_id, l.attempt_no, 'failed', l.failure_code)
                                                    AND coalesce(a.failure_detail, '') = l.failure_detail)
    AND CASE l.status
      WHEN 'open' THEN NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = l.event_id AND a.route_id = l.route_id AND a.attempt_no > l.attempt_no)
        AND NOT (l.route_id = 0 AND EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = l.event_id AND a.route_id > 0 AND a.worker_code = 'replay' AND a.status IN ('dry_run', 'sent')))
        -- What was given up or corrected stays so: neither command can be undone.
        AND NOT EXISTS (SELECT FROM dot_iu_command_run AS r WHERE r.object_refs @> ARRAY['dead_letter:' || l.id] AND r.status = 'succeeded' AND r.mode = 'apply'
                                                                  AND r.command_code IN ('dot_iu_discard_dead_letter', 'dot_iu_discard_dead_letters', 'dot_iu_correct_dead_letter'))
      WHEN 'replayed' THEN EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = l.event_id AND a.route_id = l.route_id AND a.attempt_no = l.resolved_attempt_no AND a.status IN ('dry_run', 'sent'))
      WHEN 'rerouted' THEN EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = l.event_id AND a.route_id <> l.route_id AND a.worker_code = 'replay')
      WHEN 'corrected' THEN EXISTS (SELECT FROM dot_iu_command_run AS r WHERE r.object_refs @> ARRAY['dead_letter:' || l.id, 'event:' || l.corrected_by_event_id] AND r.status = 'succeeded' AND r.command_code = 'dot_iu_correct_dead_letter')
      WHEN 'discarded' THEN EXISTS (SELECT FROM dot_iu_command_run AS r WHERE r.object_refs @> ARRAY['dead_letter:' || l.id] AND r.status = 'succeeded' AND r.actor = l.resolved_by
                                                                             AND r.command_code IN ('dot_iu_discard_dead_letter', 'dot_iu_discard_dead_letters'))
    END, false)
  ORDER BY l.id LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('dead letter %s is %s, and no attempt or run made it so%s', v.id, v.status, CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;

  SELECT r.id, count(*) OVER () AS n INTO v FROM iu_archive AS r
  WHERE NOT EXISTS (SELECT FROM dot_iu_command_run AS c WHERE c.object_refs @> ARRAY['archive:' || r.file_name] AND c.status = 'succeeded' AND c.command_code = 'dot_iu_record_archive')
  ORDER BY r.id LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('archive %s was put on record by no run of the ledger', v.id);
  END IF;

  SELECT c.*, count(*) OVER () AS n INTO v
  FROM (SELECT r.id, r.event_count, count(e.id) AS found
        FROM dot_iu_command_run AS r LEFT JOIN event_outbox AS e ON e.xid = r.xid AND e.id BETWEEN r.event_from AND r.event_to
        WHERE r.event_count > 0 AND NOT int8range(r.event_from, r.event_to, '[]') && v_archived
          AND r.mode <> 'plan' GROUP BY r.id) AS c
  WHERE c.found <> c.event_count ORDER BY c.id LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('run %s wrote %s events, and there are %s%s', v.id, v.event_count, v.found, CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;
  SELECT a.event_id, count(*) OVER () AS n INTO v FROM iu_route_attempt AS a
  WHERE NOT EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id) ORDER BY a.event_id LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('event %s was attempted, and is gone%s', v.event_id, CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;

  -- Roll-ups count what is archived too; where an old archive does not say what it took, only their sum can be held.
  SELECT k.*, count(*) OVER () AS n INTO v
  FROM (SELECT coalesce(c.worker_code, r.worker_code) AS worker_code, coalesce(c.span_start, r.span_start) AS span_start, coalesce(c.route_id, r.route_id) AS route_id, coalesce(c.status, r.status) AS status,
               coalesce(c.n, 0) AS counted, coalesce(r.attempts, 0) AS kept
        FROM (SELECT worker_code, span_start, route_id, status, sum(n) AS n
              FROM (SELECT a.worker_code, date_trunc('hour', a.created_at, 'UTC') AS hour, a.route_id, a.status, count(*) AS n FROM iu_route_attempt AS a GROUP BY 1, 2, 3, 4
                    UNION ALL
                    SELECT x.worker_code, to_timestamp(x.hour), x.route_id, x.status, x.attempts
                    FROM (SELECT DISTINCT ON (y.archive_id) y.move, y.attempt_counts FROM iu_archive_move AS y ORDER BY y.archive_id, y.id DESC) AS m
                    CROSS JOIN LATERAL jsonb_to_recordset(m.attempt_counts) AS x(worker_code text, hour bigint, route_id integer, status text, attempts bigint) WHERE m.move = 'removed') AS p
              CROSS JOIN LATERAL (VALUES ('-infinity'::timestamptz), (p.hour)) AS s(span_start)
              GROUP BY 1, 2, 3, 4) AS c
        FULL JOIN iu_route_attempt_rollup AS r ON (r.worker_code, r.span_start, r.route_id, r.status) = (c.worker_code, c.span_start, c.route_id, c.status)) AS k
  WHERE CASE WHEN v_is_counted THEN k.counted <> k.kept ELSE k.counted > k.kept END
  ORDER BY k.worker_code, k.span_start, k.route_id, k.status LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('the roll-up of %s, route %s, %s, %s counts %s attempts, and there are %s%s', v.worker_code, v.route_id, v.status,
      CASE WHEN isfinite(v.span_start) THEN to_char(v.span_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:00"Z"') ELSE 'all time' END, v.kept, v.counted, CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;

  SELECT coalesce(sum(cardinality(b.row_keys)), 0), count(*) INTO rows_sealed, blocks FROM dot_iu_history_block AS b;
  SELECT count(*) INTO blocks_unsealed FROM dot_iu_history_unsealed;
  ok := cardinality(problems) = 0;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_dot_history_verify() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_history_verify() IS 'Recounts the history: every sealed row is compared with its digest, every row must be sealed or be about to be, dead letters and roll-ups are held against the attempts and the ledger. ok, or what differs, the first of each named. It takes as long as there are rows';
GRANT EXECUTE ON FUNCTION fn_dot_history_verify() TO iu_reader;

-- function fn_dot_history_write(text,text[],bigint[],timestamp with time zone,boolean,text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_history_write(p_what text, p_keys text[], p_event_ids bigint[], p_written_after timestamp with time zone, p_is_again boolean, p_columns text DEFAULT NULL::text)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET "DateStyle" TO 'ISO, MDY'
 SET bytea_output TO 'hex'
 SET extra_float_digits TO '1'
AS $function$
DECLARE
  v_most constant integer := 4096;
  v_given constant integer := coalesce(cardinality(p_keys), cardinality(p_event_ids));
  v_half constant integer := v_given / 2;
  v_kind record;
  v_from text;
  v_first bigint;
  v_last bigint;
  v_known text[] := '{}';
  v_part record;
  v_block dot_iu_history_block;
  v_state dot_iu_history_state;
  v_written integer := 0;
BEGIN
  IF v_given = 0 THEN
    RETURN 0;
  END IF;
  SELECT k.relation, coalesce(p_columns, k.columns) AS columns, k.key_columns[1] AS lead,
         (SELECT string_agg('t.' || c, ', ' ORDER BY n) FROM unnest(k.key_columns) WITH ORDINALITY AS u(c, n)) AS key,
         (SELECT string_agg(format('t.%I = split_part(g.key, ''/'', %s)::%s', c, n, y), ' AND ' ORDER BY n) FROM unnest(k.key_columns, k.key_types) WITH ORDINALITY AS u(c, y, n)) AS is_key
  INTO STRICT v_kind FROM fn_dot_history_kinds() AS k WHERE k.what = p_what;
  v_from := CASE WHEN p_keys IS NOT NULL THEN format('unnest($1) AS g(key) CROSS JOIN LATERAL (SELECT * FROM %I AS t WHERE %s OFFSET 0) AS t', v_kind.relation, v_kind.is_key)
                 ELSE format('unnest($2) AS g(id) CROSS JOIN LATERAL (SELECT * FROM %I AS t WHERE t.%s = g.id%s OFFSET 0) AS t', v_kind.relation,
                             CASE p_what WHEN 'events' THEN 'id' ELSE 'event_id' END, CASE p_what WHEN 'attempts' THEN ' AND t.worker_code <> ''replay''' ELSE '' END) END;
  IF p_is_again THEN
    EXECUTE format('SELECT min(t.%I), max(t.%I) FROM %s', v_kind.lead, v_kind.lead, v_from) INTO v_first, v_last USING p_keys, p_event_ids;
    v_known := ARRAY(SELECT k FROM dot_iu_history_block AS b CROSS JOIN LATERAL unnest(b.row_keys) AS k WHERE b.what = p_what AND b.last_id >= v_first AND b.first_id <= v_last);
  END IF;
  SELECT * INTO STRICT v_state FROM dot_iu_history_state;
  FOR v_part IN EXECUTE format(
    'SELECT array_agg(key ORDER BY n) AS row_keys, array_agg(digest ORDER BY n) AS row_digests, min(lead) AS first_id, max(lead) AS last_id
     FROM (SELECT t.%I AS lead, concat_ws(''/'', %s) AS key, substr(sha256(convert_to(ROW(%s)::text, ''UTF8'')), 1, 16) AS digest, row_number() OVER (ORDER BY %s) AS n
           FROM %s WHERE concat_ws(''/'', %s) <> ALL ($3)) AS r
     GROUP BY (n - 1) / %s ORDER BY min(n)', v_kind.lead, v_kind.key, v_kind.columns, v_kind.key, v_from, v_kind.key, v_most)
    USING p_keys, p_event_ids, v_known
  LOOP
    v_block := ROW(v_state.head_no + 1, p_what, v_kind.columns, v_part.row_keys, v_part.row_digests, p_written_after, fn_iu_system_identifier(), v_part.first_id, v_part.last_id, clock_timestamp());
    v_state.head_no := v_block.seal_no;
    v_state.head_digest := sha256(coalesce(v_state.head_digest, sha256('iu ledger 1')) || fn_dot_history_block_digest(v_block));
    INSERT INTO dot_iu_command_seal (seal_no, run_id, chain_digest, sealed_at) VALUES (v_block.seal_no, NULL, v_state.head_digest, v_block.sealed_at);
    INSERT INTO dot_iu_history_block SELECT v_block.*;
    v_written := v_written + cardinality(v_part.row_keys);
  END LOOP;
  UPDATE dot_iu_history_state SET head_no = v_state.head_no, head_digest = v_state.head_digest WHERE head_no < v_state.head_no;
  RETURN v_written;
EXCEPTION WHEN program_limit_exceeded OR out_of_memory THEN
  -- A payload from before numbers were bounded may be too long to be written out: it is found by halves, and sealed by its hash.
  IF v_given > 1 THEN
    RETURN fn_dot_history_write(p_what, p_keys[1:v_half], p_event_ids[1:v_half], p_written_after, p_is_again)
         + fn_dot_history_write(p_what, p_keys[v_half + 1:], p_event_ids[v_half + 1:], p_written_after, p_is_again);
  ELSIF p_columns IS NULL AND v_kind.columns LIKE '%t.payload%' THEN
    RETURN fn_dot_history_write(p_what, p_keys, p_event_ids, p_written_after, p_is_again, replace(v_kind.columns, 't.payload', 'jsonb_hash_extended(t.payload, 1)'));
  END IF;
  RAISE;
END
$function$;
ALTER FUNCTION fn_dot_history_write(text,text[],bigint[],timestamp with time zone,boolean,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_history_write(text,text[],bigint[],timestamp with time zone,boolean,text) IS 'Seals rows of a kind into the chain, in blocks: those with the keys, or those of the events; how many. The caller holds the chain''s lock';

-- function fn_dot_id_trimmed(text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_id_trimmed(p_id text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
  SELECT regexp_replace(p_id COLLATE "C", hidden || '+$|^' || hidden || '+', '', 'g')
  FROM (VALUES ('[\s\u0001-\u001F\u007F-\u00A0\u00AD\u034F\u061C\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F\u2000-\u200F\u2028-\u202F\u205F-\u206F\u3000\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0000-\U000E0FFF]')) AS c(hidden)
$function$;
ALTER FUNCTION fn_dot_id_trimmed(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_id_trimmed(text) IS 'An id without spaces and invisible characters at either end';

-- function fn_dot_ids_trimmed(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_ids_trimmed(p_params jsonb, p_schema jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
  WITH ids AS (
    SELECT name, p_params -> name AS given, jsonb_typeof(p_params -> name) AS kind
    FROM jsonb_each(CASE WHEN jsonb_typeof(p_params) = 'object' THEN p_schema -> 'properties' ELSE '{}' END) AS p(name, property)
    WHERE p_params ? name AND coalesce(property ->> 'pattern', property -> 'items' ->> 'pattern') <> '^[^\u0001-\u001f\u007f]*$'
  ), trimmed AS (
    SELECT name, given, CASE kind
      WHEN 'string' THEN to_jsonb(fn_dot_id_trimmed(given #>> '{}'))
      WHEN 'array' THEN (SELECT jsonb_agg(CASE jsonb_typeof(e) WHEN 'string' THEN to_jsonb(fn_dot_id_trimmed(e #>> '{}')) ELSE e END ORDER BY n) FROM jsonb_array_elements(given) WITH ORDINALITY AS a(e, n))
    END AS meant
    FROM ids
  )
  SELECT CASE WHEN count(*) = 0 THEN p_params ELSE p_params || jsonb_object_agg(name, meant) END FROM trimmed WHERE meant <> given
$function$;
ALTER FUNCTION fn_dot_ids_trimmed(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_ids_trimmed(jsonb,jsonb) IS 'A command''s parameters with its ids as they were meant: without invisible characters at either end';

-- function fn_dot_instant(jsonb,text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_instant(p_params jsonb, p_name text)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  RETURN (p_params ->> p_name)::timestamptz;
EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow OR invalid_time_zone_displacement_value THEN
  RAISE EXCEPTION '%: "%" is no time', p_name, left(p_params ->> p_name, 80) USING ERRCODE = 'IU002', COLUMN = p_name, HINT = 'Write it as 2030-01-31T12:00:00Z.';
END
$function$;
ALTER FUNCTION fn_dot_instant(jsonb,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_instant(jsonb,text) IS 'A parameter that is a time, null where it is not given; IU002 when it is none';

-- function fn_dot_inventory_register(text,jsonb,text,text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_inventory_register(p_unit text, p_before jsonb, p_class text DEFAULT NULL::text, p_identity text DEFAULT NULL::text)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_last_run constant bigint := (SELECT coalesce(max(id), 0) FROM dot_iu_command_run);
  v_count bigint;
BEGIN
  WITH before AS (
    SELECT b ->> 0 AS class, b ->> 1 AS identity, decode(b ->> 2, 'hex') AS digest, nullif(b -> 3, 'null') AS switched FROM jsonb_array_elements(coalesce(p_before, '[]')) AS b
  ), now AS (
    SELECT c.class, c.identity, c.definition, c.facts, sha256(convert_to(c.definition, 'UTF8')) AS digest, s.switched
    FROM fn_dot_catalogue(CASE WHEN p_class IS NOT NULL THEN ARRAY[p_class] END) AS c LEFT JOIN fn_dot_state() AS s ON s.class = c.class AND s.identity = c.identity
    WHERE p_class IS NULL OR (c.class, c.identity) = (p_class, p_identity)
  ), touched AS MATERIALIZED (
    SELECT class, identity, n.digest IS NULL AS is_gone, n.switched, p_unit IS NOT NULL AND b.switched IS DISTINCT FROM n.switched AS is_switched,
           CASE WHEN is_known THEN n.definition END AS definition, CASE WHEN is_known THEN n.facts END AS facts, CASE WHEN is_known THEN n.digest END AS digest
    FROM before AS b FULL JOIN now AS n USING (class, identity) LEFT JOIN dot_inventory AS i USING (class, identity)
    CROSS JOIN LATERAL (SELECT p_before IS NULL OR p_unit IS NULL OR b.digest IS NOT DISTINCT FROM i.digest) AS k(is_known)
    WHERE b.digest IS DISTINCT FROM n.digest OR b.switched IS DISTINCT FROM n.switched
  ), gone AS (
    DELETE FROM dot_inventory AS i USING touched AS t WHERE t.is_gone AND (i.class, i.identity) = (t.class, t.identity) RETURNING 1
  ), made AS (
    INSERT INTO dot_inventory AS i (class, identity, definition, facts, digest, switched, switched_after_run, server_major, registered_by_unit, registered_by)
    SELECT class, identity, definition, facts, digest, switched, v_last_run, current_setting('server_version_num')::integer / 10000, p_unit, fn_iu_actor() FROM touched WHERE NOT is_gone
    ON CONFLICT (class, identity) DO UPDATE
    SET definition = excluded.definition, facts = excluded.facts, digest = excluded.digest, server_major = excluded.server_major, registered_by_unit = excluded.registered_by_unit,
        registered_at = clock_timestamp(), registered_by = excluded.registered_by,
        -- A definition that changes leaves its switches as they are.
        (switched, switched_after_run) = (SELECT CASE WHEN t.is_switched THEN t.switched ELSE i.switched END, CASE WHEN t.is_switched THEN v_last_run ELSE i.switched_after_run END
                                          FROM touched AS t WHERE (t.class, t.identity) = (i.class, i.identity))
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM made) INTO v_count;
  RETURN v_count;
END
$function$;
ALTER FUNCTION fn_dot_inventory_register(text,jsonb,text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_inventory_register(text,jsonb,text,text) IS 'Registers what a unit (null: a command) has made, changed or dropped since p_before (fn_dot_fingerprints; null: everything there is), of everything or of the one object named; returns how many objects';

-- function fn_dot_inventory_renew(jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_inventory_renew(p_built jsonb)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_major constant integer := current_setting('server_version_num')::integer / 10000;
  v_count bigint;
BEGIN
  WITH built AS MATERIALIZED (
    SELECT b ->> 'class' AS class, b ->> 'identity' AS identity, b ->> 'definition' AS definition, b ->> 'facts' AS facts, sha256(convert_to(b ->> 'definition', 'UTF8')) AS digest, nullif(b -> 'switched', 'null') AS switched, b ->> 'registered_by_unit' AS unit
    FROM jsonb_array_elements(p_built) AS b
  ), gone AS (
    DELETE FROM dot_inventory AS i WHERE i.registered_by_unit IS NOT NULL AND NOT EXISTS (SELECT FROM built AS b WHERE (b.class, b.identity) = (i.class, i.identity)) RETURNING 1
  ), kept AS (
    UPDATE dot_inventory AS i SET server_major = v_major WHERE i.registered_by_unit IS NULL AND NOT EXISTS (SELECT FROM built AS b WHERE (b.class, b.identity) = (i.class, i.identity)) RETURNING 1
  ), made AS (
    INSERT INTO dot_inventory AS i (class, identity, definition, facts, digest, switched, server_major, registered_by_unit)
    SELECT class, identity, definition, facts, digest, switched, v_major, unit FROM built
    ON CONFLICT (class, identity) DO UPDATE
    SET definition = excluded.definition, facts = excluded.facts, digest = excluded.digest, server_major = v_major, registered_at = clock_timestamp(), registered_by = 'db:' || session_user
    WHERE i.registered_by_unit IS NOT NULL AND (i.definition IS DISTINCT FROM excluded.definition OR i.digest IS DISTINCT FROM excluded.digest OR i.server_major <> v_major)
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM kept) + (SELECT count(*) FROM made) INTO v_count;
  RETURN v_count;
END
$function$;
ALTER FUNCTION fn_dot_inventory_renew(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_inventory_renew(jsonb) IS 'Registers anew what the units, built beside this database on this server, make: after a major upgrade, or where it is not known what an object should be; returns how many objects changed';

-- function fn_dot_ledger_row_digest(dot_iu_command_run)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_ledger_row_digest(p_run dot_iu_command_run)
 RETURNS bytea
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT sha256(convert_to(jsonb_build_array(1, (p_run).id, (p_run).command_code, (p_run).mode, (p_run).status, (p_run).code, (p_run).actor, (p_run).actor_kind, (p_run).reason, (p_run).params,
    encode((p_run).param_digest, 'hex'), encode((p_run).state_digest, 'hex'), encode((p_run).plan_digest, 'hex'), (p_run).plan_run_id, (p_run).target_run_id, (p_run).idempotency_key,
    (p_run).object_refs, (p_run).event_count, (p_run).event_from, (p_run).event_to, (p_run).xid::text, (p_run).frozen, (p_run).receipt,
    extract(epoch FROM (p_run).started_at), extract(epoch FROM (p_run).finished_at))::text
    || CASE WHEN num_nonnulls((p_run).head_no, (p_run).head_digest, (p_run).outcome) = 0 THEN '' ELSE jsonb_build_array(2, (p_run).head_no, encode((p_run).head_digest, 'hex'), (p_run).outcome)::text END, 'UTF8'))
$function$;
ALTER FUNCTION fn_dot_ledger_row_digest(dot_iu_command_run) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_ledger_row_digest(dot_iu_command_run) IS 'SHA-256 over one row of the ledger, form 1 or 2';

-- function fn_dot_ledger_seal(integer)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_ledger_seal(p_limit integer DEFAULT 1000)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
  UPDATE dot_iu_history_state SET head_no = v_no, head_digest = v_digest;
  RETURN v_sealed;
END
$function$;
ALTER FUNCTION fn_dot_ledger_seal(integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_ledger_seal(integer) IS 'Chains up to p_limit committed ledger rows and returns how many; 0 when there is none, or another is sealing';
GRANT EXECUTE ON FUNCTION fn_dot_ledger_seal(integer) TO iu_approver;
GRANT EXECUTE ON FUNCTION fn_dot_ledger_seal(integer) TO iu_console;
GRANT EXECUTE ON FUNCTION fn_dot_ledger_seal(integer) TO iu_operator;
GRANT EXECUTE ON FUNCTION fn_dot_ledger_seal(integer) TO iu_worker;

-- function fn_dot_ledger_verify(text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_ledger_verify(p_head text DEFAULT NULL::text)
 RETURNS TABLE(ok boolean, problems text[], rows_sealed bigint, rows_unsealed bigint, head text, head_no bigint)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_link record;
  v_digest bytea := sha256('iu ledger 1');
  v_no bigint := 0;
  v_n bigint;
  v_first bigint;
BEGIN
  problems := '{}';
  IF p_head IS NOT NULL AND p_head !~ '^[0-9a-f]{64}$' THEN
    RAISE EXCEPTION 'head: "%" is no SHA-256 in hex', left(p_head, 80) USING ERRCODE = 'IU002', COLUMN = 'head';
  END IF;
  FOR v_link IN SELECT s.seal_no, s.run_id, s.chain_digest, r AS run, b AS block
                FROM dot_iu_command_seal AS s LEFT JOIN dot_iu_command_run AS r ON r.id = s.run_id LEFT JOIN dot_iu_history_block AS b ON b.seal_no = s.seal_no ORDER BY s.seal_no LOOP
    v_no := v_no + 1;
    IF v_link.seal_no <> v_no THEN
      problems := problems || format('link %s is missing', v_no);
      EXIT;
    ELSIF v_link.run_id IS NOT NULL AND (v_link.run).id IS NULL THEN
      problems := problems || format('link %s: run %s is gone from the ledger', v_no, v_link.run_id);
      EXIT;
    ELSIF v_link.run_id IS NULL AND (v_link.block).seal_no IS NULL THEN
      problems := problems || format('link %s: its block of history is gone', v_no);
      EXIT;
    END IF;
    v_digest := sha256(v_digest || CASE WHEN v_link.run_id IS NULL THEN fn_dot_history_block_digest(v_link.block) ELSE fn_dot_ledger_row_digest(v_link.run) END);
    IF v_digest <> v_link.chain_digest THEN
      problems := problems || CASE WHEN v_link.run_id IS NULL THEN format('link %s: its block of %s is not what was sealed', v_no, (v_link.block).what)
                                   ELSE format('link %s: run %s is not what was sealed', v_no, v_link.run_id) END;
      EXIT;
    END IF;
  END LOOP;
  SELECT count(*) FILTER (WHERE s.run_id IS NOT NULL), encode((array_agg(s.chain_digest ORDER BY s.seal_no DESC))[1], 'hex'), max(s.seal_no) INTO rows_sealed, head, head_no FROM dot_iu_command_seal AS s;
  SELECT count(*) INTO rows_unsealed FROM dot_iu_command_unsealed;
  SELECT count(*) INTO v_n FROM dot_iu_command_run AS r
  WHERE NOT EXISTS (SELECT FROM dot_iu_command_seal AS s WHERE s.run_id = r.id) AND NOT EXISTS (SELECT FROM dot_iu_command_unsealed AS u WHERE u.run_id = r.id);
  IF v_n > 0 THEN
    problems := problems || format('%s runs are neither sealed nor waiting for it', v_n);
  END IF;
  -- An end that was cut off is told by whatever stands on it and was left: the sealer's own state, and every later run.
  SELECT t.head_no INTO v_n FROM dot_iu_history_state AS t
  WHERE t.head_no > 0 AND NOT EXISTS (SELECT FROM dot_iu_command_seal AS s WHERE s.seal_no = t.head_no AND s.chain_digest = t.head_digest);
  IF FOUND THEN
    problems := problems || format('link %s was the newest that was made, and is not in the chain: its end was cut off or written anew', v_n);
  ELSIF EXISTS (SELECT FROM dot_iu_command_seal AS s WHERE s.seal_no > (SELECT t.head_no FROM dot_iu_history_state AS t)) THEN
    problems := problems || format('link %s is newer than the newest that the sealer made', head_no);
  ELSIF NOT EXISTS (SELECT FROM dot_iu_history_state) THEN
    problems := problems || 'the sealer''s state is gone: nobody knows how long the chain was'::text;
  END IF;
  SELECT count(*), min(r.id) INTO v_n, v_first FROM dot_iu_command_run AS r
  WHERE r.head_no IS NOT NULL AND NOT EXISTS (SELECT FROM dot_iu_command_seal AS s WHERE s.seal_no = r.head_no AND s.chain_digest = r.head_digest);
  IF v_n > 0 THEN
    problems := problems || format('run %s%s stands on a link that is not in the chain: links were removed or written anew before it', v_first, CASE WHEN v_n > 1 THEN format(' (and %s more)', v_n - 1) ELSE '' END);
  END IF;
  SELECT count(*), min(r.id) INTO v_n, v_first FROM dot_iu_command_run AS r
  WHERE NOT EXISTS (SELECT FROM dot_iu_command_run AS p WHERE p.id = r.plan_run_id) AND r.plan_run_id IS NOT NULL
     OR NOT EXISTS (SELECT FROM dot_iu_command_run AS p WHERE p.id = r.target_run_id) AND r.target_run_id IS NOT NULL;
  IF v_n > 0 THEN
    problems := problems || format('run %s%s names a run that is gone from the ledger', v_first, CASE WHEN v_n > 1 THEN format(' (and %s more)', v_n - 1) ELSE '' END);
  END IF;
  IF p_head IS NOT NULL AND NOT EXISTS (SELECT FROM dot_iu_command_seal WHERE chain_digest = decode(p_head, 'hex')) THEN
    problems := problems || format('the head %s… is not in this chain: rows were removed or written anew since it was exported', left(p_head, 12));
  END IF;
  ok := cardinality(problems) = 0;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_dot_ledger_verify(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_ledger_verify(text) IS 'Walks the chain from its first link, computing each digest anew, looks for whatever stands on a link that is not there, and for a head that was exported earlier: ok, or what is wrong. The rows of history themselves are recounted by fn_dot_history_verify. IU002 for a head that is no digest';
GRANT EXECUTE ON FUNCTION fn_dot_ledger_verify(text) TO iu_reader;

-- function fn_dot_letter(bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_letter(p_dead_letter_id bigint)
 RETURNS iu_route_dead_letter
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_dot_letter(bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_letter(bigint) IS 'An open dead letter, locked; IU003 unknown, IU016 resolved already';

-- function fn_dot_letter_object(iu_route_dead_letter)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_letter_object(p_before iu_route_dead_letter)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT jsonb_build_object('ref', 'dead_letter:' || d.id, 'change', 'update',
    'before', jsonb_build_object('status', (p_before).status, 'attempt', (p_before).attempt_no, 'failure', (p_before).failure_code),
    'after', jsonb_build_object('status', d.status, 'attempt', coalesce(d.resolved_attempt_no, d.attempt_no)) || CASE d.status WHEN 'replayed' THEN '{}' ELSE jsonb_build_object('failure', d.failure_code) END)
  FROM iu_route_dead_letter AS d WHERE d.id = (p_before).id
$function$;
ALTER FUNCTION fn_dot_letter_object(iu_route_dead_letter) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_letter_object(iu_route_dead_letter) IS 'A dead letter in a plan''s diff';

-- function fn_dot_letters(jsonb,jsonb,integer,boolean)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_letters(p_params jsonb, p_context jsonb, p_most integer, p_is_replay boolean)
 RETURNS bigint[]
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_from constant timestamptz := fn_dot_instant(p_params, 'from');
  v_to constant timestamptz := fn_dot_instant(p_params, 'to');
  v_route constant integer := (SELECT id FROM iu_outbound_route WHERE route_code = p_params ->> 'route');
  v_ids bigint[];
  v_disabled text;
BEGIN
  IF p_context ? 'frozen' THEN
    RETURN fn_dot_thawed(p_context -> 'frozen');
  ELSIF p_params ? 'route' AND v_route IS NULL THEN
    RAISE EXCEPTION 'route: there is no %', p_params ->> 'route' USING ERRCODE = 'IU003', COLUMN = 'route';
  END IF;
  SELECT array_agg(id ORDER BY id) INTO v_ids
  FROM (
    SELECT d.id FROM iu_route_dead_letter AS d LEFT JOIN iu_outbound_route AS r ON r.id = d.route_id
    WHERE d.status = 'open'
      AND (NOT p_params ? 'cause' OR d.cause = p_params ->> 'cause')
      AND (NOT p_params ? 'failure_code' OR d.failure_code = p_params ->> 'failure_code')
      AND (NOT p_params ? 'event_type' OR d.event_type = p_params ->> 'event_type')
      AND (v_route IS NULL OR d.route_id = v_route)
      AND (v_from IS NULL OR d.created_at >= v_from)
      AND (v_to IS NULL OR d.created_at < v_to)
      AND (NOT p_params ? 'through' OR d.id <= (p_params ->> 'through')::bigint)
      AND (NOT p_is_replay OR coalesce(r.enabled, true))
    ORDER BY d.id LIMIT least(p_most, (p_params ->> 'limit')::integer)
  ) AS chosen;
  IF v_ids IS NULL THEN
    SELECT string_agg(route_code, ', ') INTO v_disabled
    FROM (SELECT r.route_code FROM iu_outbound_route AS r
          WHERE p_is_replay AND NOT r.enabled AND (v_route IS NULL OR r.id = v_route) AND (NOT p_params ? 'event_type' OR r.event_type = p_params ->> 'event_type')
            AND EXISTS (SELECT FROM iu_route_dead_letter AS d WHERE d.status = 'open' AND d.route_id = r.id AND (NOT p_params ? 'cause' OR d.cause = p_params ->> 'cause'))
          ORDER BY r.route_code LIMIT 5) AS routes;
    IF v_disabled IS NOT NULL THEN
      RAISE EXCEPTION 'no open dead letter that matches can be attempted: their route is disabled (%)', v_disabled USING ERRCODE = 'IU016', HINT = 'Enable the route first.';
    END IF;
    RAISE EXCEPTION 'no open dead letter matches' USING ERRCODE = 'IU016';
  END IF;
  RETURN v_ids;
END
$function$;
ALTER FUNCTION fn_dot_letters(jsonb,jsonb,integer,boolean) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_letters(jsonb,jsonb,integer,boolean) IS 'The dead letters that a command on many is about; IU016 when none matches, or none could be attempted; IU003 unknown route';

-- function fn_dot_lifecycle_changed(information_unit,text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_lifecycle_changed(p_before information_unit, p_status text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT jsonb_build_object(
    'state', jsonb_build_object('status', (p_before).lifecycle_status, 'version', (p_before).current_version_seq, 'standing_in', (SELECT count(*) FROM iu_collection_piece WHERE unit_id = (p_before).id)),
    'objects', jsonb_build_array(fn_dot_unit_object(p_before, (p_before).id)),
    'result', jsonb_build_object('status', p_status),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_is_' || p_status, 'kind', 'unit', 'unit', (p_before).canonical_address, 'status', p_status)),
    'inverse', jsonb_build_object('command', 'dot_iu_restore_piece', 'params', jsonb_build_object('piece', (p_before).canonical_address)))
$function$;
ALTER FUNCTION fn_dot_lifecycle_changed(information_unit,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_lifecycle_changed(information_unit,text) IS 'What the handlers that change a unit''s lifecycle return; the inverse is the restoration';

-- function fn_dot_line_end_notes(text,text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_line_end_notes(p_before text, p_after text)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH counted AS (
    SELECT side, text, pairs, length(text) - length(replace(text, E'\r', '')) - pairs AS crs, length(text) - length(replace(text, E'\n', '')) - pairs AS lfs
    FROM (SELECT side, text, (length(text) - length(replace(text, E'\r\n', ''))) / 2 AS pairs
          FROM (VALUES ('before', coalesce(p_before, '')), ('after', coalesce(p_after, ''))) AS given(side, text)) AS of_pairs
  ), kinds AS (
    SELECT k.n, k.kind, k.before, k.after
    FROM counted AS b, counted AS a, LATERAL (VALUES (1, 'CRLF', b.pairs, a.pairs), (2, 'CR', b.crs, a.crs), (3, 'LF', b.lfs, a.lfs)) AS k(n, kind, before, after)
    WHERE b.side = 'before' AND a.side = 'after'
  )
  SELECT coalesce(jsonb_agg(note ORDER BY n), '[]')
  FROM (
    SELECT 1 AS n, 'Line ends change: ' || string_agg(format('%s %s → %s', kind, before, after), ', ' ORDER BY kinds.n) FILTER (WHERE before <> after) || '.' AS note
    FROM kinds
    -- Some became fewer while others became more, or there is a kind beside those that the text had.
    HAVING (bool_or(after < before) AND bool_or(after > before)) OR (bool_or(before > 0) AND bool_or(before = 0 AND after > 0))
    UNION ALL
    SELECT 2, CASE WHEN right(p_after, 1) IN (E'\r', E'\n') THEN 'The text now ends with a line end.' ELSE 'The text no longer ends with a line end.' END
    WHERE p_before <> '' AND p_after <> '' AND right(p_before, 1) IN (E'\r', E'\n') <> (right(p_after, 1) IN (E'\r', E'\n'))
  ) AS notes
$function$;
ALTER FUNCTION fn_dot_line_end_notes(text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_line_end_notes(text,text) IS 'What a plan says where a text''s line ends become others, or its last line end comes or goes; an empty list where neither is so';

-- function fn_dot_loss(iu_collection,integer,bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_loss(p_before iu_collection, p_pieces_removed integer, p_bytes bigint)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  -- Removed pieces may be many and short, and one piece may be all of a document: so both are counted.
  SELECT CASE WHEN 5 * p_pieces_removed > (p_before).piece_count OR 5 * ((p_before).byte_length - p_bytes) > (p_before).byte_length
    THEN jsonb_build_array(jsonb_build_object('because', 'removals', 'what', format('It removes %s of the %s pieces of %s: %s bytes become %s.',
      p_pieces_removed, (p_before).piece_count, (p_before).canonical_address, (p_before).byte_length, p_bytes) || CASE WHEN p_bytes = 0 THEN ' The document will be empty.' ELSE '' END))
    ELSE '[]' END
$function$;
ALTER FUNCTION fn_dot_loss(iu_collection,integer,bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_loss(iu_collection,integer,bigint) IS 'Why a change asks for a plan and a reason: it removes more than a fifth of a document, by its pieces or its bytes; an empty list where it does not';

-- function fn_dot_object_fields(jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_object_fields(p_object jsonb)
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT ARRAY(
    SELECT key FROM (SELECT jsonb_object_keys(coalesce(p_object -> 'before', '{}')) UNION SELECT jsonb_object_keys(coalesce(p_object -> 'after', '{}'))) AS known(key)
    WHERE p_object -> 'before' -> key IS DISTINCT FROM p_object -> 'after' -> key)
$function$;
ALTER FUNCTION fn_dot_object_fields(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_object_fields(jsonb) IS 'The fields in which an object of a receipt is not what it was';

-- function fn_dot_own_password(iu_account,text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_own_password(p_account iu_account, p_key text)
 RETURNS void
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  IF (p_account).status <> 'active' THEN
    RAISE EXCEPTION 'the account was disabled meanwhile' USING ERRCODE = 'IU012';
  END IF;
  -- Whatever command they were given to: a session left open is not a place to guess.
  IF 5 <= (SELECT count(*) FROM dot_iu_command_run
           WHERE actor = (p_account).account AND code = 'invalid_parameter' AND receipt ->> 'field' = 'current_password' AND finished_at > clock_timestamp() - interval '15 minutes') THEN
    RAISE EXCEPTION 'current_password: too many wrong ones' USING ERRCODE = 'IU019', COLUMN = 'current_password', HINT = 'Wait a quarter of an hour, or ask an admin to set the password.';
  END IF;
  IF ((p_account).password_verifier = sha256(decode(p_key, 'hex'))) IS NOT TRUE THEN
    RAISE EXCEPTION 'current_password: it is not the present one' USING ERRCODE = 'IU002', COLUMN = 'current_password';
  END IF;
END
$function$;
ALTER FUNCTION fn_dot_own_password(iu_account,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_own_password(iu_account,text) IS 'Raises unless this is the key of the account''s present password: a session left open is not enough to take the account over, nor to make a token. IU002 wrong, IU019 too many wrong ones, IU012 disabled';

-- function fn_dot_params_kept(dot_iu_command,jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_params_kept(p_command dot_iu_command, p_params jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT CASE WHEN jsonb_typeof(p_params) <> 'object' THEN jsonb_build_object('not_an_object', jsonb_typeof(p_params)) ELSE (
    SELECT coalesce(jsonb_object_agg(key, CASE
             WHEN key = ANY ((p_command).secret_params) THEN '"(secret)"'::jsonb
             WHEN value IN ('null', '""', '[]', '{}') THEN value                -- no text at all
             WHEN key = ANY ((p_command).body_params) OR octet_length(value::text) > 8192 THEN fn_dot_text_kept(value)
             WHEN cardinality(fn_iu_payload_problems(value, (p_command).param_schema -> 'properties' -> key)) > 0 THEN fn_dot_text_kept(value)
             ELSE value END) FILTER (WHERE is_known), '{}')
        -- What the command does not know may be anything, a secret under another name too.
        || CASE WHEN bool_or(NOT is_known) THEN jsonb_build_object('(unknown)', count(*) FILTER (WHERE NOT is_known)) ELSE '{}' END
    FROM (SELECT key, value, (p_command).param_schema -> 'properties' ? key AS is_known FROM jsonb_each(p_params)) AS p) END
$function$;
ALTER FUNCTION fn_dot_params_kept(dot_iu_command,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_params_kept(dot_iu_command,jsonb) IS 'The parameters as the ledger keeps them: numbers, terms and names; texts, URLs and whatever is large as SHA-256 and bytes; no secrets; and how many the command does not know';

-- function fn_dot_piece_facts(bigint,bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_piece_facts(p_collection_id bigint, p_unit_id bigint)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT jsonb_strip_nulls(jsonb_build_object('at', p.position::text, 'pinned_version', p.pinned_version_seq, 'separator', p.separator, 'after', (
           SELECT u.canonical_address FROM iu_collection_piece AS o JOIN information_unit AS u ON u.id = o.unit_id
           WHERE o.collection_id = p_collection_id AND o.position < p.position ORDER BY o.position DESC LIMIT 1)))
  FROM iu_collection_piece AS p WHERE p.collection_id = p_collection_id AND p.unit_id = p_unit_id
$function$;
ALTER FUNCTION fn_dot_piece_facts(bigint,bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_piece_facts(bigint,bigint) IS 'A membership in a plan''s diff: its exact position, the piece before it, pin and separator; null when the unit does not stand there';

-- function fn_dot_place(bigint,bigint,jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_place(p_collection_id bigint, p_unit_id bigint, p_params jsonb)
 RETURNS numeric
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_dot_place(bigint,bigint,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_place(bigint,bigint,jsonb) IS 'The position that the parameters ask for (to: first or last, after, before, position: a number from 1, at: the exact key), last when they ask for none. The unit itself does not count. IU002 a bad place, IU003 a neighbour that is not there, IU004 a taken key, IU016 when it stands there already';

-- function fn_dot_principals()
CREATE OR REPLACE FUNCTION iu_core.fn_dot_principals()
 RETURNS TABLE(identity text, definition text, undo text, refuses boolean)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET quote_all_identifiers TO 'off'
 SET standard_conforming_strings TO 'on'
 SET bytea_output TO 'hex'
 SET "DateStyle" TO 'ISO, YMD'
 SET "IntervalStyle" TO 'postgres'
 SET "TimeZone" TO 'UTC'
 SET extra_float_digits TO '1'
AS $function$
DECLARE
  v_schema constant oid := 'iu_core'::regnamespace;
  v_database constant oid := (SELECT oid FROM pg_database WHERE datname = current_database());
  v_owner constant oid := to_regrole('iu_owner');
  v_ours constant oid[] := ARRAY(SELECT to_regrole(substr(e.identity, 6))::oid FROM fn_dot_principals_expected() AS e WHERE e.identity LIKE 'role %' AND to_regrole(substr(e.identity, 6)) IS NOT NULL);
  -- Roles of PostgreSQL whose members read or write every table, or everything on the server.
  v_mighty constant oid[] := ARRAY(SELECT oid FROM pg_roles WHERE rolname IN ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program'));
  -- Whoever is a member of one of ours, by whatever way.
  v_members oid[];
BEGIN
  RETURN QUERY
  SELECT format('role %I', rolname), format('ALTER ROLE %I %s;', rolname, concat_ws(' ', CASE WHEN rolsuper THEN 'SUPERUSER' ELSE 'NOSUPERUSER' END,
           CASE WHEN rolcreatedb THEN 'CREATEDB' ELSE 'NOCREATEDB' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' ELSE 'NOCREATEROLE' END, CASE WHEN rolreplication THEN 'REPLICATION' ELSE 'NOREPLICATION' END,
           CASE WHEN rolbypassrls THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END, CASE WHEN rolinherit THEN 'INHERIT' ELSE 'NOINHERIT' END, CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END)), NULL::text, true
  FROM pg_roles WHERE oid = ANY (v_ours);

  -- A membership is a row for who is a member and of what; in the versions that keep several, by who granted them, of all of them.
  -- From a role of ours, or one of the mighty, down to whoever is a member, by others or not; and from one of ours up to what it is a member of.
  RETURN QUERY
  WITH RECURSIVE edges AS MATERIALIZED (
    SELECT m.roleid, m.member, format('GRANT %s TO %s%s;', m.roleid::regrole, m.member::regrole, coalesce(' WITH ' || nullif(concat_ws(', ', CASE WHEN m.admin_option THEN 'ADMIN OPTION' END,
             CASE WHEN NOT (j ->> 'inherit_option')::boolean THEN 'INHERIT FALSE' END, CASE WHEN NOT (j ->> 'set_option')::boolean THEN 'SET FALSE' END), ''), '')) AS line,
           format('REVOKE %s FROM %s%s CASCADE;', m.roleid::regrole, m.member::regrole, ' GRANTED BY ' || (SELECT oid::regrole FROM pg_roles WHERE oid = m.grantor)) AS undo
    FROM pg_auth_members AS m CROSS JOIN LATERAL to_jsonb(m) AS j
  ), down(target, roleid, member) AS (
    SELECT e.roleid, e.roleid, e.member FROM edges AS e WHERE e.roleid = ANY (v_ours || v_mighty) AND NOT e.member = ANY (v_ours)
    UNION
    SELECT d.target, e.roleid, e.member FROM down AS d JOIN edges AS e ON e.roleid = d.member WHERE NOT e.member = ANY (v_ours)
  ), up(target, roleid, reached) AS (
    SELECT e.member, e.roleid, e.roleid FROM edges AS e WHERE e.member = ANY (v_ours)
    UNION
    SELECT u.target, u.roleid, e.roleid FROM up AS u JOIN edges AS e ON e.member = u.reached WHERE NOT u.reached = ANY (v_ours)
  )
  SELECT format('member %s of %s', d.member::regrole, d.target::regrole), string_agg(DISTINCT e.line, chr(10) ORDER BY e.line),
         -- By a role that is no member itself in good order it is told once what is wrong.
         string_agg(DISTINCT CASE WHEN d.roleid = d.target OR EXISTS (SELECT FROM dot_inventory AS i WHERE i.class = 'principal' AND i.identity = format('member %s of %s', d.roleid::regrole, d.target::regrole))
                             THEN e.undo ELSE format('-- it comes right with member %s of %s', d.roleid::regrole, d.target::regrole) END, chr(10)),
         d.target::regrole::text NOT IN ('iu_reader', 'iu_emitter', 'iu_worker')
  FROM down AS d JOIN edges AS e ON (e.roleid, e.member) = (d.roleid, d.member)
  -- Who may do everything is made no mightier by these.
  WHERE NOT (d.target = ANY (v_mighty) AND (SELECT rolsuper OR oid < 16384 FROM pg_roles WHERE oid = d.member))
  GROUP BY d.target, d.member
  UNION ALL
  SELECT format('member %s of %s', u.target::regrole, u.roleid::regrole),
         concat_ws(chr(10), (SELECT string_agg(DISTINCT e.line, chr(10) ORDER BY e.line) FROM edges AS e WHERE (e.roleid, e.member) = (u.roleid, u.target)), '-- and by that of ' || u.others),
         (SELECT string_agg(DISTINCT e.undo, chr(10)) FROM edges AS e WHERE (e.roleid, e.member) = (u.roleid, u.target)), u.roleid IS DISTINCT FROM to_regrole('iu_reader')
  FROM (SELECT target, roleid, string_agg(reached::regrole::text, ', ' ORDER BY reached::regrole::text COLLATE "C") FILTER (WHERE reached <> roleid) AS others FROM up GROUP BY target, roleid) AS u;

  v_members := ARRAY(
    WITH RECURSIVE down(member) AS (
      SELECT m.member FROM pg_auth_members AS m WHERE m.roleid = ANY (v_ours)
      UNION SELECT m.member FROM down AS d JOIN pg_auth_members AS m ON m.roleid = d.member)
    SELECT member FROM down WHERE NOT member = ANY (v_ours));

  RETURN QUERY
  SELECT format('role %I', rolname), format('ALTER ROLE %I %s;', rolname, a.said), format('ALTER ROLE %I %s;', rolname, regexp_replace(a.said, '(\w+)', 'NO\1', 'g')), true
  FROM pg_roles CROSS JOIN LATERAL (SELECT concat_ws(' ', CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolreplication THEN 'REPLICATION' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END) AS said) AS a
  WHERE oid = ANY (v_members) AND a.said <> '';

  RETURN QUERY
  SELECT format('setting %s of %s', split_part(s.line, '=', 1), n.whose), format('%s SET %s = %s;', n.what, split_part(s.line, '=', 1), CASE WHEN split_part(s.line, '=', 1) IN ('search_path', 'local_preload_libraries', 'session_preload_libraries', 'temp_tablespaces') THEN coalesce(nullif(v.value, ''), '''''') ELSE quote_literal(v.value) END),
         format('%s RESET %s;', n.what, split_part(s.line, '=', 1)), true
  FROM pg_db_role_setting AS d CROSS JOIN LATERAL unnest(d.setconfig) AS s(line)
  CROSS JOIN LATERAL (SELECT substr(s.line, strpos(s.line, '=') + 1) AS value) AS v
  CROSS JOIN LATERAL (
    SELECT CASE WHEN d.setrole = 0 AND d.setdatabase = 0 THEN 'all roles' WHEN d.setrole = 0 THEN 'the database' ELSE format('role %s%s', d.setrole::regrole, CASE WHEN d.setdatabase <> 0 THEN ' in the database' END) END AS whose,
           CASE WHEN d.setrole = 0 AND d.setdatabase = 0 THEN 'ALTER ROLE ALL' WHEN d.setrole = 0 THEN 'ALTER DATABASE current_database'
                ELSE format('ALTER ROLE %s%s', d.setrole::regrole, CASE WHEN d.setdatabase <> 0 THEN ' IN DATABASE current_database' END) END AS what
  ) AS n
  WHERE d.setdatabase IN (0, v_database) AND (d.setrole = 0 OR d.setrole = ANY (v_ours || v_members));

  -- As they are in force for everybody, whatever a session, a role or this database has set.
  RETURN QUERY
  SELECT format('setting %s of the server', s.name), format('%s = %s', s.name, s.reset_val),
         CASE WHEN s.source = 'command line' THEN format('-- it stands on the server''s command line: take it out there, and start the server anew') ELSE format(E'ALTER SYSTEM SET %s = ''%s'';\nSELECT pg_reload_conf();', s.name, w.value) END, true
  FROM (VALUES ('fsync', 'on'), ('full_page_writes', 'on'), ('synchronous_commit', 'on'), ('session_replication_role', 'origin'), ('zero_damaged_pages', 'off'), ('ignore_checksum_failure', 'off'), ('allow_system_table_mods', 'off'), ('event_triggers', 'on')) AS w(name, value)
  JOIN pg_settings AS s ON s.name = w.name
  WHERE s.reset_val <> w.value AND NOT (s.name = 'synchronous_commit' AND s.reset_val IN ('local', 'remote_write', 'remote_apply'))
    AND s.source NOT IN ('client', 'database', 'user', 'database user')
    AND NOT EXISTS (SELECT FROM pg_db_role_setting AS d CROSS JOIN LATERAL unnest(d.setconfig) AS l WHERE starts_with(l, s.name || '=') AND d.setdatabase IN (0, v_database) AND d.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user)));
  -- What was set and is not in force yet: for the owner to see only where an administrator lets it.
  IF has_function_privilege('pg_show_all_file_settings()', 'EXECUTE') THEN
    RETURN QUERY
    SELECT format('setting %s of the server, not in force yet', f.name), format('%s = %s', f.name, f.setting), format('ALTER SYSTEM RESET %s;', f.name), true
    FROM pg_show_all_file_settings() AS f
    WHERE f.name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'session_replication_role', 'zero_damaged_pages', 'ignore_checksum_failure') AND f.sourcefile LIKE '%postgresql.auto.conf'
      AND f.setting IS DISTINCT FROM (SELECT s.reset_val FROM pg_settings AS s WHERE s.name = f.name) AND f.setting IN ('off', 'false', 'no', '0', 'replica', 'local');
  END IF;

  RETURN QUERY
  SELECT 'owner of the database', format('ALTER DATABASE current_database OWNER TO %s;', datdba::regrole), NULL::text, true FROM pg_database WHERE oid = v_database;

  RETURN QUERY
  SELECT format('rights of %s on the database', n.name), string_agg(DISTINCT format('GRANT %s ON DATABASE current_database TO %s%s;', a.privilege_type, n.name, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END), chr(10)),
         format('REVOKE ALL ON DATABASE current_database FROM %s CASCADE;', n.name), true
  FROM pg_database AS d CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
  CROSS JOIN LATERAL (SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS name) AS n
  WHERE d.oid = v_database AND a.grantee <> d.datdba
  GROUP BY n.name
  UNION ALL
  SELECT format('rights of PUBLIC on function %s', p.oid::regprocedure), format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC;', p.oid::regprocedure), format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC;', p.oid::regprocedure), false
  FROM pg_proc AS p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ fn_dot_closed_functions() AND has_function_privilege('public', p.oid, 'EXECUTE')
  UNION ALL
  SELECT 'rights of PUBLIC on schema public', 'GRANT CREATE ON SCHEMA public TO PUBLIC;', 'REVOKE CREATE ON SCHEMA public FROM PUBLIC;', true WHERE has_schema_privilege('public', to_regnamespace('public'), 'CREATE');

  -- Each function of ours looks into pg_catalog first: rights there that initdb did not give are rights on what all of us call.
  RETURN QUERY
  WITH given AS MATERIALIZED (
    SELECT 'pg_namespace'::regclass AS classid, n.oid, 'schema pg_catalog' AS called, '' AS name, n.nspacl AS acl, 'n' AS letter, n.nspowner AS owner FROM pg_namespace AS n WHERE n.nspname = 'pg_catalog'
    UNION ALL SELECT 'pg_proc'::regclass, p.oid, format('function pg_catalog.%s', p.oid::regprocedure), p.proname, p.proacl, 'f', p.proowner FROM pg_proc AS p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.oid < 16384 AND p.proacl IS NOT NULL
    UNION ALL SELECT 'pg_class'::regclass, c.oid, format('table pg_catalog.%I', c.relname), c.relname, c.relacl, 'r', c.relowner FROM pg_class AS c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relacl IS NOT NULL
  ), more AS (
    SELECT g.called, g.name, a.grantee, a.privilege_type
    FROM given AS g CROSS JOIN LATERAL aclexplode(g.acl) AS a
    WHERE a.grantee <> g.owner AND (a.grantee = 0 OR a.grantee = ANY (v_ours || v_members) OR g.letter = 'n') AND NOT coalesce((SELECT r.rolsuper FROM pg_roles AS r WHERE r.oid = a.grantee), false)
      AND NOT EXISTS (
        SELECT FROM aclexplode(coalesce((SELECT i.initprivs FROM pg_init_privs AS i WHERE (i.classoid, i.objoid, i.objsubid) = (g.classid, g.oid, 0)), acldefault(g.letter::"char", g.owner))) AS i
        WHERE (i.grantee, i.privilege_type) = (a.grantee, a.privilege_type))
  )
  SELECT format('rights of %s on %s', n.name, m.called), string_agg(format('GRANT %s ON %s TO %s;', m.privilege_type, m.called, n.name), chr(10) ORDER BY m.privilege_type),
         format('REVOKE ALL ON %s FROM %s CASCADE;', m.called, n.name), true
  FROM more AS m CROSS JOIN LATERAL (SELECT CASE m.grantee WHEN 0 THEN 'PUBLIC' ELSE m.grantee::regrole::text END AS name) AS n
  -- Bootstrap takes these from PUBLIC and gives them to the owner, whose functions lock by them; the last an administrator may give, so that settings to come are seen.
  WHERE NOT (m.grantee = v_owner AND (m.name ~ fn_dot_closed_functions() OR m.name = 'pg_show_all_file_settings'))
  GROUP BY n.name, m.called;

  RETURN QUERY
  SELECT format('rights of %s on parameter %s', n.name, p.parname), string_agg(DISTINCT format('GRANT %s ON PARAMETER %I TO %s%s;', a.privilege_type, p.parname, n.name, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END), chr(10)),
         format('REVOKE ALL ON PARAMETER %I FROM %s CASCADE;', p.parname, n.name), true
  FROM pg_parameter_acl AS p CROSS JOIN LATERAL aclexplode(p.paracl) AS a
  CROSS JOIN LATERAL (SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS name) AS n
  WHERE a.grantee = 0 OR a.grantee = ANY (v_ours || v_members) AND NOT (SELECT rolsuper FROM pg_roles WHERE oid = a.grantee)
  GROUP BY n.name, p.parname;

  -- Of what the owner makes anywhere. In our schema they are class other, whoever's they are.
  RETURN QUERY
  SELECT format('default privileges of %s on %s', d.defaclrole::regrole, k.kind), d.defaclacl::text,
         (SELECT string_agg(format('ALTER DEFAULT PRIVILEGES FOR ROLE %s %s %s ON %s %s %s;', d.defaclrole::regrole, CASE WHEN is_more THEN 'REVOKE' ELSE 'GRANT' END, privilege_type, k.kind, CASE WHEN is_more THEN 'FROM' ELSE 'TO' END,
                   CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END), chr(10))
          FROM (SELECT true AS is_more, * FROM (SELECT grantee, privilege_type FROM aclexplode(d.defaclacl) EXCEPT SELECT grantee, privilege_type FROM aclexplode(acldefault(k.letter, d.defaclrole))) AS m
                UNION ALL SELECT false, * FROM (SELECT grantee, privilege_type FROM aclexplode(acldefault(k.letter, d.defaclrole)) EXCEPT SELECT grantee, privilege_type FROM aclexplode(d.defaclacl)) AS l) AS c), true
  FROM pg_default_acl AS d
  JOIN (VALUES ('r', 'TABLES', 'r'::"char"), ('S', 'SEQUENCES', 's'), ('f', 'FUNCTIONS', 'f'), ('T', 'TYPES', 'T'), ('n', 'SCHEMAS', 'n')) AS k(type, kind, letter) ON k.type = d.defaclobjtype::text
  WHERE d.defaclnamespace = 0 AND d.defaclrole = v_owner;

  RETURN QUERY
  SELECT format('event trigger %I', evtname), concat_ws(chr(10), format('CREATE EVENT TRIGGER %I ON %s%s EXECUTE FUNCTION %s;', evtname, evtevent, ' WHEN TAG IN (' || array_to_string(evttags, ', ') || ')', evtfoid::regprocedure),
         CASE WHEN evtenabled <> 'O' THEN format('-- enabled: %s', evtenabled) END, pg_get_functiondef(evtfoid)), format('DROP EVENT TRIGGER IF EXISTS %I;', evtname), true
  FROM pg_event_trigger
  UNION ALL
  SELECT format('publication %I', p.pubname), concat_ws(chr(10), format('CREATE PUBLICATION %I%s; -- %s', p.pubname, CASE WHEN p.puballtables THEN ' FOR ALL TABLES' END, p.pubowner::regrole), CASE WHEN s.is_whole THEN format('ALTER PUBLICATION %I ADD TABLES IN SCHEMA iu_core;', p.pubname) END,
           (SELECT string_agg(format('ALTER PUBLICATION %I ADD TABLE %s%s%s;', p.pubname, r.prrelid::regclass,
             ' (' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs)) || ')', ' WHERE ' || pg_get_expr(r.prqual, r.prrelid)), chr(10) ORDER BY r.prrelid::regclass::text COLLATE "C") FROM pg_publication_rel AS r WHERE r.prrelid = ANY (t.tables) AND r.prpubid = p.oid)),
         CASE WHEN p.puballtables THEN format('DROP PUBLICATION %I;', p.pubname)
              ELSE concat_ws(chr(10), CASE WHEN s.is_whole THEN format('ALTER PUBLICATION %I DROP TABLES IN SCHEMA iu_core;', p.pubname) END, 'ALTER PUBLICATION ' || quote_ident(p.pubname) || ' DROP TABLE ' || (SELECT string_agg('iu_core.' || quote_ident(c.relname), ', ') FROM pg_class AS c WHERE c.oid = ANY (t.tables)) || ';') END, false
  FROM pg_publication AS p
  CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM pg_publication_namespace AS n WHERE n.pnpubid = p.oid AND n.pnnspid = v_schema) AS is_whole) AS s
  CROSS JOIN LATERAL (SELECT ARRAY(SELECT r.prrelid FROM pg_publication_rel AS r JOIN pg_class AS c ON c.oid = r.prrelid WHERE r.prpubid = p.oid AND c.relnamespace = v_schema) AS tables) AS t
  WHERE p.puballtables OR s.is_whole OR cardinality(t.tables) > 0
  UNION ALL
  SELECT format('subscription %I', subname), format('CREATE SUBSCRIPTION %I PUBLICATION %s; -- %s', subname, array_to_string(subpublications, ', '), subowner::regrole),
         format(E'ALTER SUBSCRIPTION %1$I DISABLE;\nALTER SUBSCRIPTION %1$I SET (slot_name = NONE);\nDROP SUBSCRIPTION %1$I;', subname), true
  FROM pg_subscription WHERE subdbid = v_database
  UNION ALL
  SELECT format('replication slot %I', slot_name), format('-- logical, by %s', plugin), format('SELECT pg_drop_replication_slot(%L);', slot_name), false
  FROM pg_replication_slots WHERE database = current_database() AND NOT temporary
  UNION ALL
  SELECT format('child %s of %s', h.inhrelid::regclass, h.inhparent::regclass), concat_ws(chr(10), format('ALTER TABLE %s INHERIT %s;', h.inhrelid::regclass, h.inhparent::regclass), 'owner ' || l.relowner::regrole, 'rights ' || array_to_string(l.relacl, ', ')), format('ALTER TABLE %s NO INHERIT %s;', h.inhrelid::regclass, h.inhparent::regclass), true
  FROM pg_inherits AS h JOIN pg_class AS c ON c.oid = h.inhparent JOIN pg_class AS l ON l.oid = h.inhrelid WHERE c.relnamespace = v_schema AND c.relkind IN ('r', 'f') AND l.relnamespace <> v_schema
  UNION ALL
  SELECT format('foreign table %s', f.ftrelid::regclass), format('CREATE FOREIGN TABLE %s SERVER %I OPTIONS (%s);', f.ftrelid::regclass, s.srvname, array_to_string(f.ftoptions, ', ')), format('DROP FOREIGN TABLE IF EXISTS %s CASCADE;', f.ftrelid::regclass), true
  FROM pg_foreign_table AS f JOIN pg_foreign_server AS s ON s.oid = f.ftserver JOIN pg_class AS c ON c.oid = f.ftrelid WHERE c.relnamespace <> v_schema AND f.ftoptions::text ~ 'iu_core';

  -- Whatever stands in another schema upon an object of ours, or upon what does: by PostgreSQL's own dependencies. And, which
  -- have none: functions that run with their owner's rights and name the schema, or whose owner is ours; and what anybody made
  -- in pg_catalog, where it comes before ours.
  RETURN QUERY
  WITH RECURSIVE mine(classid, objid) AS MATERIALIZED (
    SELECT 'pg_class'::regclass::oid, oid FROM pg_class WHERE relnamespace = v_schema
    UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace = v_schema
    UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typnamespace = v_schema
  ), upon(classid, objid, objsubid, place) AS (
    SELECT d.classid, d.objid, d.objsubid, n.place
    FROM mine AS m JOIN pg_depend AS d ON (d.refclassid, d.refobjid) = (m.classid, m.objid)
    CROSS JOIN LATERAL (SELECT CASE d.classid
      WHEN 'pg_class'::regclass THEN (SELECT relnamespace FROM pg_class WHERE oid = d.objid) WHEN 'pg_proc'::regclass THEN (SELECT pronamespace FROM pg_proc WHERE oid = d.objid)
      WHEN 'pg_type'::regclass THEN (SELECT typnamespace FROM pg_type WHERE oid = d.objid) WHEN 'pg_constraint'::regclass THEN (SELECT connamespace FROM pg_constraint WHERE oid = d.objid)
      WHEN 'pg_rewrite'::regclass THEN (SELECT c.relnamespace FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class WHERE r.oid = d.objid)
      WHEN 'pg_trigger'::regclass THEN (SELECT c.relnamespace FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid WHERE t.oid = d.objid)
      WHEN 'pg_policy'::regclass THEN (SELECT c.relnamespace FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid WHERE p.oid = d.objid)
      WHEN 'pg_attrdef'::regclass THEN (SELECT c.relnamespace FROM pg_attrdef AS a JOIN pg_class AS c ON c.oid = a.adrelid WHERE a.oid = d.objid)
      WHEN 'pg_operator'::regclass THEN (SELECT oprnamespace FROM pg_operator WHERE oid = d.objid) WHEN 'pg_statistic_ext'::regclass THEN v_schema ELSE 0 END AS place) AS n
    WHERE d.deptype <> 'i' AND n.place <> v_schema AND d.classid NOT IN ('pg_publication_rel'::regclass, 'pg_publication_namespace'::regclass, 'pg_event_trigger'::regclass, 'pg_extension'::regclass)
    UNION
    SELECT d.classid, d.objid, 0, c.relnamespace
    FROM upon AS u JOIN pg_rewrite AS r ON u.classid = 'pg_rewrite'::regclass AND r.oid = u.objid
    JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = r.ev_class AND d.classid = 'pg_rewrite'::regclass AND d.deptype = 'n'
    JOIN pg_rewrite AS w ON w.oid = d.objid JOIN pg_class AS c ON c.oid = w.ev_class WHERE c.relnamespace <> v_schema
  ), before_ours(classid, objid) AS (
    SELECT s.classid, s.objid
    FROM (SELECT 'pg_proc'::regclass::oid AS classid, oid AS objid FROM pg_proc WHERE oid >= 16384 AND pronamespace = 'pg_catalog'::regnamespace
          UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator WHERE oid >= 16384 AND oprnamespace = 'pg_catalog'::regnamespace
          UNION ALL SELECT 'pg_class'::regclass, oid FROM pg_class WHERE oid >= 16384 AND relnamespace = 'pg_catalog'::regnamespace AND relkind NOT IN ('i', 'I', 't')
          UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast WHERE oid >= 16384 AND castsource < 16384 AND casttarget < 16384) AS s
    WHERE NOT EXISTS (SELECT FROM pg_depend AS d WHERE (d.classid, d.objid) = (s.classid, s.objid) AND d.deptype = 'e')
  ), found AS (
    SELECT CASE classid WHEN 'pg_rewrite'::regclass THEN (SELECT CASE WHEN c.relkind IN ('v', 'm') THEN 'pg_class'::regclass::oid END FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class WHERE r.oid = u.objid) END AS as_class,
           CASE classid WHEN 'pg_rewrite'::regclass THEN (SELECT ev_class FROM pg_rewrite WHERE oid = u.objid) END AS as_oid, classid, objid, objsubid
    FROM upon AS u WHERE place NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_(toast$|(toast_)?temp_\d+$)')
    UNION
    SELECT NULL, NULL, 'pg_proc'::regclass, oid, 0 FROM pg_proc
    WHERE prosecdef AND oid >= 16384 AND pronamespace <> v_schema AND pronamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_temp_\d+$') AND (prosrc ~ 'iu_core' OR proconfig::text ~ 'iu_core' OR proowner = v_owner)
    UNION
    SELECT NULL, NULL, classid, objid, 0 FROM before_ours
  ), named AS (
    SELECT DISTINCT o.type, o.identity, coalesce(f.as_class, f.classid) AS classid, coalesce(CASE WHEN f.as_class IS NOT NULL THEN f.as_oid END, f.objid) AS objid, f.objsubid
    FROM found AS f CROSS JOIN LATERAL pg_identify_object(coalesce(f.as_class, f.classid), coalesce(CASE WHEN f.as_class IS NOT NULL THEN f.as_oid END, f.objid), f.objsubid) AS o
    -- A table that inherits has a row of its own.
    WHERE NOT (f.classid = 'pg_class'::regclass AND f.objsubid = 0 AND EXISTS (SELECT FROM pg_inherits AS h WHERE h.inhrelid = f.objid))
  )
  SELECT format('%s %s', n.type, n.identity),
         CASE n.classid
           WHEN 'pg_class'::regclass THEN (SELECT concat_ws(chr(10), CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) ELSE format('-- %s %s', n.type, n.identity) END, 'options ' || array_to_string(c.reloptions, ', '), 'owner ' || c.relowner::regrole, 'rights ' || array_to_string(c.relacl, ', ')) FROM pg_class AS c WHERE c.oid = n.objid)
           WHEN 'pg_proc'::regclass THEN (SELECT concat_ws(chr(10), CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) ELSE n.identity END, 'owner ' || p.proowner::regrole, 'rights ' || array_to_string(p.proacl, ', ')) FROM pg_proc AS p WHERE p.oid = n.objid)
           WHEN 'pg_constraint'::regclass THEN pg_get_constraintdef(n.objid) WHEN 'pg_trigger'::regclass THEN (SELECT concat_ws(chr(10), pg_get_triggerdef(t.oid), CASE WHEN p.pronamespace <> v_schema THEN pg_get_functiondef(p.oid) END) FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid WHERE t.oid = n.objid) WHEN 'pg_rewrite'::regclass THEN pg_get_ruledef(n.objid)
           WHEN 'pg_policy'::regclass THEN (SELECT concat_ws(chr(10), pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid), polroles::regrole[]::text) FROM pg_policy WHERE oid = n.objid)
           WHEN 'pg_attrdef'::regclass THEN (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE oid = n.objid)
           ELSE format('-- %s %s', n.type, n.identity) END,
         CASE n.type
           WHEN 'table constraint' THEN (SELECT format('ALTER TABLE IF EXISTS %s DROP CONSTRAINT IF EXISTS %I;', conrelid::regclass, conname) FROM pg_constraint WHERE oid = n.objid)
           WHEN 'domain constraint' THEN (SELECT format('ALTER DOMAIN %s DROP CONSTRAINT IF EXISTS %I;', contypid::regtype, conname) FROM pg_constraint WHERE oid = n.objid)
           WHEN 'trigger' THEN (SELECT format('DROP TRIGGER IF EXISTS %I ON %s;', tgname, tgrelid::regclass) FROM pg_trigger WHERE oid = n.objid)
           WHEN 'rule' THEN (SELECT format('DROP RULE IF EXISTS %I ON %s;', rulename, ev_class::regclass) FROM pg_rewrite WHERE oid = n.objid)
           WHEN 'policy' THEN (SELECT format('DROP POLICY IF EXISTS %I ON %s;', polname, polrelid::regclass) FROM pg_policy WHERE oid = n.objid)
           WHEN 'default value' THEN (SELECT format('ALTER TABLE %s ALTER COLUMN %I DROP %s;', d.adrelid::regclass, a.attname, CASE WHEN a.attgenerated = '' THEN 'DEFAULT' ELSE 'EXPRESSION' END) FROM pg_attrdef AS d JOIN pg_attribute AS a ON (a.attrelid, a.attnum) = (d.adrelid, d.adnum) WHERE d.oid = n.objid)
           WHEN 'table column' THEN (SELECT format('ALTER TABLE %s ALTER COLUMN %I TYPE text USING %2$I::text;', a.attrelid::regclass, a.attname) FROM pg_attribute AS a WHERE (a.attrelid, a.attnum) = (n.objid, n.objsubid))
           WHEN 'sequence' THEN format('ALTER SEQUENCE %s OWNED BY NONE;', n.identity)
           WHEN 'type' THEN (SELECT format('DROP %s IF EXISTS %s CASCADE;', CASE typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, n.identity) FROM pg_type WHERE oid = n.objid)
           WHEN 'cast' THEN format('DROP CAST IF EXISTS %s;', n.identity)
           ELSE format('DROP %s IF EXISTS %s CASCADE;', upper(n.type), n.identity) END,
         -- Who could not do it by himself could not do it by this.
         coalesce(pg_has_role(CASE n.classid WHEN 'pg_class'::regclass THEN (SELECT relowner FROM pg_class WHERE oid = n.objid) WHEN 'pg_proc'::regclass THEN (SELECT proowner FROM pg_proc WHERE oid = n.objid) END, v_owner, 'MEMBER'), n.type IN ('table constraint', 'trigger')) OR EXISTS (SELECT FROM before_ours AS b WHERE (b.classid, b.objid) = (n.classid, n.objid))
  FROM named AS n;
END
$function$;
ALTER FUNCTION fn_dot_principals() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_principals() IS 'What guards the schema from outside it, as it stands: each with its definition, the statements that undo it (null: its definition as it should be does), and whether it refuses commands where it is not as it should be';

-- function fn_dot_principals_expected()
CREATE OR REPLACE FUNCTION iu_core.fn_dot_principals_expected()
 RETURNS TABLE(identity text, definition text)
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  VALUES
    ('role iu_owner', 'ALTER ROLE iu_owner NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT NOLOGIN;'),
    ('role iu_reader', 'ALTER ROLE iu_reader NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT NOLOGIN;'),
    ('role iu_console', 'ALTER ROLE iu_console NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT LOGIN;'),
    ('role iu_emitter', 'ALTER ROLE iu_emitter NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT NOLOGIN;'),
    ('role iu_worker', 'ALTER ROLE iu_worker NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT NOLOGIN;'),
    ('role iu_operator', 'ALTER ROLE iu_operator NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT NOLOGIN;'),
    ('role iu_approver', 'ALTER ROLE iu_approver NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT NOLOGIN;'),
    ('member iu_console of iu_reader', 'GRANT iu_reader TO iu_console;'),
    ('member iu_operator of iu_reader', 'GRANT iu_reader TO iu_operator;'),
    ('member iu_approver of iu_reader', 'GRANT iu_reader TO iu_approver;'),
    ('member iu_owner of iu_reader', 'GRANT iu_reader TO iu_owner;'),
    ('member iu_owner of pg_read_all_stats', 'GRANT pg_read_all_stats TO iu_owner;'),
    ('rights of iu_owner on the database', 'GRANT CONNECT ON DATABASE current_database TO iu_owner;
GRANT CREATE ON DATABASE current_database TO iu_owner;'),
    ('rights of iu_reader on the database', 'GRANT CONNECT ON DATABASE current_database TO iu_reader;'),
    ('rights of iu_console on the database', 'GRANT CONNECT ON DATABASE current_database TO iu_console;'),
    ('rights of iu_emitter on the database', 'GRANT CONNECT ON DATABASE current_database TO iu_emitter;'),
    ('rights of iu_worker on the database', 'GRANT CONNECT ON DATABASE current_database TO iu_worker;')
$function$;
ALTER FUNCTION fn_dot_principals_expected() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_principals_expected() IS 'What bootstrap makes beside the schema: the roles, which is a member of which, and the rights on the database; as fn_dot_principals() spells what there is';

-- function fn_dot_receipt_kept(jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_receipt_kept(p_receipt jsonb, p_inverse_kept jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT p_receipt
    || CASE WHEN p_receipt ? 'objects' THEN jsonb_build_object('objects', (
         SELECT coalesce(jsonb_agg(o || CASE WHEN o ? 'before' THEN jsonb_build_object('before', fn_dot_facts_kept(o -> 'before')) ELSE '{}' END
                                     || CASE WHEN o ? 'after' THEN jsonb_build_object('after', fn_dot_facts_kept(o -> 'after')) ELSE '{}' END ORDER BY n), '[]')
         FROM jsonb_array_elements(p_receipt -> 'objects') WITH ORDINALITY AS x(o, n))) ELSE '{}' END
    || CASE WHEN p_inverse_kept IS NULL THEN '{}' ELSE jsonb_build_object('inverse', (p_receipt -> 'inverse') || jsonb_build_object('params', p_inverse_kept)) END
    || CASE WHEN p_receipt ? 'result' THEN jsonb_build_object('result', fn_dot_facts_kept(p_receipt -> 'result')) ELSE '{}' END
$function$;
ALTER FUNCTION fn_dot_receipt_kept(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_receipt_kept(jsonb,jsonb) IS 'A receipt as the ledger keeps it: the texts in it as digests';

-- function fn_dot_refusal_code(text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_refusal_code(p_sqlstate text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT CASE p_sqlstate
    WHEN 'IU001' THEN 'gate_closed' WHEN 'IU002' THEN 'invalid_parameter' WHEN 'IU003' THEN 'not_found' WHEN 'IU004' THEN 'taken'
    WHEN 'IU005' THEN 'append_only' WHEN 'IU006' THEN 'round_trip_failed' WHEN 'IU007' THEN 'unknown_event_type' WHEN 'IU008' THEN 'reserved_event_type'
    WHEN 'IU009' THEN 'lifecycle_refused' WHEN 'IU010' THEN 'would_destroy_history' WHEN 'IU011' THEN 'wrong_isolation' WHEN 'IU012' THEN 'unauthenticated'
    WHEN 'IU013' THEN 'forbidden' WHEN 'IU014' THEN 'stale_plan' WHEN 'IU015' THEN 'key_conflict' WHEN 'IU016' THEN 'nothing_to_do'
    WHEN 'IU017' THEN 'not_reversible' WHEN 'IU018' THEN 'second_person_required' WHEN 'IU019' THEN 'too_many_attempts' WHEN 'IU020' THEN 'drifted' END
$function$;
ALTER FUNCTION fn_dot_refusal_code(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_refusal_code(text) IS 'The stable code of an SQLSTATE of ours, null for any other; docs/errors.md is the catalogue';

-- function fn_dot_repair(text,text,text,text,text,text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_repair(p_class text, p_identity text, p_expected text, p_expected_facts text, p_live text, p_live_facts text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
DECLARE
  v_data constant text := CASE p_class WHEN 'config' THEN 'dot_config' WHEN 'event_type' THEN 'iu_event_type' WHEN 'route' THEN 'iu_outbound_route' WHEN 'vocabulary' THEN 'iu_vocabulary' WHEN 'command' THEN 'dot_iu_command' END;
  v_drop constant text := CASE
    WHEN v_data IS NOT NULL THEN format('DELETE FROM %I WHERE %s = %L;', v_data, CASE p_class WHEN 'config' THEN 'key' WHEN 'route' THEN 'route_code' WHEN 'command' THEN 'command_code'
      WHEN 'vocabulary' THEN 'term_class || '' '' || term' ELSE 'event_type' END, p_identity)
    WHEN p_class = 'trigger' THEN format('DROP TRIGGER %I ON %s;', substring(p_identity FROM '^(.+) on '), substring(p_identity FROM '.* on (.+)$'))
    WHEN p_class = 'function' AND p_live ~* '^CREATE OR REPLACE PROCEDURE' THEN format('DROP PROCEDURE %s;', p_identity)
    WHEN p_class = 'other' AND p_identity LIKE 'default privileges%' THEN p_live_facts
    WHEN p_class = 'other' THEN format('DROP %s %s;', upper(p_live_facts), substr(p_identity, length(p_live_facts) + 2))
    WHEN p_class IN ('table', 'view') THEN format('DROP %s %I;', upper(p_class), p_identity)
    ELSE format('DROP %s %s;', upper(p_class), p_identity) END;
  -- Rights on the object that a new one would not have, with what others were granted by them. They go before what is
  -- granted again, which they may take along.
  v_grants constant text := (
    SELECT string_agg(CASE WHEN line LIKE 'GRANT %' THEN regexp_replace(line, '^GRANT (.* )TO ("(?:[^"]|"")+"|\S+?)(?: WITH GRANT OPTION)?;$', 'REVOKE \1FROM \2 CASCADE;')
                           ELSE regexp_replace(line, '^REVOKE (.*) FROM ("(?:[^"]|"")+"|\S+);$', 'GRANT \1 TO \2;') END, chr(10) ORDER BY n)
    FROM regexp_split_to_table(coalesce(p_live, ''), E'\n') WITH ORDINALITY AS l(line, n)
    WHERE line ~ '^(GRANT|REVOKE) .* ON .*;$' AND NOT line = ANY (string_to_array(coalesce(p_expected, ''), E'\n')));
  v_signature constant text := '^.*?\)\n RETURNS [^\n]*';
  v_old text[];
  v_new text[];
  v_line text;
  v_name text;
  v_was text;
  v_parts text[];
  v_kind text;
  v_start text;
  v_renamed record;
  v_first text[] := '{}';
  v_last text[] := '{}';
BEGIN
  IF p_class = 'principal' THEN
    -- Of a role what differs: who may not make it a superuser may not say either that it is none.
    RETURN concat_ws(E'\n', p_live_facts, CASE WHEN p_identity LIKE 'role %' AND p_live_facts IS NULL AND p_live IS NOT NULL THEN
      format('ALTER %s %s;', p_identity, (SELECT string_agg(w, ' ' ORDER BY n) FROM regexp_split_to_table(rtrim(p_expected, ';'), ' ') WITH ORDINALITY AS e(w, n) WHERE NOT w = ANY (regexp_split_to_array(rtrim(p_live, ';'), ' '))))
      WHEN p_live IS NULL THEN regexp_replace(p_expected, '^ALTER ROLE', 'CREATE ROLE') ELSE p_expected END);
  ELSIF p_expected IS NULL THEN
    RETURN v_drop;
  ELSIF p_live IS NULL THEN
    RETURN p_expected || CASE WHEN p_class = 'function' THEN E'\n' || format('REVOKE ALL ON FUNCTION %s FROM PUBLIC;', p_identity) ||
      coalesce(E'\n' || (SELECT string_agg(l, E'\n') FROM regexp_split_to_table(p_expected, E'\n') AS l WHERE l LIKE 'GRANT % ON FUNCTION % TO PUBLIC;'), '') ELSE '' END;
  ELSIF v_data IS NOT NULL THEN
    RETURN p_expected;
  ELSIF p_class = 'trigger' THEN
    RETURN v_drop || E'\n' || p_expected;
  ELSIF p_class = 'function' THEN
    RETURN concat_ws(E'\n', CASE WHEN substring(p_expected FROM v_signature) IS DISTINCT FROM substring(p_live FROM v_signature) THEN v_drop || E'\n' || p_expected || format(E'\nREVOKE ALL ON FUNCTION %s FROM PUBLIC;', p_identity)
                                 ELSE concat_ws(E'\n', v_grants, p_expected) END, CASE WHEN p_expected !~ E'\nCOMMENT ON ' THEN format('COMMENT ON FUNCTION %s IS NULL;', p_identity) END);
  ELSIF p_class = 'view' THEN
    v_new := regexp_split_to_array(regexp_replace(p_expected_facts, '^.*; ', ''), ', ');
    v_old := regexp_split_to_array(regexp_replace(p_live_facts, '^.*; ', ''), ', ');
    IF cardinality(v_old) = cardinality(v_new) THEN
      FOR v_column IN 1 .. cardinality(v_new) LOOP
        v_name := split_part(v_old[v_column], ' ', 1);
        v_was := split_part(v_new[v_column], ' ', 1);
        IF v_name <> v_was AND v_name || substr(v_new[v_column], length(v_was) + 1) = v_old[v_column] THEN
          v_first := v_first || format('ALTER VIEW %I RENAME COLUMN %I TO %I;', p_identity, v_name, v_was);
          v_old[v_column] := v_new[v_column];
        END IF;
      END LOOP;
    END IF;
    -- The same columns: what stands upon it need not go.
    RETURN CASE WHEN v_old = v_new AND p_live !~ E'\n(CREATE RULE|ALTER VIEW [^\n]* SET DEFAULT)'
      THEN concat_ws(E'\n', nullif(array_to_string(v_first, E'\n'), ''), CASE WHEN p_live ~ E'^CREATE VIEW [^\n]* WITH \\(' THEN format('ALTER VIEW %I RESET (security_barrier, security_invoker, check_option);', p_identity) END,
             v_grants, regexp_replace(p_expected, '^CREATE VIEW', 'CREATE OR REPLACE VIEW'))
      ELSE v_drop || E'\n' || p_expected END;
  ELSIF p_class = 'schema' THEN
    RETURN concat_ws(E'\n', regexp_replace(split_part(p_expected, E'\n', 1), '^CREATE SCHEMA (.*) AUTHORIZATION', 'ALTER SCHEMA \1 OWNER TO'), v_grants,
      (SELECT string_agg(line, E'\n' ORDER BY n) FROM regexp_split_to_table(p_expected, E'\n') WITH ORDINALITY AS l(line, n) WHERE n > 1), CASE WHEN p_expected !~ E'\nCOMMENT ON ' THEN format('COMMENT ON SCHEMA %s IS NULL;', p_identity) END);
  END IF;

  v_old := regexp_split_to_array(p_live, E',?\n');
  v_new := regexp_split_to_array(p_expected, E',?\n');
  -- What only has another name gets its name back: a column keeps its values, a key what refers to it. A column stands
  -- in its place; what names it is as it was when it has its name back.
  FOREACH v_kind IN ARRAY '{COLUMN,CONSTRAINT,INDEX}'::text[] LOOP
    v_start := CASE v_kind WHEN 'COLUMN' THEN '^(  )(?!CONSTRAINT )' WHEN 'CONSTRAINT' THEN '^(  CONSTRAINT )' ELSE '^(CREATE (?:UNIQUE )?INDEX )' END || '("(?:[^"]|"")+"|\S+) ';
    FOR v_renamed IN
      SELECT DISTINCT ON (o.n) (regexp_match(o.line, v_start))[2] AS old, (regexp_match(n.line, v_start))[2] AS new
      FROM unnest(v_old) WITH ORDINALITY AS o(line, n)
      JOIN unnest(v_new) WITH ORDINALITY AS n(line, n) ON regexp_replace(o.line, v_start, '\1') = regexp_replace(n.line, v_start, '\1') AND (v_kind <> 'COLUMN' OR o.n = n.n)
      WHERE o.line ~ v_start AND n.line ~ v_start AND NOT o.line = ANY (v_new) AND NOT n.line = ANY (v_old)
      ORDER BY o.n, n.n
    LOOP
      v_first := v_first || CASE v_kind WHEN 'INDEX' THEN format('ALTER INDEX %s RENAME TO %s;', v_renamed.old, v_renamed.new) ELSE format('ALTER TABLE %I RENAME %s %s TO %s;', p_identity, v_kind, v_renamed.old, v_renamed.new) END;
      v_old := (SELECT array_agg(CASE WHEN l = ANY (v_new) THEN l ELSE regexp_replace(l, fn_dot_word(v_renamed.old), v_renamed.new, 'g') END ORDER BY n) FROM unnest(v_old) WITH ORDINALITY AS e(l, n));
    END LOOP;
  END LOOP;
  FOREACH v_line IN ARRAY v_old LOOP
    CONTINUE WHEN v_line = ANY (v_new) OR v_line ~ '^(CREATE TABLE|\)|ALTER TABLE \S+ OWNER|COMMENT|GRANT|REVOKE|REINDEX|ALTER SEQUENCE)';
    v_name := substring(v_line FROM '^  (?:CONSTRAINT )?("(?:[^"]|"")+"|\S+) ');
    IF v_line LIKE '  CONSTRAINT % NOT NULL % NOT VALID' THEN
      v_last := v_last || format('ALTER TABLE %I VALIDATE CONSTRAINT %s;', p_identity, v_name);
    ELSIF v_line LIKE '  CONSTRAINT %' THEN
      v_first := v_first || format('ALTER TABLE %I DROP CONSTRAINT %s;', p_identity, v_name);
    ELSIF v_line LIKE '  %' THEN
      IF NOT EXISTS (SELECT FROM unnest(v_new) AS n WHERE starts_with(n, '  ' || v_name || ' ')) THEN
        v_last := v_last || format('ALTER TABLE %I DROP COLUMN %s;', p_identity, v_name);
      END IF;
    ELSIF v_line ~ '^CREATE (UNIQUE )?INDEX ' THEN
      v_first := v_first || format('DROP INDEX %s;', substring(v_line FROM 'INDEX (\S+) ON'));
    ELSIF v_line LIKE 'CREATE POLICY %' THEN
      v_first := v_first || format('DROP POLICY %s ON %I;', substring(v_line FROM 'POLICY (\S+) ON'), p_identity);
    ELSIF v_line LIKE 'CREATE RULE %' THEN
      v_first := v_first || format('DROP RULE %s ON %I;', substring(v_line FROM 'RULE (\S+) AS'), p_identity);
    ELSIF v_line LIKE '% ROW LEVEL SECURITY;' THEN
      v_first := v_first || replace(replace(v_line, ' ENABLE ', ' DISABLE '), ' FORCE ', ' NO FORCE ');
    ELSIF v_line LIKE '% SET UNLOGGED;' THEN
      v_first := v_first || replace(v_line, 'UNLOGGED', 'LOGGED');
    ELSIF v_line LIKE '% REPLICA IDENTITY %' THEN
      v_first := v_first || format('ALTER TABLE %I REPLICA IDENTITY DEFAULT;', p_identity);
    ELSIF v_line LIKE '% INHERIT %' THEN
      v_first := v_first || replace(v_line, ' INHERIT ', ' NO INHERIT ');
    ELSIF v_line LIKE '% ATTACH PARTITION %' THEN
      v_first := v_first || regexp_replace(v_line, ' ATTACH PARTITION (.*) (FOR VALUES .*|DEFAULT);$', ' DETACH PARTITION \1;');
    ELSIF v_line LIKE '% SET STATISTICS %' THEN
      v_first := v_first || regexp_replace(v_line, 'STATISTICS \S+;', 'STATISTICS -1;');
    ELSE
      v_first := v_first || format('-- not as deployed, by hand: %s', v_line);
    END IF;
  END LOOP;
  IF v_old[1] IS DISTINCT FROM v_new[1] OR substring(p_live FROM E'\n\\)[^\n]*') IS DISTINCT FROM substring(p_expected FROM E'\n\\)[^\n]*') THEN
    v_first := v_first || (SELECT array_agg(format('ALTER TABLE %I RESET (%s);', p_identity, split_part(btrim(o), '=', 1)))
                           FROM regexp_split_to_table(substring(p_live FROM E'\n\\) WITH \\(([^\n]*)\\);'), ',') AS o);
    v_last := v_last || (format('ALTER TABLE %I SET (', p_identity) || substring(p_expected FROM E'\n\\) WITH \\(([^\n]*)\\);') || ');');
  END IF;
  FOREACH v_line IN ARRAY v_new LOOP
    CONTINUE WHEN v_line = ANY (v_old) OR v_line ~ '^(CREATE TABLE|\))';
    v_name := substring(v_line FROM '^  ("(?:[^"]|"")+"|\S+) ');
    IF v_line LIKE '  CONSTRAINT %' THEN
      v_last := v_last || format('ALTER TABLE %I ADD %s;', p_identity, btrim(v_line));
    ELSIF v_line LIKE '  %' THEN
      v_was := (SELECT o FROM unnest(v_old) AS o WHERE starts_with(o, '  ' || v_name || ' '));
      IF v_was IS NULL THEN
        v_first := v_first || format('ALTER TABLE %I ADD COLUMN %s;', p_identity, btrim(v_line));
      ELSE
        -- type, default, NOT NULL
        v_parts := ARRAY[substr(v_line, length(v_name) + 4), NULL, substring(v_line FROM ' NOT NULL$')];
        v_parts[1] := regexp_replace(v_parts[1], ' NOT NULL$', '');
        IF v_parts[1] LIKE '% DEFAULT %' THEN
          v_parts := ARRAY[split_part(v_parts[1], ' DEFAULT ', 1), substr(v_parts[1], strpos(v_parts[1], ' DEFAULT ') + 9), v_parts[3]];
        END IF;
        v_first := v_first || ARRAY[
          CASE WHEN regexp_replace(v_was, '( DEFAULT .*| NOT NULL)$', '') <> regexp_replace(v_line, '( DEFAULT .*| NOT NULL)$', '')
            THEN format('ALTER TABLE %I ALTER COLUMN %s DROP DEFAULT, ALTER COLUMN %2$s TYPE %s USING %2$s::%s;', p_identity, v_name, v_parts[1], regexp_replace(v_parts[1], ' COLLATE .*$', '')) END,
          format('ALTER TABLE %I ALTER COLUMN %s %s;', p_identity, v_name, CASE WHEN v_parts[2] IS NULL THEN 'DROP DEFAULT' ELSE 'SET DEFAULT ' || v_parts[2] END),
          format('ALTER TABLE %I ALTER COLUMN %s %s NOT NULL;', p_identity, v_name, CASE WHEN v_parts[3] IS NULL THEN 'DROP' ELSE 'SET' END)];
      END IF;
    ELSE
      v_last := v_last || v_line;
    END IF;
  END LOOP;
  -- A column that is added comes last.
  IF (SELECT array_agg(name ORDER BY was, n) <> array_agg(name ORDER BY n) FROM (
        SELECT n.n, c.name, (SELECT min(o.n) FROM unnest(v_old) WITH ORDINALITY AS o(line, n) WHERE starts_with(o.line, '  ' || c.name || ' ')) AS was
        FROM unnest(v_new) WITH ORDINALITY AS n(line, n) CROSS JOIN LATERAL (SELECT substring(n.line FROM '^  ("(?:[^"]|"")+"|\S+) ') AS name) AS c
        WHERE n.line LIKE '  %' AND n.line NOT LIKE '  CONSTRAINT %') AS columns) THEN
    v_last := v_last || '-- then its columns stand in another order: make the table anew and copy its rows, or restore a backup'::text;
  END IF;
  RETURN concat_ws(E'\n', nullif(array_to_string(v_first, E'\n'), ''), v_grants, nullif(array_to_string(v_last, E'\n'), ''),
    CASE WHEN p_live ~ ' WITH GRANT OPTION;' THEN (SELECT string_agg(l, E'\n') FROM unnest(v_new) AS l WHERE l ~ '^GRANT ') END);
END
$function$;
ALTER FUNCTION fn_dot_repair(text,text,text,text,text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_repair(text,text,text,text,text,text) IS 'The statements that make an object what it should be again, or take away one that should not be; with the search_path iu_core, pg_catalog';

-- function fn_dot_repairs(jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_repairs(p_objects jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
DECLARE
  v_class text;
  -- As they will be when the names are back.
  v_identity text[];
  v_live text[];
  v_statement text[];
  v_action text[];
  v_pair record;
  v_before integer[];
  v_after integer[];
  v_rank integer[] := array_fill(0, ARRAY[jsonb_array_length(p_objects)]);
  v_last integer[];
BEGIN
  SELECT array_agg(o ->> 'identity' ORDER BY n), array_agg(o ->> 'live' ORDER BY n), array_agg(o ->> 'statement' ORDER BY n), array_agg(o ->> 'suggested_action' ORDER BY n)
  INTO v_identity, v_live, v_statement, v_action
  FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n);

  FOREACH v_class IN ARRAY '{table,function,view,trigger}'::text[] LOOP
    FOR v_pair IN
      WITH named AS (
        SELECT n::integer, o ->> 'state' AS state, v_identity[n] AS identity, o ->> 'expected' AS expected, v_live[n] AS live,
               CASE v_class WHEN 'function' THEN substring(v_identity[n] FROM '^(.+?)\(') WHEN 'trigger' THEN quote_ident(substring(v_identity[n] FROM '^(.+) on ')) ELSE quote_ident(v_identity[n]) END AS name
        FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n) WHERE o ->> 'class' = v_class
      ), same AS (
        SELECT m.n AS missing, m.identity, m.name, u.n AS other, u.identity AS other_identity, u.name AS other_name, w.word, w.live = m.expected AS is_whole
        FROM named AS m JOIN named AS u ON m.state = 'missing' AND u.state = 'unexpected'
        CROSS JOIN LATERAL (SELECT word, regexp_replace(u.live, word, m.name, 'g') AS live
          FROM fn_dot_word(u.name) AS word) AS w
        -- A table has rows to be lost: most of its lines are enough.
        WHERE w.live = m.expected OR v_class = 'table' AND (
          SELECT 2 * count(*) FILTER (WHERE line = ANY (regexp_split_to_array(w.live, E',?\n'))) > count(*) FROM regexp_split_to_table(m.expected, E',?\n') AS line WHERE line LIKE '  %')
      )
      -- Two of which each could be the other are for a person to tell apart.
      SELECT * FROM same AS s WHERE NOT EXISTS (SELECT FROM same AS t WHERE (t.missing = s.missing) <> (t.other = s.other) AND t.is_whole >= s.is_whole)
    LOOP
      v_statement[v_pair.other] := format('-- its name is %s %s', v_class, v_pair.identity);
      v_action[v_pair.other] := format('Nothing: it gets its name back with %s %s.', v_class, v_pair.identity);
      IF v_pair.name = v_pair.other_name THEN
        v_statement[v_pair.missing] := '-- it is there, under what was renamed';
        v_action[v_pair.missing] := 'Nothing: it comes right when what was renamed has its name back.';
      ELSE
        v_statement[v_pair.missing] := CASE v_class
          WHEN 'trigger' THEN format('ALTER TRIGGER %s ON %s RENAME TO %s;', v_pair.other_name, substring(v_pair.identity FROM '.* on (.+)$'), v_pair.name)
          WHEN 'function' THEN format('ALTER FUNCTION %s RENAME TO %s;', v_pair.other_identity, v_pair.name)
          ELSE format('ALTER %s %s RENAME TO %s;', upper(v_class), v_pair.other_name, v_pair.name) END;
        v_action[v_pair.missing] := format('Give %s %s its name back with the statement.%s', v_class, v_pair.other_identity, CASE WHEN NOT v_pair.is_whole THEN ' It differs in more: then compare again.' END);
        IF v_class <> 'trigger' THEN
          v_identity := (SELECT array_agg(CASE WHEN o ->> 'class' IN ('function', 'trigger') THEN regexp_replace(v_identity[n], v_pair.word, v_pair.name, 'g') ELSE v_identity[n] END ORDER BY n) FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n));
          v_live := (SELECT array_agg(regexp_replace(l, v_pair.word, v_pair.name, 'g') ORDER BY n) FROM unnest(v_live) WITH ORDINALITY AS e(l, n));
        END IF;
      END IF;
    END LOOP;
  END LOOP;
  SELECT array_agg(CASE WHEN is_right THEN '-- it differs by what was renamed' ELSE v_statement[n] END ORDER BY n),
         array_agg(CASE WHEN is_right THEN 'Nothing: it comes right when what was renamed has its name back.' ELSE v_action[n] END ORDER BY n)
  INTO v_statement, v_action
  FROM (SELECT n, o ->> 'state' = 'changed' AND v_live[n] = o ->> 'expected' AS is_right FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n)) AS r;

  WITH objects AS MATERIALIZED (
    SELECT n::integer, o ->> 'state' AS state, i.name, fn_dot_word(i.name) AS word,
           split_part(o ->> 'expected', E'\nAS $', 1) AS expected, split_part(o ->> 'live', E'\nAS $', 1) AS live
    FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n)
    CROSS JOIN LATERAL (
      SELECT CASE WHEN o ->> 'class' IN ('table', 'view', 'event_type') THEN o ->> 'identity'
                  WHEN o ->> 'class' = 'function' THEN btrim(substring(o ->> 'identity' FROM '^(.+?)\('), '"')
                  WHEN o ->> 'class' = 'other' THEN substring(o ->> 'identity' FROM ' iu_core\.([^(]+)') END AS name
    ) AS i
  ), pairs AS (
    SELECT upon.n AS before, base.n AS after
    FROM objects AS base JOIN objects AS upon ON upon.n <> base.n AND strpos(upon.live, base.name) > 0 AND upon.live ~ base.word
    WHERE base.state = 'unexpected' OR base.state = 'changed' AND upon.state = 'unexpected'
    UNION ALL
    SELECT base.n, upon.n
    FROM objects AS base JOIN objects AS upon ON upon.n <> base.n AND strpos(upon.expected, base.name) > 0 AND upon.expected ~ base.word
    WHERE base.state IN ('missing', 'changed')
  )
  SELECT array_agg(before), array_agg(after) INTO v_before, v_after FROM pairs;
  -- As many steps as objects stand upon each other; two that name each other end it.
  FOR step IN 1 .. 30 LOOP
    v_last := v_rank;
    v_rank := (SELECT array_agg(greatest(r.rank, p.rank) ORDER BY r.n)
               FROM unnest(v_last) WITH ORDINALITY AS r(rank, n)
               LEFT JOIN (SELECT after, max(v_last[before]) + 1 AS rank FROM unnest(v_before, v_after) AS pair(before, after) GROUP BY after) AS p ON p.after = r.n);
    EXIT WHEN v_rank = v_last;
  END LOOP;
  RETURN (SELECT jsonb_agg(o || jsonb_build_object('suggested_action', v_action[n],
                   'statement', CASE WHEN v_statement[n] LIKE 'ALTER SYSTEM %' THEN v_statement[n]   -- which stands in no transaction
                     ELSE concat_ws(chr(10), 'SET search_path = iu_core, pg_catalog, pg_temp;', CASE o ->> 'class' WHEN 'function' THEN 'SET check_function_bodies = off;' END) || chr(10) || v_statement[n] END)
                 ORDER BY v_rank[n], array_position('{event trigger,role,principal,schema,table,function,view,trigger,vocabulary,config,event_type,route,command,other}', CASE WHEN o ->> 'class' = 'principal' THEN coalesce(substring(v_identity[n] FROM '^(?:event trigger|role)(?= )'), 'principal') ELSE o ->> 'class' END), o ->> 'identity')
          FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n));
END
$function$;
ALTER FUNCTION fn_dot_repairs(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_repairs(jsonb) IS 'Objects that are not as deployed, {class, identity, state, expected, live, statement, suggested_action} each: what was only renamed is named back, and they stand in the order in which their statements can be run';

-- function fn_dot_replay_outcome(jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_replay_outcome(p_results jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT jsonb_build_object(
    'code', CASE WHEN failed > 0 THEN CASE WHEN replayed = 0 THEN 'failed_again' ELSE 'partly_failed_again' END END,
    'would', format('%s would succeed, %s would fail again', replayed, failed) || CASE WHEN others > 0 THEN format(', %s would be left alone', others) ELSE '' END,
    'did', format('%s succeeded, %s failed again', replayed, failed) || CASE WHEN others > 0 THEN format(', %s left alone', others) ELSE '' END)
  FROM (SELECT coalesce(sum(n::integer) FILTER (WHERE outcome = 'replayed'), 0) AS replayed, coalesce(sum(n::integer) FILTER (WHERE outcome = 'failed_again'), 0) AS failed,
               coalesce(sum(n::integer) FILTER (WHERE outcome NOT IN ('replayed', 'failed_again')), 0) AS others
        FROM jsonb_each_text(p_results) AS r(outcome, n)) AS c
$function$;
ALTER FUNCTION fn_dot_replay_outcome(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_replay_outcome(jsonb) IS 'What came, or would come, of a replay, from how many of each outcome: a handler''s outcome';

-- function fn_dot_replay_switched(bigint,boolean)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_replay_switched(p_job_id bigint, p_is_running boolean)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_status constant text := CASE WHEN p_is_running THEN 'running' ELSE 'stopped' END;
  v_job iu_replay_job;
BEGIN
  -- It waits for the batch under way, and no longer.
  SELECT * INTO v_job FROM iu_replay_job WHERE id = p_job_id FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'replay: there is no %', p_job_id USING ERRCODE = 'IU003', COLUMN = 'replay';
  ELSIF v_job.status IN ('done', v_status) THEN
    RAISE EXCEPTION 'replay: % is % already', p_job_id, v_job.status USING ERRCODE = 'IU016', COLUMN = 'replay';
  END IF;
  UPDATE iu_replay_job
  SET status = v_status, next_at = clock_timestamp(), stopped_at = CASE WHEN NOT p_is_running THEN clock_timestamp() END, stopped_by = CASE WHEN NOT p_is_running THEN fn_iu_actor() END
  WHERE id = p_job_id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_job.status),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'replay:' || p_job_id, 'change', 'update', 'before', jsonb_build_object('status', v_job.status), 'after', jsonb_build_object('status', v_status))),
    'result', jsonb_build_object('replay', p_job_id, 'done', v_job.done, 'left', v_job.total - v_job.done),
    'checks', jsonb_build_array(jsonb_build_object('name', CASE WHEN p_is_running THEN 'replay_goes_on' ELSE 'replay_is_stopped' END, 'kind', 'replay', 'replay', p_job_id, 'stopped', NOT p_is_running)),
    'inverse', jsonb_build_object('command', CASE WHEN p_is_running THEN 'dot_iu_stop_replay' ELSE 'dot_iu_resume_replay' END, 'params', jsonb_build_object('replay', p_job_id)));
END
$function$;
ALTER FUNCTION fn_dot_replay_switched(bigint,boolean) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_replay_switched(bigint,boolean) IS 'Stops a background replay or lets it go on, and returns what the handlers return; IU003 unknown, IU016 it is so already, or done';

-- function fn_dot_replayed(bigint[],integer[],integer)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_replayed(p_event_ids bigint[], p_route_ids integer[], p_meant integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_done record;
BEGIN
  WITH attempts AS MATERIALIZED (
    SELECT r.*, CASE WHEN r.attempt_no IS NULL THEN r.decision WHEN r.decision = 'failed' THEN 'failed_again' ELSE 'replayed' END AS outcome
    FROM fn_iu_replay(p_event_ids, p_route_ids) AS r
  ), pairs AS (
    -- The worst of what its routes say, where one goes to several.
    SELECT DISTINCT ON (event_id, route_id) * FROM attempts
    ORDER BY event_id, route_id, outcome = 'failed_again' DESC, outcome = 'replayed' DESC, to_route_id
  )
  SELECT (SELECT count(*) FROM attempts WHERE attempt_no IS NOT NULL) AS attempts,
         (SELECT jsonb_object_agg(outcome, n) FROM (SELECT outcome, count(*) AS n FROM pairs GROUP BY outcome) AS c) AS results,
         (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('dead_letter', p.dead_letter_id, 'event', p.event_id, 'event_type', e.event_type, 'subject', e.event_subject_ref, 'becomes', p.outcome, 'because', left(p.failure_detail, 200))) ORDER BY p.event_id, p.route_id)
          FROM (SELECT * FROM pairs ORDER BY event_id, route_id LIMIT 5) AS p JOIN event_outbox AS e ON e.id = p.event_id) AS sample
  INTO v_done;
  IF v_done.attempts = 0 THEN
    RAISE EXCEPTION 'nothing would be attempted: %',
        coalesce((SELECT string_agg(value || ' ' || replace(key, '_', ' '), ', ' ORDER BY key) FROM jsonb_each_text(v_done.results)), 'all of them are resolved already')
      USING ERRCODE = 'IU016', HINT = 'Enable the route, or register one for the type; then plan again.';
  END IF;
  RETURN jsonb_build_object('attempts', v_done.attempts, 'sample', v_done.sample, 'results',
    v_done.results || CASE WHEN p_meant > cardinality(p_event_ids) THEN jsonb_build_object('already_resolved', p_meant - cardinality(p_event_ids) + coalesce((v_done.results ->> 'already_resolved')::integer, 0)) ELSE '{}' END);
END
$function$;
ALTER FUNCTION fn_dot_replayed(bigint[],integer[],integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_replayed(bigint[],integer[],integer) IS 'Attempts pairs once more and tells it as a handler''s result: attempts, results by outcome, and a sample; IU016 when nothing was attempted';

-- function fn_dot_route_switched(text,boolean)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_route_switched(p_route_code text, p_enabled boolean)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_dot_route_switched(text,boolean) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_route_switched(text,boolean) IS 'Switches a route and returns what the handlers return; IU003 unknown, IU016 it is so already';

-- function fn_dot_run_overtaken(dot_iu_command_run)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_run_overtaken(p_run dot_iu_command_run)
 RETURNS bigint
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET gin_fuzzy_search_limit TO '0'
AS $function$
  WITH RECURSIVE mine AS MATERIALIZED (
    SELECT o ->> 'ref' AS ref, o ->> 'change' = 'create' AS is_made, fn_dot_object_fields(o) AS fields
    FROM jsonb_array_elements(p_run.receipt -> 'objects') AS o WHERE NOT starts_with(o ->> 'ref', 'collection:')
  ), chain AS (
    SELECT r.id, r.id AS link, r.mode, r.target_run_id
    FROM dot_iu_command_run AS r
    WHERE r.object_refs && ARRAY(SELECT ref FROM mine) AND r.id > p_run.id AND r.status = 'succeeded' AND r.mode IN ('apply', 'rollback')
      AND EXISTS (SELECT FROM mine AS m WHERE m.ref = ANY (r.object_refs) AND (m.is_made OR EXISTS (
            SELECT FROM jsonb_array_elements(r.receipt -> 'objects') AS o WHERE o ->> 'ref' = m.ref AND fn_dot_object_fields(o) && m.fields)))
    UNION ALL
    SELECT c.id, t.id, t.mode, t.target_run_id FROM chain AS c JOIN dot_iu_command_run AS t ON t.id = c.target_run_id WHERE c.mode = 'rollback'
  )
  SELECT max(id) FROM chain WHERE mode = 'apply' GROUP BY link HAVING count(*) % 2 = 1 ORDER BY 1 DESC LIMIT 1
$function$;
ALTER FUNCTION fn_dot_run_overtaken(dot_iu_command_run) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_run_overtaken(dot_iu_command_run) IS 'The latest run that stands in the way of undoing this one; null when none does';

-- function fn_dot_run_verify(dot_iu_command_run,dot_iu_command_run)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_run_verify(p_run dot_iu_command_run, p_target dot_iu_command_run)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_results jsonb;
BEGIN
  SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('name', c ->> 'name', 'ok', d.detail IS NULL, 'detail', d.detail)) ORDER BY n), '[]') INTO v_results
  FROM jsonb_array_elements((p_target).receipt -> 'checks') WITH ORDINALITY AS x(c, n)
  CROSS JOIN LATERAL (SELECT fn_dot_check(c) AS detail OFFSET 0) AS d;
  IF (p_target).event_count > 0 THEN
    -- Events that were archived since were counted there, each of them.
    v_results := v_results || (
      SELECT jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('name', 'events_written', 'ok', n = (p_target).event_count OR n < (p_target).event_count AND is_archived,
               'detail', CASE WHEN n < (p_target).event_count AND is_archived THEN format('%s of %s are archived', (p_target).event_count - n, (p_target).event_count)
                              WHEN n <> (p_target).event_count THEN format('want %s, have %s', (p_target).event_count, n) END)))
      FROM (SELECT count(*) AS n FROM event_outbox WHERE id BETWEEN (p_target).event_from AND (p_target).event_to AND xid = (p_target).xid) AS counted,
           (SELECT EXISTS (SELECT FROM v_iu_archive WHERE first_id <= (p_target).event_to AND last_id >= (p_target).event_from AND is_removed) AS is_archived) AS archives);
  END IF;
  RETURN fn_dot_run_write(p_run, jsonb_build_object('results', v_results,
    'status', CASE WHEN EXISTS (SELECT FROM jsonb_array_elements(v_results) AS r WHERE NOT (r -> 'ok')::boolean) THEN 'unverified' ELSE 'verified' END));
END
$function$;
ALTER FUNCTION fn_dot_run_verify(dot_iu_command_run,dot_iu_command_run) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_run_verify(dot_iu_command_run,dot_iu_command_run) IS 'Checks a run''s named postconditions against the present state and writes the result: verified, or unverified with what differs';

-- function fn_dot_run_write(dot_iu_command_run,jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_run_write(p_run dot_iu_command_run, p_told jsonb, p_outcome jsonb DEFAULT '{}'::jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_id constant bigint := nextval('iu_core.dot_iu_command_run_id_seq');
  v_finished constant timestamptz := clock_timestamp();
  v_objects constant jsonb := coalesce(p_outcome -> 'objects', '[]');
  v_code constant text := CASE WHEN p_told ->> 'status' = 'failed' THEN 'internal' ELSE fn_dot_refusal_code(p_told ->> 'sqlstate') END;
  v_receipt jsonb;
  v_kept jsonb;
  v_inverse jsonb;
  v_texts jsonb;                   -- what an undo puts back and the ledger does not keep
  v_head record;
BEGIN
  SELECT s.seal_no, s.chain_digest INTO v_head FROM dot_iu_command_seal AS s ORDER BY s.seal_no DESC LIMIT 1;
  v_receipt := jsonb_strip_nulls(jsonb_build_object(
    'run', v_id, 'command', (p_run).command_code, 'mode', (p_run).mode, 'actor', (p_run).actor, 'reason', (p_run).reason, 'params', (p_run).params,
    'code', v_code, 'plan_digest', encode((p_run).plan_digest, 'hex'), 'plan_run', (p_run).plan_run_id, 'target_run', (p_run).target_run_id,
    'started_at', (p_run).started_at, 'finished_at', v_finished)) || jsonb_strip_nulls(p_told - 'sqlstate' - 'given');
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
      -- What came of it, where that is not what it was for: the first line of a plan as of a receipt.
      || CASE WHEN p_outcome ? 'outcome' THEN jsonb_strip_nulls(jsonb_build_object('outcome', p_outcome -> 'outcome' -> 'code', 'headline', p_outcome -> 'outcome' -> CASE (p_run).mode WHEN 'plan' THEN 'would' ELSE 'did' END)) ELSE '{}' END
      || CASE WHEN (p_run).mode = 'plan' THEN jsonb_build_object('expires_at', v_finished + interval '1 hour') ELSE '{}' END;
  END IF;
  SELECT fn_dot_params_kept(c, v_receipt -> 'inverse' -> 'params') INTO v_inverse FROM dot_iu_command AS c WHERE c.command_code = v_receipt -> 'inverse' ->> 'command';
  v_kept := fn_dot_receipt_kept(v_receipt, v_inverse)
    || CASE WHEN p_told ? 'given' THEN fn_dot_texts_left_out(jsonb_strip_nulls(jsonb_build_object('field', v_receipt -> 'field', 'detail', v_receipt -> 'detail', 'more', v_receipt -> 'more', 'hint', v_receipt -> 'hint', 'errors', v_receipt -> 'errors',
         'fault', CASE WHEN p_told ->> 'status' = 'failed' THEN jsonb_build_object('sqlstate', p_told -> 'sqlstate', 'message', p_told -> 'detail') END)), p_told -> 'given', (p_run).params) ELSE '{}' END;
  IF v_kept ? 'fault' THEN
    v_kept := jsonb_set(v_kept, '{fault,message}', to_jsonb(left(v_kept -> 'fault' ->> 'message', 300)));
  END IF;
  INSERT INTO dot_iu_command_run (id, command_code, mode, status, code, actor, actor_kind, reason, params, param_digest, state_digest, plan_digest, plan_run_id, target_run_id,
                                  idempotency_key, object_refs, event_count, event_from, event_to, frozen, receipt, started_at, finished_at, head_no, head_digest, outcome)
  OVERRIDING SYSTEM VALUE
  VALUES (v_id, (p_run).command_code, (p_run).mode, p_told ->> 'status', v_code, (p_run).actor, (p_run).actor_kind, (p_run).reason, (p_run).params, (p_run).param_digest,
          (p_run).state_digest, (p_run).plan_digest, (p_run).plan_run_id, (p_run).target_run_id, (p_run).idempotency_key, (p_run).object_refs, (p_run).event_count, (p_run).event_from, (p_run).event_to,
          (p_run).frozen, v_kept, (p_run).started_at, v_finished, v_head.seal_no, v_head.chain_digest, v_receipt ->> 'outcome');
  IF p_told ->> 'status' = 'succeeded' THEN
    v_texts := (SELECT jsonb_object_agg(key, value) FROM jsonb_each(CASE WHEN v_inverse IS NOT NULL THEN v_receipt -> 'inverse' -> 'params' ELSE '{}' END) WHERE value <> v_inverse -> key);
    -- Not touched without need: a gate is closed and a route disabled though the table is gone.
    IF v_texts IS NOT NULL THEN
      INSERT INTO dot_iu_run_text (run_id, params) VALUES (v_id, v_texts);
    END IF;
    IF (p_run).mode = 'rollback' THEN
      DELETE FROM dot_iu_run_text WHERE run_id = (p_run).target_run_id;
    END IF;
  END IF;
  INSERT INTO dot_iu_command_unsealed (run_id) VALUES (v_id);
  -- Told once, kept nowhere.
  RETURN v_receipt || CASE WHEN (p_run).mode <> 'plan' AND p_outcome ? 'secret' THEN jsonb_build_object('secret', p_outcome -> 'secret') ELSE '{}' END;
END
$function$;
ALTER FUNCTION fn_dot_run_write(dot_iu_command_run,jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_run_write(dot_iu_command_run,jsonb,jsonb) IS 'Writes a run into the ledger and returns its receipt';

-- function fn_dot_schedule_switched(boolean,integer,integer,text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_schedule_switched(p_enabled boolean, p_poll_ms integer, p_batch_size integer, p_reason text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_before jsonb;
  v_after jsonb;
BEGIN
  -- Two who switch it take turns, also while there is no row to lock.
  PERFORM fn_iu_lock('iu_core.iu_worker_schedule');
  SELECT jsonb_build_object('enabled', enabled, 'poll_ms', poll_ms, 'batch_size', batch_size) INTO STRICT v_before FROM v_iu_worker_schedule;
  v_after := v_before || jsonb_strip_nulls(jsonb_build_object('enabled', p_enabled, 'poll_ms', p_poll_ms, 'batch_size', p_batch_size));
  IF v_after = v_before THEN
    RAISE EXCEPTION 'the schedule is % already', CASE WHEN p_enabled THEN 'enabled like that' ELSE 'disabled' END USING ERRCODE = 'IU016';
  END IF;
  INSERT INTO iu_worker_schedule (enabled, poll_ms, batch_size, reason, changed_by)
  VALUES ((v_after -> 'enabled')::boolean, (v_after -> 'poll_ms')::integer, (v_after -> 'batch_size')::integer, p_reason, fn_iu_actor())
  ON CONFLICT (schedule_code) DO UPDATE
  SET enabled = excluded.enabled, poll_ms = excluded.poll_ms, batch_size = excluded.batch_size, reason = excluded.reason, changed_by = excluded.changed_by, changed_at = clock_timestamp();
  RETURN jsonb_build_object(
    'state', v_before,
    'objects', jsonb_build_array(jsonb_build_object('ref', 'schedule:console', 'change', 'update', 'before', v_before, 'after', v_after)),
    'result', v_after,
    'checks', jsonb_build_array(jsonb_build_object('name', CASE WHEN p_enabled THEN 'schedule_is_enabled' ELSE 'schedule_is_disabled' END, 'kind', 'schedule') || v_after),
    'inverse', CASE WHEN (v_before -> 'enabled')::boolean
      THEN jsonb_build_object('command', 'dot_iu_enable_schedule', 'params', v_before - 'enabled')
      ELSE jsonb_build_object('command', 'dot_iu_disable_schedule', 'params', '{}'::jsonb) END);
END
$function$;
ALTER FUNCTION fn_dot_schedule_switched(boolean,integer,integer,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_schedule_switched(boolean,integer,integer,text) IS 'Switches the consoles'' schedule, or changes its pace, and returns what the handlers return; IU016 it is so already';

-- function fn_dot_seams(iu_collection,jsonb,bigint,boolean)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_seams(p_collection iu_collection, p_changes jsonb, p_unit_id bigint, p_with_unit boolean, OUT objects jsonb, OUT own jsonb, OUT before jsonb)
 RETURNS record
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH change AS (
    SELECT DISTINCT (c ->> 'unit')::bigint AS unit_id,
           first_value(c ->> 'before') OVER (PARTITION BY c ->> 'unit' ORDER BY n) AS was, first_value(c ->> 'after') OVER (PARTITION BY c ->> 'unit' ORDER BY n DESC) AS now
    FROM jsonb_array_elements(p_changes) WITH ORDINALITY AS g(c, n)
  ), told AS (
    SELECT u.id, u.canonical_address, was, now, jsonb_build_object('ref', format('piece:%s#%s', (p_collection).canonical_address, u.canonical_address), 'change', 'update',
           'before', jsonb_build_object('at', p.position::text, 'separator', coalesce(was, (p_collection).joiner)),
           'after', jsonb_build_object('at', p.position::text, 'separator', coalesce(now, (p_collection).joiner))) AS object
    -- One row each, found by its key: a join would be planned for many.
    FROM change CROSS JOIN LATERAL (SELECT * FROM information_unit WHERE id = change.unit_id LIMIT 1) AS u
    CROSS JOIN LATERAL (SELECT * FROM iu_collection_piece WHERE collection_id = (p_collection).id AND unit_id = change.unit_id LIMIT 1) AS p
    WHERE was IS DISTINCT FROM now
  )
  SELECT coalesce(jsonb_agg(object ORDER BY id) FILTER (WHERE id <> p_unit_id), '[]'), coalesce(jsonb_agg(object) FILTER (WHERE id = p_unit_id), '[]'),
         coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('collection', (p_collection).canonical_address, 'piece', canonical_address, 'separator', was)) ORDER BY id)
           FILTER (WHERE id <> p_unit_id OR p_with_unit), '[]')
  FROM told
$function$;
ALTER FUNCTION fn_dot_seams(iu_collection,jsonb,bigint,boolean) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_seams(iu_collection,jsonb,bigint,boolean) IS 'The separators that a change of one piece has changed: as objects of a plan, those of the other pieces and that of its own; and as they were, for the inverse';

-- function fn_dot_separators_restore(iu_collection,jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_separators_restore(p_collection iu_collection, p_separators jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_item jsonb;
  v_unit_id bigint;
  v_changes jsonb := '[]';
BEGIN
  FOR v_item IN SELECT i FROM jsonb_array_elements(p_separators) AS i WHERE i ->> 'collection' = (p_collection).canonical_address LOOP
    SELECT u.id INTO v_unit_id FROM information_unit AS u JOIN iu_collection_piece AS p ON p.unit_id = u.id AND p.collection_id = (p_collection).id WHERE u.canonical_address = v_item ->> 'piece';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'separators: % does not stand in % by now', v_item ->> 'piece', (p_collection).canonical_address USING ERRCODE = 'IU014', COLUMN = 'separators';
    END IF;
    v_changes := v_changes || fn_iu_separator_put((p_collection).id, v_unit_id, v_item ->> 'separator');
  END LOOP;
  RETURN v_changes;
END
$function$;
ALTER FUNCTION fn_dot_separators_restore(iu_collection,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_separators_restore(iu_collection,jsonb) IS 'Gives pieces of a collection that a command changes the exact separators that an inverse carries; returns the changes. IU014 for a piece that does not stand there';

-- function fn_dot_skipped(jsonb,jsonb,integer)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_skipped(p_params jsonb, p_context jsonb, p_most integer)
 RETURNS bigint[]
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_from constant timestamptz := fn_dot_instant(p_params, 'from');
  v_to constant timestamptz := fn_dot_instant(p_params, 'to');
  v_route iu_outbound_route;
  v_ids bigint[];
BEGIN
  SELECT * INTO v_route FROM iu_outbound_route WHERE route_code = p_params ->> 'route';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'route: there is no %', coalesce(p_params ->> 'route', 'route given') USING ERRCODE = 'IU003', COLUMN = 'route', HINT = 'Say which route skipped them.';
  ELSIF NOT v_route.enabled THEN
    RAISE EXCEPTION 'route: % is disabled, and would skip them again', v_route.route_code USING ERRCODE = 'IU016', COLUMN = 'route', HINT = 'Enable the route first.';
  ELSIF p_context ? 'frozen' THEN
    RETURN fn_dot_thawed(p_context -> 'frozen');
  END IF;
  SELECT array_agg(event_id ORDER BY event_id) INTO v_ids
  FROM (
    SELECT a.event_id FROM iu_route_attempt AS a
    WHERE a.failure_code = 'route_disabled' AND a.route_id = v_route.id
      AND NOT EXISTS (SELECT FROM iu_route_attempt AS n WHERE n.event_id = a.event_id AND n.route_id = a.route_id AND n.attempt_no > a.attempt_no)
      AND (v_from IS NULL OR a.created_at >= v_from)
      AND (v_to IS NULL OR a.created_at < v_to)
      AND (NOT p_params ? 'through' OR a.event_id <= (p_params ->> 'through')::bigint)
    ORDER BY a.event_id LIMIT least(p_most, (p_params ->> 'limit')::integer)
  ) AS chosen;
  IF v_ids IS NULL THEN
    RAISE EXCEPTION 'route % has skipped no event that was not attempted since', v_route.route_code USING ERRCODE = 'IU016';
  END IF;
  RETURN v_ids;
END
$function$;
ALTER FUNCTION fn_dot_skipped(jsonb,jsonb,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_skipped(jsonb,jsonb,integer) IS 'The events that a route skipped while it was disabled and has not attempted since; IU016 when there is none, or it is disabled still; IU003 unknown route';

-- function fn_dot_stamp()
CREATE OR REPLACE FUNCTION iu_core.fn_dot_stamp()
 RETURNS TABLE(part text, classes text[], stamp text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
DECLARE
  v_schema constant oid := 'iu_core'::regnamespace;
  v_registered constant text[] := '{config,event_type,route}';
  -- The acceptances that hold, by the part that they belong to; there are few, if any.
  v_accepted constant jsonb := (SELECT jsonb_object_agg(n.part, n.stamp) FROM (SELECT CASE WHEN a.class = ANY (v_registered) THEN 'registered' WHEN a.class = 'principal' THEN 'guards' ELSE 'deployed' END AS part, string_agg(a.decision_id::text, ',' ORDER BY a.decision_id) AS stamp FROM fn_dot_accepted() AS a GROUP BY 1) AS n);
BEGIN
  -- Vocabulary, and what else stands in the schema, serve no command.
  part := 'deployed';
  classes := '{schema,table,view,function,trigger,command}';
  stamp := concat_ws(' ', 'accepted ' || (v_accepted ->> part),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_namespace WHERE oid = v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_class WHERE relnamespace = v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_attrdef WHERE adrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_constraint WHERE connamespace = v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_index WHERE indrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_trigger WHERE tgrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_rewrite WHERE ev_class >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_policy),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_sequence),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_proc WHERE oid >= 16384 AND (pronamespace = v_schema OR oid IN (SELECT tgfoid FROM pg_trigger WHERE tgrelid >= 16384))),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_description WHERE objoid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_iu_command),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_inventory AS i WHERE i.class <> ALL (v_registered || '{principal}'::text[])));
  RETURN NEXT;
  -- Which commands these serve is told by what was deployed.
  part := 'registered';
  classes := v_registered;
  stamp := concat_ws(' ', stamp, 'accepted ' || (v_accepted ->> part),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_config),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM iu_event_type),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM iu_outbound_route),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_inventory AS i WHERE i.class = ANY (v_registered)));
  RETURN NEXT;
  part := 'guards';
  classes := '{principal}';
  -- Roles stand in a table that only an administrator may read; what shows of them is little.
  stamp := concat_ws(' ', 'accepted ' || (v_accepted ->> part), pg_conf_load_time(), current_setting('fsync'), current_setting('full_page_writes'),
    (SELECT sum(hash_record_extended(r, 0)) FROM pg_roles AS r),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_auth_members),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_db_role_setting),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_database WHERE datname = current_database()),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_parameter_acl),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_default_acl),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_event_trigger),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_publication),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_publication_rel),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_publication_namespace),
    (SELECT sum(hash_array_extended(ARRAY[oid], 0)) FROM pg_subscription),
    (SELECT sum(hashtextextended(slot_name, 0)) FROM pg_replication_slots),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_inherits),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_foreign_table),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_class WHERE oid >= 16384 AND relkind <> 't' AND relnamespace <> v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_attrdef WHERE adrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_rewrite WHERE ev_class >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_trigger WHERE tgrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_policy),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_constraint WHERE connamespace <> v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_cast WHERE oid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_proc WHERE oid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_inventory AS i WHERE i.class = 'principal'));
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_dot_stamp() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_stamp() IS 'The three parts that are compared before a command is carried out, each with its classes and a stamp that any change to them changes: what only a deploy makes, what commands register and switch, and what guards them from outside; milliseconds, where comparing takes ten times as long';

-- function fn_dot_state()
CREATE OR REPLACE FUNCTION iu_core.fn_dot_state()
 RETURNS TABLE(class text, identity text, switched jsonb)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET quote_all_identifiers TO 'off'
AS $function$
BEGIN
  RETURN QUERY
  -- The few that matter first: of a new database PostgreSQL knows no numbers, and would ask for the triggers of each relation.
  WITH triggers AS MATERIALIZED (
    SELECT t.tgname, t.tgrelid, t.tgconstraint, t.tgisinternal, t.tgenabled, c.relname
    FROM (SELECT tgname, tgrelid, tgconstraint, tgisinternal, tgenabled FROM pg_trigger WHERE NOT tgisinternal OR tgenabled <> 'O' OFFSET 0) AS t
    JOIN pg_class AS c ON c.oid = t.tgrelid WHERE c.relnamespace = 'iu_core'::regnamespace
  )
  SELECT 'trigger', format('%s on %s', t.tgname, t.tgrelid::regclass), jsonb_build_object('enabled', t.tgenabled)
  FROM triggers AS t WHERE NOT t.tgisinternal
  UNION ALL
  SELECT 'table', t.relname::text, jsonb_build_object('constraints_off', jsonb_agg(DISTINCT k.conname))
  FROM triggers AS t JOIN pg_constraint AS k ON k.oid = t.tgconstraint WHERE t.tgisinternal GROUP BY t.relname;
  IF has_table_privilege(to_regclass('iu_core.dot_config'), 'SELECT') THEN
    RETURN QUERY SELECT 'config', key, jsonb_build_object('value', value, 'expires_at', expires_at) FROM dot_config;
  END IF;
  IF has_table_privilege(to_regclass('iu_core.iu_outbound_route'), 'SELECT') THEN
    RETURN QUERY SELECT 'route', route_code, jsonb_build_object('enabled', enabled, 'dry_run', dry_run) FROM iu_outbound_route;
  END IF;
END
$function$;
ALTER FUNCTION fn_dot_state() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_state() IS 'The switches of the live schema that are no part of a definition: triggers on or off, gates, routes enabled and dry run';

-- function fn_dot_state_expected()
CREATE OR REPLACE FUNCTION iu_core.fn_dot_state_expected()
 RETURNS TABLE(class text, identity text, switched jsonb, run_id bigint)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
  SELECT i.class, i.identity,
         CASE WHEN r.after IS NULL THEN i.switched ELSE i.switched || CASE i.class
           WHEN 'trigger' THEN jsonb_build_object('enabled', CASE WHEN (r.after -> 'enabled')::boolean THEN 'O' ELSE 'D' END)
           WHEN 'config' THEN jsonb_build_object('value', CASE r.after ->> 'state' WHEN 'open' THEN 'true' ELSE 'false' END, 'expires_at', (r.after ->> 'expires_at')::timestamptz)
           ELSE jsonb_strip_nulls(jsonb_build_object('enabled', r.after -> 'enabled', 'dry_run', r.after -> 'dry_run')) END END,
         r.id
  FROM dot_inventory AS i
  CROSS JOIN LATERAL (SELECT CASE i.class WHEN 'config' THEN 'gate:' || i.identity WHEN 'trigger' THEN 'trigger:' || split_part(i.identity, ' on ', 1) ELSE i.class || ':' || i.identity END AS ref) AS n
  LEFT JOIN LATERAL (
    SELECT f.id, o -> 'after' AS after
    -- Found by the object's name and not by going back through the ledger.
    FROM (SELECT id, receipt FROM dot_iu_command_run WHERE object_refs @> ARRAY[n.ref] AND status = 'succeeded' AND mode IN ('apply', 'rollback') OFFSET 0) AS f
    CROSS JOIN LATERAL jsonb_array_elements(f.receipt -> 'objects') AS o
    WHERE f.id > i.switched_after_run AND o ->> 'ref' = n.ref AND o -> 'after' ?| '{enabled,state}'
    ORDER BY f.id DESC LIMIT 1
  ) AS r ON true
  WHERE i.switched IS NOT NULL
$function$;
ALTER FUNCTION fn_dot_state_expected() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_state_expected() IS 'The switches as they should be, and the run that last set them (null: none, they are as the unit made them)';

-- function fn_dot_text_kept(jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_text_kept(p_value jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT jsonb_build_object('sha256', encode(sha256(convert_to(p_value #>> '{}', 'UTF8')), 'hex'), 'bytes', octet_length(p_value #>> '{}'))
$function$;
ALTER FUNCTION fn_dot_text_kept(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_text_kept(jsonb) IS 'A text as the ledger keeps it: SHA-256 and bytes';

-- function fn_dot_texts_left_out(jsonb,jsonb,jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_texts_left_out(p_told jsonb, p_given jsonb, p_kept jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_told text := p_told::text;
  v_part text;
BEGIN
  -- What is told is JSON itself, so each is looked for as it is spelled there; the longest first.
  FOR v_part IN
    SELECT DISTINCT ON (length(part), part) part
    FROM (SELECT t #>> '{}' AS text FROM jsonb_path_query(p_given, 'strict $.** ? (@.type() == "string" || @.type() == "number")') AS t
          -- A name in an object of the caller's is a text as well.
          UNION SELECT t #>> '{}' FROM jsonb_path_query(p_given, 'strict $.** ? (@.type() == "object").keyvalue().key') AS t
          EXCEPT SELECT t #>> '{}' FROM jsonb_path_query(p_kept, 'strict $.** ? (@.type() == "string" || @.type() == "number")') AS t
          EXCEPT SELECT t #>> '{}' FROM jsonb_path_query(p_kept, 'lax $.keyvalue().key') AS t) AS left_out
    CROSS JOIN LATERAL unnest(ARRAY[text, to_jsonb(text)::text]) AS g(given)
    CROSS JOIN LATERAL unnest(ARRAY[length(given), 300, 200, 120, 80, 60, 40]) AS l(n)
    CROSS JOIN LATERAL (SELECT to_jsonb(left(given, n))::text) AS j(spelled)
    CROSS JOIN LATERAL (SELECT substr(spelled, 2, length(spelled) - 2)) AS p(part)
    WHERE n <= length(given) AND length(text) >= 8 AND position(part IN v_told) > 0
    ORDER BY length(part) DESC, part
  LOOP
    v_told := replace(v_told, v_part, '…');
  END LOOP;
  RETURN v_told::jsonb;
END
$function$;
ALTER FUNCTION fn_dot_texts_left_out(jsonb,jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_texts_left_out(jsonb,jsonb,jsonb) IS 'What is told of a refusal or a fault, without the texts that were given and are not kept';

-- function fn_dot_thawed(jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_thawed(p_frozen jsonb)
 RETURNS bigint[]
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT coalesce(array_agg(i ORDER BY i), '{}')
  FROM unnest((p_frozen #>> '{}')::int8multirange) AS r CROSS JOIN LATERAL generate_series(lower(r), upper(r) - 1) AS i
$function$;
ALTER FUNCTION fn_dot_thawed(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_thawed(jsonb) IS 'The ids of a set that fn_dot_frozen wrote';

-- function fn_dot_triggers_switched(boolean)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_triggers_switched(p_enabled boolean)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_trigger record;
  v_before jsonb;
  v_objects jsonb := '[]';
BEGIN
  -- It waits for the writers under way, but not for ever: whoever stops something must be told.
  PERFORM set_config('lock_timeout', '2s', true);
  FOR v_trigger IN SELECT DISTINCT relation FROM v_iu_emitting_trigger ORDER BY relation LOOP
    EXECUTE format('LOCK TABLE %I IN SHARE ROW EXCLUSIVE MODE', v_trigger.relation);
  END LOOP;
  SELECT jsonb_object_agg(trigger, enabled) INTO v_before FROM v_iu_emitting_trigger;
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
$function$;
ALTER FUNCTION fn_dot_triggers_switched(boolean) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_triggers_switched(boolean) IS 'Switches the emitting triggers and returns what the handlers return; IU016 they are so already, 55P03 a writer holds a table for longer than two seconds';

-- function fn_dot_unit(jsonb,text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_unit(p_params jsonb, p_field text)
 RETURNS information_unit
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_unit information_unit;
BEGIN
  SELECT * INTO v_unit FROM information_unit WHERE canonical_address = p_params ->> p_field FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION '%: no piece has the address %', p_field, p_params ->> p_field USING ERRCODE = 'IU003', COLUMN = p_field;
  END IF;
  RETURN v_unit;
END
$function$;
ALTER FUNCTION fn_dot_unit(jsonb,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_unit(jsonb,text) IS 'The unit that a parameter names by its address, locked; IU003 when there is none';

-- function fn_dot_unit_facts(information_unit)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_unit_facts(p_unit information_unit)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT jsonb_build_object('status', (p_unit).lifecycle_status, 'kind', (p_unit).unit_kind, 'title', (p_unit).title, 'version', v.version_seq, 'sha256', encode(v.content_digest, 'hex'), 'bytes', v.byte_length)
  FROM unit_version AS v WHERE v.unit_id = (p_unit).id AND v.version_seq = (p_unit).current_version_seq
$function$;
ALTER FUNCTION fn_dot_unit_facts(information_unit) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_unit_facts(information_unit) IS 'A unit in a plan''s diff: status, version, digest and size';

-- function fn_dot_unit_object(information_unit,bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_unit_object(p_before information_unit, p_unit_id bigint)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT jsonb_strip_nulls(jsonb_build_object('ref', 'unit:' || u.canonical_address, 'change', CASE WHEN (p_before).id IS NULL THEN 'create' ELSE 'update' END,
           'before', CASE WHEN (p_before).id IS NOT NULL THEN jsonb_build_object('status', (p_before).lifecycle_status, 'kind', (p_before).unit_kind, 'title', (p_before).title, 'version', v.version_seq, 'sha256', encode(v.content_digest, 'hex'), 'bytes', v.byte_length) END,
           'after', fn_dot_unit_facts(u)))
  FROM information_unit AS u
  LEFT JOIN unit_version AS v ON v.unit_id = (p_before).id AND v.version_seq = (p_before).current_version_seq
  WHERE u.id = p_unit_id
$function$;
ALTER FUNCTION fn_dot_unit_object(information_unit,bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_unit_object(information_unit,bigint) IS 'A unit in a plan''s diff: born when p_before is null, else as it was and as it is now';

-- function fn_dot_units(jsonb,text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_units(p_addresses jsonb, p_field text)
 RETURNS information_unit[]
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_dot_units(jsonb,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_units(jsonb,text) IS 'The units of a list of addresses, in its order, locked in the order of their ids; IU002 for one that is named twice, IU003 for one that does not exist';

-- function fn_dot_word(text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_word(p_name text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE STRICT
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
  SELECT format(CASE WHEN p_name ~ '^"' THEN '%s' ELSE '\y%s\y' END, regexp_replace(p_name, '(\W)', '\\\1', 'g'))
$function$;
ALTER FUNCTION fn_dot_word(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_word(text) IS 'The regular expression that finds a name in a definition, whole; quoted where definitions quote it';

-- function fn_dot_works_in_drift(text)
CREATE OR REPLACE FUNCTION iu_core.fn_dot_works_in_drift(p_command text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ SELECT p_command ~ '^dot_iu_(close|disable|revoke|stop)_' OR p_command IN ('dot_iu_run_probe', 'dot_iu_accept_deviation', 'dot_iu_withdraw_acceptance') $function$;
ALTER FUNCTION fn_dot_works_in_drift(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_works_in_drift(text) IS 'Whether a command shuts something, only tries and takes it back, or decides on drift itself: such a one is never refused for drift';

-- function fn_iu_actor()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_actor()
 RETURNS text
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ SELECT coalesce((SELECT actor FROM dot_iu_acting WHERE xid = pg_current_xact_id_if_assigned()), 'db:' || session_user) $function$;
ALTER FUNCTION fn_iu_actor() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_actor() IS 'For whom this is written: the actor of the command under way, or the login as db:NAME, which no account is called';

-- function fn_iu_align(text[],text[],text[],text[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_align(p_old text[], p_new text[], p_old_kinds text[], p_new_kinds text[])
 RETURNS TABLE(new_no integer, old_no integer, is_same boolean, stays boolean)
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_old integer[];                                  -- the texts as small numbers
  v_new integer[];
  v_old_count constant integer := cardinality(p_old);
  v_new_count constant integer := cardinality(p_new);
  v_old_map integer[] := array_fill(NULL::integer, ARRAY[greatest(v_old_count, 1)]);   -- the new number of each old one
  v_new_map integer[] := array_fill(NULL::integer, ARRAY[greatest(v_new_count, 1)]);   -- the old number of each new one
  v_stack integer[] := ARRAY[1, v_old_count, 1, v_new_count];
  v_top integer := 4;
  v_budget bigint := 50 * (v_old_count + v_new_count + 1)::bigint;   -- pieces to look at before settling for less
  v_old_from integer;
  v_old_to integer;
  v_new_from integer;
  v_new_to integer;
  v_anchor_old integer[];
  v_anchor_new integer[];
  v_anchored boolean[];
BEGIN
  WITH coded AS (
    SELECT side, n, dense_rank() OVER (ORDER BY t COLLATE "C")::integer AS code
    FROM (SELECT 'old' AS side, n, t FROM unnest(p_old) WITH ORDINALITY AS o(t, n)
          UNION ALL SELECT 'new', n, t FROM unnest(p_new) WITH ORDINALITY AS o(t, n)) AS given
  )
  SELECT coalesce(array_agg(code ORDER BY n) FILTER (WHERE side = 'old'), '{}'), coalesce(array_agg(code ORDER BY n) FILTER (WHERE side = 'new'), '{}')
  INTO v_old, v_new FROM coded;

  WHILE v_top > 0 LOOP
    v_old_from := v_stack[v_top - 3]; v_old_to := v_stack[v_top - 2]; v_new_from := v_stack[v_top - 1]; v_new_to := v_stack[v_top];
    v_top := v_top - 4;
    WHILE v_old_from <= v_old_to AND v_new_from <= v_new_to AND v_old[v_old_from] = v_new[v_new_from] LOOP
      v_new_map[v_new_from] := v_old_from; v_old_map[v_old_from] := v_new_from;
      v_old_from := v_old_from + 1; v_new_from := v_new_from + 1;
    END LOOP;
    WHILE v_old_from <= v_old_to AND v_new_from <= v_new_to AND v_old[v_old_to] = v_new[v_new_to] LOOP
      v_new_map[v_new_to] := v_old_to; v_old_map[v_old_to] := v_new_to;
      v_old_to := v_old_to - 1; v_new_to := v_new_to - 1;
    END LOOP;
    CONTINUE WHEN v_old_from > v_old_to OR v_new_from > v_new_to OR v_budget < 0;
    v_budget := v_budget - (v_old_to - v_old_from) - (v_new_to - v_new_from);

    -- Unique on both sides first; where nothing is, the n-th occurrence answers to the n-th. Pairs are
    -- found by grouping, here and below: a join's plan would hang on estimates that nobody can make.
    WITH occurrence AS (
      SELECT side, no, code, row_number() OVER (PARTITION BY side, code ORDER BY no) AS nth, count(*) OVER (PARTITION BY side, code) AS times
      FROM (SELECT 'old' AS side, v_old_from + n::integer - 1 AS no, code FROM unnest(v_old[v_old_from:v_old_to]) WITH ORDINALITY AS o(code, n)
            UNION ALL SELECT 'new', v_new_from + n::integer - 1, code FROM unnest(v_new[v_new_from:v_new_to]) WITH ORDINALITY AS w(code, n)) AS ranged
    ), matched AS (
      SELECT min(no) FILTER (WHERE side = 'old') AS o_no, min(no) FILTER (WHERE side = 'new') AS n_no,
             bool_and(times = 1) AS is_unique, bool_or(bool_and(times = 1)) OVER () AS some_unique
      FROM occurrence GROUP BY code, nth HAVING count(*) = 2
    )
    SELECT array_agg(o_no ORDER BY n_no), array_agg(n_no ORDER BY n_no) INTO v_anchor_old, v_anchor_new
    FROM matched WHERE is_unique = some_unique;
    CONTINUE WHEN v_anchor_old IS NULL;

    v_anchored := fn_iu_longest_increasing(v_anchor_old);
    FOR i IN 1 .. cardinality(v_anchor_old) LOOP
      CONTINUE WHEN NOT v_anchored[i];
      v_new_map[v_anchor_new[i]] := v_anchor_old[i]; v_old_map[v_anchor_old[i]] := v_anchor_new[i];
      IF v_old_from < v_anchor_old[i] AND v_new_from < v_anchor_new[i] THEN
        v_stack[v_top + 1] := v_old_from; v_stack[v_top + 2] := v_anchor_old[i] - 1;
        v_stack[v_top + 3] := v_new_from; v_stack[v_top + 4] := v_anchor_new[i] - 1;
        v_top := v_top + 4;
      END IF;
      v_old_from := v_anchor_old[i] + 1; v_new_from := v_anchor_new[i] + 1;
    END LOOP;
    IF v_old_from <= v_old_to AND v_new_from <= v_new_to THEN
      v_stack[v_top + 1] := v_old_from; v_stack[v_top + 2] := v_old_to; v_stack[v_top + 3] := v_new_from; v_stack[v_top + 4] := v_new_to;
      v_top := v_top + 4;
    END IF;
  END LOOP;

  RETURN QUERY
  WITH piece AS (        -- gap: how many anchors stand before it
    SELECT n::integer AS o_no, NULL::integer AS n_no, code, kind, map, count(map) OVER (ORDER BY n) AS gap
    FROM unnest(v_old, p_old_kinds, v_old_map[1:v_old_count]) WITH ORDINALITY AS o(code, kind, map, n)
    UNION ALL
    SELECT NULL, n::integer, code, kind, map, count(map) OVER (ORDER BY n)
    FROM unnest(v_new, p_new_kinds, v_new_map[1:v_new_count]) WITH ORDINALITY AS w(code, kind, map, n)
  ), by_text AS (
    SELECT min(o_no) AS o_no, min(n_no) AS n_no, min(kind) AS kind, min(gap) AS gap
    FROM (SELECT *, row_number() OVER (PARTITION BY code, o_no IS NULL ORDER BY o_no, n_no) AS nth FROM piece WHERE map IS NULL) AS x
    GROUP BY code, nth
  ), by_kind AS (
    SELECT min(o_no) AS o_no, min(n_no) AS n_no, gap
    FROM (SELECT *, row_number() OVER (PARTITION BY gap, kind, o_no IS NULL ORDER BY o_no, n_no) AS nth FROM by_text WHERE o_no IS NULL OR n_no IS NULL) AS x
    GROUP BY gap, kind, nth
  ), by_place AS (
    SELECT min(o_no) AS o_no, min(n_no) AS n_no
    FROM (SELECT *, row_number() OVER (PARTITION BY gap, o_no IS NULL ORDER BY o_no, n_no) AS nth FROM by_kind WHERE o_no IS NULL OR n_no IS NULL) AS x
    GROUP BY gap, nth
  ), aligned AS (
    SELECT n::integer AS n_no, map AS o_no, true AS same FROM unnest(v_new_map) WITH ORDINALITY AS m(map, n) WHERE map IS NOT NULL
    UNION ALL SELECT n_no, o_no, true FROM by_text WHERE o_no IS NOT NULL AND n_no IS NOT NULL
    UNION ALL SELECT n_no, o_no, false FROM by_kind WHERE o_no IS NOT NULL AND n_no IS NOT NULL
    UNION ALL SELECT n_no, o_no, false FROM by_place
  ), paired AS (
    SELECT array_agg(n_no ORDER BY n_no) AS n_nos, array_agg(o_no ORDER BY n_no) AS o_nos, array_agg(same ORDER BY n_no) AS sames
    FROM aligned WHERE o_no IS NOT NULL AND n_no IS NOT NULL
  )
  SELECT p.n_no, p.o_no, p.same, p.stays FROM paired, unnest(n_nos, o_nos, sames, fn_iu_longest_increasing(coalesce(o_nos, '{}'))) AS p(n_no, o_no, same, stays)
  UNION ALL SELECT n_no, o_no, false, false FROM aligned WHERE o_no IS NULL OR n_no IS NULL;
END
$function$;
ALTER FUNCTION fn_iu_align(text[],text[],text[],text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_align(text[],text[],text[],text[]) IS 'Aligns the digests of an old and a new list of pieces: one row per piece of either. new_no null = removed, old_no null = born, is_same = text unchanged, stays = keeps its place';

-- function fn_iu_append_only()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_append_only()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'IU005', TABLE = TG_TABLE_NAME, HINT = 'History is never rewritten; write a new row instead.';
END
$function$;
ALTER FUNCTION fn_iu_append_only() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_append_only() IS 'Trigger function: raises IU005 (append_only) on whatever would change history';

-- function fn_iu_append_only_but_archived()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_append_only_but_archived()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  IF TG_OP = 'DELETE' THEN
    -- The removal stands on record before the first row goes, in the transaction that both belong to.
    IF EXISTS (SELECT FROM iu_archive_move WHERE xid = pg_current_xact_id_if_assigned() AND move = 'removed') THEN
      RETURN NULL;
    END IF;
  END IF;
  RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'IU005', TABLE = TG_TABLE_NAME, HINT = 'History is never rewritten; write a new row instead, or archive old ones.';
END
$function$;
ALTER FUNCTION fn_iu_append_only_but_archived() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_append_only_but_archived() IS 'Trigger function: raises IU005 (append_only) on whatever would change history, but for the removal of what is archived';

-- function fn_iu_apply_versions(bigint[],text[],text[],text[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_apply_versions(p_unit_ids bigint[], p_bodies text[], p_unit_kinds text[] DEFAULT NULL::text[], p_titles text[] DEFAULT NULL::text[])
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
    SELECT g.unit_id, g.body, coalesce(g.kind, u.unit_kind) AS kind, g.kind <> u.unit_kind AS is_another_kind, coalesce(g.title, u.title) AS title,
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
    -- The kind is the unit's and not the version's: it stands also in the manifests of those that pin one.
    SELECT fn_iu_collection_touch(p.collection_id, 0, coalesce(sum(given.growth) FILTER (WHERE p.pinned_version_seq IS NULL), 0)::bigint)
    FROM given JOIN iu_collection_piece AS p ON p.unit_id = given.unit_id AND (p.pinned_version_seq IS NULL OR given.is_another_kind)
    GROUP BY p.collection_id ORDER BY p.collection_id
  )
  SELECT count(*) INTO v_written FROM written, (SELECT count(*) FROM followed) AS all_touched;
  RETURN v_written;
END
$function$;
ALTER FUNCTION fn_iu_apply_versions(bigint[],text[],text[],text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_apply_versions(bigint[],text[],text[],text[]) IS 'Gives each unit a new version where its body differs, and raises the revision of every collection that follows it, or pins it and shows its new kind; returns how many were written. IU001 closed gate, IU002 bad input, IU003 unknown unit, IU009 retired or deleted unit';

-- function fn_iu_archive_content(timestamp with time zone,bigint,bigint,integer,bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_archive_content(p_older_than timestamp with time zone, p_after_id bigint, p_last_id bigint, p_limit integer, p_most_bytes bigint DEFAULT 33554432)
 RETURNS TABLE(first_id bigint, last_id bigint, events bigint, attempts bigint, oldest_at timestamp with time zone, newest_at timestamp with time zone, content text, event_ids bigint[])
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET quote_all_identifiers TO 'off'
 SET standard_conforming_strings TO 'on'
 SET bytea_output TO 'hex'
 SET "DateStyle" TO 'ISO, YMD'
 SET "IntervalStyle" TO 'postgres'
 SET extra_float_digits TO '1'
AS $function$
  WITH lines AS MATERIALIZED (
    SELECT e.id, e.created_at, v.newest_at, l.n, l.line, sum(octet_length(l.line)) OVER (ORDER BY e.id) AS bytes, row_number() OVER (ORDER BY e.id) AS no
    FROM (SELECT event_id, newest_at FROM v_iu_event_archivable
          WHERE event_id > p_after_id AND event_id <= coalesce(p_last_id, 9223372036854775807) AND newest_at < p_older_than
          ORDER BY event_id LIMIT p_limit) AS v
    JOIN event_outbox AS e ON e.id = v.event_id
    CROSS JOIN LATERAL (
      SELECT count(*) AS n, jsonb_build_object('event', to_jsonb(e) - 'bucket', 'attempts', jsonb_agg(to_jsonb(a) ORDER BY a.route_id, a.attempt_no))::text || E'\n' AS line
      FROM iu_route_attempt AS a WHERE a.event_id = e.id OFFSET 0) AS l
  )
  SELECT min(id), max(id), count(*), sum(n)::bigint, min(created_at), max(newest_at), string_agg(line, '' ORDER BY id), array_agg(id ORDER BY id)
  FROM lines WHERE bytes <= p_most_bytes OR no = 1 HAVING count(*) > 0
$function$;
ALTER FUNCTION fn_iu_archive_content(timestamp with time zone,bigint,bigint,integer,bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_archive_content(timestamp with time zone,bigint,bigint,integer,bigint) IS 'The next events behind an id that may be archived, p_limit and about p_most_bytes at most, as the lines of a file; no row when there are none';
GRANT EXECUTE ON FUNCTION fn_iu_archive_content(timestamp with time zone,bigint,bigint,integer,bigint) TO iu_approver;

-- function fn_iu_archive_forecast(timestamp with time zone)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_archive_forecast(p_older_than timestamp with time zone)
 RETURNS TABLE(verdict text, events bigint, attempts bigint, oldest_at timestamp with time zone, newest_at timestamp with time zone)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT verdict, count(*), coalesce(sum(n), 0)::bigint, min(created_at), max(created_at)
  FROM (
    SELECT e.created_at, a.n, CASE
             WHEN e.delivery_lane = 'held' THEN 'held'
             WHEN e.released_from IS NOT NULL THEN 'releases_a_held_event'
             WHEN a.event_id IS NULL THEN 'not_attempted'
             WHEN e.id > coalesce(u.through_id, 0) OR o.event_id IS NOT NULL OR l.xid IS NOT NULL THEN 'not_audited'
             WHEN EXISTS (SELECT FROM iu_route_dead_letter AS d WHERE d.event_id = e.id AND d.status = 'open') THEN 'open_dead_letter'
             WHEN e.id IN (SELECT event_id FROM v_iu_replay_left) THEN 'to_be_replayed'
             WHEN a.newest_at >= p_older_than THEN 'attempted_since'
             WHEN fn_iu_json_unbounded(e.payload, 67108864) IS NOT NULL THEN 'cannot_be_written_out'
             ELSE 'archivable' END AS verdict
    FROM event_outbox AS e
    LEFT JOIN (SELECT event_id, count(*) AS n, max(created_at) AS newest_at FROM iu_route_attempt GROUP BY event_id) AS a ON a.event_id = e.id
    LEFT JOIN iu_event_audit AS u ON true
    LEFT JOIN iu_event_audit_open AS o ON o.event_id = e.id
    LEFT JOIN iu_event_audit_late AS l ON l.xid = e.xid AND e.id <= l.through_id
    WHERE e.created_at < p_older_than
  ) AS judged
  GROUP BY verdict
$function$;
ALTER FUNCTION fn_iu_archive_forecast(timestamp with time zone) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_archive_forecast(timestamp with time zone) IS 'What an archive of all events older than a time would take, and what would stay and why. It takes as long as there are events';
GRANT EXECUTE ON FUNCTION fn_iu_archive_forecast(timestamp with time zone) TO iu_reader;

-- function fn_iu_attempt_block_count(bigint[],integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_attempt_block_count(p_event_ids bigint[], p_sign integer)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH counted AS (
    SELECT e.event_type, a.route_id, a.status, e.id / 256 AS block_no, count(*) AS n
    FROM unnest(p_event_ids) AS i(id)
    CROSS JOIN LATERAL (SELECT id, event_type FROM event_outbox WHERE id = i.id OFFSET 0) AS e
    CROSS JOIN LATERAL (SELECT route_id, status FROM iu_route_attempt WHERE event_id = i.id AND worker_code <> 'replay' OFFSET 0) AS a
    GROUP BY e.event_type, a.route_id, a.status, e.id / 256
  )
  INSERT INTO iu_route_attempt_block AS b (event_type, route_id, status, block_no, attempts)
  SELECT event_type, route_id, status, block_no, p_sign * n FROM counted
  UNION ALL
  SELECT event_type, route_id, status, -1, p_sign * sum(n) FROM counted GROUP BY event_type, route_id, status
  ON CONFLICT (event_type, route_id, status, block_no) DO UPDATE SET attempts = b.attempts + excluded.attempts
$function$;
ALTER FUNCTION fn_iu_attempt_block_count(bigint[],integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_attempt_block_count(bigint[],integer) IS 'Adds (1) or takes away (-1) the attempts, replays apart, of the given events, which are in the outbox, to or from their blocks';

-- function fn_iu_axes_derive(bigint[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_axes_derive(p_unit_ids bigint[])
 RETURNS TABLE(unit_id bigint, axis text, value text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
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
$function$;
ALTER FUNCTION fn_iu_axes_derive(bigint[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_axes_derive(bigint[]) IS 'What the axes of these units are, from their present text, kind and place';

-- function fn_iu_axes_refresh(bigint[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_axes_refresh(p_unit_ids bigint[])
 RETURNS integer
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_iu_axes_refresh(bigint[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_axes_refresh(bigint[]) IS 'Brings the axes of these units to what is derived; returns how many were written or removed';

-- function fn_iu_begins_text(bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_begins_text(p_unit_id bigint)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
  SELECT u.unit_kind = 'front_matter' OR starts_with(v.body, U&'\FEFF')
  FROM information_unit AS u JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq WHERE u.id = p_unit_id
$function$;
ALTER FUNCTION fn_iu_begins_text(bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_begins_text(bigint) IS 'Whether a unit is what it is at the beginning of a text only: front matter, or a text with a byte-order mark';

-- function fn_iu_block_end(text,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_block_end(p_text text, p_kind text, OUT is_over boolean, OUT closer text, OUT marker text, OUT content_column integer)
 RETURNS record
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
DECLARE
  v_line text;
  v_bare text;
  v_indent integer;
  v_state text := 'over';          -- over, paragraph, quote, list, note, code, fence, front (matter), html (to its end), block (html to a blank line)
  v_blank boolean := false;        -- a blank line stands before, in a list, a note or code
  v_lines integer := 0;            -- of front matter, read so far
  v_fence text;
  v_ends text;                     -- what the html is closed by, as a pattern
  v_found text[];
  v_column integer;                -- behind a list marker
  v_content integer;               -- where what it marks begins
BEGIN
  is_over := true;
  -- A piece that was front matter may have been given another text since.
  v_fence := CASE WHEN p_kind = 'front_matter' THEN substring(ltrim(p_text, U&'\FEFF') FROM '^(---|\+\+\+)[ \t]*[\r\n](?:.*[\r\n])?\1[ \t]*(?:[\r\n]|$)') END;
  IF v_fence IS NOT NULL THEN
    v_state := 'front';
  END IF;
  FOREACH v_line IN ARRAY regexp_split_to_array(ltrim(p_text, U&'\FEFF'), '\r\n|\r|\n') LOOP
    IF v_state = 'front' THEN
      v_lines := v_lines + 1;
      IF v_lines > 1 AND rtrim(v_line, E' \t') = v_fence THEN v_state := 'over'; END IF;
      CONTINUE;
    END IF;
    v_bare := ltrim(v_line, E' \t');
    v_indent := fn_iu_column(left(v_line, length(v_line) - length(v_bare)), 0);
    IF v_state = 'fence' THEN
      IF v_indent < 4 AND starts_with(v_bare, v_fence) AND btrim(rtrim(v_bare, E' \t'), left(v_fence, 1)) = '' THEN
        v_state := 'over';
      END IF;
      CONTINUE;
    ELSIF v_state = 'html' THEN
      IF v_line ~* v_ends THEN v_state := 'over'; END IF;
      CONTINUE;
    ELSIF v_bare = '' THEN
      IF v_state IN ('list', 'note', 'code') THEN v_blank := true; ELSE v_state := 'over'; END IF;
      CONTINUE;
    END IF;

    v_found := CASE WHEN v_indent < 4 AND v_bare !~ '^([-_*])[ \t]*(\1[ \t]*){2,}$' THEN regexp_match(v_bare, '^([-+*]|\d{1,9}[.)])([ \t]*)(.?)') END;
    IF v_found[2] = '' AND v_found[3] <> '' THEN v_found := NULL; END IF;
    v_column := v_indent + length(v_found[1]);
    v_content := fn_iu_column(v_found[2], v_column);
    v_content := CASE WHEN v_content - v_column BETWEEN 1 AND 4 AND v_found[3] <> '' THEN v_content ELSE v_column + 1 END;
    IF v_state IN ('list', 'note') THEN
      IF v_indent >= content_column THEN
        v_blank := false;
        CONTINUE;
      ELSIF v_state = 'list' AND right(v_found[1], 1) = marker THEN
        v_blank := false;
        content_column := v_content;
        CONTINUE;
      END IF;
    ELSIF v_state = 'code' AND v_indent > 3 OR v_state = 'block' OR v_state = 'quote' AND v_indent < 4 AND starts_with(v_bare, '>') THEN
      v_blank := false;
      CONTINUE;
    ELSIF v_state = 'paragraph' AND v_indent < 4 AND v_bare ~ '^(=+|-+)[ \t]*$' THEN
      v_state := 'over';
      CONTINUE;
    END IF;

    IF v_indent > 3 THEN
      -- A line that belongs to a paragraph before it, wherever that one is.
      CONTINUE WHEN v_state IN ('paragraph', 'quote') OR v_state IN ('list', 'note') AND NOT v_blank;
      v_state := 'code';
    ELSIF v_bare ~ '^#{1,6}([ \t]|$)' OR v_bare ~ '^([-_*])[ \t]*(\1[ \t]*){2,}$' THEN
      v_state := 'over';
    ELSIF v_bare ~ '^(`{3,}[^`]*|~{3,}.*)$' THEN
      v_state := 'fence';
      v_fence := substring(v_bare FROM '^(`+|~+)');
    ELSIF v_bare ~* '^<(script|pre|style|textarea)([ \t>]|$)' THEN
      v_state := 'html'; v_ends := '</(script|pre|style|textarea)>';
      closer := '</' || lower(substring(v_bare FROM '^<([A-Za-z]+)')) || '>';
    ELSIF v_bare ~ '^<(!--|\?|!\[CDATA\[|![A-Za-z])' THEN
      v_state := 'html';
      closer := CASE WHEN starts_with(v_bare, '<!--') THEN '-->' WHEN starts_with(v_bare, '<?') THEN '?>' WHEN starts_with(v_bare, '<![') THEN ']]>' ELSE '>' END;
      v_ends := CASE closer WHEN '?>' THEN '\?>' WHEN ']]>' THEN '\]\]>' ELSE closer END;
    ELSIF v_bare ~* '^</?(address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul)([ \t]|/?>|$)' THEN
      v_state := 'block';
    ELSIF starts_with(v_bare, '>') THEN
      v_state := 'quote';
    ELSIF v_found IS NOT NULL AND (v_state NOT IN ('paragraph', 'quote') OR v_found[3] <> '' AND v_found[1] ~ '^([-+*]|0*1[.)])$') THEN
      v_state := 'list';
      marker := right(v_found[1], 1);
      content_column := v_content;
    ELSIF v_bare ~ '^\[\^[^] \t]+\]:' THEN
      v_state := 'note';
      content_column := 4;
    ELSIF v_state IN ('paragraph', 'quote') OR v_state IN ('list', 'note') AND NOT v_blank THEN
      CONTINUE;
    ELSIF v_bare ~* '^<(/[a-z][a-z0-9-]*[ \t]*|[a-z][^<>]*)>[ \t]*$' THEN
      v_state := 'block';
    ELSE
      v_state := 'paragraph';
    END IF;
    v_blank := false;
    IF v_state = 'html' AND substr(v_bare, 3) ~* v_ends THEN
      v_state := 'over';
    END IF;
  END LOOP;
  is_over := v_state = 'over';
  closer := CASE v_state WHEN 'fence' THEN v_fence WHEN 'html' THEN closer END;
  marker := CASE WHEN v_state = 'list' THEN marker END;
  content_column := CASE v_state WHEN 'list' THEN content_column WHEN 'note' THEN 4 WHEN 'code' THEN 4 END;
END
$function$;
ALTER FUNCTION fn_iu_block_end(text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_block_end(text,text) IS 'What a Markdown text leaves open at its end. is_over: its last block is, and a line end is enough behind it; closer: the line that ends a fence or HTML which is not closed; marker: of the list that it ends with; content_column: a line that is indented so far still belongs to its last block, whatever blank lines stand between';

-- function fn_iu_classify(text,text[],text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_classify(p_term_class text, p_terms text[], p_field text)
 RETURNS void
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_iu_classify(text,text[],text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_classify(text,text[],text) IS 'Raises IU002 (invalid_parameter) naming p_field when a term is not in the vocabulary';

-- function fn_iu_collection_add(bigint,bigint[],numeric[],text[],integer[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_add(p_collection_id bigint, p_unit_ids bigint[], p_positions numeric[], p_separators text[], p_pinned_version_seqs integer[] DEFAULT NULL::integer[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_iu_collection_add(bigint,bigint[],numeric[],text[],integer[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_add(bigint,bigint[],numeric[],text[],integer[]) IS 'Puts units into a collection at the given positions, in one set; the refusals of fn_iu_collection_put, and IU009 for a retired or deleted unit';

-- function fn_iu_collection_checkpoint(bigint,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_checkpoint(p_collection_id bigint, p_label text DEFAULT NULL::text)
 RETURNS iu_collection_checkpoint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_checkpoint iu_collection_checkpoint;
  v_text text;
BEGIN
  -- The collection's lock gives the number, and keeps its pieces still.
  PERFORM FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  v_text := fn_iu_collection_manifest_text(p_collection_id);
  INSERT INTO iu_collection_checkpoint (collection_id, checkpoint_no, label, revision, title, manifest_text, manifest_digest, render_digest, piece_count, byte_length, source_digest, source_byte_length, base_id)
  SELECT c.id, coalesce((SELECT max(k.checkpoint_no) FROM iu_collection_checkpoint AS k WHERE k.collection_id = c.id), 0) + 1, coalesce(p_label, ''), c.revision, c.title,
         v_text, sha256(convert_to(v_text, 'UTF8')), sha256(convert_to(fn_iu_collection_render(c.id), 'UTF8')), c.piece_count, c.byte_length, c.source_digest, c.source_byte_length, c.base_id
  FROM iu_collection AS c WHERE c.id = p_collection_id
  RETURNING * INTO STRICT v_checkpoint;
  INSERT INTO iu_collection_checkpoint_piece (collection_id, checkpoint_no, unit_id, version_seq, is_pinned, unit_version_seq, position, separator, unit_kind, title, parent_unit_id, section_level)
  SELECT p.collection_id, v_checkpoint.checkpoint_no, p.unit_id, coalesce(p.pinned_version_seq, u.current_version_seq), p.pinned_version_seq IS NOT NULL, u.current_version_seq, p.position, p.separator,
         u.unit_kind, u.title, t.parent_unit_id, t.section_level
  FROM iu_collection_piece AS p JOIN information_unit AS u ON u.id = p.unit_id LEFT JOIN iu_tree_path AS t ON t.unit_id = p.unit_id
  WHERE p.collection_id = p_collection_id;
  RETURN v_checkpoint;
END
$function$;
ALTER FUNCTION fn_iu_collection_checkpoint(bigint,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_checkpoint(bigint,text) IS 'Freezes a collection as it stands under the next number, and returns the checkpoint';

-- function fn_iu_collection_findings(bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_findings(p_collection_id bigint)
 RETURNS TABLE(finding text, piece text, detail text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_iu_collection_findings(bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_findings(bigint) IS 'What is wrong with a collection, by name: missing_body, digest_mismatch, retired_piece, order, count_mismatch; no row when all is well';
GRANT EXECUTE ON FUNCTION fn_iu_collection_findings(bigint) TO iu_reader;

-- function fn_iu_collection_first(bigint,bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_first(p_collection_id bigint, p_unit_id bigint)
 RETURNS void
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
DECLARE
  v_first record;
  v_bound bigint;
  v_fence text;
BEGIN
  SELECT p.unit_id, p.position, u.canonical_address, u.unit_kind, v.body INTO v_first
  FROM (SELECT * FROM iu_collection_piece WHERE collection_id = p_collection_id ORDER BY position LIMIT 1) AS p
  JOIN information_unit AS u ON u.id = p.unit_id
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq);
  -- The piece that has come to stand behind the first, or that has been the first.
  v_bound := p_unit_id;
  IF v_first.unit_id = p_unit_id THEN
    v_bound := (SELECT unit_id FROM iu_collection_piece WHERE collection_id = p_collection_id AND position > v_first.position ORDER BY position LIMIT 1);
  END IF;
  IF fn_iu_begins_text(v_bound) THEN
    RAISE EXCEPTION 'to: % is front matter or begins with a byte-order mark, and is read as that at the beginning of a text only', (SELECT canonical_address FROM information_unit WHERE id = v_bound)
      USING ERRCODE = 'IU002', COLUMN = 'to', HINT = 'Let it stand first, and the other piece behind it.';
  END IF;
  v_fence := substring(ltrim(v_first.body, U&'\FEFF') FROM '^(---|\+\+\+)[ \t]*(?:[\r\n]|$)');
  IF v_fence IS NOT NULL AND v_first.unit_kind <> 'front_matter' AND EXISTS (
       SELECT FROM iu_collection_piece AS p JOIN information_unit AS u ON u.id = p.unit_id
       JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
       WHERE p.collection_id = p_collection_id
         AND v.body ~ (CASE WHEN p.unit_id = v_first.unit_id THEN '[\r\n]' ELSE '(^|[\r\n])' END || replace(v_fence, '+', '\+') || '[ \t]*([\r\n]|$)')) THEN
    RAISE EXCEPTION 'to: the line % that % begins with would open front matter, since the text would begin with it and has another such line', v_fence, v_first.canonical_address
      USING ERRCODE = 'IU002', COLUMN = 'to', HINT = 'Let another piece stand first, or write the rule as ***.';
  END IF;
END
$function$;
ALTER FUNCTION fn_iu_collection_first(bigint,bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_first(bigint,bigint) IS 'Refuses (IU002) a piece in a place where front matter or a byte-order mark would not stand first, or a rule that stands first would be read as the beginning of front matter';

-- function fn_iu_collection_manifest_text(bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_manifest_text(p_collection_id bigint)
 RETURNS text
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT 'iu-manifest 1' || chr(10)
      || (SELECT concat_ws(chr(9), 'collection', canonical_address, collection_kind, to_json(joiner)) FROM iu_collection WHERE id = p_collection_id) || chr(10)
      || coalesce(string_agg(line, '' ORDER BY position), '')
  FROM (
    SELECT p.position,
           concat_ws(chr(9), row_number() OVER (ORDER BY p.position), u.canonical_address, u.unit_kind, v.version_seq,
                     encode(v.content_digest, 'hex'), v.byte_length, coalesce(to_json(p.separator)::text, '-')) || chr(10) AS line
    FROM iu_collection_piece AS p
    JOIN information_unit AS u ON u.id = p.unit_id
    JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
    WHERE p.collection_id = p_collection_id
  ) AS pieces
$function$;
ALTER FUNCTION fn_iu_collection_manifest_text(bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_manifest_text(bigint) IS 'The manifest as text, one tab-separated line a piece: number, address, kind, version, SHA-256, bytes, separator as JSON (- = the joiner). Its SHA-256 is the manifest digest';
GRANT EXECUTE ON FUNCTION fn_iu_collection_manifest_text(bigint) TO iu_worker;

-- function fn_iu_collection_put(bigint,bigint[],numeric[],text[],integer[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_put(p_collection_id bigint, p_unit_ids bigint[], p_positions numeric[], p_separators text[], p_pinned_version_seqs integer[] DEFAULT NULL::integer[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_iu_collection_put(bigint,bigint[],numeric[],text[],integer[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_put(bigint,bigint[],numeric[],text[],integer[]) IS 'Puts units into a collection at the given positions, in one set, whatever their lifecycle; a pin is null to follow the current version. IU001 closed gate, IU002 bad input, IU003 unknown, IU004 already there';

-- function fn_iu_collection_remove(bigint,bigint[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_remove(p_collection_id bigint, p_unit_ids bigint[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_address text;
  v_joiner text;
  v_tail integer;
  v_removed integer;
  v_bytes bigint;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  -- Units before collections: the lock order of every writer. What is subtracted below cannot change meanwhile.
  PERFORM FROM information_unit WHERE id = ANY (p_unit_ids) ORDER BY id FOR KEY SHARE;
  SELECT canonical_address, joiner INTO v_address, v_joiner FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  v_tail := fn_iu_collection_tail(p_collection_id);
  WITH removed AS (
    DELETE FROM iu_collection_piece WHERE collection_id = p_collection_id AND unit_id = ANY (p_unit_ids)
    RETURNING unit_id, pinned_version_seq, separator
  )
  SELECT count(*), sum(v.byte_length + octet_length(coalesce(r.separator, v_joiner))) INTO v_removed, v_bytes
  FROM removed AS r
  JOIN information_unit AS u ON u.id = r.unit_id
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(r.pinned_version_seq, u.current_version_seq);
  IF v_removed IS DISTINCT FROM cardinality(p_unit_ids) THEN
    RAISE EXCEPTION 'unit_ids: names a unit that does not stand in the collection' USING ERRCODE = 'IU003', COLUMN = 'unit_ids';
  END IF;
  IF v_removed > 0 THEN
    PERFORM fn_iu_collection_touch(p_collection_id, -v_removed, v_tail - fn_iu_collection_tail(p_collection_id) - v_bytes);
  END IF;
  PERFORM fn_iu_outbox_append('piece_removed_from_collection', 'iu_collection', array_agg(v_address ORDER BY g.n),
    array_agg(jsonb_build_object('collection_address', v_address, 'unit_id', u.id, 'unit_address', u.canonical_address) ORDER BY g.n))
  FROM unnest(p_unit_ids) WITH ORDINALITY AS g(unit_id, n) JOIN information_unit AS u ON u.id = g.unit_id
  HAVING count(*) > 0;
END
$function$;
ALTER FUNCTION fn_iu_collection_remove(bigint,bigint[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_remove(bigint,bigint[]) IS 'Takes units out of a collection, in one set; the units live on. IU001 closed gate, IU003 not in the collection';

-- function fn_iu_collection_render(bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_render(p_collection_id bigint)
 RETURNS text
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT coalesce(string_agg(body || separator, '' ORDER BY position), '')
  FROM (
    SELECT v.body, p.position,
           coalesce(p.separator, CASE WHEN lead(p.unit_id) OVER (ORDER BY p.position) IS NULL THEN '' ELSE c.joiner END) AS separator
    FROM iu_collection AS c
    JOIN iu_collection_piece AS p ON p.collection_id = c.id
    JOIN information_unit AS u ON u.id = p.unit_id
    JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
    WHERE c.id = p_collection_id
  ) AS pieces
$function$;
ALTER FUNCTION fn_iu_collection_render(bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_render(bigint) IS 'The whole text of a collection: each piece''s body and what separates it from the next';

-- function fn_iu_collection_reorder(bigint,bigint[],numeric[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_reorder(p_collection_id bigint, p_unit_ids bigint[], p_positions numeric[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_address text;
  v_tail integer;
  v_moved integer;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  IF cardinality(p_positions) IS DISTINCT FROM cardinality(p_unit_ids) OR array_position(p_positions, NULL) > 0 THEN
    RAISE EXCEPTION 'unit_ids and positions must be arrays of one length, each unit with its position' USING ERRCODE = 'IU002', COLUMN = 'positions';
  END IF;
  SELECT canonical_address INTO v_address FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  v_tail := fn_iu_collection_tail(p_collection_id);
  BEGIN
    UPDATE iu_collection_piece AS p SET position = g.position
    FROM unnest(p_unit_ids, p_positions) AS g(unit_id, position)
    WHERE p.collection_id = p_collection_id AND p.unit_id = g.unit_id;
  EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'positions: a position holds one piece' USING ERRCODE = 'IU004', COLUMN = 'positions';
  END;
  GET DIAGNOSTICS v_moved = ROW_COUNT;
  IF v_moved IS DISTINCT FROM cardinality(p_unit_ids) THEN
    RAISE EXCEPTION 'unit_ids: names a unit that does not stand in the collection' USING ERRCODE = 'IU003', COLUMN = 'unit_ids';
  END IF;
  IF v_moved > 0 THEN
    PERFORM fn_iu_collection_touch(p_collection_id, 0, v_tail - fn_iu_collection_tail(p_collection_id));
  END IF;
  PERFORM fn_iu_outbox_append('piece_reordered', 'iu_collection', array_agg(v_address ORDER BY g.n),
    array_agg(jsonb_build_object('collection_address', v_address, 'unit_id', u.id, 'unit_address', u.canonical_address, 'position', g.position) ORDER BY g.n))
  FROM unnest(p_unit_ids, p_positions) WITH ORDINALITY AS g(unit_id, position, n) JOIN information_unit AS u ON u.id = g.unit_id
  HAVING count(*) > 0;
END
$function$;
ALTER FUNCTION fn_iu_collection_reorder(bigint,bigint[],numeric[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_reorder(bigint,bigint[],numeric[]) IS 'Moves pieces to new positions, in one set; IU001 closed gate, IU002 bad input, IU003 not in the collection, IU004 position taken';

-- function fn_iu_collection_return(bigint,integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_return(p_collection_id bigint, p_checkpoint_no integer)
 RETURNS TABLE(pieces_added integer, pieces_removed integer, pieces_moved integer, versions_created integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
      source_digest = coalesce(v_checkpoint.source_digest, c.source_digest), source_byte_length = coalesce(v_checkpoint.source_byte_length, c.source_byte_length), base_id = v_checkpoint.base_id
  WHERE c.id = p_collection_id;
  IF fn_iu_collection_seal(p_collection_id) IS DISTINCT FROM coalesce(v_checkpoint.render_digest, sha256('')) THEN
    RAISE EXCEPTION 'round trip failed: the collection does not render to the text of checkpoint %', p_checkpoint_no USING ERRCODE = 'IU006', HINT = 'Nothing was written. Report it.';
  END IF;
  -- Emptied, it is as before its first import, which wrote nothing yet.
  IF p_checkpoint_no = 0 THEN
    PERFORM fn_iu_import_base_put(p_collection_id);
  END IF;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_iu_collection_return(bigint,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_return(bigint,integer) IS 'Brings a collection back to a checkpoint (0 = empty): pieces, order, separators and texts; proves it by the digest. IU001 closed gate, IU003 no such checkpoint, IU006 not the same text, IU009 a piece is retired or deleted';

-- function fn_iu_collection_seal(bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_seal(p_collection_id bigint)
 RETURNS bytea
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_row iu_collection;
  v_rendered bytea;
  v_digest bytea;
  v_manifest bytea;
  v_event bigint;
BEGIN
  -- Locked before it is read: what is rendered is this revision, and two renderings' events are in the order of their digests.
  SELECT * INTO STRICT v_row FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  v_rendered := convert_to(fn_iu_collection_render(p_collection_id), 'UTF8');
  v_digest := sha256(v_rendered);
  v_manifest := sha256(convert_to(fn_iu_collection_manifest_text(p_collection_id), 'UTF8'));
  v_event := (SELECT fn_iu_outbox_append('collection_rendered', 'iu_collection', ARRAY[v_row.canonical_address],
    ARRAY[jsonb_build_object('collection_address', v_row.canonical_address, 'revision', v_row.revision, 'byte_length', octet_length(v_rendered),
                             'render_digest', encode(v_digest, 'hex'), 'manifest_digest', encode(v_manifest, 'hex'))]));
  UPDATE iu_collection
  SET render_digest = v_digest, render_revision = revision, byte_length = octet_length(v_rendered),
      manifest_digest = v_manifest, manifest_revision = revision, rendered_event_id = v_event
  WHERE id = p_collection_id;
  RETURN v_digest;
END
$function$;
ALTER FUNCTION fn_iu_collection_seal(bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_seal(bigint) IS 'Renders a collection, keeps the digests of the rendering and of the manifest with the revision, emits collection_rendered and remembers which event that was; returns the rendering''s SHA-256';

-- function fn_iu_collection_tail(bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_tail(p_collection_id bigint)
 RETURNS integer
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT coalesce((
    SELECT CASE WHEN p.separator IS NULL THEN octet_length(c.joiner) ELSE 0 END
    FROM iu_collection_piece AS p JOIN iu_collection AS c ON c.id = p.collection_id
    WHERE p.collection_id = p_collection_id ORDER BY p.position DESC LIMIT 1), 0)
$function$;
ALTER FUNCTION fn_iu_collection_tail(bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_tail(bigint) IS 'Bytes of the joiner that the last piece goes without, because nothing follows it; who changes the end of a collection takes the difference into its byte_length';

-- function fn_iu_collection_touch(bigint,integer,bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_touch(p_collection_id bigint, p_pieces integer, p_bytes bigint)
 RETURNS text
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  UPDATE iu_collection
  SET revision = revision + 1, piece_count = piece_count + p_pieces, byte_length = byte_length + p_bytes, updated_at = clock_timestamp()
  WHERE id = p_collection_id
  RETURNING canonical_address
$function$;
ALTER FUNCTION fn_iu_collection_touch(bigint,integer,bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_touch(bigint,integer,bigint) IS 'Raises a collection''s revision and moves its counts by the given differences; returns its address. Locks the collection, so that its writers and their events stand in one order';

-- function fn_iu_column(text,integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_column(p_blank text, p_from integer)
 RETURNS integer
 LANGUAGE plpgsql
 IMMUTABLE STRICT
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
DECLARE
  v_column integer := p_from;
BEGIN
  FOR i IN 1 .. length(p_blank) LOOP
    v_column := v_column + CASE WHEN substr(p_blank, i, 1) = E'\t' THEN 4 - v_column % 4 ELSE 1 END;
  END LOOP;
  RETURN v_column;
END
$function$;
ALTER FUNCTION fn_iu_column(text,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_column(text,integer) IS 'The column that blanks and tabs lead to from a column (from 0): a tab leads to the next multiple of four';

-- function fn_iu_compose(text,text,text,bigint[],text,text[],text,bytea,bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_compose(p_canonical_address text, p_collection_kind text, p_title text, p_unit_ids bigint[], p_joiner text DEFAULT ''::text, p_separators text[] DEFAULT NULL::text[], p_source_path text DEFAULT NULL::text, p_source_digest bytea DEFAULT NULL::bytea, p_source_byte_length bigint DEFAULT NULL::bigint)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_id bigint;
  v_wrong text;
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
    -- The joiner, but where it does not keep two neighbours apart.
    PERFORM fn_iu_collection_add(v_id, p_unit_ids, fn_iu_positions_between(NULL, NULL, cardinality(p_unit_ids)), coalesce(p_separators, (
      SELECT array_agg(CASE WHEN following IS NOT NULL THEN fn_iu_separator(body, unit_kind, following, ARRAY[NULL], coalesce(p_joiner, ''), fn_iu_line_end(p_joiner, body, following)) END ORDER BY n)
      FROM (SELECT g.n, u.unit_kind, v.body, lead(v.body) OVER (ORDER BY g.n) AS following
            FROM unnest(p_unit_ids) WITH ORDINALITY AS g(unit_id, n)
            LEFT JOIN information_unit AS u ON u.id = g.unit_id LEFT JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq) AS piece)));
    SELECT u.canonical_address INTO v_wrong FROM unnest(p_unit_ids) WITH ORDINALITY AS g(unit_id, n) JOIN information_unit AS u ON u.id = g.unit_id
    WHERE g.n > 1 AND fn_iu_begins_text(u.id) ORDER BY g.n LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION 'unit_ids: % is front matter or begins with a byte-order mark, and is read as that at the beginning of a text only', v_wrong
        USING ERRCODE = 'IU002', COLUMN = 'unit_ids', HINT = format('Let %s stand first.', v_wrong);
    END IF;
    PERFORM fn_iu_collection_first(v_id, NULL);
  END IF;
  RETURN v_id;
END
$function$;
ALTER FUNCTION fn_iu_compose(text,text,text,bigint[],text,text[],text,bytea,bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_compose(text,text,text,bigint[],text,text[],text,bytea,bigint) IS 'Composes a new collection of units in the given order, returns its id; IU001 closed gate, IU002 bad input, IU004 address taken, and the refusals of fn_iu_collection_add';

-- function fn_iu_console_beat(uuid,text,integer,text,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_console_beat(p_process_id uuid, p_host text, p_pid integer, p_contract_unit text, p_contract_digest text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  UPDATE iu_console_process SET last_seen_at = clock_timestamp() WHERE process_id = p_process_id;
  IF NOT FOUND THEN
    DELETE FROM iu_console_process WHERE last_seen_at < clock_timestamp() - interval '1 day';
    INSERT INTO iu_console_process (process_id, host, pid, contract_unit, contract_digest)
    VALUES (p_process_id, left(p_host, 255), p_pid, left(p_contract_unit, 128), left(p_contract_digest, 128));
  END IF;
END
$function$;
ALTER FUNCTION fn_iu_console_beat(uuid,text,integer,text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_console_beat(uuid,text,integer,text,text) IS 'Says that a console is alive and which schema it was built for; whoever is new removes rows that have been silent for a day';
GRANT EXECUTE ON FUNCTION fn_iu_console_beat(uuid,text,integer,text,text) TO iu_console;

-- function fn_iu_console_leave(uuid)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_console_leave(p_process_id uuid)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ DELETE FROM iu_console_process WHERE process_id = p_process_id $function$;
ALTER FUNCTION fn_iu_console_leave(uuid) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_console_leave(uuid) IS 'Takes away the row of a console that ends in order';
GRANT EXECUTE ON FUNCTION fn_iu_console_leave(uuid) TO iu_console;

-- function fn_iu_contract()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_contract()
 RETURNS TABLE(contract_unit text, contract_digest text, applied_at timestamp with time zone)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  IF to_regclass('iu_deploy.applied_unit') IS NOT NULL THEN
    RETURN QUERY EXECUTE $q$
      SELECT (array_agg(tag ORDER BY number DESC))[1], encode(sha256(convert_to(string_agg(tag || ' ' || hash || chr(10), '' ORDER BY number), 'UTF8')), 'hex'), max(applied_at)
      FROM iu_deploy.applied_unit HAVING count(*) > 0$q$;
  END IF;
END
$function$;
ALTER FUNCTION fn_iu_contract() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_contract() IS 'What this database is at: its newest unit, SHA-256 over the tags and hashes of all applied units, and when the newest was applied; no row where no unit is on record';
GRANT EXECUTE ON FUNCTION fn_iu_contract() TO iu_reader;

-- function fn_iu_create(text,text,text,text,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_create(p_canonical_address text, p_unit_kind text, p_body text, p_title text DEFAULT ''::text, p_source_path text DEFAULT NULL::text)
 RETURNS bigint
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ SELECT (fn_iu_create_batch(ARRAY[p_canonical_address], ARRAY[p_unit_kind], ARRAY[p_body], ARRAY[p_title], p_source_path))[1] $function$;
ALTER FUNCTION fn_iu_create(text,text,text,text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_create(text,text,text,text,text) IS 'The birth gate, one unit: returns its id. Refusals as fn_iu_create_batch';

-- function fn_iu_create_batch(text[],text[],text[],text[],text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_create_batch(p_canonical_addresses text[], p_unit_kinds text[], p_bodies text[], p_titles text[], p_source_path text DEFAULT NULL::text)
 RETURNS bigint[]
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
      INSERT INTO information_unit (canonical_address, unit_kind, title, source_path, created_by, title_is_derived)
      SELECT address, kind, title, p_source_path, v_actor, p_source_path IS NOT NULL FROM given ORDER BY n
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
$function$;
ALTER FUNCTION fn_iu_create_batch(text[],text[],text[],text[],text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_create_batch(text[],text[],text[],text[],text) IS 'Birth gate, set-based: makes one unit with version 1 per element, returns their ids in the given order; IU001 closed gate, IU002 bad input, IU004 address taken';

-- function fn_iu_cursor_advance(text[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_cursor_advance(VARIADIC p_worker_codes text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_floor bigint;
  v_newest xid8;
  v_now pg_snapshot;
BEGIN
  -- In the order of a pass: floor, newest transaction, snapshot. What waits is looked for after it, and so
  -- finds all that the snapshot shows.
  v_floor := coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0);
  v_newest := fn_iu_newest_xid(pg_current_xact_id());
  v_now := pg_current_snapshot();
  UPDATE iu_route_worker_cursor AS c
  SET snap_from = fn_iu_snapshot_fenced(v_now, pg_current_xact_id(), v_newest), floor_id = v_floor, snap_to = NULL, floor_to_id = 0, last_id = 0
  WHERE c.worker_code = ANY (p_worker_codes)
    -- What has yet to read everything reads everything.
    AND c.system_identifier = fn_iu_system_identifier() AND c.trusted_id = 0 AND pg_snapshot_xmin(c.snap_from) <= pg_snapshot_xmax(v_now)
    AND NOT EXISTS (SELECT FROM fn_iu_event_pending(1) AS p WHERE p.worker_code = c.worker_code);
END
$function$;
ALTER FUNCTION fn_iu_cursor_advance(text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_cursor_advance(text[]) IS 'Brings those of these cursors that nothing waits for to the present; the caller holds their locks';

-- function fn_iu_cursor_declare(text,integer,integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_cursor_declare(p_worker_code text, p_bucket_from integer, p_bucket_to integer)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  INSERT INTO iu_route_worker_cursor (worker_code, bucket_from, bucket_to) VALUES (p_worker_code, p_bucket_from, p_bucket_to)
  ON CONFLICT (worker_code) DO NOTHING
$function$;
ALTER FUNCTION fn_iu_cursor_declare(text,integer,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_cursor_declare(text,integer,integer) IS 'Makes a worker''s cursor over a range of buckets; one that exists stays as it is';

-- function fn_iu_cursor_join(text,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_cursor_join(p_worker_code text, p_joined_code text)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  k iu_route_worker_cursor;                       -- keeps its name and becomes what is stored
  j iu_route_worker_cursor;
  v_bucket_from smallint;
  v_bucket_to smallint;
  v_no_end constant bigint := 9223372036854775807;
  v_runs xid8[];                                  -- the transactions that either of them waits for
  v_is_lost boolean;                              -- there is no common place: everything is read once more, as after a restore
  v_reads text;
BEGIN
  IF p_worker_code = p_joined_code THEN
    RAISE EXCEPTION 'joined: % is the same worker', p_joined_code USING ERRCODE = 'IU002', COLUMN = 'joined', HINT = 'Name the worker whose buckets it takes over.';
  END IF;
  PERFORM fn_iu_cursor_lock(p_worker_code, p_joined_code);
  SELECT * INTO STRICT k FROM iu_route_worker_cursor WHERE worker_code = p_worker_code;
  SELECT * INTO STRICT j FROM iu_route_worker_cursor WHERE worker_code = p_joined_code;
  IF k.bucket_from <> j.bucket_to + 1 AND j.bucket_from <> k.bucket_to + 1 THEN
    RAISE EXCEPTION 'joined: buckets % to % do not touch % to %', j.bucket_from, j.bucket_to, k.bucket_from, k.bucket_to
      USING ERRCODE = 'IU002', COLUMN = 'joined', HINT = 'Join what lies between them first.';
  END IF;
  PERFORM fn_iu_cursor_advance(p_worker_code, p_joined_code);
  SELECT * INTO STRICT k FROM iu_route_worker_cursor WHERE worker_code = p_worker_code;
  SELECT * INTO STRICT j FROM iu_route_worker_cursor WHERE worker_code = p_joined_code;
  v_bucket_from := least(k.bucket_from, j.bucket_from);
  v_bucket_to := greatest(k.bucket_to, j.bucket_to);
  IF k.snap_to IS NULL THEN
    k.snap_to := k.snap_from; k.floor_to_id := k.floor_id; k.last_id := v_no_end;
  END IF;
  IF j.snap_to IS NULL THEN
    j.snap_to := j.snap_from; j.floor_to_id := j.floor_id; j.last_id := v_no_end;
  END IF;
  v_runs := ARRAY(SELECT pg_snapshot_xip(k.snap_from) UNION SELECT pg_snapshot_xip(k.snap_to) UNION SELECT pg_snapshot_xip(j.snap_from) UNION SELECT pg_snapshot_xip(j.snap_to));
  v_reads := CASE WHEN (k.snap_from::text, k.snap_to::text, k.last_id, k.trusted_id) IS NOT DISTINCT FROM (j.snap_from::text, j.snap_to::text, j.last_id, j.trusted_id) THEN 'nothing' ELSE 'some' END;
  v_is_lost := k.system_identifier IS NULL OR k.system_identifier IS DISTINCT FROM j.system_identifier
    -- In the first window after a restore rows are told apart by that window's list: it is the same, or there is no common place.
    OR greatest(k.trusted_id, j.trusted_id) > 0 AND (k.trusted_id, k.snap_to::text) IS DISTINCT FROM (j.trusted_id, j.snap_to::text);

  -- A snapshot and its floor were taken together, and stay together.
  IF NOT fn_iu_snapshot_within(k.snap_from, j.snap_from) THEN
    v_is_lost := v_is_lost OR NOT fn_iu_snapshot_within(j.snap_from, k.snap_from);
    k.snap_from := j.snap_from; k.floor_id := j.floor_id;
  END IF;
  IF NOT fn_iu_snapshot_within(k.snap_to, j.snap_to) THEN
    v_is_lost := v_is_lost OR NOT fn_iu_snapshot_within(j.snap_to, k.snap_to);
    k.snap_to := j.snap_to; k.floor_to_id := j.floor_to_id;
  END IF;
  k.last_id := least(k.last_id, j.last_id);
  -- A restored row may wait because its transaction id is by chance one that ran here. No window looks below its floor,
  -- so only a list that has the id finds it.
  IF v_is_lost OR EXISTS (SELECT FROM event_outbox AS e
                          WHERE e.xid = ANY (v_runs) AND e.xid >= pg_snapshot_xmax(k.snap_from) AND e.id <= k.floor_id AND e.delivery_lane <> 'held'
                            AND e.bucket BETWEEN v_bucket_from AND v_bucket_to AND NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.id)) THEN
    k.system_identifier := NULL;
    v_reads := CASE WHEN EXISTS (SELECT FROM event_outbox) THEN 'everything' ELSE 'nothing' END;
  END IF;
  IF k.last_id = v_no_end OR k.snap_to::text = k.snap_from::text THEN
    k.snap_to := NULL; k.floor_to_id := 0; k.trusted_id := 0; k.last_id := 0;
  END IF;
  -- What a transaction has routed of its own events it must not meet again; it may have run passes of both.
  IF (k.own_xid = j.own_xid) IS NOT TRUE THEN
    k.own_xid := NULL;
  END IF;

  DELETE FROM iu_route_worker_cursor WHERE worker_code = p_joined_code;
  UPDATE iu_route_worker_cursor AS c
  SET bucket_from = v_bucket_from, bucket_to = v_bucket_to, system_identifier = k.system_identifier,
      snap_from = k.snap_from, floor_id = k.floor_id, snap_to = k.snap_to, floor_to_id = k.floor_to_id, trusted_id = k.trusted_id, last_id = k.last_id,
      own_xid = k.own_xid, own_last_id = CASE WHEN k.own_xid IS NULL THEN 0 ELSE least(k.own_last_id, j.own_last_id) END,
      reread_id = CASE v_reads WHEN 'nothing' THEN greatest(c.reread_id, j.reread_id) ELSE coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0) END,
      events_seen = c.events_seen + j.events_seen, last_pass_at = greatest(c.last_pass_at, j.last_pass_at)
  WHERE c.worker_code = p_worker_code;
  RETURN v_reads;
END
$function$;
ALTER FUNCTION fn_iu_cursor_join(text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_cursor_join(text,text) IS 'Gives all buckets of a worker to another whose range touches them, at a place that both have passed, and removes its cursor; its attempts and counts stay. Returns what is read once more: nothing, some or everything. IU002 the ranges do not touch, IU003 unknown worker';

-- function fn_iu_cursor_lock(text[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_cursor_lock(VARIADIC p_worker_codes text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET lock_timeout TO '2s'
AS $function$
DECLARE
  v_missing text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_route_worker_cursor'), 0);
  SELECT asked INTO v_missing FROM unnest(p_worker_codes) AS asked WHERE NOT EXISTS (SELECT FROM iu_route_worker_cursor AS c WHERE c.worker_code = asked) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'worker_code: % has no cursor', coalesce(v_missing, 'null') USING ERRCODE = 'IU003', COLUMN = 'worker_code';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_route_worker_cursor'), c.lock_no)
  FROM (SELECT lock_no FROM iu_route_worker_cursor WHERE worker_code = ANY (p_worker_codes) ORDER BY lock_no) AS c;
END
$function$;
ALTER FUNCTION fn_iu_cursor_lock(text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_cursor_lock(text[]) IS 'Keeps passes off these cursors until the end of the transaction, waiting at most two seconds for one under way (55P03). IU003 unknown worker';

-- function fn_iu_cursor_reset(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_cursor_reset(p_worker_code text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  -- Under the lock of a pass, or one under way would write its own position over this.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_route_worker_cursor'), lock_no) FROM iu_route_worker_cursor WHERE worker_code = p_worker_code;
  -- Without a system identifier the next pass opens a window over everything, as after a restore.
  UPDATE iu_route_worker_cursor SET system_identifier = NULL WHERE worker_code = p_worker_code;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'worker_code: % has no cursor', p_worker_code USING ERRCODE = 'IU003', COLUMN = 'worker_code';
  END IF;
  -- A route that is new since may be attempted for events that are counted already.
  PERFORM fn_iu_event_audit_restart() WHERE EXISTS (SELECT FROM iu_event_audit);
END
$function$;
ALTER FUNCTION fn_iu_cursor_reset(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_cursor_reset(text) IS 'Makes a worker read every event once more; what has been decided is not decided again. IU003 unknown worker';

-- function fn_iu_cursor_retract(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_cursor_retract(p_worker_code text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  IF EXISTS (SELECT FROM iu_route_worker_cursor WHERE worker_code = p_worker_code AND events_seen > 0) THEN
    RAISE EXCEPTION 'worker % has routed events', p_worker_code USING ERRCODE = 'IU010', HINT = 'A cursor with history stays.';
  END IF;
  DELETE FROM iu_route_worker_cursor WHERE worker_code = p_worker_code;
END
$function$;
ALTER FUNCTION fn_iu_cursor_retract(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_cursor_retract(text) IS 'Removes a cursor, the rollback of its declaration; refuses (IU010) once it has routed events';

-- function fn_iu_cursor_split(text,integer,text,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_cursor_split(p_worker_code text, p_bucket integer, p_new_worker_code text, p_new_part text DEFAULT 'upper'::text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_cursor iu_route_worker_cursor;
  v_is_upper constant boolean := p_new_part = 'upper';
BEGIN
  PERFORM fn_iu_cursor_lock(p_worker_code);
  SELECT * INTO STRICT v_cursor FROM iu_route_worker_cursor WHERE worker_code = p_worker_code;
  IF v_cursor.bucket_from = v_cursor.bucket_to THEN
    RAISE EXCEPTION 'worker_code: % has one bucket only', p_worker_code USING ERRCODE = 'IU002', COLUMN = 'worker_code', HINT = 'A bucket is not divided: subjects hash to it.';
  ELSIF p_bucket IS NULL OR p_bucket <= v_cursor.bucket_from OR p_bucket > v_cursor.bucket_to THEN
    RAISE EXCEPTION 'bucket: % does not divide the buckets % to %', coalesce(p_bucket::text, 'null'), v_cursor.bucket_from, v_cursor.bucket_to
      USING ERRCODE = 'IU002', COLUMN = 'bucket', HINT = format('The upper part begins at a bucket from %s to %s.', v_cursor.bucket_from + 1, v_cursor.bucket_to);
  ELSIF p_new_worker_code IS NULL OR p_new_worker_code !~ '^[a-z0-9_]+$' OR octet_length(p_new_worker_code) > 63 OR p_new_worker_code = 'replay' THEN
    RAISE EXCEPTION 'new_worker: "%" is no code of a worker', left(coalesce(p_new_worker_code, 'null'), 80)
      USING ERRCODE = 'IU002', COLUMN = 'new_worker', HINT = 'Use a-z 0-9 _, at most 63; replays are counted as replay.';
  ELSIF EXISTS (SELECT FROM iu_route_worker_cursor WHERE worker_code = p_new_worker_code) THEN
    RAISE EXCEPTION 'new_worker: % has a cursor already', p_new_worker_code USING ERRCODE = 'IU004', COLUMN = 'new_worker';
  END IF;
  UPDATE iu_route_worker_cursor
  SET bucket_from = CASE WHEN v_is_upper THEN bucket_from ELSE p_bucket END, bucket_to = CASE WHEN v_is_upper THEN p_bucket - 1 ELSE bucket_to END
  WHERE worker_code = p_worker_code;
  INSERT INTO iu_route_worker_cursor (worker_code, bucket_from, bucket_to, system_identifier, snap_from, floor_id, snap_to, floor_to_id, trusted_id, last_id, own_xid, own_last_id, reread_id)
  VALUES (p_new_worker_code, CASE WHEN v_is_upper THEN p_bucket ELSE v_cursor.bucket_from END, CASE WHEN v_is_upper THEN v_cursor.bucket_to ELSE p_bucket - 1 END,
          v_cursor.system_identifier, v_cursor.snap_from, v_cursor.floor_id, v_cursor.snap_to, v_cursor.floor_to_id, v_cursor.trusted_id, v_cursor.last_id,
          v_cursor.own_xid, v_cursor.own_last_id, v_cursor.reread_id);
END
$function$;
ALTER FUNCTION fn_iu_cursor_split(text,integer,text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_cursor_split(text,integer,text,text) IS 'Gives a part of a worker''s buckets, the upper (from p_bucket) or the lower, to a new worker that goes on from the same place. IU002 it cannot be divided so, IU003 unknown worker, IU004 the new one exists';

-- function fn_iu_dead_letter_cause(text,integer,text,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_dead_letter_cause(p_failure_code text, p_route_id integer, p_event_type text, p_failure_detail text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  RETURN left(encode(sha256(convert_to(p_failure_code || chr(10) || p_route_id || chr(10) || p_event_type || chr(10) || fn_iu_failure_kind(p_failure_detail), 'UTF8')), 'hex'), 16);
END
$function$;
ALTER FUNCTION fn_iu_dead_letter_cause(text,integer,text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_dead_letter_cause(text,integer,text,text) IS 'The fingerprint of a failure''s cause: of its code, route and type of event, and of what its words have in common with others of the kind';

-- function fn_iu_directus_state()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_directus_state()
 RETURNS TABLE(state text, digest text, missing integer, detail text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_schema constant text := (SELECT n.nspname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                             WHERE c.relname = 'directus_collections' AND c.relkind = 'r' ORDER BY n.nspname = 'public' DESC, n.nspname LIMIT 1);
  v_table text;
  v_wanted text[];
  v_registered text[];
  v_writable integer;
BEGIN
  IF v_schema IS NULL THEN
    RETURN QUERY SELECT 'not_connected', NULL::text, 0, 'Directus'' tables are not in this database';
    RETURN;
  END IF;
  FOREACH v_table IN ARRAY ARRAY['directus_collections', 'directus_fields', 'directus_permissions'] LOOP
    IF to_regclass(format('%I.%I', v_schema, v_table)) IS NULL OR NOT has_schema_privilege(v_schema, 'USAGE') OR NOT has_table_privilege(format('%I.%I', v_schema, v_table), 'SELECT') THEN
      RETURN QUERY SELECT 'behind', NULL::text, NULL::integer, format('iu_owner may not read %I.%I: grant it SELECT, so that this can be told', v_schema, v_table);
      RETURN;
    END IF;
  END LOOP;
  v_wanted := ARRAY(
    SELECT c.relname || '.' || a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'v' AND has_table_privilege('iu_reader', c.oid, 'SELECT') ORDER BY 1);
  EXECUTE format('SELECT ARRAY(SELECT f.collection || ''.'' || f.field FROM %1$I.directus_fields AS f JOIN %1$I.directus_collections AS c ON c.collection = f.collection
                               WHERE f.readonly AND f.collection || ''.'' || f.field = ANY ($1) ORDER BY 1),
                         (SELECT count(*)::integer FROM %1$I.directus_permissions AS p WHERE p.action <> ''read'' AND p.collection = ANY (SELECT split_part(w, ''.'', 1) FROM unnest($1) AS w))', v_schema)
  INTO v_registered, v_writable USING v_wanted;
  RETURN QUERY
  SELECT CASE WHEN cardinality(v_registered) = cardinality(v_wanted) AND v_writable = 0 THEN 'in_step' ELSE 'behind' END,
         encode(sha256(convert_to(array_to_string(v_registered, chr(10)), 'UTF8')), 'hex'), cardinality(v_wanted) - cardinality(v_registered) + v_writable,
         concat_ws('; ', format('%s of %s columns of our views are registered, read-only', cardinality(v_registered), cardinality(v_wanted)),
                   CASE WHEN v_writable > 0 THEN format('%s permissions let somebody write', v_writable) END);
END
$function$;
ALTER FUNCTION fn_iu_directus_state() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_directus_state() IS 'Whether Directus stands in this database and has every view that readers may see as a read-only collection; read from Directus'' own tables';

-- function fn_iu_emit_event(text,text,text,jsonb,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_emit_event(p_event_type text, p_event_subject_table text, p_event_subject_ref text, p_payload jsonb, p_idempotency_key text DEFAULT NULL::text)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_type iu_event_type;
  v_id bigint;
  v_problem text;
BEGIN
  SELECT * INTO v_type FROM iu_event_type WHERE event_type = p_event_type;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'event_type: % is not registered', coalesce(p_event_type, 'null')
      USING ERRCODE = 'IU007', COLUMN = 'event_type', HINT = 'Register the type and its routes first.';
  END IF;
  IF v_type.is_system THEN
    RAISE EXCEPTION 'event_type: % is emitted by the system only', p_event_type
      USING ERRCODE = 'IU008', COLUMN = 'event_type', HINT = 'Register a type of your own.';
  END IF;
  IF coalesce(p_event_subject_table, '') = '' OR octet_length(p_event_subject_table) > 256 THEN
    RAISE EXCEPTION 'event_subject_table: say which table the subject is a row of (1 to 256 bytes)' USING ERRCODE = 'IU002', COLUMN = 'event_subject_table';
  END IF;
  IF coalesce(p_event_subject_ref, '') = '' OR octet_length(p_event_subject_ref) > 1024 THEN
    RAISE EXCEPTION 'event_subject_ref: say which row is the subject (1 to 1024 bytes)' USING ERRCODE = 'IU002', COLUMN = 'event_subject_ref';
  END IF;
  IF p_payload IS NULL THEN
    RAISE EXCEPTION 'payload: give a JSON value; an empty one is {}' USING ERRCODE = 'IU002', COLUMN = 'payload';
  END IF;
  -- Most are short, also when written out, and need no closer look. What lies packed is unpacked before it is measured.
  IF pg_column_size(p_payload #> '{}') > 500 OR octet_length(p_payload::text) > 500 THEN
    v_problem := fn_iu_json_unbounded(p_payload, 1048576);
  END IF;
  IF v_problem IS NOT NULL THEN
    RAISE EXCEPTION 'payload: %', v_problem USING ERRCODE = 'IU002', COLUMN = 'payload', HINT = 'An event says what happened, in 1 MB at most; what is larger is kept elsewhere and named in it.';
  END IF;
  IF v_type.delivery_lane = 'immediate' AND (coalesce(p_idempotency_key, '') = '' OR octet_length(p_idempotency_key) > 512) THEN
    RAISE EXCEPTION 'idempotency_key: % is on lane immediate and needs a key of 1 to 512 bytes', p_event_type
      USING ERRCODE = 'IU002', COLUMN = 'idempotency_key', HINT = 'Pass a key that names this one occurrence; a repeat returns the first id.';
  END IF;

  -- Two rounds: the row of a writer that was still under way at the first look-up is found at the second.
  FOR i IN 1..2 LOOP
    IF v_type.delivery_lane = 'immediate' THEN
      SELECT id INTO v_id FROM event_outbox
      WHERE event_type = p_event_type AND event_subject_ref = p_event_subject_ref AND idempotency_key = p_idempotency_key AND released_from IS NULL;
      EXIT WHEN v_id IS NOT NULL;
    END IF;
    -- As fn_iu_outbox_append writes many. One event through sets would cost an application a fifth more.
    INSERT INTO event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, idempotency_key, actor)
    VALUES (v_type.event_domain, p_event_type, p_event_subject_table, p_event_subject_ref, p_payload,
            CASE WHEN fn_iu_gate_is_open('iu_core.routes_master_enabled') THEN v_type.delivery_lane ELSE 'held' END,
            CASE WHEN v_type.delivery_lane = 'immediate' THEN p_idempotency_key END, fn_iu_actor())
    ON CONFLICT DO NOTHING
    RETURNING id INTO v_id;
    EXIT WHEN v_id IS NOT NULL;
  END LOOP;
  IF v_id IS NULL THEN
    -- Only under REPEATABLE READ or SERIALIZABLE: the first row exists but this snapshot cannot see it.
    RAISE EXCEPTION 'could not serialize: the same key was emitted by a concurrent transaction' USING ERRCODE = '40001', HINT = 'Retry the transaction.';
  END IF;
  RETURN v_id;
END
$function$;
ALTER FUNCTION fn_iu_emit_event(text,text,text,jsonb,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_emit_event(text,text,text,jsonb,text) IS 'Emits one event inside the caller''s transaction and returns its id; a repeat on lane immediate returns the first id. A payload that breaks its schema is accepted here and dead-lettered by the worker. IU007 unknown type, IU008 system type, IU002 bad argument, also a payload that is too large to be written out';
GRANT EXECUTE ON FUNCTION fn_iu_emit_event(text,text,text,jsonb,text) TO iu_emitter;

-- function fn_iu_event_account(integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_account(p_most integer DEFAULT 10001)
 RETURNS TABLE(events bigint, attempted bigint, held bigint, released bigint, discarded bigint, archived bigint, not_yet_routed bigint, unexplained bigint, is_exact boolean, audited_through bigint)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT a.*
  FROM fn_iu_event_standing(p_most) AS s
  CROSS JOIN LATERAL jsonb_to_record(s.account) AS a(events bigint, attempted bigint, held bigint, released bigint, discarded bigint, archived bigint, not_yet_routed bigint, unexplained bigint, is_exact boolean, audited_through bigint)
  WHERE s.account IS NOT NULL
$function$;
ALTER FUNCTION fn_iu_event_account(integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_account(integer) IS 'The accounting identity from the audit and the events above it; exact unless p_most or more are unaudited, when it says so and counts at least';
GRANT EXECUTE ON FUNCTION fn_iu_event_account(integer) TO iu_reader;

-- function fn_iu_event_archived(bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_archived(p_event_id bigint)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT NOT EXISTS (SELECT FROM event_outbox WHERE id = p_event_id)
     AND EXISTS (SELECT FROM v_iu_archive WHERE p_event_id BETWEEN first_id AND last_id AND is_removed)
$function$;
ALTER FUNCTION fn_iu_event_archived(bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_archived(bigint) IS 'Whether an event that there was is in an archive and not in the outbox';

-- function fn_iu_event_audit(integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_audit(p_limit integer DEFAULT 20000)
 RETURNS TABLE(status text, audited integer, through_id bigint)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
DECLARE
  v_most_open constant integer := 1000;
  v_own constant xid8 := pg_current_xact_id_if_assigned();
  v_floor bigint;
  v_limit bigint;
  v_newest xid8;
  v_audit iu_event_audit;
  v_page record;
BEGIN
  status := 'idle'; audited := 0; through_id := 0;
  IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 100000 THEN
    RAISE EXCEPTION 'limit: % is not between 1 and 100000', coalesce(p_limit::text, 'null') USING ERRCODE = 'IU002', COLUMN = 'limit';
  ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'an audit needs READ COMMITTED, not %', upper(current_setting('transaction_isolation')) USING ERRCODE = 'IU011', HINT = 'Its snapshot must be taken after its lock.';
  ELSIF NOT pg_try_advisory_xact_lock(hashtext('iu_core.iu_event_audit')) THEN
    status := 'busy'; RETURN NEXT; RETURN;
  END IF;
  SELECT * INTO v_audit FROM iu_event_audit;
  v_floor := coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0);
  through_id := v_audit.through_id;
  IF NOT FOUND AND v_floor = 0
     OR v_audit.through_id >= v_floor AND v_audit.system_identifier = fn_iu_system_identifier() AND NOT EXISTS (SELECT FROM iu_event_audit_open) AND NOT EXISTS (SELECT FROM iu_event_audit_late) THEN
    RETURN NEXT; RETURN;
  ELSIF v_audit.system_identifier IS DISTINCT FROM fn_iu_system_identifier() THEN
    PERFORM fn_iu_event_audit_restart();
    SELECT * INTO STRICT v_audit FROM iu_event_audit;
  END IF;
  -- Where hardly one more can be remembered, a look at a few will do. What a late transaction left is remembered
  -- whole, and may be more than that.
  v_limit := greatest(1, least(p_limit, 1000 + 100 * (SELECT v_most_open - count(*) FROM iu_event_audit_open)));
  -- In this order, as a pass has it: what is newer than v_newest draws its event ids above v_floor, and what is not and
  -- not finished in the snapshot of the next statement is running in the fenced one.
  v_newest := CASE WHEN v_own IS NULL THEN pg_current_xact_id() ELSE fn_iu_newest_xid(v_own) END;

  WITH regular AS MATERIALIZED (
    -- While a cursor reads everything once more, an attempt alone does not tell that it has gone by.
    SELECT NOT EXISTS (SELECT FROM iu_route_worker_cursor AS c
                       WHERE c.system_identifier IS DISTINCT FROM fn_iu_system_identifier() OR c.trusted_id > 0
                         OR pg_snapshot_xmin(c.snap_from) > pg_snapshot_xmax(pg_current_snapshot())) AS is_regular
  ), next AS MATERIALIZED (
    SELECT e.id, e.delivery_lane, e.released_from FROM event_outbox AS e WHERE e.id > v_audit.through_id AND e.id <= v_floor ORDER BY e.id LIMIT v_limit
  ), finished AS MATERIALIZED (
    SELECT l.xid, l.through_id, l.foreign_ids FROM iu_event_audit_late AS l WHERE pg_visible_in_snapshot(l.xid, pg_current_snapshot()) AND l.xid IS DISTINCT FROM v_own
  ), found AS (
    SELECT 'next' AS part, next.* FROM next
    UNION ALL
    SELECT 'late', e.* FROM finished AS f CROSS JOIN LATERAL (
      SELECT e.id, e.delivery_lane, e.released_from FROM event_outbox AS e WHERE e.xid = f.xid AND e.id <= f.through_id AND e.delivery_lane <> 'held'
      UNION ALL
      SELECT e.id, e.delivery_lane, e.released_from FROM event_outbox AS e WHERE e.xid = f.xid AND e.id <= f.through_id AND e.delivery_lane = 'held'
      OFFSET 0) AS e WHERE e.id <> ALL (f.foreign_ids)
    UNION ALL
    SELECT 'open', e.* FROM iu_event_audit_open AS o CROSS JOIN LATERAL (SELECT e.id, e.delivery_lane, e.released_from FROM event_outbox AS e WHERE e.id = o.event_id OFFSET 0) AS e
  ), judged AS MATERIALIZED (
    SELECT f.*, f.delivery_lane = 'held'
             OR EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = f.id AND a.attempt_no = 1 OFFSET 0)
                AND ((SELECT is_regular FROM regular) OR EXISTS (SELECT FROM v_iu_event_claim AS c WHERE c.event_id = f.id AND c.is_passed)) AS is_settled
    FROM found AS f
  ), reach AS MATERIALIZED (
    -- Up to the event that would be one too many to remember.
    SELECT coalesce(min(id) FILTER (WHERE n > v_most_open) - 1, CASE WHEN count(*) < v_limit THEN v_floor ELSE max(id) END) AS id
    FROM (SELECT j.id, (SELECT count(*) FROM judged WHERE part <> 'next' AND NOT is_settled) + count(*) FILTER (WHERE NOT j.is_settled) OVER (ORDER BY j.id ROWS UNBOUNDED PRECEDING)
                       * CASE WHEN j.is_settled THEN 0 ELSE 1 END AS n
          FROM judged AS j WHERE j.part = 'next') AS remembered
  ), counted AS (
    SELECT j.* FROM judged AS j, reach AS r WHERE j.part <> 'next' OR j.id <= r.id
  )
  SELECT r.id AS through_id,
         -- Of one snapshot with what is counted: what is seen of a transaction that runs is not its own.
         (SELECT coalesce(jsonb_agg(jsonb_build_array(x::text, ARRAY(SELECT e.id FROM event_outbox AS e WHERE e.xid = x AND e.id <= r.id))), '[]')
          FROM pg_snapshot_xip(fn_iu_snapshot_fenced(pg_current_snapshot(), coalesce(v_own, v_newest), v_newest)) AS x WHERE x <> coalesce(v_own, v_newest)) AS running,
         coalesce((SELECT array_agg(xid) FROM finished), '{}') AS finished,
         coalesce(array_agg(c.id ORDER BY c.id) FILTER (WHERE c.is_settled AND c.delivery_lane <> 'held'), '{}') AS attempted,
         coalesce(array_agg(c.id) FILTER (WHERE c.is_settled AND c.part = 'open'), '{}') AS closed,
         coalesce(array_agg(c.id) FILTER (WHERE NOT c.is_settled AND c.part <> 'open'), '{}') AS opened,
         count(*) FILTER (WHERE c.delivery_lane = 'held')::integer AS held,
         count(*) FILTER (WHERE c.is_settled AND c.released_from IS NOT NULL) AS released
  INTO STRICT v_page
  FROM reach AS r LEFT JOIN counted AS c ON true GROUP BY r.id;

  audited := cardinality(v_page.attempted) + v_page.held;
  through_id := v_page.through_id;
  IF audited + cardinality(v_page.opened) + cardinality(v_page.finished) = 0 AND v_page.through_id = v_audit.through_id THEN
    RETURN NEXT; RETURN;
  END IF;
  DELETE FROM iu_event_audit_late WHERE xid = ANY (v_page.finished);
  INSERT INTO iu_event_audit_late (xid, through_id, foreign_ids)
  SELECT (r ->> 0)::xid8, v_page.through_id, ARRAY(SELECT i::bigint FROM jsonb_array_elements_text(r -> 1) AS i) FROM jsonb_array_elements(v_page.running) AS r
  WHERE v_page.through_id > v_audit.through_id
  ON CONFLICT (xid) DO UPDATE SET through_id = excluded.through_id, foreign_ids = excluded.foreign_ids;
  DELETE FROM iu_event_audit_open WHERE event_id = ANY (v_page.closed);
  INSERT INTO iu_event_audit_open (event_id) SELECT unnest(v_page.opened);
  PERFORM fn_iu_attempt_block_count(v_page.attempted, 1);
  -- What is counted once is sealed once.
  INSERT INTO dot_iu_history_unsealed (what, event_ids, is_again)
  SELECT 'attempts', v_page.attempted, v_page.attempted[1] <= coalesce((SELECT again_id FROM dot_iu_history_state), 0) WHERE cardinality(v_page.attempted) > 0;
  UPDATE iu_event_audit AS a
  SET through_id = v_page.through_id, attempted = a.attempted + cardinality(v_page.attempted), written_held = a.written_held + v_page.held,
      released = a.released + v_page.released, audited_at = clock_timestamp();
  status := 'audited';
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_iu_event_audit(integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_audit(integer) IS 'One step of the audit: counts the next events, once each, when they have an attempt or are held; in the caller''s transaction, which must be READ COMMITTED. status: audited, idle (nothing to count), busy. IU002 bad limit, IU011 wrong isolation level';
GRANT EXECUTE ON FUNCTION fn_iu_event_audit(integer) TO iu_approver;
GRANT EXECUTE ON FUNCTION fn_iu_event_audit(integer) TO iu_console;
GRANT EXECUTE ON FUNCTION fn_iu_event_audit(integer) TO iu_operator;
GRANT EXECUTE ON FUNCTION fn_iu_event_audit(integer) TO iu_worker;

-- function fn_iu_event_audit_restart()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_audit_restart()
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_event_audit'));
  -- The trigger on the decisions counts into the row that is there: none may be under way while it is made.
  LOCK TABLE iu_held_decision IN SHARE MODE;
  UPDATE dot_iu_history_state SET again_id = coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0) WHERE head_no > 0;
  DELETE FROM iu_event_audit_late;
  DELETE FROM iu_event_audit_open;
  DELETE FROM iu_route_attempt_block;
  DELETE FROM iu_event_audit;
  INSERT INTO iu_event_audit (system_identifier, discarded, archived)
  SELECT fn_iu_system_identifier(), (SELECT count(*) FROM iu_held_decision), (SELECT coalesce(sum(events), 0) FROM v_iu_archive WHERE is_removed);
END
$function$;
ALTER FUNCTION fn_iu_event_audit_restart() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_audit_restart() IS 'Lets the audit begin anew at the first event';

-- function fn_iu_event_judged(bigint[],bigint,bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_judged(p_ids bigint[], p_above bigint, p_through bigint)
 RETURNS TABLE(worker_code text, event_domain text, event_type text, is_attempted boolean, is_passed boolean, events bigint, releases bigint, oldest_at timestamp with time zone)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_sort TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  v_known_id bigint;
  v_known_xid xid8;
  v_odd bigint[] := '{}';
  v record;
BEGIN
  SELECT coalesce(greatest(max(greatest(c.floor_id, c.last_id, c.trusted_id, c.own_last_id)), (SELECT max(a.event_id) FROM iu_route_attempt AS a WHERE a.event_id <= p_through)), 0),
         coalesce(max(pg_snapshot_xmax(c.snap_from)), '3')
  INTO v_known_id, v_known_xid FROM iu_route_worker_cursor AS c;
  is_attempted := false;
  FOR v IN
    SELECT n.*, c.worker_code
    FROM (SELECT e.bucket, e.event_domain, e.event_type, CASE WHEN e.xid < v_known_xid THEN e.id END AS odd_id, count(*) AS events, count(e.released_from) AS releases, min(e.created_at) AS oldest_at
          FROM event_outbox AS e WHERE e.id > greatest(p_above, v_known_id) AND e.id <= p_through AND e.delivery_lane <> 'held'
          GROUP BY e.bucket, e.event_domain, e.event_type, odd_id
          UNION ALL
          SELECT e.bucket, e.event_domain, e.event_type, CASE WHEN e.id <= v_known_id OR e.xid < v_known_xid THEN e.id END AS odd_id, count(*), count(e.released_from), min(e.created_at)
          FROM event_outbox AS e WHERE e.id = ANY (p_ids) AND e.delivery_lane <> 'held'
          GROUP BY e.bucket, e.event_domain, e.event_type, odd_id) AS n
    LEFT JOIN iu_route_worker_cursor AS c ON n.bucket BETWEEN c.bucket_from AND c.bucket_to
  LOOP
    IF v.odd_id IS NOT NULL THEN
      v_odd := v_odd || v.odd_id;
    ELSE
      worker_code := v.worker_code; event_domain := v.event_domain; event_type := v.event_type; events := v.events; releases := v.releases; oldest_at := v.oldest_at;
      is_passed := CASE WHEN v.worker_code IS NOT NULL THEN false END;
      RETURN NEXT;
    END IF;
  END LOOP;
  RETURN QUERY
  SELECT j.worker_code, j.event_domain, j.event_type, j.is_attempted, j.is_passed, count(*), count(j.released_from), min(j.created_at)
  FROM (SELECT c.*, c.event_id IN (SELECT a.event_id FROM iu_route_attempt AS a WHERE a.event_id > p_above AND a.event_id <= least(v_known_id, p_through) AND a.attempt_no = 1) AS is_attempted
        FROM v_iu_event_claim AS c WHERE c.event_id > p_above AND c.event_id <= least(v_known_id, p_through)
        UNION ALL
        SELECT c.*, EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = c.event_id AND a.attempt_no = 1 OFFSET 0)
        FROM v_iu_event_claim AS c WHERE c.event_id = ANY (v_odd)) AS j
  GROUP BY j.worker_code, j.event_domain, j.event_type, j.is_attempted, j.is_passed;
END
$function$;
ALTER FUNCTION fn_iu_event_judged(bigint[],bigint,bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_judged(bigint[],bigint,bigint) IS 'The events with these ids and those above the one id through the other, lane held apart, counted by worker, type and what became of them: attempted or not, passed by their worker or not; with the oldest, and how many of them release a held one';

-- function fn_iu_event_pending(integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_pending(p_limit integer)
 RETURNS TABLE(worker_code text, event_id bigint, event_domain text, event_type text, created_at timestamp with time zone)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH s AS (SELECT fn_iu_system_identifier() AS system_identifier)
  SELECT c.worker_code, p.event_id, p.event_domain, p.event_type, p.created_at
  FROM iu_route_worker_cursor AS c
  CROSS JOIN s
  CROSS JOIN LATERAL (
    -- Up to here only transactions that a stored snapshot lists as running can have left anything.
    -- A cursor that is not of this cluster has passed nothing: its floor does not count.
    SELECT CASE WHEN c.system_identifier IS DISTINCT FROM s.system_identifier OR pg_snapshot_xmin(c.snap_from) > pg_snapshot_xmax(pg_current_snapshot()) THEN 0
                WHEN c.snap_to IS NULL THEN c.floor_id
                ELSE greatest(c.floor_id, least(c.last_id, c.floor_to_id)) END AS floor_id
  ) AS f
  CROSS JOIN LATERAL (
    -- Attempts are looked up above the floor alone: a join must not walk through those of the past.
    SELECT e.event_id, e.event_domain, e.event_type, e.created_at FROM v_iu_event_claim AS e
    WHERE e.worker_code = c.worker_code AND e.event_id > f.floor_id AND NOT e.is_passed
      AND NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.event_id AND a.event_id > f.floor_id)
    UNION ALL
    SELECT late.*
    FROM (SELECT pg_snapshot_xip(c.snap_from) UNION SELECT pg_snapshot_xip(c.snap_to)) AS running(x)
    CROSS JOIN LATERAL (
      SELECT e.event_id, e.event_domain, e.event_type, e.created_at FROM v_iu_event_claim AS e
      WHERE e.worker_code = c.worker_code AND e.xid = x AND e.event_id <= f.floor_id AND NOT e.is_passed
        AND NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.event_id OFFSET 0)
      OFFSET 0                        -- by the transaction, never by a walk below the floor
    ) AS late
    LIMIT p_limit
  ) AS p
$function$;
ALTER FUNCTION fn_iu_event_pending(integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_pending(integer) IS 'Up to p_limit events per worker that it has yet to route';
GRANT EXECUTE ON FUNCTION fn_iu_event_pending(integer) TO iu_reader;

-- function fn_iu_event_standing(integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_standing(p_most integer DEFAULT 10001)
 RETURNS TABLE(worker_code text, event_domain text, event_type text, waiting bigint, oldest_at timestamp with time zone, is_exact boolean, account jsonb)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
DECLARE
  v_last constant bigint := 9223372036854775807;
  v_audit iu_event_audit;
  v_above bigint;
  v_through bigint;
  v_ids bigint[];
  v_groups jsonb;
  v_part record;
  v_held bigint;
  v_discarded bigint;
  v_is_low_whole boolean;
  v_place record;
  v_end bigint;
  v_known text[] := '{}';
BEGIN
  SELECT * INTO v_audit FROM iu_event_audit;
  v_above := coalesce(v_audit.through_id, 0);
  v_ids := ARRAY(SELECT event_id FROM v_iu_event_unaudited WHERE event_id <= v_above LIMIT p_most);
  v_through := coalesce((SELECT id FROM event_outbox WHERE id > v_above ORDER BY id OFFSET greatest(p_most - 1 - cardinality(v_ids), 0) LIMIT 1), v_last);
  v_groups := (SELECT coalesce(jsonb_agg(j), '[]') FROM fn_iu_event_judged(v_ids, v_above, v_through) AS j);
  v_held := (SELECT count(*) FROM event_outbox WHERE id > v_above AND id <= v_through AND delivery_lane = 'held')
          + (SELECT count(*) FROM event_outbox WHERE id = ANY (v_ids) AND delivery_lane = 'held');
  SELECT coalesce(sum(events), 0) + v_held AS events, coalesce(sum(events) FILTER (WHERE is_attempted), 0) AS attempted, coalesce(sum(releases), 0) AS released,
         coalesce(sum(events) FILTER (WHERE NOT is_attempted AND NOT is_passed), 0) AS waiting,
         coalesce(sum(events) FILTER (WHERE NOT is_attempted AND is_passed IS NOT FALSE), 0) AS unexplained,
         coalesce(array_agg(DISTINCT worker_code) FILTER (WHERE NOT is_attempted AND NOT is_passed), '{}') AS workers
  INTO STRICT v_part FROM jsonb_to_recordset(v_groups) AS g(worker_code text, is_attempted boolean, is_passed boolean, events bigint, releases bigint);

  v_discarded := coalesce(v_audit.discarded, (SELECT count(*) FROM iu_held_decision));
  account := jsonb_build_object(
    'events', coalesce(v_audit.attempted + v_audit.written_held + v_audit.archived, 0) + v_part.events,
    'attempted', coalesce(v_audit.attempted, 0) + v_part.attempted,
    'held', coalesce(v_audit.written_held - v_audit.released, 0) + v_held - v_part.released - v_discarded,
    'released', coalesce(v_audit.released, 0) + v_part.released,
    'discarded', v_discarded,
    'archived', coalesce(v_audit.archived, 0),
    'not_yet_routed', v_part.waiting,
    'unexplained', v_part.unexplained,
    'is_exact', v_part.events < p_most,
    'audited_through', v_above);
  RETURN NEXT;

  IF v_part.events >= p_most THEN
    v_is_low_whole := cardinality(v_ids) < p_most;
    FOR v_place IN
      SELECT p.place, array_agg(p.worker_code) AS workers
      FROM (SELECT c.worker_code,
                   -- Above it lies whatever the worker has not passed; a cursor that is not of this cluster has passed nothing.
                   CASE WHEN c.system_identifier IS DISTINCT FROM fn_iu_system_identifier() OR pg_snapshot_xmin(c.snap_from) > pg_snapshot_xmax(pg_current_snapshot()) THEN v_through
                        WHEN c.snap_to IS NULL THEN greatest(v_through, c.floor_id)
                        ELSE greatest(v_through, c.floor_id, least(c.last_id, c.floor_to_id)) END AS place
            FROM iu_route_worker_cursor AS c) AS p
      WHERE v_part.waiting < p_most OR NOT p.worker_code = ANY (v_part.workers)
      GROUP BY p.place
    LOOP
      -- Below its place a worker has only those of transactions left that it saw running.
      v_ids := ARRAY(
        SELECT e.id
        FROM (SELECT pg_snapshot_xip(c.snap_from) AS xid FROM iu_route_worker_cursor AS c WHERE c.worker_code = ANY (v_place.workers)
              UNION SELECT pg_snapshot_xip(c.snap_to) FROM iu_route_worker_cursor AS c WHERE c.worker_code = ANY (v_place.workers)) AS running
        CROSS JOIN LATERAL (SELECT o.id FROM event_outbox AS o WHERE o.xid = running.xid AND o.id > v_through AND o.id <= v_place.place AND o.delivery_lane <> 'held' OFFSET 0) AS e
        LIMIT p_most);
      v_end := (SELECT id FROM event_outbox WHERE id > v_place.place ORDER BY id OFFSET p_most - 1 LIMIT 1);
      v_groups := v_groups || (SELECT coalesce(jsonb_agg(j), '[]') FROM fn_iu_event_judged(v_ids, v_place.place, coalesce(v_end, v_last)) AS j WHERE j.worker_code = ANY (v_place.workers));
      IF v_end IS NULL AND cardinality(v_ids) < p_most AND v_is_low_whole THEN
        v_known := v_known || v_place.workers;
      END IF;
    END LOOP;
  END IF;

  RETURN QUERY
  SELECT c.worker_code, g.event_domain, g.event_type, coalesce(g.waiting, 0), g.oldest_at, v_part.events < p_most OR c.worker_code = ANY (v_known), NULL::jsonb
  FROM iu_route_worker_cursor AS c
  LEFT JOIN (SELECT x.worker_code, x.event_domain, x.event_type, sum(x.events)::bigint AS waiting, min(x.oldest_at) AS oldest_at
             FROM jsonb_to_recordset(v_groups) AS x(worker_code text, event_domain text, event_type text, is_attempted boolean, is_passed boolean, events bigint, oldest_at timestamptz)
             WHERE NOT x.is_attempted AND NOT x.is_passed GROUP BY x.worker_code, x.event_domain, x.event_type) AS g ON g.worker_code = c.worker_code;
END
$function$;
ALTER FUNCTION fn_iu_event_standing(integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_standing(integer) IS 'One row with the account, the accounting identity from the audit and the events that it has not counted; and for each worker what waits for it, by type, one row with 0 where nothing does. Exact unless p_most or more are not counted, when it says so and counts at least';
GRANT EXECUTE ON FUNCTION fn_iu_event_standing(integer) TO iu_reader;

-- function fn_iu_event_types_forget(text[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_types_forget(p_event_types text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  IF EXISTS (SELECT FROM event_outbox WHERE event_type = ANY (p_event_types)) THEN
    RAISE EXCEPTION 'events of these types exist' USING ERRCODE = 'IU010', HINT = 'An event type with history stays registered.';
  END IF;
  DELETE FROM iu_event_type WHERE event_type = ANY (p_event_types);
END
$function$;
ALTER FUNCTION fn_iu_event_types_forget(text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_types_forget(text[]) IS 'Removes event types, the rollback of their registration; refuses (IU010) when one has events';

-- function fn_iu_event_types_recompile()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_types_recompile()
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_type iu_event_type;
  v_predicate jsonpath;
  v_fault text;
  v_changed bigint := 0;
BEGIN
  FOR v_type IN SELECT * FROM iu_event_type ORDER BY event_type LOOP
    v_fault := NULL;
    BEGIN
      v_predicate := fn_iu_schema_compile(v_type.payload_schema);
    EXCEPTION WHEN SQLSTATE 'IU002' THEN
      v_predicate := 'strict 1 == 0';
      v_fault := format('its type''s schema is one that is not taken any more: %s', SQLERRM);
    END;
    IF (v_type.payload_predicate::text, v_type.payload_fault) IS DISTINCT FROM (v_predicate::text, v_fault) THEN
      UPDATE iu_event_type SET payload_predicate = v_predicate, payload_fault = v_fault WHERE event_type = v_type.event_type;
      v_changed := v_changed + 1;
    END IF;
  END LOOP;
  RETURN v_changed;
END
$function$;
ALTER FUNCTION fn_iu_event_types_recompile() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_types_recompile() IS 'Compiles every payload schema anew, for a deployment that changes the compiler; one that is not taken any more becomes the payload_fault of its type. Returns how many changed';

-- function fn_iu_event_types_register(text,text,boolean,jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_types_register(p_event_domain text, p_delivery_lane text, p_is_system boolean, p_types jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
            fn_iu_schema_compile(coalesce(v_entry -> 'payload_schema', '{}')), p_is_system, v_entry ->> 'description', fn_iu_actor())
    ON CONFLICT (event_type) DO UPDATE
    SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, payload_schema = excluded.payload_schema,
        payload_predicate = excluded.payload_predicate, payload_fault = NULL, description = excluded.description,
        registered_at = clock_timestamp(), registered_by = fn_iu_actor()
    WHERE (iu_event_type.event_domain, iu_event_type.delivery_lane, iu_event_type.payload_schema, iu_event_type.payload_predicate::text, iu_event_type.payload_fault, iu_event_type.description)
      IS DISTINCT FROM (excluded.event_domain, excluded.delivery_lane, excluded.payload_schema, excluded.payload_predicate::text, NULL, excluded.description);
  END LOOP;
END
$function$;
ALTER FUNCTION fn_iu_event_types_register(text,text,boolean,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_types_register(text,text,boolean,jsonb) IS 'Registers event types of one domain and lane: {"type": {"description": text, "payload_schema": schema}}; again with the same content changes nothing. IU002 for an unclassified domain or a schema outside the subset, IU008 for a name of the other side';

-- function fn_iu_export_begin(text,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_export_begin(p_host text, p_folder text)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_id integer;
BEGIN
  INSERT INTO iu_exporter (host, folder) VALUES (p_host, p_folder) ON CONFLICT (host, folder) DO NOTHING;
  SELECT id INTO STRICT v_id FROM iu_exporter WHERE (host, folder) = (p_host, p_folder);
  -- The session's, so that it is let go whatever becomes of the process; v_iu_exporter sees by it who runs.
  RETURN CASE WHEN pg_try_advisory_lock(hashtext('iu_core export'), v_id) THEN v_id END;
END
$function$;
ALTER FUNCTION fn_iu_export_begin(text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_export_begin(text,text) IS 'Puts a folder on record and holds it for this session; null where another session holds it';
GRANT EXECUTE ON FUNCTION fn_iu_export_begin(text,text) TO iu_worker;

-- function fn_iu_export_forget(integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_export_forget(p_exporter_id integer)
 RETURNS integer
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH forgotten AS (DELETE FROM iu_export WHERE exporter_id = p_exporter_id RETURNING 1), gone AS (DELETE FROM iu_exporter WHERE id = p_exporter_id)
  SELECT count(*)::integer FROM forgotten
$function$;
ALTER FUNCTION fn_iu_export_forget(integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_export_forget(integer) IS 'Takes a folder off the record; its files stay. Returns how many collections had been exported into it';
GRANT EXECUTE ON FUNCTION fn_iu_export_forget(integer) TO iu_worker;

-- function fn_iu_export_intend(integer,bigint,bytea[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_export_intend(p_exporter_id integer, p_collection_id bigint, p_digests bytea[])
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  INSERT INTO iu_export AS e (exporter_id, collection_id, intended) VALUES (p_exporter_id, p_collection_id, p_digests)
  ON CONFLICT (exporter_id, collection_id) DO UPDATE SET intended = ARRAY(SELECT DISTINCT unnest(e.intended || excluded.intended))
$function$;
ALTER FUNCTION fn_iu_export_intend(integer,bigint,bytea[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_export_intend(integer,bigint,bytea[]) IS 'Says which files an exporter is about to put in place, so that it knows them for its own after a crash';
GRANT EXECUTE ON FUNCTION fn_iu_export_intend(integer,bigint,bytea[]) TO iu_worker;

-- function fn_iu_export_lose(integer,bigint[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_export_lose(p_exporter_id integer, p_collection_ids bigint[])
 RETURNS integer
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH lost AS (
    UPDATE iu_export
    SET intended = ARRAY(SELECT DISTINCT unnest(intended || ARRAY[render_digest, manifest_digest])),
        event_id = NULL, revision = NULL, render_digest = NULL, manifest_digest = NULL, byte_length = NULL, exported_at = NULL, exported_by = NULL
    WHERE exporter_id = p_exporter_id AND collection_id = ANY (p_collection_ids) AND event_id IS NOT NULL
    RETURNING 1
  )
  SELECT count(*)::integer FROM lost
$function$;
ALTER FUNCTION fn_iu_export_lose(integer,bigint[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_export_lose(integer,bigint[]) IS 'Takes off the record what was read back from a folder once and is not there any more as it was: it is pending again. Returns how many';
GRANT EXECUTE ON FUNCTION fn_iu_export_lose(integer,bigint[]) TO iu_worker;

-- function fn_iu_export_record(integer,bigint,bigint,bigint,bytea,bytea,bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_export_record(p_exporter_id integer, p_collection_id bigint, p_event_id bigint, p_revision bigint, p_render_digest bytea, p_manifest_digest bytea, p_byte_length bigint)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_sealed iu_collection;
BEGIN
  SELECT * INTO v_sealed FROM iu_collection WHERE id = p_collection_id FOR KEY SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'collection_id: no collection has the id %', p_collection_id USING ERRCODE = 'IU003', COLUMN = 'collection_id';
  END IF;
  -- A later rendering may have come meanwhile: then this one is recorded, and that one is still to be done.
  IF p_event_id = coalesce(v_sealed.rendered_event_id, 0)
     AND (p_revision, p_render_digest, p_manifest_digest) IS DISTINCT FROM (v_sealed.render_revision, v_sealed.render_digest, v_sealed.manifest_digest) THEN
    RAISE EXCEPTION '%: what was exported is not what was rendered', v_sealed.canonical_address USING ERRCODE = 'IU006', COLUMN = 'render_digest';
  END IF;
  IF p_event_id > coalesce(v_sealed.rendered_event_id, 0) THEN
    RAISE EXCEPTION 'event_id: % has not been rendered by event %', v_sealed.canonical_address, p_event_id USING ERRCODE = 'IU002', COLUMN = 'event_id';
  END IF;
  UPDATE iu_export
  SET intended = '{}', event_id = p_event_id, revision = p_revision, render_digest = p_render_digest, manifest_digest = p_manifest_digest,
      byte_length = p_byte_length, exported_at = clock_timestamp(), exported_by = 'db:' || session_user
  WHERE (exporter_id, collection_id) = (p_exporter_id, p_collection_id);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'exporter_id: exporter % did not say that it would export %', p_exporter_id, v_sealed.canonical_address USING ERRCODE = 'IU003', COLUMN = 'exporter_id';
  END IF;
END
$function$;
ALTER FUNCTION fn_iu_export_record(integer,bigint,bigint,bigint,bytea,bytea,bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_export_record(integer,bigint,bigint,bigint,bytea,bytea,bigint) IS 'Records what was read back from an exporter''s folder. IU002 for an event that was not, IU003 unknown, IU006 where it is not what was rendered';
GRANT EXECUTE ON FUNCTION fn_iu_export_record(integer,bigint,bigint,bigint,bytea,bytea,bigint) TO iu_worker;

-- function fn_iu_failure_kind(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_failure_kind(p_failure_detail text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
DECLARE
  v_parts text[];
BEGIN
  IF p_failure_detail !~ '["'']|; \$|[0-9a-fA-F]{12}' AND length(p_failure_detail) <= 4000 THEN
    RETURN regexp_replace(
      CASE WHEN strpos(p_failure_detail, ', have ') = 0 OR split_part(p_failure_detail, ', have ', -1) IN ('string', 'number', 'boolean', 'object', 'array', 'null') THEN p_failure_detail
           ELSE split_part(p_failure_detail, ', have ', 1) || ', have …' END,
      '\d+([.,:]\d+)*', '#', 'g');
  END IF;
  v_parts := regexp_split_to_array(regexp_replace(left(coalesce(p_failure_detail, ''), 4000), '"(\\.|[^"\\])*("|$)', '…', 'g'), '; (?=\$)');
  FOR i IN 1 .. cardinality(v_parts) LOOP
    v_parts[i] := regexp_replace(regexp_replace(regexp_replace(
      CASE WHEN v_parts[i] ~ ', have (string|number|boolean|object|array|null)$' THEN v_parts[i] ELSE regexp_replace(v_parts[i], ', have .*$', ', have …') END,
      '''[^'']*(''|$)', '…', 'g'),
      '\m[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\M', '…', 'g'),
      '\d+([.,:]\d+)*', '#', 'g');
  END LOOP;
  IF cardinality(v_parts) = 1 THEN
    RETURN v_parts[1];
  END IF;
  RETURN (SELECT string_agg(DISTINCT part, '; ' ORDER BY part) FROM (SELECT unnest(v_parts) COLLATE "C" AS part) AS parts);
END
$function$;
ALTER FUNCTION fn_iu_failure_kind(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_failure_kind(text) IS 'A failure''s words without what this one event has of its own: values, quoted texts, identifiers, numbers';
GRANT EXECUTE ON FUNCTION fn_iu_failure_kind(text) TO iu_reader;

-- function fn_iu_gate_declare(jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_gate_declare(p_gates jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  PERFORM fn_iu_vocabulary_register('gate', p_gates);
  -- A gate that exists keeps its state: declaring again never opens and never closes.
  INSERT INTO dot_config (key, value, value_type, description, reason)
  SELECT key, 'false', 'gate', value, 'seeded closed' FROM jsonb_each_text(p_gates)
  ON CONFLICT (key) DO NOTHING;
END
$function$;
ALTER FUNCTION fn_iu_gate_declare(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_gate_declare(jsonb) IS 'Declares gates, closed: {"key": "what it lets through"}';

-- function fn_iu_gate_is_open(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_gate_is_open(p_gate text)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  RETURN fn_iu_gate_state(p_gate) = 'open';
END
$function$;
ALTER FUNCTION fn_iu_gate_is_open(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_gate_is_open(text) IS 'True only for an open gate; never null';
GRANT EXECUTE ON FUNCTION fn_iu_gate_is_open(text) TO iu_reader;

-- function fn_iu_gate_repair(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_gate_repair(p_gate text)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  INSERT INTO dot_config (key, value, value_type, description, reason)
  SELECT term, 'false', 'gate', description, 'made anew, closed' FROM iu_vocabulary WHERE term_class = 'gate' AND term = p_gate
  ON CONFLICT (key) DO NOTHING
$function$;
ALTER FUNCTION fn_iu_gate_repair(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_gate_repair(text) IS 'Makes the row of a declared gate that has lost it, closed';

-- function fn_iu_gate_require(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_gate_require(p_gate text)
 RETURNS void
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_state text := fn_iu_gate_state(p_gate);
BEGIN
  IF v_state <> 'open' THEN
    RAISE EXCEPTION 'gate % is closed (%)', p_gate, v_state
      USING ERRCODE = 'IU001', COLUMN = p_gate,
            DETAIL = coalesce((SELECT format('%s by %s at %s: %s', value, changed_by, changed_at, reason) FROM dot_config WHERE key = p_gate), 'The gate has no row.'),
            HINT = format('Open it: iu gate open %s --reason TEXT', p_gate);
  END IF;
END
$function$;
ALTER FUNCTION fn_iu_gate_require(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_gate_require(text) IS 'Raises IU001 (gate_closed) with who closed it, when and why, unless the gate is open';

-- function fn_iu_gate_retract()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_gate_retract()
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_open text;
BEGIN
  SELECT string_agg(key, ', ' ORDER BY key) INTO v_open FROM dot_config WHERE fn_iu_gate_is_open(key);
  IF v_open IS NOT NULL THEN
    RAISE EXCEPTION 'gates are open: %', v_open
      USING ERRCODE = 'IU010', HINT = 'Close them first: iu gate close NAME --reason TEXT';
  END IF;
  DELETE FROM dot_config WHERE value_type = 'gate';
  PERFORM fn_iu_vocabulary_forget('gate');
END
$function$;
ALTER FUNCTION fn_iu_gate_retract() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_gate_retract() IS 'Removes every gate declaration, the rollback of fn_iu_gate_declare; refuses (IU010) while one is open';

-- function fn_iu_gate_set(text,boolean,text,timestamp with time zone)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_gate_set(p_gate text, p_open boolean, p_reason text, p_expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_iu_gate_set(text,boolean,text,timestamp with time zone) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_gate_set(text,boolean,text,timestamp with time zone) IS 'Opens or closes a gate with a reason, returns its state; IU002 without a reason, IU003 for an unknown gate';

-- function fn_iu_gate_state(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_gate_state(p_gate text)
 RETURNS text
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  RETURN coalesce((
    SELECT CASE
      WHEN value_type <> 'gate' OR value NOT IN ('true', 'false') THEN 'malformed'
      WHEN value = 'false' THEN 'closed'
      WHEN expires_at <= clock_timestamp() THEN 'expired'
      ELSE 'open'
    END
    FROM dot_config WHERE key = p_gate), 'missing');
END
$function$;
ALTER FUNCTION fn_iu_gate_state(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_gate_state(text) IS 'open, closed, expired, malformed or missing; only ''open'' lets anything through';
GRANT EXECUTE ON FUNCTION fn_iu_gate_state(text) TO iu_reader;

-- function fn_iu_held_decision_count()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_held_decision_count()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  -- Where there is no audit yet, its beginning counts.
  UPDATE iu_event_audit SET discarded = discarded + (SELECT count(*) FROM new_rows);
  RETURN NULL;
END
$function$;
ALTER FUNCTION fn_iu_held_decision_count() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_held_decision_count() IS 'Trigger function: counts discarded events into the audit, in the transaction that discards them';

-- function fn_iu_held_release(bigint[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_held_release(p_event_ids bigint[])
 RETURNS SETOF bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_iu_held_release(bigint[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_held_release(bigint[]) IS 'Releases held events, in the order of their writing; returns those that it released. IU001 while the master gate is closed';

-- function fn_iu_import_base_put(bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_import_base_put(p_collection_id bigint)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH base AS (
    INSERT INTO iu_import_base (collection_id, revision, unit_ids, version_seqs)
    SELECT c.id, c.revision, coalesce(array_agg(p.unit_id ORDER BY p.position) FILTER (WHERE p.unit_id IS NOT NULL), '{}'),
           coalesce(array_agg(coalesce(p.pinned_version_seq, u.current_version_seq) ORDER BY p.position) FILTER (WHERE p.unit_id IS NOT NULL), '{}')
    FROM iu_collection AS c LEFT JOIN iu_collection_piece AS p ON p.collection_id = c.id LEFT JOIN information_unit AS u ON u.id = p.unit_id
    WHERE c.id = p_collection_id
    GROUP BY c.id
    RETURNING id, collection_id
  )
  UPDATE iu_collection AS c SET base_id = base.id FROM base WHERE c.id = base.collection_id
$function$;
ALTER FUNCTION fn_iu_import_base_put(bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_import_base_put(bigint) IS 'Keeps a collection as it stands as what its last import wrote';

-- function fn_iu_import_file(text,bytea,text[],integer[],integer[],text[],smallint[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_import_file(p_source_path text, p_content bytea, p_kinds text[], p_starts integer[], p_lengths integer[], p_titles text[], p_section_levels smallint[])
 RETURNS TABLE(outcome text, canonical_address text, pieces integer, pieces_created integer, versions_created integer, pieces_removed integer, pieces_moved integer, byte_length bigint, content_digest text, over_edits text[])
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  v_count constant integer := cardinality(p_starts);
  v_digest constant bytea := sha256(p_content);
  v_collection iu_collection;
  v_bodies text[];
  v_separators text[];
  v_units bigint[];           -- the unit of each new piece
  v_positions numeric[];
  v_stays boolean[];
  v_same boolean[];
  v_old_units bigint[];
  v_old_positions numeric[];
  v_old_kinds text[];
  v_old_digests text[];
  v_old_nos integer[];
  v_removed bigint[];
  v_created integer[];        -- numbers of the new pieces that are born
  v_born bigint[];
  v_born_separators text[];
  v_run integer;
  -- A file is known by its first heading of the first level, or by its name.
  v_title constant text := coalesce((SELECT t FROM unnest(p_titles, p_section_levels) WITH ORDINALITY AS g(t, l, n) WHERE l = 1 AND t <> '' ORDER BY n LIMIT 1),
                                    regexp_replace(p_source_path, '^.*/', ''));
  v_between numeric[];
  v_base iu_import_base;
  v_here boolean[];           -- whether an old piece still stands in the collection: one that was removed here is known again
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  IF coalesce(p_source_path, '') = '' OR octet_length(p_source_path) > 2000 THEN
    RAISE EXCEPTION 'source_path: give the path that names the source, 1 to 2000 bytes' USING ERRCODE = 'IU002', COLUMN = 'source_path';
  END IF;
  IF p_content IS NULL OR v_count IS NULL
     OR (cardinality(p_kinds), cardinality(p_lengths), cardinality(p_titles), cardinality(p_section_levels)) IS DISTINCT FROM (v_count, v_count, v_count, v_count) THEN
    RAISE EXCEPTION 'kinds, starts, lengths, titles and section_levels must be arrays of one length' USING ERRCODE = 'IU002', COLUMN = 'starts';
  END IF;
  -- The cut keeps every byte: it begins at 0 and no piece reaches into the next.
  IF (v_count = 0 AND octet_length(p_content) > 0) OR EXISTS (
       SELECT FROM (SELECT n, s, l, lead(s, 1, octet_length(p_content)) OVER (ORDER BY n) AS next
                    FROM unnest(p_starts, p_lengths) WITH ORDINALITY AS g(s, l, n)) AS piece
       WHERE (n = 1 AND s <> 0) OR (l > 0 AND s::bigint + l <= next) IS NOT TRUE) THEN
    RAISE EXCEPTION 'starts: the pieces do not cover the content in order' USING ERRCODE = 'IU002', COLUMN = 'starts';
  END IF;
  IF EXISTS (SELECT FROM unnest(p_section_levels) AS l WHERE l BETWEEN 0 AND 6 IS NOT TRUE) THEN
    RAISE EXCEPTION 'section_levels: a heading has a level from 1 to 6, all else 0' USING ERRCODE = 'IU002', COLUMN = 'section_levels';
  END IF;

  -- Imports of one source take turns; the unchanged one writes nothing at all, not even that it had its turn.
  FOR v_look IN 1 .. 2 LOOP
    SELECT * INTO v_collection FROM iu_collection AS c WHERE c.source_path = p_source_path;
    IF FOUND AND v_collection.render_revision = v_collection.revision AND (v_collection.render_digest, v_collection.source_digest) = (v_digest, v_digest) THEN
      RETURN QUERY SELECT 'unchanged', v_collection.canonical_address, v_collection.piece_count, 0, 0, 0, 0, v_collection.byte_length, encode(v_digest, 'hex'), '{}'::text[];
      RETURN;
    END IF;
    IF v_look = 1 THEN
      PERFORM fn_iu_lock('iu_core.import ' || p_source_path);
    END IF;
  END LOOP;

  BEGIN
    SELECT coalesce(array_agg(convert_from(substring(p_content FROM s + 1 FOR l), 'UTF8') ORDER BY n), '{}'),
           coalesce(array_agg(convert_from(substring(p_content FROM s + l + 1 FOR next - s - l), 'UTF8') ORDER BY n), '{}')
    INTO v_bodies, v_separators
    FROM (SELECT n, s, l, lead(s, 1, octet_length(p_content)) OVER (ORDER BY n) AS next
          FROM unnest(p_starts, p_lengths) WITH ORDINALITY AS g(s, l, n)) AS piece;
  EXCEPTION WHEN character_not_in_repertoire THEN
    RAISE EXCEPTION 'content: %, or a piece that begins or ends inside a character', SQLERRM USING ERRCODE = 'IU002', COLUMN = 'content';
  END;

  IF v_collection.id IS NULL THEN
    v_collection.canonical_address := fn_iu_source_address(p_source_path);
    v_collection.id := fn_iu_compose(
      v_collection.canonical_address, 'file', v_title, '{}', '', '{}', p_source_path, v_digest, octet_length(p_content));
    v_units := fn_iu_create_batch(
      ARRAY(SELECT fn_iu_piece_address(v_collection.canonical_address, n::integer, t) FROM unnest(p_titles) WITH ORDINALITY AS g(t, n) ORDER BY n),
      p_kinds, v_bodies, p_titles, p_source_path);
    PERFORM fn_iu_collection_add(v_collection.id, v_units, fn_iu_positions_between(NULL, NULL, v_count), v_separators);
    UPDATE iu_collection AS c SET next_piece_no = v_count + 1 WHERE c.id = v_collection.id;
    outcome := 'created'; pieces_created := v_count; versions_created := 0; pieces_removed := 0; pieces_moved := 0;
  ELSE
    SELECT * INTO STRICT v_collection FROM iu_collection AS c WHERE c.id = v_collection.id FOR UPDATE;
    SELECT * INTO v_base FROM iu_import_base AS b WHERE b.id = v_collection.base_id;
    -- The pieces in their order, and those that the last import wrote and somebody has removed, where they stood.
    WITH standing AS MATERIALIZED (
      SELECT p.unit_id, p.position, coalesce(p.pinned_version_seq, u.current_version_seq) AS version_seq, u.unit_kind
      FROM iu_collection_piece AS p JOIN information_unit AS u ON u.id = p.unit_id WHERE p.collection_id = v_collection.id
    ), gone AS (
      SELECT b.unit_id, b.version_seq, b.n, max(s.position) OVER (ORDER BY b.n) AS behind, s.unit_id IS NULL AS is_gone
      FROM unnest(v_base.unit_ids, v_base.version_seqs) WITH ORDINALITY AS b(unit_id, version_seq, n) LEFT JOIN standing AS s ON s.unit_id = b.unit_id
    ), known AS (
      SELECT s.unit_id, s.position, s.version_seq, s.unit_kind, true AS here, s.position AS place, 0::bigint AS n FROM standing AS s
      UNION ALL
      SELECT g.unit_id, NULL, g.version_seq, u.unit_kind, false, coalesce(g.behind, '-infinity'), g.n FROM gone AS g JOIN information_unit AS u ON u.id = g.unit_id WHERE g.is_gone
    )
    SELECT coalesce(array_agg(k.unit_id ORDER BY k.place, k.n), '{}'), coalesce(array_agg(k.position ORDER BY k.place, k.n), '{}'), coalesce(array_agg(k.here ORDER BY k.place, k.n), '{}'),
           coalesce(array_agg(k.unit_kind ORDER BY k.place, k.n), '{}'), coalesce(array_agg(encode(v.content_digest, 'hex') ORDER BY k.place, k.n), '{}')
    INTO v_old_units, v_old_positions, v_here, v_old_kinds, v_old_digests
    FROM known AS k JOIN unit_version AS v ON v.unit_id = k.unit_id AND v.version_seq = k.version_seq;
    SELECT coalesce(array_agg(a.old_no ORDER BY a.new_no) FILTER (WHERE a.new_no IS NOT NULL), '{}'),
           coalesce(array_agg(a.is_same ORDER BY a.new_no) FILTER (WHERE a.new_no IS NOT NULL), '{}'),
           coalesce(array_agg(a.stays ORDER BY a.new_no) FILTER (WHERE a.new_no IS NOT NULL), '{}'),
           coalesce(array_agg(v_old_units[a.old_no] ORDER BY a.old_no) FILTER (WHERE a.new_no IS NULL AND v_here[a.old_no]), '{}')
    INTO v_old_nos, v_same, v_stays, v_removed
    FROM fn_iu_align(v_old_digests, ARRAY(SELECT encode(sha256(convert_to(b, 'UTF8')), 'hex') FROM unnest(v_bodies) WITH ORDINALITY AS g(b, n) ORDER BY n),
                     v_old_kinds, p_kinds) AS a;

    -- Joins, not subscripts: an element of an array of numerics or texts is found by walking to it.
    SELECT coalesce(array_agg(old.unit_id ORDER BY g.n), '{}'), coalesce(array_agg(CASE WHEN g.stay THEN old.position END ORDER BY g.n), '{}')
    INTO v_units, v_positions
    FROM unnest(v_old_nos, v_stays) WITH ORDINALITY AS g(o, stay, n)
    LEFT JOIN unnest(v_old_units, v_old_positions) WITH ORDINALITY AS old(unit_id, position, o) ON old.o = g.o;

    -- Runs of pieces without a place go between the two that stay around them.
    FOR i IN 1 .. v_count LOOP
      CONTINUE WHEN v_positions[i] IS NOT NULL;
      v_run := i;
      WHILE v_run < v_count AND v_positions[v_run + 1] IS NULL LOOP v_run := v_run + 1; END LOOP;
      v_between := fn_iu_positions_between(v_positions[i - 1], v_positions[v_run + 1], v_run - i + 1);
      FOR j IN i .. v_run LOOP v_positions[j] := v_between[j - i + 1]; END LOOP;
    END LOOP;

    over_edits := fn_iu_import_over(v_collection, v_base, v_units, v_same, v_stays, v_removed);
    -- What was removed here and has another text in the file is born anew: the piece that left may have a life elsewhere.
    IF false = ANY (v_here) THEN
      FOR i IN 1 .. v_count LOOP
        CONTINUE WHEN v_same[i] OR v_here[v_old_nos[i]] IS NOT false;
        v_old_nos[i] := NULL; v_units[i] := NULL;
      END LOOP;
    END IF;
    v_created := ARRAY(SELECT n::integer FROM unnest(v_old_nos) WITH ORDINALITY AS g(o, n) WHERE o IS NULL ORDER BY n);
    IF cardinality(v_removed) > 0 THEN
      PERFORM fn_iu_collection_remove(v_collection.id, v_removed);
    END IF;
    -- A revised piece that was pinned follows its source again.
    UPDATE iu_collection_piece AS p SET pinned_version_seq = NULL
    FROM unnest(v_units, v_same) AS g(unit_id, same)
    WHERE p.collection_id = v_collection.id AND p.unit_id = g.unit_id AND NOT g.same AND p.pinned_version_seq IS NOT NULL;
    SELECT fn_iu_apply_versions(array_agg(unit_id ORDER BY n), array_agg(body ORDER BY n), array_agg(kind ORDER BY n), array_agg(CASE WHEN u.title_is_derived THEN g.title END ORDER BY n))
    INTO versions_created
    FROM unnest(v_old_nos, v_same, v_units, v_bodies, p_kinds, p_titles) WITH ORDINALITY AS g(o, same, unit_id, body, kind, title, n)
    JOIN information_unit AS u ON u.id = g.unit_id
    WHERE o IS NOT NULL AND NOT same
    HAVING count(*) > 0;
    SELECT count(fn_iu_collection_reorder(v_collection.id, unit_ids, positions)), coalesce(max(cardinality(unit_ids)), 0)
    INTO v_run, pieces_moved
    FROM (SELECT array_agg(unit_id ORDER BY n) AS unit_ids, array_agg(position ORDER BY n) AS positions
          FROM unnest(v_old_nos, v_stays, v_units, v_positions) WITH ORDINALITY AS g(o, stay, unit_id, position, n)
          WHERE o IS NOT NULL AND NOT stay AND v_here[o]
          HAVING count(*) > 0) AS moved;
    -- What was removed here comes back as itself; where it has another text by now, it is pinned to the one that it had.
    SELECT count(fn_iu_collection_add(v_collection.id, unit_ids, positions, separators, pins)), coalesce(max(cardinality(unit_ids)), 0)
    INTO v_run, pieces_created
    FROM (SELECT array_agg(g.unit_id ORDER BY n) AS unit_ids, array_agg(g.position ORDER BY n) AS positions, array_agg(g.separator ORDER BY n) AS separators,
                 array_agg(CASE WHEN g.same AND v.content_digest <> w.content_digest THEN w.version_seq END ORDER BY n) AS pins
          FROM unnest(v_old_nos, v_same, v_units, v_positions, v_separators) WITH ORDINALITY AS g(o, same, unit_id, position, separator, n)
          JOIN information_unit AS u ON u.id = g.unit_id
          JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
          JOIN unnest(v_base.unit_ids, v_base.version_seqs) AS b(unit_id, version_seq) ON b.unit_id = g.unit_id
          JOIN unit_version AS w ON w.unit_id = u.id AND w.version_seq = b.version_seq
          WHERE o IS NOT NULL AND NOT v_here[o]
          HAVING count(*) > 0) AS back;
    IF cardinality(v_created) > 0 THEN
      SELECT fn_iu_create_batch(array_agg(fn_iu_piece_address(v_collection.canonical_address, v_collection.next_piece_no + k::integer - 1, g.title) ORDER BY k),
                                array_agg(g.kind ORDER BY k), array_agg(g.body ORDER BY k), array_agg(g.title ORDER BY k), p_source_path),
             array_agg(g.position ORDER BY k), array_agg(g.separator ORDER BY k)
      INTO v_born, v_positions, v_born_separators
      FROM unnest(v_created) WITH ORDINALITY AS c(n, k)
      JOIN unnest(v_bodies, p_kinds, p_titles, v_positions, v_separators) WITH ORDINALITY AS g(body, kind, title, position, separator, n) ON g.n = c.n;
      FOR k IN 1 .. cardinality(v_created) LOOP
        v_units[v_created[k]] := v_born[k];
      END LOOP;
      PERFORM fn_iu_collection_add(v_collection.id, v_born, v_positions, v_born_separators);
    END IF;
    UPDATE iu_collection_piece AS p SET separator = g.separator
    FROM unnest(v_units, v_separators) AS g(unit_id, separator)
    WHERE p.collection_id = v_collection.id AND p.unit_id = g.unit_id AND p.separator IS DISTINCT FROM g.separator;
    UPDATE iu_collection AS c
    SET revision = c.revision + 1, title = v_title, next_piece_no = c.next_piece_no + cardinality(v_created),
        source_digest = v_digest, source_byte_length = octet_length(p_content), updated_at = clock_timestamp()
    WHERE c.id = v_collection.id;
    outcome := 'updated'; versions_created := coalesce(versions_created, 0);
    pieces_created := pieces_created + cardinality(v_created); pieces_removed := cardinality(v_removed);
  END IF;

  PERFORM fn_iu_tree_place(v_units, p_section_levels);
  IF fn_iu_collection_seal(v_collection.id) <> v_digest THEN
    RAISE EXCEPTION 'round trip failed: % does not render to the bytes it was cut from', p_source_path
      USING ERRCODE = 'IU006', DETAIL = format('source sha256 %s', encode(v_digest, 'hex')), HINT = 'Nothing was written. Report the file.';
  END IF;
  PERFORM fn_iu_import_base_put(v_collection.id);
  over_edits := coalesce(over_edits, '{}');
  SELECT v_collection.canonical_address, c.piece_count, c.byte_length, encode(v_digest, 'hex')
  INTO canonical_address, pieces, byte_length, content_digest
  FROM iu_collection AS c WHERE c.id = v_collection.id;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_iu_import_file(text,bytea,text[],integer[],integer[],text[],smallint[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_import_file(text,bytea,text[],integer[],integer[],text[],smallint[]) IS 'Imports one source: the file''s bytes and its cut (byte offsets from 0, lengths; the rest between two pieces separates them). Makes the collection, or brings it to the new bytes with the fewest new versions and pieces, and proves that it renders to the same SHA-256. outcome: created, updated, unchanged (nothing written). over_edits: the pieces on which work that was done here since the last import is undone by it, and how. IU001 closed gate, IU002 bad cut, IU004 address taken, IU006 round trip failed';

-- function fn_iu_import_over(iu_collection,iu_import_base,bigint[],boolean[],boolean[],bigint[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_import_over(p_collection iu_collection, p_base iu_import_base, p_units bigint[], p_same boolean[], p_stays boolean[], p_removed bigint[])
 RETURNS text[]
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  IF (p_base).revision = (p_collection).revision THEN
    RETURN '{}';
  ELSIF (p_base).id IS NULL THEN
    RETURN CASE WHEN sha256(convert_to(fn_iu_collection_render((p_collection).id), 'UTF8')) = (p_collection).source_digest THEN '{}'
      ELSE ARRAY[(p_collection).canonical_address || ' (edited; its pieces are not on record, the last import being older than this version)'] END;
  END IF;
  RETURN ARRAY(
    WITH base AS (
      SELECT b.unit_id, b.n, v.content_digest
      FROM unnest((p_base).unit_ids, (p_base).version_seqs) WITH ORDINALITY AS b(unit_id, version_seq, n) JOIN unit_version AS v ON v.unit_id = b.unit_id AND v.version_seq = b.version_seq
    ), standing AS (
      SELECT p.unit_id, p.position, v.content_digest
      FROM iu_collection_piece AS p JOIN information_unit AS u ON u.id = p.unit_id
      JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
      WHERE p.collection_id = (p_collection).id
    ), compared AS (
      -- As it stands, and in which order among those that stood there then.
      SELECT coalesce(s.unit_id, b.unit_id) AS unit_id, s.position, b.n, s.unit_id IS NOT NULL AS stands, b.unit_id IS NOT NULL AS was_written, s.content_digest IS DISTINCT FROM b.content_digest AS differs,
             rank() OVER (PARTITION BY s.unit_id IS NOT NULL AND b.unit_id IS NOT NULL ORDER BY b.n) <> rank() OVER (PARTITION BY s.unit_id IS NOT NULL AND b.unit_id IS NOT NULL ORDER BY s.position) AS is_moved
      FROM standing AS s FULL JOIN base AS b ON b.unit_id = s.unit_id
    ), planned AS (
      SELECT unit_id, same, stays FROM unnest(p_units, p_same, p_stays) AS g(unit_id, same, stays) WHERE unit_id IS NOT NULL
      UNION ALL SELECT unit_id, false, false FROM unnest(p_removed) AS g(unit_id)
    )
    SELECT format('%s (%s)', u.canonical_address, CASE WHEN NOT c.stands THEN 'removed' WHEN NOT c.was_written THEN 'added' WHEN c.differs THEN 'edited' ELSE 'moved' END)
    FROM compared AS c JOIN planned AS p ON p.unit_id = c.unit_id JOIN information_unit AS u ON u.id = c.unit_id
    WHERE CASE WHEN NOT c.stands THEN true WHEN NOT c.was_written OR c.differs THEN NOT p.same ELSE false END OR c.stands AND c.was_written AND c.is_moved AND NOT p.stays
    ORDER BY coalesce(c.position, c.n), u.id);
END
$function$;
ALTER FUNCTION fn_iu_import_over(iu_collection,iu_import_base,bigint[],boolean[],boolean[],bigint[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_import_over(iu_collection,iu_import_base,bigint[],boolean[],boolean[],bigint[]) IS 'The pieces on which an import would undo what was done here since the last one: edited, added, moved or removed. Takes which unit each new piece is, whether its text and its place stay, and which units leave';

-- function fn_iu_import_unchanged(text[],text[],text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_import_unchanged(p_source_paths text[], p_digests text[], p_token text)
 RETURNS TABLE(source_path text, canonical_address text, pieces integer, byte_length bigint)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  -- Asked once, for all of them: it may compare the whole schema.
  WITH allowed AS MATERIALIZED (
    SELECT FROM fn_iu_who(p_token) AS w
    JOIN fn_dot_command_blocked(w.account_right) AS b ON b.command_code = 'dot_iu_import_text' AND b.code IS NULL AND w.scopes && ARRAY['*', b.command_code]
  )
  SELECT c.source_path, c.canonical_address, c.piece_count, c.byte_length
  FROM unnest(p_source_paths, p_digests) AS g(source_path, digest)
  JOIN iu_collection AS c ON c.source_path = g.source_path
  WHERE c.status = 'active' AND c.render_revision = c.revision AND (c.render_digest, c.source_digest) = (decode(g.digest, 'hex'), decode(g.digest, 'hex'))
    AND EXISTS (SELECT FROM allowed)
$function$;
ALTER FUNCTION fn_iu_import_unchanged(text[],text[],text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_import_unchanged(text[],text[],text) IS 'Of these sources, with the SHA-256 of each text in hex: those that an import would leave as they are. None for somebody who may not import now. IU012 nobody';
GRANT EXECUTE ON FUNCTION fn_iu_import_unchanged(text[],text[],text) TO iu_approver;
GRANT EXECUTE ON FUNCTION fn_iu_import_unchanged(text[],text[],text) TO iu_console;
GRANT EXECUTE ON FUNCTION fn_iu_import_unchanged(text[],text[],text) TO iu_operator;

-- function fn_iu_is_address(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_is_address(p_address text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ SELECT octet_length(p_address) <= 512 AND p_address ~ '^[a-z0-9_-]+([./][a-z0-9_-]+)*$' $function$;
ALTER FUNCTION fn_iu_is_address(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_is_address(text) IS 'Whether a text is a canonical address: segments of a-z 0-9 _ - joined by . and /, at most 512 bytes';

-- function fn_iu_json_unbounded(jsonb,integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_json_unbounded(p_value jsonb, p_most_bytes integer)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE STRICT
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_value constant jsonb := p_value #> '{}';       -- unpacked once, not with each look
  v_bytes constant integer := pg_column_size(v_value);
  v_numbers jsonb;
  v_has_long boolean;
  v_written bigint;
BEGIN
  IF v_bytes > p_most_bytes THEN
    RETURN format('it has %s bytes, and %s are the most', v_bytes, p_most_bytes);
  ELSIF v_bytes > 700 AND v_value @? '$.**{101}' THEN     -- a level takes eight bytes
    RETURN 'it is nested deeper than 100';
  END IF;
  v_numbers := jsonb_path_query_array(v_value, 'strict $.** ? (@.type() == "number")');
  -- A query is begun for many only: most values have few, and every event comes by here.
  IF jsonb_array_length(v_numbers) > 20 THEN
    v_has_long := EXISTS (SELECT FROM jsonb_array_elements(v_numbers) AS n(number) WHERE scale(number::numeric) > 500 OR abs(number::numeric) >= 1e500);
  ELSE
    FOR i IN 0 .. jsonb_array_length(v_numbers) - 1 LOOP
      v_has_long := scale((v_numbers -> i)::numeric) > 500 OR abs((v_numbers -> i)::numeric) >= 1e500;
      EXIT WHEN v_has_long;
    END LOOP;
  END IF;
  IF v_has_long THEN
    RETURN 'it has a number of more than 500 digits before or behind the point';
  ELSIF v_bytes::bigint + 1003 * jsonb_array_length(v_numbers) > p_most_bytes THEN
    -- One by one, so that the whole text is never there.
    v_written := v_bytes + (SELECT sum(octet_length(number::text)) FROM jsonb_array_elements(v_numbers) AS n(number));
    IF v_written > p_most_bytes THEN
      RETURN format('written out it has %s bytes, and %s are the most', v_written, p_most_bytes);
    END IF;
  END IF;
  RETURN NULL;
END
$function$;
ALTER FUNCTION fn_iu_json_unbounded(jsonb,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_json_unbounded(jsonb,integer) IS 'What makes a JSON value one that cannot be written out in so many bytes (its size, its depth, a number of more than 500 digits); null when nothing does';
GRANT EXECUTE ON FUNCTION fn_iu_json_unbounded(jsonb,integer) TO iu_reader;

-- function fn_iu_lifecycle_set(bigint,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_lifecycle_set(p_unit_id bigint, p_status text)
 RETURNS text
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  UPDATE information_unit
  SET lifecycle_status = coalesce(p_status, lifecycle_before[1], 'draft'),
      lifecycle_before = CASE WHEN p_status IS NULL THEN lifecycle_before[2:] ELSE lifecycle_status || lifecycle_before END
  WHERE id = p_unit_id
  RETURNING lifecycle_status
$function$;
ALTER FUNCTION fn_iu_lifecycle_set(bigint,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_lifecycle_set(bigint,text) IS 'Retires or deletes a unit, or (null) brings it back to what it was before that; returns its status. A deleted unit that was retired comes back retired';

-- function fn_iu_line_end(text[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_line_end(VARIADIC p_texts text[])
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
  SELECT coalesce((SELECT substring(t FROM '\r\n|\r|\n') FROM unnest(p_texts) WITH ORDINALITY AS g(t, n) WHERE t ~ '[\r\n]' ORDER BY n LIMIT 1), E'\n')
$function$;
ALTER FUNCTION fn_iu_line_end(text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_line_end(text[]) IS 'The line end of the first text that has one: CR LF, CR or LF; LF when none has';

-- function fn_iu_lock(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_lock(p_name text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET lock_timeout TO '10s'
AS $function$
DECLARE
  v_digest constant bytea := sha256(convert_to(p_name, 'UTF8'));
BEGIN
  INSERT INTO iu_lock (name_digest) VALUES (v_digest);
  DELETE FROM iu_lock WHERE name_digest = v_digest;
EXCEPTION WHEN lock_not_available THEN
  RAISE EXCEPTION 'another command is at work on the same (%)', p_name
    USING ERRCODE = '55P03', DETAIL = coalesce((
            SELECT 'At work: ' || string_agg(format('%s, process %s, since %s', a.usename, a.pid, to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')), '; ' ORDER BY a.xact_start)
            FROM pg_stat_activity AS a WHERE a.pid <> pg_backend_pid() AND EXISTS (
              SELECT FROM pg_locks AS l WHERE l.pid = a.pid AND l.locktype = 'relation' AND l.relation = 'iu_core.iu_lock'::regclass AND l.mode = 'RowExclusiveLock' AND l.granted)), 'It has ended by now.'),
          HINT = 'Try again. Where it stays so, end that process: SELECT pg_terminate_backend(PROCESS).';
END
$function$;
ALTER FUNCTION fn_iu_lock(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_lock(text) IS 'Waits until no other transaction has this name, and keeps it until the end of its own; 55P03 after ten seconds, with who is at work';

-- function fn_iu_longest_increasing(integer[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_longest_increasing(p_numbers integer[])
 RETURNS boolean[]
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_count constant integer := cardinality(p_numbers);
  v_tails integer[] := array_fill(0, ARRAY[greatest(v_count, 1)]);      -- v_tails[k]: where the best run of length k ends
  v_before integer[] := array_fill(0, ARRAY[greatest(v_count, 1)]);     -- the element before it in that run
  v_in boolean[] := array_fill(false, ARRAY[greatest(v_count, 1)]);
  v_longest integer := 0;
  v_low integer;
  v_high integer;
  v_middle integer;
BEGIN
  FOR i IN 1 .. v_count LOOP
    v_low := 1;
    v_high := v_longest + 1;
    IF v_longest > 0 AND p_numbers[v_tails[v_longest]] < p_numbers[i] THEN
      v_low := v_high;                                                  -- the common case: already in order
    END IF;
    WHILE v_low < v_high LOOP
      v_middle := (v_low + v_high) / 2;
      IF v_middle <= v_longest AND p_numbers[v_tails[v_middle]] < p_numbers[i] THEN v_low := v_middle + 1; ELSE v_high := v_middle; END IF;
    END LOOP;
    v_tails[v_low] := i;
    IF v_low > 1 THEN v_before[i] := v_tails[v_low - 1]; END IF;
    v_longest := greatest(v_longest, v_low);
  END LOOP;
  v_middle := CASE WHEN v_longest > 0 THEN v_tails[v_longest] ELSE 0 END;
  WHILE v_middle > 0 LOOP
    v_in[v_middle] := true;
    v_middle := v_before[v_middle];
  END LOOP;
  RETURN v_in[1:v_count];
END
$function$;
ALTER FUNCTION fn_iu_longest_increasing(integer[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_longest_increasing(integer[]) IS 'Which elements form a longest strictly increasing subsequence (patience sorting, n log n)';

-- function fn_iu_newest_xid(xid8)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_newest_xid(p_own xid8)
 RETURNS xid8
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  -- Locks show the lower 32 bits; none that runs is 2^31 away.
  SELECT (p_own::text::numeric + coalesce(max(ahead) FILTER (WHERE ahead < 2147483648), 0))::text::xid8
  FROM (SELECT mod(transactionid::text::numeric - p_own::text::numeric % 4294967296 + 4294967296, 4294967296) AS ahead
        FROM pg_locks WHERE locktype = 'transactionid') AS running
$function$;
ALTER FUNCTION fn_iu_newest_xid(xid8) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_newest_xid(xid8) IS 'The newest transaction that is running, the caller''s own at least';

-- function fn_iu_out_lifecycle()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_out_lifecycle()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  PERFORM fn_iu_outbox_append(
    CASE n.lifecycle_status WHEN 'retired' THEN 'iu.retired' ELSE 'iu.soft_deleted' END, 'information_unit',
    array_agg(n.canonical_address ORDER BY n.id),
    array_agg(jsonb_build_object('unit_id', n.id, 'canonical_address', n.canonical_address, 'previous_status', o.lifecycle_status) ORDER BY n.id))
  FROM new_rows AS n JOIN old_rows AS o ON o.id = n.id
  WHERE n.lifecycle_status IN ('retired', 'deleted') AND o.lifecycle_status <> n.lifecycle_status
  GROUP BY n.lifecycle_status;
  RETURN NULL;
END
$function$;
ALTER FUNCTION fn_iu_out_lifecycle() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_out_lifecycle() IS 'Trigger function: iu.retired and iu.soft_deleted when a unit''s lifecycle says so';

-- function fn_iu_out_unit()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_out_unit()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  PERFORM fn_iu_outbox_append('iu.created', 'information_unit', array_agg(canonical_address ORDER BY id),
    array_agg(jsonb_build_object('unit_id', id, 'canonical_address', canonical_address, 'unit_kind', unit_kind, 'version_seq', current_version_seq) ORDER BY id))
  FROM new_rows HAVING count(*) > 0;
  RETURN NULL;
END
$function$;
ALTER FUNCTION fn_iu_out_unit() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_out_unit() IS 'Trigger function: iu.created for every unit inserted, whoever inserted it';

-- function fn_iu_out_version()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_out_version()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  -- The first version is part of the birth, which iu.created reports.
  PERFORM fn_iu_outbox_append('iu.version_applied', 'information_unit', array_agg(u.canonical_address ORDER BY n.unit_id, n.version_seq),
    array_agg(jsonb_build_object('unit_id', n.unit_id, 'canonical_address', u.canonical_address, 'version_seq', n.version_seq,
                                 'content_digest', encode(n.content_digest, 'hex'), 'byte_length', n.byte_length) ORDER BY n.unit_id, n.version_seq))
  FROM new_rows AS n JOIN information_unit AS u ON u.id = n.unit_id
  WHERE n.version_seq > 1
  HAVING count(*) > 0;
  RETURN NULL;
END
$function$;
ALTER FUNCTION fn_iu_out_version() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_out_version() IS 'Trigger function: iu.version_applied for every version after the first';

-- function fn_iu_outbox_append(text,text,text[],jsonb[],text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_outbox_append(p_event_type text, p_event_subject_table text, p_event_subject_refs text[], p_payloads jsonb[], p_idempotency_key text DEFAULT NULL::text)
 RETURNS SETOF bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_iu_outbox_append(text,text,text[],jsonb[],text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_outbox_append(text,text,text[],jsonb[],text) IS 'Writes one event per element in the given order, on the type''s lane or, while the master gate is closed, on lane held; a duplicate key writes nothing. Returns the ids written';

-- function fn_iu_pattern_problem(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_pattern_problem(p_pattern text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
DECLARE
  v_at integer := 1;
  v_token text;
  v_last text := '(';
  v_times integer[];
  v_most bigint;
  -- By level of groups: its pieces and how many of them may be empty, and the same of the last atom in it.
  v_pieces bigint[] := '{0}';
  v_empty bigint[] := '{0}';
  v_atom_pieces bigint[] := '{0}';
  v_atom_empty bigint[] := '{0}';
  v_sets text[] := '{}';
  v_characters text[] := '{}';
  v_kinds bigint;
  v integer := 1;
BEGIN
  IF length(p_pattern) > 1000 THEN
    RETURN 'it has more than 1,000 characters';
  ELSIF starts_with(p_pattern, '***') THEN
    RETURN 'it begins with ***, which makes another language of what follows';
  END IF;
  WHILE v_at <= length(p_pattern) LOOP
    v_token := substr(p_pattern, v_at, 1);
    IF v_token = '\' THEN
      v_token := substr(p_pattern, v_at, 2);
    ELSIF v_token = '[' THEN
      -- Up to its bracket: one that stands first is a character, and [:alpha:] and its like have brackets of their own.
      v_token := substring(substr(p_pattern, v_at) FROM '^\[\^?\]?(?:\\.|\[:[^]:]*:\]|[^]\\[]|\[(?![.:=]))*\]');
      IF v_token IS NULL THEN
        RETURN 'it has a set that is not closed, or one with [. .] or [= =]';
      END IF;
    ELSIF v_token = '(' THEN
      v_token := substring(substr(p_pattern, v_at, 3) FROM '^\((?:\?:?.?)?');
    ELSIF v_token IN ('?', '*', '+', '{') THEN
      v_token := coalesce(substring(substr(p_pattern, v_at, 12) FROM '^(?:[?*+]|\{\d{1,4}(?:,\d{0,4})?\})\??'), v_token);
    END IF;
    IF v_token ~ '^\\[1-9]' THEN
      RETURN format('it refers back (%s)', v_token);
    ELSIF v_token ~ '^\(\?[^:]?$' THEN
      RETURN format('it looks ahead or behind, or has options (%s)', v_token);
    ELSIF v_token ~ '^\(' THEN
      v_token := CASE WHEN v_token LIKE '(?:%' THEN '(?:' ELSE '(' END;
      v := v + 1;
      IF v > 20 THEN
        RETURN 'its groups are nested deeper than 20';
      END IF;
      v_pieces[v] := 0; v_empty[v] := 0; v_atom_pieces[v] := 0; v_atom_empty[v] := 0;
    ELSIF v_token = ')' AND v > 1 THEN
      v := v - 1;
      v_atom_pieces[v] := 1 + v_pieces[v + 1];
      v_atom_empty[v] := v_empty[v + 1] + (v_last IN ('(', '(?:', '|'))::integer;
      v_pieces[v] := v_pieces[v] + v_atom_pieces[v];
      v_empty[v] := v_empty[v] + v_atom_empty[v];
    ELSIF v_token ~ '^(?:[?*+]|\{\d)' THEN
      v_times := CASE left(v_token, 1) WHEN '{' THEN string_to_array(btrim(v_token, '{,}?'), ',') WHEN '+' THEN '{1}' ELSE '{0}' END;
      v_most := greatest(v_times[cardinality(v_times)], 1);
      -- What it repeats is counted once by now.
      v_pieces[v] := v_pieces[v] + (v_most - 1) * v_atom_pieces[v];
      v_empty[v] := v_empty[v] + (v_most - 1) * v_atom_empty[v] + (v_times[1] = 0)::integer;
      v_atom_pieces[v] := v_most * v_atom_pieces[v];
      v_atom_empty[v] := v_most * v_atom_empty[v] + (v_times[1] = 0)::integer;
    ELSE
      v_atom_pieces[v] := 1;
      v_atom_empty[v] := (v_token IN ('^', '$', '\A', '\Z', '\m', '\M', '\y', '\Y', '[[:<:]]', '[[:>:]]') OR v_token = '|' AND v_last IN ('(', '(?:', '|'))::integer;
      v_pieces[v] := v_pieces[v] + 1;
      v_empty[v] := v_empty[v] + v_atom_empty[v];
      IF v_token ~ '^(?:\[|\\[dDsSwW])' THEN
        v_sets := array_append(array_remove(v_sets, lower(v_token)), lower(v_token));
      ELSE
        v_characters := array_append(array_remove(v_characters, v_token), v_token);
      END IF;
    END IF;
    IF v_pieces[v] > 400 THEN
      RETURN 'with its repeats written out it has more than 400 pieces';
    ELSIF v_empty[v] > 50 THEN
      RETURN 'with its repeats written out it has more than 50 pieces that may be empty';
    END IF;
    v_last := v_token;
    v_at := v_at + length(v_token);
  END LOOP;
  v_kinds := least(2::bigint ^ least(cardinality(v_sets), 30), 2 * length(p_pattern)) + cardinality(v_characters);
  IF v_kinds * v_pieces[1] * (1 + v_empty[1]) > 50000 THEN
    RETURN format('its sets tell %s kinds of characters apart, in %s pieces of which %s may be empty: their product is above 50,000', v_kinds, v_pieces[1], v_empty[1]);
  END IF;
  RETURN NULL;
END
$function$;
ALTER FUNCTION fn_iu_pattern_problem(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_pattern_problem(text) IS 'Why the server could need longer for a pattern than its text is long: it refers back, looks ahead or behind, or is too large once its repeats are written out; null for one that cannot';

-- function fn_iu_payload_judged(jsonb,jsonb,jsonpath,text[],text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_payload_judged(p_payload jsonb, p_schema jsonb, p_predicate jsonpath, p_keys text[], p_schema_fault text, OUT fault text, OUT detail text)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_began constant timestamptz := clock_timestamp();
BEGIN
  IF p_predicate IS NULL THEN
    RETURN;
  ELSIF p_schema_fault IS NOT NULL THEN
    fault := 'cannot_be_judged';
    detail := p_schema_fault;
  ELSIF NOT fn_iu_payload_meets(p_payload, p_predicate, p_keys) THEN
    fault := 'payload_schema';
    detail := array_to_string(fn_iu_payload_problems(p_payload, p_schema), '; ');
  END IF;
EXCEPTION
  WHEN data_exception OR program_limit_exceeded OR out_of_memory OR internal_error OR SQLSTATE 'IU002' OR query_canceled THEN
    IF SQLSTATE = '57014' AND (current_setting('statement_timeout')::interval = interval '0'
                               OR clock_timestamp() < statement_timestamp() + current_setting('statement_timeout')::interval
                               OR clock_timestamp() < v_began + current_setting('statement_timeout')::interval / 2) THEN
      RAISE;
    END IF;
    fault := 'cannot_be_judged';
    detail := format('%s (%s)', left(SQLERRM, 500), SQLSTATE);
END
$function$;
ALTER FUNCTION fn_iu_payload_judged(jsonb,jsonb,jsonpath,text[],text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_payload_judged(jsonb,jsonb,jsonpath,text[],text) IS 'What one payload is found to be: payload_schema with the words where it breaks its schema, cannot_be_judged with the reason where its judgement raises or its schema has a fault, nothing where it meets it';

-- function fn_iu_payload_meets(jsonb,jsonpath,text[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_payload_meets(p_payload jsonb, p_predicate jsonpath, p_keys text[])
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN ((p_payload @@ p_predicate) IS NOT TRUE) THEN false WHEN ((p_keys IS NULL) OR (jsonb_typeof(p_payload) <> 'object'::text)) THEN true ELSE ((p_payload - p_keys) = '{}'::jsonb) END;
ALTER FUNCTION fn_iu_payload_meets(jsonb,jsonpath,text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_payload_meets(jsonb,jsonpath,text[]) IS 'Whether a payload meets its schema, which is compiled to a predicate and to the only names of its root, where there are such';

-- function fn_iu_payload_problems(jsonb,jsonb,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_payload_problems(p_payload jsonb, p_schema jsonb, p_path text DEFAULT '$'::text)
 RETURNS text[]
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_payload constant jsonb := p_payload #> '{}';     -- unpacked once, not for each of its names
  v_type constant text := jsonb_typeof(v_payload);
  v_number constant numeric := CASE v_type WHEN 'number' THEN v_payload::numeric END;
  v_wanted text[];
  v_problems text[];
  v_keys jsonb;
  v_key text;
  v_value jsonb;
BEGIN
  IF p_path = '$' THEN
    v_key := fn_iu_json_unbounded(v_payload, 67108864);
    IF v_key IS NOT NULL THEN
      RAISE EXCEPTION 'payload: %', v_key USING ERRCODE = 'IU002', COLUMN = 'payload';
    END IF;
  END IF;
  -- What a schema does not ask for is null, and compares to null.
  v_problems := array_remove(ARRAY[
    CASE WHEN p_schema ? 'const' AND v_payload IS DISTINCT FROM p_schema -> 'const' THEN format('%s: want %s, have %s', p_path, p_schema -> 'const', left(v_payload::text, 80)) END,
    CASE WHEN NOT p_schema -> 'enum' @> jsonb_build_array(v_payload) THEN format('%s: want one of %s, have %s', p_path, p_schema -> 'enum', left(v_payload::text, 80)) END,
    CASE WHEN v_number < (p_schema ->> 'minimum')::numeric THEN format('%s: want at least %s, have %s', p_path, p_schema -> 'minimum', left(v_payload::text, 80)) END,
    CASE WHEN v_number > (p_schema ->> 'maximum')::numeric THEN format('%s: want at most %s, have %s', p_path, p_schema -> 'maximum', left(v_payload::text, 80)) END,
    CASE WHEN v_number <= (p_schema ->> 'exclusiveMinimum')::numeric THEN format('%s: want more than %s, have %s', p_path, p_schema -> 'exclusiveMinimum', left(v_payload::text, 80)) END,
    CASE WHEN v_number >= (p_schema ->> 'exclusiveMaximum')::numeric THEN format('%s: want less than %s, have %s', p_path, p_schema -> 'exclusiveMaximum', left(v_payload::text, 80)) END], NULL);
  IF p_schema ->> 'type' <> v_type THEN
    v_wanted := ARRAY[p_schema ->> 'type'];
    IF jsonb_typeof(p_schema -> 'type') = 'array' THEN
      v_wanted := ARRAY(SELECT jsonb_array_elements_text(p_schema -> 'type'));
    END IF;
    IF NOT (v_type = ANY (v_wanted) OR v_type = 'number' AND 'integer' = ANY (v_wanted) AND floor(v_number) = v_number) THEN
      v_problems := format('%s: want %s, have %s', p_path, array_to_string(v_wanted, ' or '), v_type) || v_problems;
    END IF;
  END IF;
  IF v_type = 'object' THEN
    v_keys := p_schema -> 'required';
    FOR i IN 0 .. coalesce(jsonb_array_length(v_keys), 0) - 1 LOOP
      v_key := v_keys ->> i;
      IF NOT v_payload ? v_key THEN v_problems := v_problems || format('%s.%s: missing', p_path, v_key); END IF;
    END LOOP;
    -- Of a payload that may have other names, those of the schema: there may be any number of others. Both are in one order.
    v_keys := jsonb_path_query_array(CASE WHEN p_schema -> 'additionalProperties' = 'false' THEN v_payload ELSE p_schema -> 'properties' END, '$.keyvalue().key');
    FOR i IN 0 .. coalesce(jsonb_array_length(v_keys), 0) - 1 LOOP
      EXIT WHEN cardinality(v_problems) >= 20;
      v_key := v_keys ->> i;
      CONTINUE WHEN NOT v_payload ? v_key;
      v_value := p_schema -> 'properties' -> v_key;
      IF v_value = jsonb_build_object('type', jsonb_typeof(v_payload -> v_key)) THEN
        NULL;                         -- the most there are, and not worth a call
      ELSIF v_value IS NOT NULL THEN
        v_problems := v_problems || fn_iu_payload_problems(v_payload -> v_key, v_value, format('%s.%s', p_path, v_key));
      ELSE
        v_problems := v_problems || format('%s.%s: not in the schema', p_path, left(v_key, 80));
      END IF;
    END LOOP;
  ELSIF v_type = 'array' AND p_schema ?| '{minItems,maxItems,items}' THEN
    IF jsonb_array_length(v_payload) < (p_schema ->> 'minItems')::integer THEN v_problems := v_problems || format('%s: want at least %s', p_path, p_schema -> 'minItems'); END IF;
    IF jsonb_array_length(v_payload) > (p_schema ->> 'maxItems')::integer THEN v_problems := v_problems || format('%s: want at most %s, have %s', p_path, p_schema -> 'maxItems', jsonb_array_length(v_payload)); END IF;
    -- Too many are not looked at one by one.
    IF p_schema ? 'items' AND (jsonb_array_length(v_payload) > (p_schema ->> 'maxItems')::integer) IS NOT TRUE THEN
      FOR v_key, v_value IN SELECT n - 1, e FROM jsonb_array_elements(v_payload) WITH ORDINALITY AS x(e, n) LOOP
        EXIT WHEN cardinality(v_problems) >= 20;
        v_problems := v_problems || fn_iu_payload_problems(v_value, p_schema -> 'items', format('%s[%s]', p_path, v_key));
      END LOOP;
    END IF;
  ELSIF v_type = 'string' AND p_schema ?| '{minLength,maxLength,pattern}' THEN
    IF length(v_payload #>> '{}') < (p_schema ->> 'minLength')::integer THEN v_problems := v_problems || format('%s: want at least %s characters', p_path, p_schema -> 'minLength'); END IF;
    IF length(v_payload #>> '{}') > (p_schema ->> 'maxLength')::integer THEN v_problems := v_problems || format('%s: want at most %s characters, have %s', p_path, p_schema -> 'maxLength', length(v_payload #>> '{}')); END IF;
    -- (?p) is how like_regex of the predicate reads a pattern; the server keeps what ~ has compiled, and not what a cast has.
    IF cardinality(v_problems) = 0 AND (v_payload #>> '{}') !~ ('(?p)' || (p_schema ->> 'pattern')) THEN
      v_problems := v_problems || format('%s: want a text like %s', p_path, p_schema -> 'pattern');
    END IF;
  END IF;
  RETURN v_problems[:20];
END
$function$;
ALTER FUNCTION fn_iu_payload_problems(jsonb,jsonb,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_payload_problems(jsonb,jsonb,text) IS 'The ways in which a payload breaks its schema, twenty at most, as "path: want …, have …"; empty when it meets it';

-- function fn_iu_piece_address(text,integer,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_piece_address(p_collection_address text, p_piece_no integer, p_title text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT p_collection_address || '/' || lpad(p_piece_no::text, greatest(4, length(p_piece_no::text)), '0')
      || coalesce('-' || nullif(btrim(left(fn_iu_slug(left(p_title, 200)), 40), '-'), ''), '')
$function$;
ALTER FUNCTION fn_iu_piece_address(text,integer,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_piece_address(text,integer,text) IS 'The address of a piece at its birth: the collection''s, a number never used twice in it, and the title''s first words';

-- function fn_iu_positions_between(numeric,numeric,integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_positions_between(p_after numeric, p_before numeric, p_count integer)
 RETURNS numeric[]
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_scale integer := greatest(scale(p_after), scale(p_before));
  v_room numeric;       -- the gap, in units of the last decimal
  v_step numeric;
  v_first numeric;
BEGIN
  IF p_after >= p_before THEN
    RAISE EXCEPTION 'position: % is not before %', p_after, p_before USING ERRCODE = 'IU002', COLUMN = 'position';
  ELSIF p_before IS NULL THEN
    RETURN ARRAY(SELECT trunc(coalesce(p_after, 0)) + i FROM generate_series(1, p_count) AS i);
  ELSIF p_after IS NULL THEN
    RETURN ARRAY(SELECT ceil(p_before) - i FROM generate_series(p_count, 1, -1) AS i);
  END IF;
  v_room := trunc((p_before - p_after) * ('1e' || v_scale)::numeric);
  WHILE v_room <= p_count LOOP
    v_scale := v_scale + 4;
    v_room := v_room * 10000;
  END LOOP;
  -- The neighbour with more decimals is the younger one. The new ones stand close to it, where the next
  -- ones will go as well: so four more decimals last for a thousand insertions at one place.
  v_step := least(10, div(v_room, p_count + 1));
  v_first := CASE sign(scale(p_after) - scale(p_before))
    WHEN 1 THEN v_step
    WHEN -1 THEN v_room - p_count * v_step
    ELSE div(v_room - (p_count - 1) * v_step, 2) END;
  RETURN ARRAY(SELECT p_after + (v_first + (i - 1) * v_step) * ('1e-' || v_scale)::numeric FROM generate_series(1, p_count) AS i);
END
$function$;
ALTER FUNCTION fn_iu_positions_between(numeric,numeric,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_positions_between(numeric,numeric,integer) IS 'p_count increasing positions strictly between two others; null means the open end';

-- function fn_iu_probe()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_probe()
 RETURNS TABLE(scenario text, name text, status text, expected jsonb, actual jsonb, detail text, ms numeric)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET lock_timeout TO '200ms'
AS $function$
DECLARE
  v_deadline constant timestamptz := clock_timestamp() + interval '4 seconds';
  v_started timestamptz;
  v_gates text;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'a probe needs READ COMMITTED, not %', upper(current_setting('transaction_isolation')) USING ERRCODE = 'IU011';
  END IF;
  FOR scenario, name, expected IN VALUES
    ('A', 'Events are written, in order and once, and only those that may be',
     '{"events": 3, "in_order": true, "repeat_is_the_first": true, "unknown_type": "IU007", "system_type": "IU008", "rewriting": "IU005", "of_a_unit": ["iu.created", "iu.version_applied"]}'::jsonb),
    ('B', 'A pass decides every event for every route, and delivers nothing',
     '{"seen": 3, "attempts": 4, "dry_run": 2, "route_disabled": 1, "no_route": 1, "dead_letters": 0, "rolled_up": 4}'),
    ('C', 'The next pass finds nothing new', '{"first_seen": 3, "seen": 0, "attempts": 0, "dry_run": 2, "route_disabled": 1, "no_route": 1}'),
    ('D', 'A cursor set back reads again and decides nothing twice', '{"first_seen": 3, "seen": 3, "attempts": 0, "dry_run": 2, "route_disabled": 1, "no_route": 1}'),
    ('E', 'Live delivery fails closed, and what failed becomes a dead letter',
     '{"unapproved_live_route": "23514", "seen": 2, "worker_process_error": 1, "payload_schema": 1, "dead_letters": 2, "open": 2}'),
    ('F', 'A dead letter is replayed once; what is still broken stays open',
     '{"mended": "replayed", "decision": "dry_run", "attempt_no": 2, "letter": "replayed", "once_more": "already_resolved", "still_broken": "failed_again", "its_letter": "open"}'),
    ('G', 'Health and the views tell all of it',
     '{"summary": {"dry_run": 1, "failed": 1}, "dead_letters": 1, "decided": 3, "waiting": 1, "claimed": 1, "workers": 0, "health_says_why": true}'),
    ('H', 'A gate that is closed or missing stops; what is held is released',
     '{"worker_gate": "worker_gate_closed", "replay": "worker_gate_closed", "missing_row": "worker_gate_closed", "master_gate": "master_gate_closed", "lane": "held", "seen": 0, "release": "IU001", "released": 1, "seen_then": 1}')
  LOOP
    v_started := clock_timestamp();
    actual := NULL; detail := NULL;
    SELECT string_agg(g::text, chr(10) ORDER BY g.key) INTO v_gates FROM dot_config AS g;
    IF v_started > v_deadline THEN
      status := 'not_run'; detail := 'its time was up';
    ELSE
      BEGIN
        actual := fn_iu_probe_scenario(scenario);
        RAISE EXCEPTION 'taken back' USING ERRCODE = 'XPLAN';
      EXCEPTION
        WHEN SQLSTATE 'XPLAN' THEN
          status := CASE WHEN actual = expected THEN 'passed' ELSE 'failed' END;
        WHEN serialization_failure OR deadlock_detected OR lock_not_available THEN
          status := 'not_run'; detail := 'busy: somebody else is at a row that it needs';
        WHEN OTHERS THEN
          status := 'failed'; detail := format('%s (%s)', SQLERRM, SQLSTATE);
      END;
      IF status = 'failed' AND v_gates IS DISTINCT FROM (SELECT string_agg(g::text, chr(10) ORDER BY g.key) FROM dot_config AS g) THEN
        status := 'not_run'; detail := 'busy: a gate was changed meanwhile';
      END IF;
    END IF;
    ms := round(extract(epoch FROM clock_timestamp() - v_started) * 1000, 1);
    RETURN NEXT;
  END LOOP;
END
$function$;
ALTER FUNCTION fn_iu_probe() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_probe() IS 'The eight scenarios A to H against the live schema, each in a subtransaction that is taken back: passed, failed, or not_run where somebody else is at a gate or the time is up. IU011 wrong isolation level';

-- function fn_iu_probe_emit(text[],jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_probe_emit(p_event_types text[], p_payload jsonb DEFAULT '{"n": 1}'::jsonb)
 RETURNS bigint[]
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_ids bigint[] := '{}';
BEGIN
  FOR i IN 1 .. cardinality(p_event_types) LOOP
    v_ids := v_ids || fn_iu_emit_event(p_event_types[i], 'iu_probe', format('iu_probe/%s', i), p_payload);
  END LOOP;
  RETURN v_ids;
END
$function$;
ALTER FUNCTION fn_iu_probe_emit(text[],jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_probe_emit(text[],jsonb) IS 'Emits an event of each type with the probe''s marker; returns their ids';

-- function fn_iu_probe_gates(text[],boolean)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_probe_gates(p_gates text[], p_open boolean)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_gate text;
BEGIN
  FOREACH v_gate IN ARRAY p_gates LOOP
    CONTINUE WHEN fn_iu_gate_is_open(v_gate) = p_open;
    PERFORM FROM dot_config WHERE key = v_gate FOR UPDATE NOWAIT;
    PERFORM fn_iu_gate_repair(v_gate);
    PERFORM fn_iu_gate_set(v_gate, p_open, 'iu_probe');
  END LOOP;
END
$function$;
ALTER FUNCTION fn_iu_probe_gates(text[],boolean) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_probe_gates(text[],boolean) IS 'Gates as a scenario of the probe needs them, until its subtransaction is taken back; 55P03 where somebody else is at one';

-- function fn_iu_probe_left(jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_probe_left(p_drawn jsonb)
 RETURNS TABLE(relation text, left_rows bigint)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH drawn AS (
    SELECT (p_drawn -> 'event_outbox' ->> 0)::bigint AS event_after, (p_drawn -> 'event_outbox' ->> 1)::bigint AS event_to,
           (p_drawn -> 'iu_route_dead_letter' ->> 0)::bigint AS letter_after, (p_drawn -> 'iu_route_dead_letter' ->> 1)::bigint AS letter_to,
           (p_drawn -> 'iu_route_worker_run' ->> 0)::bigint AS run_after, (p_drawn -> 'iu_route_worker_run' ->> 1)::bigint AS run_to
  )
  SELECT 'event_outbox', count(*) FROM drawn JOIN event_outbox AS e ON e.id > event_after AND e.id <= event_to
  WHERE e.event_subject_table = 'iu_probe' OR starts_with(e.event_type, 'iu_probe.') OR starts_with(e.event_subject_ref, 'iu_probe/')
  UNION ALL
  SELECT 'iu_held_decision', count(*) FROM drawn JOIN iu_held_decision AS h ON h.event_id > event_after AND h.event_id <= event_to
  JOIN event_outbox AS e ON e.id = h.event_id WHERE e.event_subject_table = 'iu_probe'
  UNION ALL
  SELECT 'iu_route_attempt', count(*) FROM drawn JOIN iu_route_attempt AS a ON a.event_id > event_after AND a.event_id <= event_to
  WHERE a.worker_code = 'iu_probe' OR a.target_ref = 'iu_probe' OR NOT EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id)
  UNION ALL
  SELECT 'iu_route_dead_letter', count(*) FROM drawn JOIN iu_route_dead_letter AS d ON d.id > letter_after AND d.id <= letter_to
  WHERE d.event_subject_table = 'iu_probe' OR NOT EXISTS (SELECT FROM event_outbox AS e WHERE e.id = d.event_id)
  UNION ALL
  SELECT 'iu_route_worker_run', count(*) FROM drawn JOIN iu_route_worker_run AS r ON r.id > run_after AND r.id <= run_to WHERE r.worker_code = 'iu_probe'
  UNION ALL
  SELECT 'iu_route_attempt_rollup', count(*) FROM iu_route_attempt_rollup AS t
  WHERE t.worker_code = 'iu_probe' OR t.route_id <> 0 AND NOT EXISTS (SELECT FROM iu_outbound_route AS r WHERE r.id = t.route_id)
  UNION ALL
  SELECT 'iu_route_worker_cursor', count(*) FROM iu_route_worker_cursor WHERE worker_code = 'iu_probe'
  UNION ALL
  SELECT 'iu_event_type', count(*) FROM iu_event_type WHERE event_type >= 'iu_probe.' AND event_type < 'iu_probe/'
  UNION ALL
  SELECT 'iu_outbound_route', count(*) FROM iu_outbound_route WHERE route_code >= 'iu_probe.' AND route_code < 'iu_probe/'
  UNION ALL
  SELECT 'information_unit', count(*) FROM information_unit WHERE canonical_address >= 'iu_probe/' AND canonical_address < 'iu_probe0'
  UNION ALL
  SELECT 'unit_version', count(*) FROM information_unit AS u JOIN unit_version AS v ON v.unit_id = u.id WHERE u.canonical_address >= 'iu_probe/' AND u.canonical_address < 'iu_probe0'
  UNION ALL
  SELECT 'dot_config', count(*) FROM dot_config WHERE reason = 'iu_probe'
$function$;
ALTER FUNCTION fn_iu_probe_left(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_probe_left(jsonb) IS 'Rows with the probe''s marker, for each table that could have one: by name, and among the numbers that were drawn while it ran, {"table": [after, to]}';
GRANT EXECUTE ON FUNCTION fn_iu_probe_left(jsonb) TO iu_reader;

-- function fn_iu_probe_outcomes(bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_probe_outcomes(p_after bigint)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT coalesce(jsonb_object_agg(outcome, n), '{}')
  FROM (SELECT coalesce(a.failure_code, a.status) AS outcome, count(*) AS n
        FROM event_outbox AS e JOIN iu_route_attempt AS a ON a.event_id = e.id
        WHERE e.id > p_after AND e.xid = pg_current_xact_id_if_assigned() GROUP BY 1) AS counted
$function$;
ALTER FUNCTION fn_iu_probe_outcomes(bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_probe_outcomes(bigint) IS 'What became of the caller''s own events with ids above p_after: attempts by outcome';

-- function fn_iu_probe_pass(bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_probe_pass(p_after bigint, OUT seen integer, OUT attempts_written integer, OUT dead_lettered integer, OUT last_id bigint)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_cursor iu_route_worker_cursor;
  v_page record;
BEGIN
  v_cursor.worker_code := 'iu_probe';
  v_cursor.bucket_from := 0; v_cursor.bucket_to := 15;
  v_cursor.system_identifier := fn_iu_system_identifier();
  v_cursor.snap_from := pg_current_snapshot(); v_cursor.snap_to := v_cursor.snap_from;
  -- Above every id there is: the two other parts of the window have nothing to look through.
  v_cursor.floor_id := pg_sequence_last_value('iu_core.event_outbox_id_seq'); v_cursor.floor_to_id := v_cursor.floor_id;
  v_cursor.trusted_id := 0; v_cursor.last_id := v_cursor.floor_id;
  v_cursor.own_xid := pg_current_xact_id(); v_cursor.own_last_id := p_after;
  v_page := fn_iu_route_batch(v_cursor, pg_current_xact_id(), 1000);
  seen := v_page.seen;
  last_id := coalesce(v_page.last_id, p_after);
  attempts_written := v_page.attempts_written;
  dead_lettered := v_page.dead_lettered;
END
$function$;
ALTER FUNCTION fn_iu_probe_pass(bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_probe_pass(bigint) IS 'Routes the caller''s own events with ids above p_after, and nobody else''s; gates are not asked';

-- function fn_iu_probe_refusal(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_probe_refusal(p_statement text)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  EXECUTE p_statement;
  RETURN 'not refused';
EXCEPTION
  WHEN serialization_failure OR deadlock_detected OR lock_not_available THEN
    RAISE;
  WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$function$;
ALTER FUNCTION fn_iu_probe_refusal(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_probe_refusal(text) IS 'The SQLSTATE that a statement is refused with, or "not refused"; for the probe, which takes back what was not';

-- function fn_iu_probe_scenario(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_probe_scenario(p_scenario text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_gates constant text[] := '{iu_core.route_worker_enabled,iu_core.routes_master_enabled}';
  v_before constant bigint := coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0);
  v_name constant text := fn_iu_probe_world();
  v_worker constant text := (SELECT worker_code FROM iu_route_worker_cursor ORDER BY bucket_from LIMIT 1);
  v_found jsonb := '{}';
  v_ids bigint[];
  v_pass record;
  v_replay record;
  v_id bigint;
BEGIN
  CASE p_scenario
    WHEN 'A' THEN
      v_ids := fn_iu_probe_emit(ARRAY[v_name || '.plain', v_name || '.plain', v_name || '.plain']);
      v_id := fn_iu_emit_event(v_name || '.once', 'iu_probe', 'iu_probe/once', '{}', 'key');
      v_found := jsonb_build_object(
        'events', (SELECT count(*) FROM event_outbox WHERE id = ANY (v_ids) AND delivery_lane = 'delayed' AND event_subject_table = 'iu_probe'),
        'in_order', (SELECT bool_and(a < b) FROM unnest(v_ids[:2], v_ids[2:]) AS pair(a, b)),
        'repeat_is_the_first', fn_iu_emit_event(v_name || '.once', 'iu_probe', 'iu_probe/once', '{}', 'key') = v_id,
        'unknown_type', fn_iu_probe_refusal(format('SELECT iu_core.fn_iu_emit_event(%L, %L, %L, %L)', v_name || '.none', 'iu_probe', 'iu_probe/x', '{}')),
        'system_type', fn_iu_probe_refusal(format('SELECT iu_core.fn_iu_emit_event(%L, %L, %L, %L)', 'iu.created', 'iu_probe', 'iu_probe/x', '{}')),
        'rewriting', fn_iu_probe_refusal(format('UPDATE iu_core.event_outbox SET payload = %L WHERE id = %s', 'null', v_id)));
      PERFORM fn_iu_probe_gates('{iu_core.composer_enabled}', true);
      v_id := fn_iu_create(replace(v_name, '.', '/'), 'text', 'one');
      PERFORM fn_iu_apply_versions(ARRAY[v_id], ARRAY['two']);
      v_found := v_found || jsonb_build_object('of_a_unit', (
        SELECT jsonb_agg(event_type ORDER BY id) FROM event_outbox WHERE id > v_before AND xid = pg_current_xact_id() AND event_subject_table = 'information_unit'));

    WHEN 'B' THEN
      PERFORM fn_iu_probe_emit(ARRAY[v_name || '.plain', v_name || '.off', v_name || '.unwanted']);
      v_pass := fn_iu_probe_pass(v_before);
      v_found := jsonb_build_object('seen', v_pass.seen, 'attempts', v_pass.attempts_written, 'dead_letters', v_pass.dead_lettered,
        'rolled_up', (SELECT sum(attempts) FROM iu_route_attempt_rollup WHERE worker_code = 'iu_probe' AND span_start = '-infinity')) || fn_iu_probe_outcomes(v_before);

    WHEN 'C', 'D' THEN
      PERFORM fn_iu_probe_emit(ARRAY[v_name || '.plain', v_name || '.off', v_name || '.unwanted']);
      v_pass := fn_iu_probe_pass(v_before);
      v_found := jsonb_build_object('first_seen', v_pass.seen);
      -- Where the first pass ended, or back where it began.
      v_pass := fn_iu_probe_pass(CASE p_scenario WHEN 'C' THEN v_pass.last_id ELSE v_before END);
      v_found := v_found || jsonb_build_object('seen', v_pass.seen, 'attempts', v_pass.attempts_written) || fn_iu_probe_outcomes(v_before);

    WHEN 'E' THEN
      v_found := jsonb_build_object('unapproved_live_route', fn_iu_probe_refusal(format('UPDATE iu_core.iu_outbound_route SET dry_run = false WHERE route_code = %L', v_name || '.live')));
      UPDATE iu_outbound_route SET dry_run = false, approval_digest = definition_digest WHERE route_code = v_name || '.live';
      PERFORM fn_iu_probe_emit(ARRAY[v_name || '.live', v_name || '.strict'], '{"n": "no number"}');
      v_pass := fn_iu_probe_pass(v_before);
      v_found := v_found || jsonb_build_object('seen', v_pass.seen, 'dead_letters', v_pass.dead_lettered,
        'open', (SELECT count(*) FROM v_iu_route_dead_letter_open WHERE event_id > v_before AND event_subject_table = 'iu_probe')) || fn_iu_probe_outcomes(v_before);

    WHEN 'F' THEN
      UPDATE iu_outbound_route SET dry_run = false, approval_digest = definition_digest WHERE route_code = v_name || '.live';
      PERFORM fn_iu_probe_emit(ARRAY[v_name || '.live', v_name || '.strict'], '{"n": "no number"}');
      PERFORM fn_iu_probe_pass(v_before);
      UPDATE iu_outbound_route SET dry_run = true, approval_digest = NULL WHERE route_code = v_name || '.live';
      SELECT id INTO STRICT v_id FROM iu_route_dead_letter WHERE event_id > v_before AND event_type = v_name || '.live' AND status = 'open';
      SELECT * INTO v_replay FROM fn_iu_route_dead_letter_replay(v_id);
      v_found := jsonb_build_object('mended', v_replay.status, 'decision', v_replay.decision, 'attempt_no', v_replay.attempt_no,
        'letter', (SELECT status FROM iu_route_dead_letter WHERE id = v_id),
        'once_more', (SELECT status FROM fn_iu_route_dead_letter_replay(v_id)));
      SELECT id INTO STRICT v_id FROM iu_route_dead_letter WHERE event_id > v_before AND event_type = v_name || '.strict' AND status = 'open';
      v_found := v_found || jsonb_build_object('still_broken', (SELECT status FROM fn_iu_route_dead_letter_replay(v_id)), 'its_letter', (SELECT status FROM iu_route_dead_letter WHERE id = v_id));

    WHEN 'G' THEN
      v_ids := fn_iu_probe_emit(ARRAY[v_name || '.strict', v_name || '.plain']);
      v_ids := v_ids || fn_iu_probe_emit(ARRAY[v_name || '.strict'], '{}');
      v_pass := fn_iu_probe_pass(v_before);
      v_id := (fn_iu_probe_emit(ARRAY[v_name || '.unwanted']))[1];
      v_found := jsonb_build_object(
        'summary', (SELECT jsonb_object_agg(status, attempts) FROM v_iu_route_attempt_summary WHERE route_code = v_name || '.strict'),
        'dead_letters', (SELECT count(*) FROM v_iu_route_dead_letter_open WHERE route_code = v_name || '.strict'),
        'decided', (SELECT count(DISTINCT event_id) FROM v_iu_route_attempt WHERE event_id = ANY (v_ids)),
        -- A backlog is counted to 10,001; behind a longer one the event is not in it.
        'waiting', coalesce((SELECT sum(pending) FROM v_iu_event_backlog WHERE event_type = v_name || '.unwanted'),
                            (SELECT 1 FROM v_iu_route_worker_health WHERE backlog > 10000 OR NOT backlog_is_exact LIMIT 1)),
        'claimed', (SELECT count(*) FROM v_iu_event_claim WHERE event_id = v_id AND NOT is_passed))
        || (SELECT jsonb_build_object('workers', count(*) - (SELECT count(*) FROM iu_route_worker_cursor), 'health_says_why', bool_and(healthy = (reasons = '{}') AND array_to_string(reasons, '; ') ~ 'open dead letter'))
            FROM v_iu_route_worker_health);

    WHEN 'H' THEN
      v_ids := fn_iu_probe_emit(ARRAY[v_name || '.strict'], '{}');
      PERFORM fn_iu_probe_pass(v_before);
      SELECT id INTO STRICT v_id FROM iu_route_dead_letter WHERE event_id = v_ids[1] AND status = 'open';
      PERFORM fn_iu_probe_gates(v_gates[1:1], false);
      v_found := jsonb_build_object('worker_gate', (SELECT status FROM fn_iu_route_worker_run(v_worker)), 'replay', (SELECT status FROM fn_iu_route_dead_letter_replay(v_id)));
      DELETE FROM dot_config WHERE key = v_gates[1];
      v_found := v_found || jsonb_build_object('missing_row', (SELECT status FROM fn_iu_route_worker_run(v_worker)));
      PERFORM fn_iu_probe_gates(v_gates[1:1], true);
      PERFORM fn_iu_probe_gates(v_gates[2:2], false);
      v_ids := fn_iu_probe_emit(ARRAY[v_name || '.plain']);
      v_pass := fn_iu_probe_pass(v_ids[1] - 1);
      v_found := v_found || jsonb_build_object('master_gate', (SELECT status FROM fn_iu_route_worker_run(v_worker)),
        'lane', (SELECT delivery_lane FROM event_outbox WHERE id = v_ids[1]), 'seen', v_pass.seen,
        'release', fn_iu_probe_refusal(format('SELECT iu_core.fn_iu_held_release(ARRAY[%s])', v_ids[1])));
      PERFORM fn_iu_probe_gates(v_gates[2:2], true);
      v_found := v_found || jsonb_build_object('released', (SELECT count(*) FROM fn_iu_held_release(v_ids)), 'seen_then', (fn_iu_probe_pass(v_ids[1])).seen);
  END CASE;
  RETURN v_found;
END
$function$;
ALTER FUNCTION fn_iu_probe_scenario(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_probe_scenario(text) IS 'One scenario of the probe, A to H: what was found. It writes; fn_iu_probe is the one caller, and takes it back';

-- function fn_iu_probe_world()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_probe_world()
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_name constant text := 'iu_probe.x' || pg_current_xact_id();
BEGIN
  PERFORM fn_iu_probe_gates('{iu_core.route_worker_enabled,iu_core.routes_master_enabled}', true);
  PERFORM fn_iu_event_types_register('application', 'delayed', false, jsonb_build_object(
    v_name || '.plain', '{"description": "iu_probe: two routes"}'::jsonb,
    v_name || '.off', '{"description": "iu_probe: its route is disabled"}'::jsonb,
    v_name || '.unwanted', '{"description": "iu_probe: no route"}'::jsonb,
    v_name || '.live', '{"description": "iu_probe: its route is made live"}'::jsonb,
    v_name || '.strict', '{"description": "iu_probe: a payload with a schema", "payload_schema": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}}'::jsonb));
  PERFORM fn_iu_event_types_register('application', 'immediate', false, jsonb_build_object(v_name || '.once', '{"description": "iu_probe: deduplicated by key"}'::jsonb));
  PERFORM fn_iu_routes_register((
    SELECT jsonb_object_agg(v_name || r.code, jsonb_build_object('event_type', v_name || r.type, 'target_kind', 'log', 'target_ref', 'iu_probe', 'enabled', r.enabled))
    FROM (VALUES ('.plain.a', '.plain', true), ('.plain.b', '.plain', true), ('.off', '.off', false), ('.live', '.live', true), ('.strict', '.strict', true)) AS r(code, type, enabled)));
  RETURN v_name;
END
$function$;
ALTER FUNCTION fn_iu_probe_world() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_probe_world() IS 'Event types and routes of the probe''s own, and open gates, until the scenario''s subtransaction is taken back; returns the name they begin with';

-- function fn_iu_refuse_if_history(text[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_refuse_if_history(VARIADIC p_tables text[])
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_table text;
  v_has boolean;
BEGIN
  FOREACH v_table IN ARRAY p_tables LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM iu_core.%I)', v_table) INTO v_has;
    IF v_has THEN
      RAISE EXCEPTION 'rollback refused: iu_core.% holds rows that would be destroyed', v_table
        USING ERRCODE = 'IU010', TABLE = v_table, HINT = 'Keep the unit, or restore an earlier backup into a new database.';
    END IF;
  END LOOP;
END
$function$;
ALTER FUNCTION fn_iu_refuse_if_history(text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_refuse_if_history(text[]) IS 'Raises IU010 (would_destroy_history) when one of these tables holds rows; every rollback that drops tables calls it first';

-- function fn_iu_replay(bigint[],integer[],bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_replay(p_event_ids bigint[], p_route_ids integer[], p_job_id bigint DEFAULT NULL::bigint)
 RETURNS TABLE(event_id bigint, route_id integer, dead_letter_id bigint, to_route_id integer, attempt_no integer, decision text, failure_detail text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  v_actor constant text := fn_iu_actor();
  v_at timestamptz;
  v record;
BEGIN
  -- Letters first, in one order: whoever replays the same ones waits here, and finds them resolved.
  PERFORM FROM unnest(p_event_ids, p_route_ids) AS p(event_id, route_id)
  JOIN iu_route_dead_letter AS d ON d.status = 'open' AND d.event_id = p.event_id AND d.route_id = p.route_id
  ORDER BY d.id FOR UPDATE OF d;
  -- An archive takes no event that is being attempted, and what it took is not attempted.
  PERFORM FROM event_outbox AS e WHERE e.id = ANY (p_event_ids) ORDER BY e.id FOR KEY SHARE;

  v_at := clock_timestamp();
  FOR v IN
    WITH asked AS MATERIALIZED (
      SELECT p.event_id, p.route_id, d.id AS dead_letter_id, d.id IS NOT NULL OR coalesce(l.failure_code = 'route_disabled', false) AS is_open
      FROM (SELECT DISTINCT event_id, route_id FROM unnest(p_event_ids, p_route_ids) AS x(event_id, route_id)) AS p
      LEFT JOIN iu_route_dead_letter AS d ON d.status = 'open' AND d.event_id = p.event_id AND d.route_id = p.route_id
      LEFT JOIN LATERAL (SELECT a.failure_code FROM iu_route_attempt AS a WHERE a.event_id = p.event_id AND a.route_id = p.route_id ORDER BY a.attempt_no DESC LIMIT 1) AS l ON d.id IS NULL
    ), decided AS MATERIALIZED (
      SELECT a.*, w.route_id AS to_route_id, w.target_kind, w.target_ref, w.decision, w.failure_code, w.failure_detail,
             -- An event that no route had taken goes to every route that it has by now.
             a.is_open AND bool_or(coalesce(w.decision, 'skipped') <> 'skipped') OVER (PARTITION BY a.event_id, a.route_id) AS is_attempted,
             (SELECT coalesce(max(n.attempt_no), 0) + 1 FROM iu_route_attempt AS n WHERE n.event_id = a.event_id AND n.route_id = w.route_id) AS attempt_no
      FROM asked AS a
      LEFT JOIN v_iu_route_decision AS w ON w.event_id = a.event_id AND (w.route_id = a.route_id OR a.route_id = 0) AND a.is_open
    ), attempted AS (
      INSERT INTO iu_route_attempt AS a (event_id, route_id, attempt_no, status, failure_code, failure_detail, target_kind, target_ref, worker_code, created_at)
      SELECT event_id, to_route_id, attempt_no, decision, failure_code, failure_detail, target_kind, target_ref, 'replay', v_at
      FROM decided WHERE is_attempted AND decision <> 'live' ORDER BY event_id, to_route_id
      ON CONFLICT DO NOTHING
      RETURNING a.event_id, a.route_id, a.attempt_no, a.status, a.failure_code, a.failure_detail
    ), unsealed AS (
      INSERT INTO dot_iu_history_unsealed (what, row_keys)
      SELECT 'attempts', array_agg(concat_ws('/', event_id, route_id, attempt_no)) FROM attempted HAVING count(*) > 0
    ), dead AS (
      INSERT INTO iu_route_dead_letter AS d (event_id, route_id, attempt_no, failure_code, failure_detail, event_domain, event_type,
                                             event_subject_table, event_subject_ref, payload, actor, event_created_at, replay_job_id)
      SELECT e.id, a.route_id, a.attempt_no, a.failure_code, a.failure_detail, e.event_domain, e.event_type,
             e.event_subject_table, e.event_subject_ref, e.payload, e.actor, e.created_at, p_job_id
      FROM attempted AS a JOIN event_outbox AS e ON e.id = a.event_id
      WHERE a.status = 'failed' ORDER BY e.id, a.route_id
      ON CONFLICT (event_id, route_id) WHERE status = 'open'
      DO UPDATE SET attempt_no = excluded.attempt_no, failure_code = excluded.failure_code, failure_detail = excluded.failure_detail,
                    replay_job_id = coalesce(excluded.replay_job_id, d.replay_job_id)
    ), resolved AS (
      UPDATE iu_route_dead_letter AS d
      SET status = CASE WHEN r.is_rerouted THEN 'rerouted' ELSE 'replayed' END, resolved_at = clock_timestamp(), resolved_by = v_actor,
          resolved_attempt_no = CASE WHEN NOT r.is_rerouted THEN r.attempt_no END, replay_job_id = coalesce(p_job_id, d.replay_job_id)
      FROM (SELECT DISTINCT ON (x.dead_letter_id) x.dead_letter_id, x.attempt_no, x.route_id <> x.to_route_id AS is_rerouted
            FROM decided AS x LEFT JOIN attempted AS a ON a.event_id = x.event_id AND a.route_id = x.to_route_id
            WHERE x.dead_letter_id IS NOT NULL AND x.is_attempted
              AND CASE WHEN x.route_id <> x.to_route_id THEN x.decision = 'live' OR a.event_id IS NOT NULL ELSE a.status = 'dry_run' END) AS r
      WHERE d.id = r.dead_letter_id
    ), counted AS (
      SELECT fn_iu_route_rollup_add('replay', v_at, array_agg(c.route_id), array_agg(c.status), array_agg(c.n))
      FROM (SELECT route_id, status, count(*)::integer AS n FROM attempted GROUP BY route_id, status) AS c
      HAVING count(*) > 0
    )
    SELECT x.event_id, x.route_id, x.dead_letter_id, x.to_route_id, a.attempt_no, x.decision = 'live' AND x.is_attempted AS is_live, x.attempt_no AS next_no,
           CASE WHEN NOT x.is_open OR (x.is_attempted AND a.event_id IS NULL) THEN 'already_resolved'
                WHEN x.to_route_id IS NULL THEN 'no_route'
                WHEN NOT x.is_attempted THEN x.failure_code
                ELSE a.status END AS decision, a.failure_detail
    FROM decided AS x LEFT JOIN attempted AS a ON a.event_id = x.event_id AND a.route_id = x.to_route_id AND x.is_attempted
    WHERE (SELECT count(*) FROM counted) >= 0
    ORDER BY x.event_id, x.route_id, x.to_route_id
  LOOP
    event_id := v.event_id; route_id := v.route_id; dead_letter_id := v.dead_letter_id; to_route_id := v.to_route_id;
    attempt_no := v.attempt_no; decision := v.decision; failure_detail := v.failure_detail;
    IF v.is_live THEN
      decision := coalesce(fn_iu_route_attempt_one('replay', v.event_id, v.to_route_id, v.next_no), 'already_resolved');
      attempt_no := CASE WHEN decision <> 'already_resolved' THEN v.next_no END;
      IF decision = 'failed' THEN
        SELECT a.failure_detail INTO failure_detail FROM iu_route_attempt AS a WHERE a.event_id = v.event_id AND a.route_id = v.to_route_id AND a.attempt_no = v.next_no;
        UPDATE iu_route_dead_letter AS d SET replay_job_id = coalesce(p_job_id, d.replay_job_id)
        WHERE d.event_id = v.event_id AND d.route_id = v.to_route_id AND d.status = 'open';
      ELSIF decision = 'sent' THEN
        UPDATE iu_route_dead_letter AS d
        SET status = 'replayed', resolved_at = clock_timestamp(), resolved_by = v_actor, resolved_attempt_no = v.next_no, replay_job_id = coalesce(p_job_id, d.replay_job_id)
        WHERE d.id = v.dead_letter_id AND d.status = 'open';
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
END
$function$;
ALTER FUNCTION fn_iu_replay(bigint[],integer[],bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_replay(bigint[],integer[],bigint) IS 'Attempts pairs of event and route once more, each under its next number. One row a pair (one a route for an event that no route had taken): decision dry_run, sent, failed (dead-lettered again), skipped (one route of several is disabled), or nothing was written: already_resolved, route_disabled, no_route';

-- function fn_iu_replay_step(integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_replay_step(p_limit integer DEFAULT 1000)
 RETURNS TABLE(status text, job_id bigint, attempted integer, wait_ms integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  v_job iu_replay_job;
  v_batch iu_replay_batch;
  v_from integer;
  v_size integer;
  v_replayed integer;
  v_failed integer;
BEGIN
  attempted := 0;
  IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'limit: % is not between 1 and 1000', coalesce(p_limit::text, 'null') USING ERRCODE = 'IU002', COLUMN = 'limit';
  ELSIF NOT EXISTS (SELECT FROM iu_replay_job AS j WHERE j.status = 'running') THEN
    status := 'idle'; RETURN NEXT; RETURN;
  ELSIF NOT (fn_iu_gate_is_open('iu_core.operator_runtime_enabled') AND fn_iu_gate_is_open('iu_core.route_worker_enabled') AND fn_iu_gate_is_open('iu_core.routes_master_enabled')) THEN
    status := 'gate_closed'; RETURN NEXT; RETURN;
  END IF;
  SELECT * INTO v_job FROM iu_replay_job AS j WHERE j.status = 'running' AND j.next_at <= clock_timestamp() ORDER BY j.next_at LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    -- Each of them is another process's just now, or has done what it may for the moment.
    status := 'waiting';
    SELECT greatest(1, ceil(extract(epoch FROM min(j.next_at) - clock_timestamp()) * 1000))::integer INTO wait_ms FROM iu_replay_job AS j WHERE j.status = 'running';
    RETURN NEXT; RETURN;
  END IF;
  SELECT * INTO STRICT v_batch FROM iu_replay_batch AS b WHERE b.job_id = v_job.id AND b.batch_no = v_job.done / 1000;
  v_from := v_job.done % 1000 + 1;
  v_size := least(p_limit, coalesce(v_job.per_second, p_limit), cardinality(v_batch.event_ids) - v_from + 1);

  INSERT INTO dot_iu_acting (xid, actor) VALUES (pg_current_xact_id(), v_job.started_by);
  SELECT count(*) FILTER (WHERE worst = 2), count(*) FILTER (WHERE worst = 1) INTO v_failed, v_replayed
  FROM (SELECT max(CASE WHEN r.decision = 'failed' THEN 2 WHEN r.attempt_no IS NOT NULL THEN 1 ELSE 0 END) AS worst
        FROM fn_iu_replay(v_batch.event_ids[v_from : v_from + v_size - 1], v_batch.route_ids[v_from : v_from + v_size - 1], v_job.id) AS r
        GROUP BY r.event_id, r.route_id) AS pairs;
  DELETE FROM dot_iu_acting WHERE xid = pg_current_xact_id();

  UPDATE iu_replay_job AS j
  SET done = j.done + v_size, replayed = j.replayed + v_replayed, failed_again = j.failed_again + v_failed, left_alone = j.left_alone + v_size - v_replayed - v_failed,
      status = CASE WHEN j.done + v_size = j.total THEN 'done' ELSE 'running' END,
      finished_at = CASE WHEN j.done + v_size = j.total THEN clock_timestamp() END,
      last_batch_at = clock_timestamp(),
      next_at = greatest(j.next_at, clock_timestamp() - interval '1 second') + coalesce(make_interval(secs => v_size::double precision / j.per_second), interval '0')
  WHERE j.id = v_job.id;
  status := 'stepped'; job_id := v_job.id; attempted := v_replayed + v_failed; wait_ms := 0;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_iu_replay_step(integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_replay_step(integer) IS 'One batch of one background replay, in the caller''s transaction. status: stepped, waiting (come again in wait_ms: every job is being worked on, or may not go faster), idle (no job runs), gate_closed. IU002 bad limit';
GRANT EXECUTE ON FUNCTION fn_iu_replay_step(integer) TO iu_console;
GRANT EXECUTE ON FUNCTION fn_iu_replay_step(integer) TO iu_worker;

-- function fn_iu_right_rank(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_right_rank(p_right text)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ SELECT coalesce(array_position(ARRAY['reviewer', 'operator', 'approver', 'admin'], p_right), 0) $function$;
ALTER FUNCTION fn_iu_right_rank(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_right_rank(text) IS 'reviewer 1, operator 2, approver 3, admin 4, anything else 0: each may what the lower may';

-- function fn_iu_route_attempt_count(text,text,text,integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_attempt_count(p_route_code text, p_status text, p_event_type text, p_most integer)
 RETURNS integer
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_route constant integer := CASE WHEN p_route_code = '(no route)' THEN 0 WHEN p_route_code IS NOT NULL THEN coalesce((SELECT id FROM iu_outbound_route WHERE route_code = p_route_code), -1) END;
  v_through constant bigint := coalesce((SELECT through_id FROM iu_event_audit), 0);
  v_below constant bigint[] := ARRAY(SELECT event_id FROM v_iu_event_unaudited WHERE event_id <= v_through);
  v_n bigint;
BEGIN
  SELECT coalesce(sum(attempts), 0) INTO v_n FROM iu_route_attempt_block
  WHERE block_no = -1 AND (v_route IS NULL OR route_id = v_route) AND (p_status IS NULL OR status = p_status) AND (p_event_type IS NULL OR event_type = p_event_type);
  IF v_n < p_most THEN
    v_n := v_n + (SELECT count(*) FROM (
      SELECT FROM iu_route_attempt AS a
      WHERE (a.event_id > v_through OR a.event_id = ANY (v_below)) AND a.worker_code <> 'replay' AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
        AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0))
      LIMIT p_most - v_n) AS unaudited);
  END IF;
  IF v_n < p_most THEN
    v_n := v_n + (SELECT count(*) FROM (
      SELECT FROM iu_route_attempt AS a
      WHERE a.worker_code = 'replay' AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
        AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0))
      LIMIT p_most - v_n) AS replays);
  END IF;
  RETURN least(v_n, p_most);
END
$function$;
ALTER FUNCTION fn_iu_route_attempt_count(text,text,text,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_attempt_count(text,text,text,integer) IS 'How many attempts of a route, a status and an event type there are (null = any), counted to p_most';
GRANT EXECUTE ON FUNCTION fn_iu_route_attempt_count(text,text,text,integer) TO iu_reader;

-- function fn_iu_route_attempt_find(text,text,text,boolean,bigint,integer,integer,integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_attempt_find(p_route_code text, p_status text, p_event_type text, p_backwards boolean, p_event_id bigint, p_route_id integer, p_attempt_no integer, p_limit integer)
 RETURNS TABLE(event_id bigint, route_id integer, attempt_no integer)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  v_route constant integer := CASE WHEN p_route_code = '(no route)' THEN 0 WHEN p_route_code IS NOT NULL THEN coalesce((SELECT id FROM iu_outbound_route WHERE route_code = p_route_code), -1) END;
  v_through constant bigint := coalesce((SELECT through_id FROM iu_event_audit), 0);
  v_below constant bigint[] := ARRAY(SELECT event_id FROM v_iu_event_unaudited WHERE event_id <= v_through);
  v_from constant bigint := coalesce(p_event_id, CASE WHEN p_backwards THEN 0 ELSE 9223372036854775807 END);
  v_blocks bigint[];
  v_block bigint;
  v_found integer := 0;
  v_more integer;
BEGIN
  v_blocks := ARRAY(
    SELECT DISTINCT b.block_no
    FROM iu_route_attempt_block AS k CROSS JOIN LATERAL (
      SELECT block_no FROM iu_route_attempt_block
      WHERE NOT p_backwards AND (event_type, route_id, status) = (k.event_type, k.route_id, k.status) AND block_no BETWEEN 0 AND v_from / 256 AND attempts > 0
      ORDER BY block_no DESC LIMIT p_limit + 1) AS b
    WHERE k.block_no = -1 AND (v_route IS NULL OR k.route_id = v_route) AND (p_status IS NULL OR k.status = p_status) AND (p_event_type IS NULL OR k.event_type = p_event_type)
    UNION
    SELECT b.block_no
    FROM iu_route_attempt_block AS k CROSS JOIN LATERAL (
      SELECT block_no FROM iu_route_attempt_block
      WHERE p_backwards AND (event_type, route_id, status) = (k.event_type, k.route_id, k.status) AND block_no >= v_from / 256 AND attempts > 0
      ORDER BY block_no LIMIT p_limit + 1) AS b
    WHERE k.block_no = -1 AND (v_route IS NULL OR k.route_id = v_route) AND (p_status IS NULL OR k.status = p_status) AND (p_event_type IS NULL OR k.event_type = p_event_type)
    ORDER BY 1);
  FOR i IN 1 .. cardinality(v_blocks) LOOP
    v_block := v_blocks[CASE WHEN p_backwards THEN i ELSE cardinality(v_blocks) + 1 - i END];
    RETURN QUERY
    SELECT a.event_id, a.route_id, a.attempt_no FROM iu_route_attempt AS a
    WHERE a.event_id BETWEEN v_block * 256 AND v_block * 256 + 255 AND a.worker_code <> 'replay'
      AND (p_event_id IS NULL OR CASE WHEN p_backwards THEN (a.event_id, a.route_id, a.attempt_no) > (p_event_id, p_route_id, p_attempt_no) ELSE (a.event_id, a.route_id, a.attempt_no) < (p_event_id, p_route_id, p_attempt_no) END)
      AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
      AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0));
    GET DIAGNOSTICS v_more = ROW_COUNT;
    v_found := v_found + v_more;
    EXIT WHEN v_found >= p_limit;
  END LOOP;
  RETURN QUERY
  SELECT a.event_id, a.route_id, a.attempt_no
  FROM iu_route_attempt AS a
  WHERE a.event_id = ANY (v_below) AND a.worker_code <> 'replay'
    AND (p_event_id IS NULL OR CASE WHEN p_backwards THEN (a.event_id, a.route_id, a.attempt_no) > (p_event_id, p_route_id, p_attempt_no) ELSE (a.event_id, a.route_id, a.attempt_no) < (p_event_id, p_route_id, p_attempt_no) END)
    AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
    AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0));
  IF p_backwards THEN
    RETURN QUERY
    (SELECT a.event_id, a.route_id, a.attempt_no FROM iu_route_attempt AS a
     WHERE a.event_id > v_through AND a.worker_code <> 'replay' AND (a.event_id, a.route_id, a.attempt_no) > (v_from, coalesce(p_route_id, 0), coalesce(p_attempt_no, 0))
       AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
       AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0))
     ORDER BY a.event_id, a.route_id, a.attempt_no LIMIT p_limit)
    UNION ALL
    (SELECT a.event_id, a.route_id, a.attempt_no FROM iu_route_attempt AS a
     WHERE a.worker_code = 'replay' AND (a.event_id, a.route_id, a.attempt_no) > (v_from, coalesce(p_route_id, 0), coalesce(p_attempt_no, 0))
       AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
       AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0))
     ORDER BY a.event_id, a.route_id, a.attempt_no LIMIT p_limit);
  ELSE
    RETURN QUERY
    (SELECT a.event_id, a.route_id, a.attempt_no FROM iu_route_attempt AS a
     WHERE a.event_id > v_through AND a.worker_code <> 'replay' AND (a.event_id, a.route_id, a.attempt_no) < (v_from, coalesce(p_route_id, 0), coalesce(p_attempt_no, 0))
       AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
       AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0))
     ORDER BY a.event_id DESC, a.route_id DESC, a.attempt_no DESC LIMIT p_limit)
    UNION ALL
    (SELECT a.event_id, a.route_id, a.attempt_no FROM iu_route_attempt AS a
     WHERE a.worker_code = 'replay' AND (a.event_id, a.route_id, a.attempt_no) < (v_from, coalesce(p_route_id, 0), coalesce(p_attempt_no, 0))
       AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
       AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0))
     ORDER BY a.event_id DESC, a.route_id DESC, a.attempt_no DESC LIMIT p_limit);
  END IF;
END
$function$;
ALTER FUNCTION fn_iu_route_attempt_find(text,text,text,boolean,bigint,integer,integer,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_attempt_find(text,text,text,boolean,bigint,integer,integer,integer) IS 'Keys of attempts of a route, a status and an event type (null = any): at least the p_limit next ones behind a key, in no order and some of them twice';
GRANT EXECUTE ON FUNCTION fn_iu_route_attempt_find(text,text,text,boolean,bigint,integer,integer,integer) TO iu_reader;

-- function fn_iu_route_attempt_one(text,bigint,integer,integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_attempt_one(p_worker_code text, p_event_id bigint, p_route_id integer, p_attempt_no integer)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_decision v_iu_route_decision;
  v_at timestamptz;
BEGIN
  -- An archive takes no event that is being attempted, and what it took is not attempted.
  PERFORM FROM event_outbox WHERE id = p_event_id FOR KEY SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'event: % is not in the outbox', p_event_id USING ERRCODE = 'IU003', COLUMN = 'event_id', HINT = 'If it is archived, restore its archive first.';
  END IF;
  SELECT * INTO v_decision FROM v_iu_route_decision WHERE event_id = p_event_id AND route_id = p_route_id;
  IF NOT FOUND THEN
    -- The event found routes of its own since it was set aside as wanted by none.
    v_decision := ROW(p_event_id, p_route_id, NULL, NULL, 'no_route', 'skipped', NULL);
  ELSIF v_decision.decision = 'live' THEN
    BEGIN
      PERFORM fn_iu_route_deliver(p_event_id, p_route_id);
      v_decision.decision := 'sent';
    EXCEPTION
      WHEN serialization_failure OR deadlock_detected THEN
        RAISE;                                      -- the pass as a whole is retried, nothing failed
      WHEN OTHERS THEN
        v_decision.decision := 'failed';
        v_decision.failure_code := 'worker_process_error';
        v_decision.failure_detail := format('%s (%s)', SQLERRM, SQLSTATE);
    END;
  END IF;
  v_at := clock_timestamp();
  INSERT INTO iu_route_attempt (event_id, route_id, attempt_no, status, failure_code, failure_detail, target_kind, target_ref, worker_code, created_at)
  VALUES (p_event_id, p_route_id, p_attempt_no, v_decision.decision, v_decision.failure_code, v_decision.failure_detail,
          v_decision.target_kind, v_decision.target_ref, p_worker_code, v_at)
  ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  -- A worker's own are sealed when the audit counts their event.
  INSERT INTO dot_iu_history_unsealed (what, row_keys) SELECT 'attempts', ARRAY[concat_ws('/', p_event_id, p_route_id, p_attempt_no)] WHERE p_worker_code = 'replay';
  PERFORM fn_iu_route_rollup_add(p_worker_code, v_at, ARRAY[p_route_id], ARRAY[v_decision.decision], ARRAY[1]);
  IF v_decision.decision = 'failed' THEN
    INSERT INTO iu_route_dead_letter AS d (event_id, route_id, attempt_no, failure_code, failure_detail, event_domain, event_type,
                                           event_subject_table, event_subject_ref, payload, actor, event_created_at)
    SELECT e.id, p_route_id, p_attempt_no, v_decision.failure_code, v_decision.failure_detail, e.event_domain, e.event_type,
           e.event_subject_table, e.event_subject_ref, e.payload, e.actor, e.created_at
    FROM event_outbox AS e WHERE e.id = p_event_id
    ON CONFLICT (event_id, route_id) WHERE status = 'open'
    DO UPDATE SET attempt_no = excluded.attempt_no, failure_code = excluded.failure_code, failure_detail = excluded.failure_detail;
  END IF;
  RETURN v_decision.decision;
END
$function$;
ALTER FUNCTION fn_iu_route_attempt_one(text,bigint,integer,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_attempt_one(text,bigint,integer,integer) IS 'Decides, attempts and writes down one event on one route; a failure is dead-lettered. Returns the status, or null when that attempt was already there';

-- function fn_iu_route_batch(iu_route_worker_cursor,xid8,integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_batch(p_cursor iu_route_worker_cursor, p_own xid8, p_batch_size integer, OUT seen integer, OUT last_id bigint, OUT attempts_written integer, OUT skipped integer, OUT dead_lettered integer)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_page record;
  v_event bigint;
  v_route integer;
  v_status text;
BEGIN
  IF p_batch_size = 1 THEN
    -- Who asks for one event at a time has met one that no page can be made with, or has no haste.
    v_page := fn_iu_route_page(p_cursor, p_own, p_batch_size, true);
  ELSE
    BEGIN
      v_page := fn_iu_route_page(p_cursor, p_own, p_batch_size, false);
    EXCEPTION
      WHEN unique_violation OR data_exception OR program_limit_exceeded OR out_of_memory OR internal_error OR SQLSTATE 'IU002' THEN
        -- Only after a reset, a restore or a join: to look before each insert would slow down every page. Or where an event cannot
        -- be judged: each is judged by itself then, and that one is dead-lettered as such.
        v_page := fn_iu_route_page(p_cursor, p_own, p_batch_size, true);
    END;
  END IF;
  seen := v_page.seen; last_id := v_page.last_id; dead_lettered := v_page.dead_lettered;
  attempts_written := 0; skipped := 0;
  IF v_page.singles IS NOT NULL THEN
    FOR v_event, v_route IN
      SELECT e.id, coalesce(r.route_id, 0)
      FROM unnest(v_page.singles) AS s(id)
      JOIN event_outbox AS e ON e.id = s.id
      LEFT JOIN v_iu_route_rule AS r ON r.event_type = e.event_type
      WHERE NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.id AND a.route_id = coalesce(r.route_id, 0) AND a.attempt_no = 1)
      ORDER BY e.id, r.route_id
    LOOP
      v_status := fn_iu_route_attempt_one(p_cursor.worker_code, v_event, v_route, 1);
      attempts_written := attempts_written + CASE WHEN v_status IS NULL THEN 0 ELSE 1 END;
      skipped := skipped + CASE WHEN v_status = 'skipped' THEN 1 ELSE 0 END;
      dead_lettered := dead_lettered + CASE WHEN v_status = 'failed' THEN 1 ELSE 0 END;
    END LOOP;
  END IF;
  FOR i IN 1 .. cardinality(v_page.counts) LOOP
    attempts_written := attempts_written + v_page.counts[i];
    skipped := skipped + CASE v_page.statuses[i] WHEN 'skipped' THEN v_page.counts[i] ELSE 0 END;
  END LOOP;
  IF cardinality(v_page.counts) > 0 THEN
    PERFORM fn_iu_route_rollup_add(p_cursor.worker_code, v_page.decided_at, v_page.route_ids, v_page.statuses, v_page.counts);
  END IF;
END
$function$;
ALTER FUNCTION fn_iu_route_batch(iu_route_worker_cursor,xid8,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_batch(iu_route_worker_cursor,xid8,integer) IS 'Routes one page of the window that the cursor describes, live routes included, and keeps the roll-up; the cursor is not moved. p_own is the caller''s own transaction where it has written, so that it may read its own events';

-- function fn_iu_route_dead_letter_replay(bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_dead_letter_replay(p_dead_letter_id bigint)
 RETURNS TABLE(status text, decision text, attempt_no integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  v_letter iu_route_dead_letter;
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
  -- The worst of what its routes say, where it goes to several.
  SELECT r.decision, r.attempt_no INTO decision, attempt_no
  FROM fn_iu_replay(ARRAY[v_letter.event_id], ARRAY[v_letter.route_id]) AS r
  ORDER BY r.decision = 'failed' DESC, r.attempt_no IS NOT NULL DESC, r.decision LIMIT 1;
  IF attempt_no IS NULL THEN
    status := decision; decision := NULL;
  ELSE
    status := CASE WHEN decision = 'failed' THEN 'failed_again' ELSE 'replayed' END;
  END IF;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_iu_route_dead_letter_replay(bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_dead_letter_replay(bigint) IS 'Attempts a dead letter once more under the next attempt number: replayed, failed_again (it stays open), already_resolved, route_disabled or no_route (nothing was attempted), or the closed gate. IU003 unknown id';
GRANT EXECUTE ON FUNCTION fn_iu_route_dead_letter_replay(bigint) TO iu_worker;

-- function fn_iu_route_deliver(bigint,integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_deliver(p_event_id bigint, p_route_id integer)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  RAISE EXCEPTION 'live delivery is not built: event %, route %', p_event_id, p_route_id USING ERRCODE = 'feature_not_supported';
END
$function$;
ALTER FUNCTION fn_iu_route_deliver(bigint,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_deliver(bigint,integer) IS 'The seam where live delivery will stand; until then it raises feature_not_supported, so that it fails closed';

-- function fn_iu_route_page(iu_route_worker_cursor,xid8,integer,boolean)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_page(p_cursor iu_route_worker_cursor, p_own xid8, p_batch_size integer, p_is_reread boolean, OUT seen integer, OUT last_id bigint, OUT decided_at timestamp with time zone, OUT route_ids integer[], OUT statuses text[], OUT counts integer[], OUT dead_lettered integer, OUT singles bigint[])
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
DECLARE
  v_new_from constant xid8 := pg_snapshot_xmax(p_cursor.snap_from);
  v_running constant xid8[] := ARRAY(SELECT pg_snapshot_xip(p_cursor.snap_to));
  -- In progress when the last window ended, finished by the end of this one: the late commits.
  v_late constant xid8[] := ARRAY(SELECT x FROM pg_snapshot_xip(p_cursor.snap_from) AS x WHERE pg_visible_in_snapshot(x, p_cursor.snap_to));
  v_own_after constant bigint := CASE WHEN p_cursor.own_xid = p_own THEN p_cursor.own_last_id ELSE 0 END;
  -- A bit for each bucket and not a range: of a range the planner expects one event in two hundred, and joins a whole page one by one.
  v_buckets constant integer := (1 << (p_cursor.bucket_to + 1)) - (1 << p_cursor.bucket_from::integer);
  v_bad bigint[];
BEGIN
  -- One time for the page: an hour's attempts and its roll-up are the same ones.
  decided_at := clock_timestamp();
  WITH rule AS MATERIALIZED (           -- read once a page, not once an event
    SELECT event_type, route_id, target_kind, target_ref, skip_code, decision, payload_fault, payload_predicate IS NOT NULL AS is_judging FROM v_iu_route_rule
  ), type AS MATERIALIZED (
    SELECT t.event_type, t.payload_schema, t.payload_keys, t.payload_fault, CASE WHEN t.event_type IN (SELECT r.event_type FROM rule AS r WHERE r.is_judging) THEN t.payload_predicate END AS payload_predicate,
           t.event_type IN (SELECT r.event_type FROM rule AS r WHERE r.decision = 'live') AS is_live
    FROM iu_event_type AS t
  ), page AS MATERIALIZED (             -- judged before it is kept, so that no payload is
    SELECT e.id, e.event_type,
           -- What is taken one by one is judged then: here one event that cannot be judged would be the end of the page.
           CASE WHEN p_is_reread THEN NULL
                WHEN t.event_type IS NULL THEN 'the type is not registered'
                WHEN t.payload_fault IS NOT NULL AND t.payload_predicate IS NOT NULL THEN t.payload_fault
                WHEN t.payload_predicate IS NOT NULL AND NOT fn_iu_payload_meets(e.payload, t.payload_predicate, t.payload_keys)
                THEN array_to_string(fn_iu_payload_problems(e.payload, t.payload_schema), '; ') END AS problems,
           -- Read once more after a join or a reset: what was decided before is not decided for a route that was registered since.
           CASE WHEN e.id <= p_cursor.reread_id THEN EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.id LIMIT 1) END AS is_old,
           -- A delivery cannot be taken back by a conflict: a live route is taken by itself.
           CASE WHEN p_is_reread OR t.is_live THEN true END AS is_single
    FROM (
      SELECT id, event_type, payload FROM (
        (SELECT late.* FROM unnest(v_late) AS l(x) CROSS JOIN LATERAL (
           SELECT e.id, e.event_type, e.payload FROM event_outbox AS e
           -- One transaction as a range, in the order of its index: of what one wrote among few, the planner expects
           -- so many rows that it would rather walk the primary key.
           WHERE e.xid >= l.x AND e.xid <= l.x AND e.delivery_lane <> 'held' AND (v_buckets >> e.bucket) & 1 <> 0
             AND e.id > CASE WHEN l.x = p_cursor.own_xid THEN greatest(p_cursor.last_id, p_cursor.own_last_id) ELSE p_cursor.last_id END
           ORDER BY e.xid, e.id LIMIT p_batch_size) AS late)
        UNION ALL
        (SELECT e.id, e.event_type, e.payload FROM event_outbox AS e
         WHERE e.id > greatest(p_cursor.last_id, p_cursor.floor_id) AND e.xid >= v_new_from
           AND CASE WHEN e.id <= p_cursor.trusted_id THEN e.xid <> ALL (v_running) ELSE pg_visible_in_snapshot(e.xid, p_cursor.snap_to) END
           AND e.delivery_lane <> 'held' AND (v_buckets >> e.bucket) & 1 <> 0
         ORDER BY e.id LIMIT p_batch_size)
        UNION ALL
        (SELECT e.id, e.event_type, e.payload FROM event_outbox AS e
         WHERE e.xid >= p_own AND e.xid <= p_own AND e.id > v_own_after
           AND e.delivery_lane <> 'held' AND (v_buckets >> e.bucket) & 1 <> 0
         ORDER BY e.xid, e.id LIMIT p_batch_size)
      ) AS became_visible
      ORDER BY id LIMIT p_batch_size
    ) AS e
    LEFT JOIN type AS t ON t.event_type = e.event_type
  ), attempted AS (                     -- as v_iu_route_decision decides
    INSERT INTO iu_route_attempt (event_id, route_id, attempt_no, status, failure_code, failure_detail, target_kind, target_ref, worker_code, created_at)
    SELECT id, route_id, 1, CASE WHEN is_bad THEN 'failed' ELSE decision END, CASE WHEN is_bad THEN fault ELSE skip_code END,
           CASE WHEN is_bad THEN problems END, target_kind, target_ref, p_cursor.worker_code, decided_at
    FROM (
      SELECT p.id, coalesce(r.route_id, 0) AS route_id, p.problems, r.target_kind, r.target_ref, r.skip_code, r.decision,
             p.problems IS NOT NULL AND r.is_judging IS NOT FALSE AS is_bad,
             CASE WHEN r.event_type IS NULL THEN 'unknown_event_type' WHEN r.payload_fault IS NOT NULL THEN 'cannot_be_judged' ELSE 'payload_schema' END AS fault
      FROM page AS p
      LEFT JOIN rule AS r ON r.event_type = p.event_type
      WHERE p.is_old IS NOT TRUE AND NOT p_is_reread
    ) AS decided
    WHERE is_bad OR decision <> 'live'
    ORDER BY id                         -- in that of the index, also where a small page was hashed
  )
  SELECT p.seen, p.last_id, p.bad, p.singles, a.route_ids, a.statuses, a.counts
  INTO seen, last_id, v_bad, singles, route_ids, statuses, counts
  FROM (SELECT count(*) AS seen, max(id) AS last_id, array_agg(id) FILTER (WHERE problems IS NOT NULL AND is_old IS NOT TRUE) AS bad,
               array_agg(id) FILTER (WHERE is_single AND is_old IS NOT TRUE) AS singles FROM page) AS p
  -- Counted by type, of which there are few, and not once more by event and route.
  CROSS JOIN (
    SELECT coalesce(array_agg(route_id), '{}') AS route_ids, coalesce(array_agg(status), '{}') AS statuses, coalesce(array_agg(n), '{}') AS counts
    FROM (SELECT coalesce(r.route_id, 0) AS route_id, CASE WHEN k.has_problems AND r.is_judging IS NOT FALSE THEN 'failed' ELSE r.decision END AS status, sum(k.n)::integer AS n
          FROM (SELECT event_type, problems IS NOT NULL AS has_problems, count(*) AS n FROM page WHERE is_old IS NOT TRUE AND NOT p_is_reread GROUP BY 1, 2) AS k
          LEFT JOIN rule AS r ON r.event_type = k.event_type
          GROUP BY 1, 2) AS counted
    WHERE status <> 'live'
  ) AS a;
  dead_lettered := 0;
  IF v_bad IS NOT NULL AND NOT p_is_reread THEN
    INSERT INTO iu_route_dead_letter (event_id, route_id, attempt_no, failure_code, failure_detail, event_domain, event_type,
                                      event_subject_table, event_subject_ref, payload, actor, event_created_at)
    SELECT e.id, a.route_id, 1, a.failure_code, a.failure_detail, e.event_domain, e.event_type,
           e.event_subject_table, e.event_subject_ref, e.payload, e.actor, e.created_at
    FROM unnest(v_bad) AS bad(id)
    CROSS JOIN LATERAL (SELECT * FROM event_outbox AS o WHERE o.id = bad.id LIMIT 1) AS e
    CROSS JOIN LATERAL (SELECT * FROM iu_route_attempt AS t WHERE t.event_id = bad.id AND t.attempt_no = 1 AND t.status = 'failed' OFFSET 0) AS a
    ORDER BY e.id, a.route_id;
    GET DIAGNOSTICS dead_lettered = ROW_COUNT;
  END IF;
END
$function$;
ALTER FUNCTION fn_iu_route_page(iu_route_worker_cursor,xid8,integer,boolean) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_page(iu_route_worker_cursor,xid8,integer,boolean) IS 'Routes one page of the window that the cursor describes; the events that have a live route are returned as singles, for what has no attempt of them. p_own is the caller''s own transaction where it has written, so that it may read its own events. Raises unique_violation where an event was attempted before or has an open dead letter, unless p_is_reread: then every event is a single';

-- function fn_iu_route_rollup_add(text,timestamp with time zone,integer[],text[],integer[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_rollup_add(p_worker_code text, p_at timestamp with time zone, p_route_ids integer[], p_statuses text[], p_counts integer[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  INSERT INTO iu_route_attempt_rollup AS t (worker_code, span_start, route_id, status, attempts, last_attempt_at)
  SELECT p_worker_code, span_start, route_id, status, n, p_at
  FROM unnest(p_route_ids, p_statuses, p_counts) AS a(route_id, status, n)
  CROSS JOIN (VALUES ('-infinity'::timestamptz), (date_trunc('hour', p_at, 'UTC'))) AS span(span_start)
  ORDER BY span_start, route_id, status
  ON CONFLICT (worker_code, span_start, route_id, status)
  DO UPDATE SET attempts = t.attempts + excluded.attempts, last_attempt_at = greatest(t.last_attempt_at, excluded.last_attempt_at);
END
$function$;
ALTER FUNCTION fn_iu_route_rollup_add(text,timestamp with time zone,integer[],text[],integer[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_rollup_add(text,timestamp with time zone,integer[],text[],integer[]) IS 'Adds counts of attempts made at p_at, one element a route and status, to its hour and to all time';

-- function fn_iu_route_worker_health(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_worker_health(p_worker_code text)
 RETURNS TABLE(healthy boolean, reasons text[], worker_gate_open boolean, master_gate_open boolean, delivery_mode text, blocked_by text, backlog integer, oldest_unrouted_at timestamp with time zone, held_back_since timestamp with time zone, open_dead_letters integer, last_pass_at timestamp with time zone, last_pass_seen integer, locked_since timestamp with time zone, oldest_snapshot_at timestamp with time zone, accounting jsonb)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
#variable_conflict use_column
BEGIN
  IF NOT EXISTS (SELECT FROM iu_route_worker_cursor AS c WHERE c.worker_code = p_worker_code) THEN
    RAISE EXCEPTION 'worker_code: % has no cursor', coalesce(p_worker_code, 'null') USING ERRCODE = 'IU003', COLUMN = 'worker_code';
  END IF;
  RETURN QUERY
  SELECT h.healthy, h.reasons, h.worker_gate_open, h.master_gate_open, h.delivery_mode, h.blocked_by, h.backlog, h.oldest_unrouted_at, h.held_back_since,
         h.open_dead_letters, h.last_pass_at, h.last_pass_seen, h.locked_since, h.oldest_snapshot_at, h.accounting
  FROM fn_iu_route_workers_health(p_worker_code) AS h;
END
$function$;
ALTER FUNCTION fn_iu_route_worker_health(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_worker_health(text) IS 'Healthy, or every reason why not: gates, buckets without a cursor, backlog, age of the oldest unrouted event, a transaction that holds events back, open dead letters, who holds the cursor, an old snapshot, unexplained events; with the last pass and the accounting identity. IU003 unknown worker';
GRANT EXECUTE ON FUNCTION fn_iu_route_worker_health(text) TO iu_reader;
GRANT EXECUTE ON FUNCTION fn_iu_route_worker_health(text) TO iu_worker;

-- function fn_iu_route_worker_run(text,integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_worker_run(p_worker_code text, p_batch_size integer DEFAULT 1000)
 RETURNS TABLE(status text, seen integer, attempts_written integer, skipped integer, dead_lettered integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_started constant timestamptz := clock_timestamp();
  v_own constant xid8 := pg_current_xact_id_if_assigned();
  v_lock integer;
  v_floor bigint;
  v_newest xid8;                   -- whatever began after it draws its event ids above v_floor
  v_now pg_snapshot;
  v_cursor iu_route_worker_cursor;
  v_page record;
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
  SELECT * INTO v_cursor FROM iu_route_worker_cursor AS c WHERE c.worker_code = p_worker_code AND c.lock_no = v_lock;
  IF NOT FOUND THEN
    status := 'busy'; RETURN NEXT; RETURN;        -- joined meanwhile, and perhaps split anew: the lock is not the cursor's
  END IF;
  -- By the lower end: the upper one of a fenced snapshot may lie ahead of the present one in peace.
  v_rebased := v_cursor.system_identifier IS DISTINCT FROM fn_iu_system_identifier() OR pg_snapshot_xmin(v_cursor.snap_from) > pg_snapshot_xmax(v_now);
  IF v_rebased THEN
    v_rebased := EXISTS (SELECT FROM event_outbox);
  END IF;
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
    -- Before anything was attempted nothing is read once more, and nothing need be looked up.
    v_cursor.reread_id := CASE WHEN EXISTS (SELECT FROM iu_route_attempt) THEN v_floor ELSE 0 END;
    v_cursor.own_xid := NULL; v_cursor.own_last_id := 0;
    v_is_newest := true;
  END IF;

  LOOP
    IF v_cursor.snap_to IS NULL THEN
      v_cursor.snap_to := v_now; v_cursor.floor_to_id := v_floor; v_cursor.trusted_id := 0; v_cursor.last_id := 0;
      v_is_newest := true;
    END IF;
    -- Own events only in a window that ends now: an older one may lack what their subject had before.
    v_page := fn_iu_route_batch(v_cursor, CASE WHEN v_is_newest THEN v_own END, p_batch_size);
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

  seen := v_page.seen; attempts_written := v_page.attempts_written; skipped := v_page.skipped; dead_lettered := v_page.dead_lettered;
  IF seen < p_batch_size THEN
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
      own_xid = v_cursor.own_xid, own_last_id = v_cursor.own_last_id, reread_id = v_cursor.reread_id,
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
$function$;
ALTER FUNCTION fn_iu_route_worker_run(text,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_worker_run(text,integer) IS 'One pass: gates, claim, next events, one attempt per event and route, dead letters, cursor; all in the caller''s transaction, which must be READ COMMITTED. status: routed, idle (nothing to route, nothing written), busy, worker_gate_closed, master_gate_closed. IU002 bad batch size, IU003 unknown worker, IU011 wrong isolation level';
GRANT EXECUTE ON FUNCTION fn_iu_route_worker_run(text,integer) TO iu_worker;

-- function fn_iu_route_workers_health(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_workers_health(p_worker_code text DEFAULT NULL::text)
 RETURNS TABLE(worker_code text, healthy boolean, reasons text[], worker_gate_open boolean, master_gate_open boolean, delivery_mode text, blocked_by text, backlog integer, oldest_unrouted_at timestamp with time zone, held_back_since timestamp with time zone, open_dead_letters integer, last_pass_at timestamp with time zone, last_pass_seen integer, locked_since timestamp with time zone, oldest_snapshot_at timestamp with time zone, accounting jsonb, backlog_is_exact boolean)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
DECLARE
  v_common text[] := '{}';
  v_orphans text;
  v_locked_by text;
BEGIN
  worker_gate_open := fn_iu_gate_is_open('iu_core.route_worker_enabled');
  master_gate_open := fn_iu_gate_is_open('iu_core.routes_master_enabled');
  blocked_by := CASE WHEN NOT worker_gate_open THEN 'iu_core.route_worker_enabled' WHEN NOT master_gate_open THEN 'iu_core.routes_master_enabled' END;
  delivery_mode := CASE
    WHEN blocked_by IS NOT NULL THEN 'STOPPED'
    WHEN fn_iu_gate_is_open('iu_core.execution_enabled') AND EXISTS (SELECT FROM iu_outbound_route AS r WHERE r.enabled AND NOT r.dry_run) THEN 'LIVE'
    ELSE 'DRY RUN' END;
  SELECT count(*) INTO open_dead_letters FROM (SELECT FROM iu_route_dead_letter AS d WHERE d.status = 'open' LIMIT 10001) AS bounded;
  -- A gate that somebody closed, or opened until a time that has passed, is a state and no ill health: who and why stands in
  -- v_iu_gate. One that is missing or malformed is closed by nobody.
  v_common := v_common || ARRAY(SELECT format('gate %s is %s', g, fn_iu_gate_state(g)) FROM unnest(ARRAY['iu_core.route_worker_enabled', 'iu_core.routes_master_enabled']) AS g WHERE fn_iu_gate_state(g) IN ('missing', 'malformed'));
  SELECT string_agg(b::text, ', ' ORDER BY b) INTO v_orphans FROM generate_series(0, 15) AS b WHERE NOT EXISTS (SELECT FROM iu_route_worker_cursor AS c WHERE b BETWEEN c.bucket_from AND c.bucket_to);
  IF v_orphans IS NOT NULL THEN v_common := v_common || format('no cursor owns bucket %s: nobody routes their events', v_orphans); END IF;

  FOR worker_code, last_pass_at, last_pass_seen, locked_since, v_locked_by, held_back_since, oldest_snapshot_at, backlog, oldest_unrouted_at, backlog_is_exact, accounting IN
    WITH standing AS MATERIALIZED (
      SELECT s.worker_code, sum(s.waiting) AS waiting, min(s.oldest_at) AS oldest_at, bool_and(s.is_exact) AS is_exact, (array_agg(s.account))[1] AS account FROM fn_iu_event_standing() AS s GROUP BY s.worker_code
    ), activity AS MATERIALIZED (
      SELECT a.pid, a.usename, a.xact_start, a.backend_xid::text::numeric AS xid, a.backend_xmin IS NOT NULL AND a.backend_type = 'client backend' AS has_snapshot
      FROM pg_stat_activity AS a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
    ), writing AS MATERIALIZED (
      -- A prepared transaction has no session.
      SELECT a.xact_start AS since, a.xid FROM activity AS a WHERE a.xid IS NOT NULL
      UNION ALL
      SELECT p.prepared, p.transaction::text::numeric FROM pg_prepared_xacts AS p WHERE p.database = current_database()
    ), locked AS MATERIALIZED (
      -- A pass holds its lock for milliseconds; who holds it long keeps every other process from this cursor.
      SELECT l.objid::bigint AS lock_no, min(a.xact_start) AS since, min(format('%s, process %s', a.usename, a.pid)) AS who
      FROM pg_locks AS l JOIN activity AS a ON a.pid = l.pid
      WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.classid::bigint = hashtext('iu_core.iu_route_worker_cursor')::bigint & 4294967295
      GROUP BY l.objid
    )
    SELECT c.worker_code, c.last_pass_at, c.last_pass_seen, l.since, l.who,
           -- Only a transaction that the cursor has not passed can hold events back: one that was open at the last
           -- window, or began after it.
           (SELECT min(w.since) FROM writing AS w
            WHERE w.xid IN (SELECT x::text::numeric % 4294967296 FROM pg_snapshot_xip(c.snap_from) AS x)
               OR mod(w.xid - pg_snapshot_xmax(c.snap_from)::text::numeric % 4294967296 + 4294967296, 4294967296) < 2147483648),
           -- Under an old one, the cursor's old versions cannot be cleared away, and each pass reads its way through them.
           (SELECT min(a.xact_start) FROM activity AS a WHERE a.has_snapshot),
           least(s.waiting, 10001), s.oldest_at, s.is_exact, (SELECT a.account FROM standing AS a WHERE a.worker_code IS NULL)
    FROM iu_route_worker_cursor AS c
    JOIN standing AS s ON s.worker_code = c.worker_code
    LEFT JOIN locked AS l ON l.lock_no = c.lock_no
    WHERE p_worker_code IS NULL OR c.worker_code = p_worker_code
    ORDER BY c.worker_code
  LOOP
    reasons := v_common;
    IF blocked_by IS NOT NULL THEN
      NULL;
    ELSIF backlog > 10000 THEN
      reasons := reasons || 'more than 10,000 events wait'::text;
    ELSIF NOT backlog_is_exact THEN
      reasons := reasons || format('more than 10,000 events lie ahead, at least %s of them wait for this worker', backlog);
    END IF;
    -- What waits while nothing may be routed waits as it is told to.
    IF oldest_unrouted_at < clock_timestamp() - interval '1 minute' AND blocked_by IS NULL THEN
      reasons := reasons || format('the oldest unrouted event is of %s, the last pass that saw any %s', to_char(oldest_unrouted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'),
        coalesce(to_char(last_pass_at AT TIME ZONE 'UTC', '"of" YYYY-MM-DD HH24:MI:SS "UTC"'), 'has yet to come'));
    END IF;
    IF held_back_since < clock_timestamp() - interval '1 minute' THEN
      reasons := reasons || format('a transaction open since %s may hold events back', to_char(held_back_since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'));
    END IF;
    IF open_dead_letters > 0 THEN
      reasons := reasons || format('%s open dead letter%s', CASE WHEN open_dead_letters > 10000 THEN '10,000+' ELSE open_dead_letters::text END, CASE open_dead_letters WHEN 1 THEN '' ELSE 's' END);
    END IF;
    IF locked_since < clock_timestamp() - interval '1 minute' THEN
      reasons := reasons || format('another session (%s) has held the cursor since %s', v_locked_by, to_char(locked_since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'));
    END IF;
    IF oldest_snapshot_at < clock_timestamp() - interval '10 minutes' THEN
      reasons := reasons || format('a snapshot open since %s makes passes slow', to_char(oldest_snapshot_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'));
    END IF;
    IF (accounting ->> 'unexplained')::bigint <> 0 THEN reasons := reasons || format('%s events are unexplained', accounting ->> 'unexplained'); END IF;
    healthy := cardinality(reasons) = 0;
    RETURN NEXT;
  END LOOP;
END
$function$;
ALTER FUNCTION fn_iu_route_workers_health(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_workers_health(text) IS 'fn_iu_route_worker_health of every worker, or of one, from one judgement of what waits; backlog_is_exact is false where it is the least that waits';
GRANT EXECUTE ON FUNCTION fn_iu_route_workers_health(text) TO iu_reader;

-- function fn_iu_routes_forget(text[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_routes_forget(p_route_codes text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  IF EXISTS (SELECT FROM iu_route_attempt_rollup AS t JOIN iu_outbound_route AS r ON r.id = t.route_id WHERE r.route_code = ANY (p_route_codes)) THEN
    RAISE EXCEPTION 'attempts on these routes exist' USING ERRCODE = 'IU010', HINT = 'A route with history stays; disable it instead.';
  END IF;
  DELETE FROM iu_outbound_route WHERE route_code = ANY (p_route_codes);
END
$function$;
ALTER FUNCTION fn_iu_routes_forget(text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_routes_forget(text[]) IS 'Removes routes, the rollback of their registration; refuses (IU010) when one has attempts';

-- function fn_iu_routes_register(jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_routes_register(p_routes jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
    -- Told without the value: it may be the secret.
    IF v_entry ->> 'target_kind' = 'webhook' AND coalesce(v_entry ->> 'target_ref', '') !~ '^https?://[^/?#[:space:]]+([/?#][^[:space:]]*)?$' THEN
      RAISE EXCEPTION 'target_ref: a webhook is called at a URL, and this is none' USING ERRCODE = 'IU002', COLUMN = 'target_ref', HINT = 'Begin with https:// and name the host.';
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
$function$;
ALTER FUNCTION fn_iu_routes_register(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_routes_register(jsonb) IS 'Registers routes, always as dry runs: {"route_code": {"event_type", "target_kind", "target_ref", "enabled"}}; again with the same content changes nothing. IU002 unclassified target kind, or a webhook without a URL, IU007 unknown event type';

-- function fn_iu_schema_compile(jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_schema_compile(p_schema jsonb)
 RETURNS jsonpath
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  -- Anywhere, as a keyword or as the name of a property: strict is always right, lax is four times faster.
  v_is_lax constant boolean := NOT jsonb_path_exists(p_schema, '$.**{0 to 40}.items');
  v_problem constant text := fn_iu_json_unbounded(p_schema, 65536);
BEGIN
  IF v_problem IS NOT NULL THEN
    RAISE EXCEPTION 'payload_schema: %', v_problem USING ERRCODE = 'IU002', COLUMN = 'payload_schema', HINT = 'A schema is at most 64 KB.';
  ELSIF (SELECT count(*) FROM jsonb_path_query(p_schema, 'strict $.**.pattern')) > 32 THEN
    -- So many compiled ones a session of the server keeps: of more it would compile each anew for each event.
    RAISE EXCEPTION 'payload_schema: it has more than 32 patterns' USING ERRCODE = 'IU002', COLUMN = 'payload_schema', HINT = 'Ask for less: an enum, or the type alone.';
  END IF;
  RETURN (CASE WHEN v_is_lax THEN 'lax ' ELSE 'strict ' END || fn_iu_schema_predicate(p_schema, v_is_lax))::jsonpath;
END
$function$;
ALTER FUNCTION fn_iu_schema_compile(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_schema_compile(jsonb) IS 'Compiles a payload schema, but for the names that its root forbids (fn_iu_schema_keys), to one jsonpath predicate: true for a payload that meets it, false for every other. IU002 for a keyword or value outside the subset, and for a schema or a pattern that is too large';

-- function fn_iu_schema_keys(jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_schema_keys(p_schema jsonb)
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ SELECT CASE WHEN p_schema -> 'additionalProperties' = 'false' THEN ARRAY(SELECT jsonb_object_keys(coalesce(p_schema -> 'properties', '{}'))) END $function$;
ALTER FUNCTION fn_iu_schema_keys(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_schema_keys(jsonb) IS 'The only names that a payload may have at its root; null where a schema does not forbid others';

-- function fn_iu_schema_predicate(jsonb,boolean,text,integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_schema_predicate(p_schema jsonb, p_is_lax boolean, p_base text DEFAULT '$'::text, p_depth integer DEFAULT 0)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_known constant text[] := ARRAY['type', 'required', 'properties', 'additionalProperties', 'items', 'enum', 'const', 'minimum', 'maximum',
                                   'exclusiveMinimum', 'exclusiveMaximum', 'pattern', 'title', 'description', 'examples', '$schema'];
  v_types constant text[] := ARRAY['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'];
  v_parts text[] := '{}';
  v_key text;
  v_value jsonb;
  v_list text;
  v_not_object constant text := CASE WHEN p_schema -> 'type' = '"object"' THEN '' ELSE format('!(%s.type() == "object") || ', p_base) END;
  v_not_number constant text := CASE WHEN p_schema -> 'type' IN ('"number"', '"integer"') THEN '' ELSE format('!(%s.type() == "number") || ', p_base) END;
BEGIN
  IF jsonb_typeof(p_schema) IS DISTINCT FROM 'object' OR p_depth > 8 THEN
    RAISE EXCEPTION 'payload_schema: a schema is a JSON object, nested at most 8 deep' USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
  END IF;
  -- The type first: what stands behind it rests on it.
  FOR v_key, v_value IN SELECT key, value FROM jsonb_each(p_schema) ORDER BY key <> 'type' LOOP
    IF v_key <> ALL (v_known) THEN
      RAISE EXCEPTION 'payload_schema: keyword "%" is not supported', v_key
        USING ERRCODE = 'IU002', COLUMN = 'payload_schema', HINT = 'Supported: ' || array_to_string(v_known, ', ');
    END IF;
    CASE
      WHEN v_key = 'type' AND jsonb_typeof(v_value) IN ('string', 'array') THEN
        SELECT string_agg(CASE
                 WHEN t = 'integer' THEN format('(%1$s.type() == "number" && %1$s.floor() == %1$s)', p_base)
                 ELSE format('%s.type() == %s', p_base, to_json(t)) END, ' || ')
        INTO v_list
        FROM jsonb_array_elements_text(CASE jsonb_typeof(v_value) WHEN 'array' THEN v_value ELSE jsonb_build_array(v_value) END) AS t
        HAVING bool_and(t = ANY (v_types));
        IF v_list IS NULL THEN
          RAISE EXCEPTION 'payload_schema: type must name %', array_to_string(v_types, ', ') USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
        END IF;
        v_parts := v_parts || format('(%s)', v_list);
      WHEN v_key = 'required' AND jsonb_typeof(v_value) = 'array' AND NOT jsonb_path_exists(v_value, '$[*] ? (@.type() != "string")') THEN
        SELECT string_agg(format(CASE WHEN p_is_lax THEN 'exists(%s.%s)' ELSE '!((exists(%s.%s)) is unknown)' END, p_base, to_json(k)), ' && ')
        INTO v_list FROM jsonb_array_elements_text(v_value) AS k WHERE NOT p_is_lax OR (p_schema -> 'properties' -> k ? 'type') IS NOT TRUE;
        IF v_list IS NOT NULL THEN
          v_parts := v_parts || format('(%s(%s))', v_not_object, v_list);
        END IF;
      WHEN v_key = 'properties' AND jsonb_typeof(v_value) = 'object' THEN
        SELECT string_agg(CASE WHEN p_is_lax
                 THEN format(CASE WHEN p_schema -> 'required' ? key THEN '(%3$s)' ELSE '(!exists(%1$s.%2$s) || (%3$s))' END, p_base, to_json(key), fn_iu_schema_predicate(value, true, format('%s.%s', p_base, to_json(key)), p_depth + 1))
                 ELSE format('((exists(%1$s.%2$s)) is unknown || (%3$s))', p_base, to_json(key), fn_iu_schema_predicate(value, false, format('%s.%s', p_base, to_json(key)), p_depth + 1)) END, ' && ')
        INTO v_list FROM jsonb_each(v_value);
        v_parts := v_parts || format('(%s(%s))', v_not_object, coalesce(v_list, '1 == 1'));
      WHEN v_key = 'additionalProperties' AND jsonb_typeof(v_value) = 'boolean' THEN
        -- The root's are seen by fn_iu_payload_meets: here each name that there is would become an object first.
        IF NOT v_value::boolean AND p_depth > 0 THEN
          SELECT string_agg(format('@.key == %s', to_json(k)), ' || ') INTO v_list FROM jsonb_object_keys(coalesce(p_schema -> 'properties', '{}')) AS k;
          v_parts := v_parts || format('(%s!exists(%s.keyvalue() ? (!(%s))))', v_not_object, p_base, coalesce(v_list, '1 == 0'));
        END IF;
      WHEN v_key = 'items' AND jsonb_typeof(v_value) = 'object' THEN
        v_parts := v_parts || format('(!(%1$s.type() == "array") || !exists(%1$s[*] ? (!(%2$s))))', p_base, fn_iu_schema_predicate(v_value, false, '@', p_depth + 1));
      WHEN v_key IN ('enum', 'const') AND (v_key = 'const' OR jsonb_typeof(v_value) = 'array' AND jsonb_array_length(v_value) > 0) THEN
        SELECT string_agg(format('(%1$s.type() == %2$s && %1$s == %3$s)', p_base, to_json(jsonb_typeof(e)), e), ' || ')
        INTO v_list
        FROM jsonb_array_elements(CASE v_key WHEN 'enum' THEN v_value ELSE jsonb_build_array(v_value) END) AS e
        HAVING bool_and(jsonb_typeof(e) NOT IN ('object', 'array'));
        IF v_list IS NULL THEN
          RAISE EXCEPTION 'payload_schema: % takes strings, numbers, booleans and null', v_key USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
        END IF;
        v_parts := v_parts || format('(%s)', v_list);
      WHEN v_key IN ('minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum') AND jsonb_typeof(v_value) = 'number' THEN
        v_parts := v_parts || format('(%s%s %s %s)', v_not_number, p_base,
          CASE v_key WHEN 'minimum' THEN '>=' WHEN 'maximum' THEN '<=' WHEN 'exclusiveMinimum' THEN '>' ELSE '<' END, v_value);
      WHEN v_key = 'pattern' AND jsonb_typeof(v_value) = 'string' THEN
        -- Before the server compiles it, which alone may take it minutes.
        v_list := fn_iu_pattern_problem(v_value #>> '{}');
        IF v_list IS NOT NULL THEN
          RAISE EXCEPTION 'payload_schema: pattern %: %', left(v_value::text, 200), v_list
            USING ERRCODE = 'IU002', COLUMN = 'payload_schema', HINT = 'Ask for less: a plainer pattern, its type, or an enum.';
        END IF;
        BEGIN
          PERFORM format('$ like_regex %s', v_value)::jsonpath;
        EXCEPTION WHEN OTHERS THEN
          RAISE EXCEPTION 'payload_schema: pattern %: %', v_value, SQLERRM USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
        END;
        v_parts := v_parts || format('(!(%1$s.type() == "string") || %1$s like_regex %2$s)', p_base, v_value);
      WHEN v_key IN ('title', 'description', 'examples', '$schema') THEN
        NULL;
      ELSE
        RAISE EXCEPTION 'payload_schema: the value of "%" has the wrong type (%)', v_key, jsonb_typeof(v_value) USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
    END CASE;
  END LOOP;
  RETURN CASE cardinality(v_parts) WHEN 0 THEN '1 == 1' ELSE array_to_string(v_parts, ' && ') END;
END
$function$;
ALTER FUNCTION fn_iu_schema_predicate(jsonb,boolean,text,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_schema_predicate(jsonb,boolean,text,integer) IS 'Compiles a payload schema, but for the names that its root forbids, to the text of a jsonpath predicate over p_base, for lax mode (no schema with items) or for strict mode; IU002 for a keyword or value outside the subset';

-- function fn_iu_seam(bigint,bigint,text[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_seam(p_collection_id bigint, p_unit_id bigint, p_candidates text[])
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT fn_iu_separator_put(p_collection_id, p_unit_id, fn_iu_separator(b.body, u.unit_kind, n.body, p_candidates, c.joiner,
    fn_iu_line_end(p.separator, (SELECT o.separator FROM iu_collection_piece AS o WHERE o.collection_id = c.id AND o.position < p.position ORDER BY o.position DESC LIMIT 1),
                   n.separator, b.body, n.body, c.joiner)))
  FROM iu_collection AS c
  JOIN iu_collection_piece AS p ON p.collection_id = c.id AND p.unit_id = p_unit_id
  JOIN information_unit AS u ON u.id = p.unit_id
  JOIN unit_version AS b ON b.unit_id = u.id AND b.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
  CROSS JOIN LATERAL (
    SELECT o.separator, v.body
    FROM (SELECT * FROM iu_collection_piece WHERE collection_id = c.id AND position > p.position ORDER BY position LIMIT 1) AS o
    JOIN information_unit AS w ON w.id = o.unit_id
    JOIN unit_version AS v ON v.unit_id = w.id AND v.version_seq = coalesce(o.pinned_version_seq, w.current_version_seq)) AS n
  WHERE c.id = p_collection_id
$function$;
ALTER FUNCTION fn_iu_seam(bigint,bigint,text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_seam(bigint,bigint,text[]) IS 'Puts between a piece and the next what keeps both the blocks they are, in the document''s line ends: the first candidate that does, or a new one; returns the change';

-- function fn_iu_seam_close(bigint,numeric,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_seam_close(p_collection_id bigint, p_at numeric, p_separator text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
DECLARE
  v_before iu_collection_piece;
  v_is_last boolean;
BEGIN
  SELECT * INTO v_before FROM iu_collection_piece WHERE collection_id = p_collection_id AND position < p_at ORDER BY position DESC LIMIT 1;
  IF NOT FOUND THEN
    PERFORM fn_iu_collection_first(p_collection_id, NULL);
    RETURN '[]';
  END IF;
  v_is_last := (SELECT unit_id FROM iu_collection_piece WHERE collection_id = p_collection_id ORDER BY position DESC LIMIT 1) = v_before.unit_id;
  RETURN CASE WHEN v_is_last THEN fn_iu_separator_put(p_collection_id, v_before.unit_id, p_separator)
    ELSE fn_iu_seam(p_collection_id, v_before.unit_id, ARRAY[v_before.separator] || CASE WHEN p_separator !~ '\S' THEN ARRAY[p_separator] END) END;
END
$function$;
ALTER FUNCTION fn_iu_seam_close(bigint,numeric,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_seam_close(bigint,numeric,text) IS 'Separates the neighbours of a place that a piece has left, with its separator; returns the change';

-- function fn_iu_seam_open(bigint,bigint,boolean,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_seam_open(p_collection_id bigint, p_unit_id bigint, p_is_given boolean, p_candidate text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
DECLARE
  v_changes jsonb := '[]';
  v_at numeric;
  v_before iu_collection_piece;
  v_is_last boolean;
BEGIN
  PERFORM fn_iu_collection_first(p_collection_id, p_unit_id);
  SELECT position INTO STRICT v_at FROM iu_collection_piece WHERE collection_id = p_collection_id AND unit_id = p_unit_id;
  SELECT * INTO v_before FROM iu_collection_piece WHERE collection_id = p_collection_id AND position < v_at ORDER BY position DESC LIMIT 1;
  v_is_last := (SELECT unit_id FROM iu_collection_piece WHERE collection_id = p_collection_id ORDER BY position DESC LIMIT 1) = p_unit_id;
  IF v_is_last THEN
    -- What ended the text ends it still.
    IF NOT p_is_given AND v_before.unit_id IS NOT NULL THEN
      v_changes := fn_iu_separator_put(p_collection_id, p_unit_id, v_before.separator);
    END IF;
  ELSIF NOT p_is_given THEN
    v_changes := fn_iu_seam(p_collection_id, p_unit_id, ARRAY[p_candidate] || CASE WHEN v_before.separator !~ '\S' THEN ARRAY[v_before.separator] END);
  END IF;
  IF v_before.unit_id IS NOT NULL THEN
    v_changes := v_changes || fn_iu_seam(p_collection_id, v_before.unit_id,
      CASE WHEN NOT v_is_last OR v_before.separator IS NULL THEN ARRAY[v_before.separator] WHEN p_candidate !~ '\S' THEN ARRAY[p_candidate] ELSE '{}' END);
  END IF;
  RETURN v_changes;
END
$function$;
ALTER FUNCTION fn_iu_seam_open(bigint,bigint,boolean,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_seam_open(bigint,bigint,boolean,text) IS 'Separates a piece that has come to its place from both neighbours; its own separator stays where it was given, else the candidate is tried first. Returns the changes. IU002 where a text must begin with another piece';

-- function fn_iu_seam_revised(bigint,bigint,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_seam_revised(p_collection_id bigint, p_unit_id bigint, p_was text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_changes jsonb := '[]';
  v_seam record;
BEGIN
  PERFORM fn_iu_collection_first(p_collection_id, NULL);
  FOR v_seam IN
    SELECT s.unit_id, s.separator, u.unit_kind, c.joiner, CASE WHEN s.unit_id = p_unit_id THEN p_was ELSE v.body END AS body, CASE WHEN n.unit_id = p_unit_id THEN p_was ELSE w.body END AS following
    FROM iu_collection AS c
    JOIN iu_collection_piece AS p ON p.collection_id = c.id AND p.unit_id = p_unit_id
    CROSS JOIN LATERAL (SELECT p.* UNION ALL (SELECT b.* FROM iu_collection_piece AS b WHERE b.collection_id = c.id AND b.position < p.position ORDER BY b.position DESC LIMIT 1)) AS s
    CROSS JOIN LATERAL (SELECT o.* FROM iu_collection_piece AS o WHERE o.collection_id = c.id AND o.position > s.position ORDER BY o.position LIMIT 1) AS n
    JOIN information_unit AS u ON u.id = s.unit_id
    JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(s.pinned_version_seq, u.current_version_seq)
    JOIN information_unit AS x ON x.id = n.unit_id
    JOIN unit_version AS w ON w.unit_id = x.id AND w.version_seq = coalesce(n.pinned_version_seq, x.current_version_seq)
    WHERE c.id = p_collection_id
  LOOP
    -- A separator that kept the old text apart keeps the new one apart as well; one that somebody chose to do less is left alone.
    IF fn_iu_separator(v_seam.body, v_seam.unit_kind, v_seam.following, ARRAY[v_seam.separator], v_seam.joiner, '') IS NOT DISTINCT FROM v_seam.separator THEN
      v_changes := v_changes || fn_iu_seam(p_collection_id, v_seam.unit_id, ARRAY[v_seam.separator]);
    END IF;
  END LOOP;
  RETURN v_changes;
END
$function$;
ALTER FUNCTION fn_iu_seam_revised(bigint,bigint,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_seam_revised(bigint,bigint,text) IS 'Separates a piece that has a new text from its neighbours, where what separated the old one is not enough for it; returns the changes. IU002 where a text would begin as something else';

-- function fn_iu_separator(text,text,text,text[],text,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_separator(p_before text, p_before_kind text, p_after text, p_candidates text[], p_joiner text, p_line_end text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
DECLARE
  v_end record;
  -- The first line that is not blank: how far it is indented, and the list that it would go on with.
  v_line constant text := coalesce(substring(ltrim(p_after, U&'\FEFF') FROM '^(?:[ \t]*(?:\r\n|\r|\n))*([^\r\n]*)'), '');
  v_indent constant integer := fn_iu_column(substring(v_line FROM '^[ \t]*'), 0);
  v_marker constant text := CASE WHEN v_indent < 4 AND v_line !~ '^ *([-_*])[ \t]*(\1[ \t]*){2,}$' THEN right(substring(v_line FROM '^ *([-+*]|\d{1,9}[.)])(?:[ \t]|$)'), 1) END;
  v_merges boolean;
  v_candidate text;
  v_norm text;
BEGIN
  v_end := fn_iu_block_end(p_before, p_before_kind);
  v_merges := v_indent >= v_end.content_column OR v_marker = v_end.marker;
  FOREACH v_candidate IN ARRAY p_candidates LOOP
    IF v_candidate IS NULL THEN
      -- What its author wants between any two pieces is enough, but where no blank line would be.
      CONTINUE WHEN p_joiner = '' OR v_end.closer IS NOT NULL OR v_merges AND p_joiner !~ '\S';
      RETURN NULL;
    END IF;
    v_norm := replace(replace(substring(right(p_before, 8) FROM '[ \t\r\n]*$') || v_candidate, E'\r\n', E'\n'), E'\r', E'\n');
    IF v_end.closer IS NOT NULL THEN
      CONTINUE WHEN v_norm !~ '^[ \t]*\n' OR v_norm !~ '\n[ \t]*\n$' OR position(v_end.closer IN v_candidate) = 0;
    ELSIF v_candidate ~ '\S' THEN
      -- Somebody's own words between two pieces stay. A comment or a closing line of ours that is not needed does not.
      CONTINUE WHEN v_candidate ~ '^\s*(`{3,}|~{3,}|-->|\?>|\]\]>|>|</(script|pre|style|textarea)>)\s*$' OR v_candidate ~ '<!-- -->' AND NOT v_merges;
    ELSE
      CONTINUE WHEN coalesce(v_merges, false) OR v_norm !~ '\n$' OR v_norm !~ CASE WHEN v_end.is_over THEN '^[ \t]*\n' ELSE '^[ \t]*\n[ \t]*\n' END;
    END IF;
    RETURN v_candidate;
  END LOOP;
  RETURN nullif(p_line_end || coalesce(v_end.closer || p_line_end, '') || p_line_end
    || CASE WHEN v_merges THEN '<!-- -->' || p_line_end || p_line_end ELSE '' END, CASE WHEN p_joiner <> '' THEN p_joiner END);
END
$function$;
ALTER FUNCTION fn_iu_separator(text,text,text,text[],text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_separator(text,text,text,text[],text,text) IS 'The text between two pieces that keeps each the block it is: the first candidate that does (null = the joiner), else a blank line, behind a line that closes what is open, before an empty comment where a list or code would go on';

-- function fn_iu_separator_put(bigint,bigint,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_separator_put(p_collection_id bigint, p_unit_id bigint, p_separator text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_before text;
  v_joiner text;
  v_tail integer;
BEGIN
  SELECT p.separator, c.joiner INTO STRICT v_before, v_joiner
  FROM iu_collection_piece AS p JOIN iu_collection AS c ON c.id = p.collection_id WHERE p.collection_id = p_collection_id AND p.unit_id = p_unit_id;
  IF v_before IS NOT DISTINCT FROM p_separator THEN
    RETURN '[]';
  END IF;
  v_tail := fn_iu_collection_tail(p_collection_id);
  UPDATE iu_collection_piece SET separator = p_separator WHERE collection_id = p_collection_id AND unit_id = p_unit_id;
  UPDATE iu_collection
  SET byte_length = byte_length + octet_length(coalesce(p_separator, v_joiner)) - octet_length(coalesce(v_before, v_joiner)) + v_tail - fn_iu_collection_tail(p_collection_id)
  WHERE id = p_collection_id;
  RETURN jsonb_build_array(jsonb_build_object('unit', p_unit_id, 'before', v_before, 'after', p_separator));
END
$function$;
ALTER FUNCTION fn_iu_separator_put(bigint,bigint,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_separator_put(bigint,bigint,text) IS 'Gives a piece the separator behind it (null = the joiner), as a part of a change that raises the revision; returns the change, as a list of none or one';

-- function fn_iu_session_check(text,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_session_check(p_token text, p_scope text DEFAULT 'read'::text)
 RETURNS TABLE(actor text, actor_kind text, account_right text, display_name text, expires_at timestamp with time zone)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_iu_session_check(text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_session_check(text,text) IS 'Who holds the token, and marks it used; every request of the console begins with it. IU012 nobody, IU013 a token without the scope';
GRANT EXECUTE ON FUNCTION fn_iu_session_check(text,text) TO iu_console;

-- function fn_iu_sessions_end(bigint,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_sessions_end(p_account_id bigint, p_reason text)
 RETURNS integer
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH ended AS (
    UPDATE iu_session SET ended_at = clock_timestamp(), end_reason = p_reason WHERE account_id = p_account_id AND ended_at IS NULL RETURNING 1
  )
  SELECT count(*)::integer FROM ended
$function$;
ALTER FUNCTION fn_iu_sessions_end(bigint,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_sessions_end(bigint,text) IS 'Ends every session of an account; returns how many';

-- function fn_iu_sign_in(text,bytea,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_sign_in(p_account text, p_key bytea, p_client text)
 RETURNS TABLE(status text, token text, retry_after integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET lock_timeout TO '5s'
AS $function$
DECLARE
  v_account_digest constant bytea := sha256(convert_to(coalesce(p_account, ''), 'UTF8'));
  v_client_digest constant bytea := sha256(convert_to(coalesce(p_client, ''), 'UTF8'));
  v_account iu_account;
  v_failures integer;
  v_last timestamptz;
BEGIN
  -- One at a time for a name: guesses sent side by side are counted as those sent in a row.
  SELECT * INTO v_account FROM iu_account WHERE account = p_account FOR NO KEY UPDATE;
  DELETE FROM iu_sign_in_failure WHERE id IN (SELECT f.id FROM iu_sign_in_failure AS f WHERE f.failed_at < clock_timestamp() - interval '15 minutes' LIMIT 100 FOR UPDATE SKIP LOCKED);
  -- By the name and the client: what others do, to this name or from there to other names, refuses no right password.
  SELECT count(*), max(failed_at) INTO v_failures, v_last
  FROM iu_sign_in_failure WHERE account_digest = v_account_digest AND client_digest = v_client_digest AND failed_at > clock_timestamp() - interval '15 minutes';
  -- Four in peace, then 2, 4, 8 … seconds from the last, five minutes at most.
  IF v_failures >= 5 THEN
    retry_after := ceil(extract(epoch FROM v_last - clock_timestamp()) + least(300, 2 ^ least(v_failures - 4, 9)));
    IF retry_after > 0 THEN
      status := 'throttled'; RETURN NEXT; RETURN;
    END IF;
    retry_after := NULL;
  END IF;
  -- One answer for a wrong name, a wrong password and a disabled account.
  IF (v_account.password_verifier = sha256(p_key) AND v_account.status = 'active') IS NOT TRUE THEN
    INSERT INTO iu_sign_in_failure (account_digest, client_digest) VALUES (v_account_digest, v_client_digest);
    status := 'refused'; RETURN NEXT; RETURN;
  END IF;
  DELETE FROM iu_sign_in_failure WHERE account_digest = v_account_digest AND client_digest = v_client_digest;
  UPDATE iu_account SET last_sign_in_at = clock_timestamp() WHERE id = v_account.id;
  token := 'ius_' || fn_iu_token();
  INSERT INTO iu_session (account_id, token_digest, expires_at) VALUES (v_account.id, sha256(convert_to(token, 'UTF8')), clock_timestamp() + interval '7 days');
  status := 'signed_in';
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_iu_sign_in(text,bytea,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_sign_in(text,bytea,text) IS 'Signs in with the scrypt key of the password: signed_in with the session''s token (told once), refused, or throttled with the seconds to wait';
GRANT EXECUTE ON FUNCTION fn_iu_sign_in(text,bytea,text) TO iu_console;

-- function fn_iu_sign_in_salt(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_sign_in_salt(p_account text)
 RETURNS bytea
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT coalesce((SELECT password_salt FROM iu_account WHERE account = p_account),
                  substring(sha256(convert_to('iu_core.sign_in ' || fn_iu_system_identifier() || ' ' || coalesce(p_account, ''), 'UTF8')) FROM 1 FOR 16))
$function$;
ALTER FUNCTION fn_iu_sign_in_salt(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_sign_in_salt(text) IS 'The salt that an account''s password is hashed with; a made-up one, always the same, for an unknown name';
GRANT EXECUTE ON FUNCTION fn_iu_sign_in_salt(text) TO iu_console;

-- function fn_iu_sign_out(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_sign_out(p_token text)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  UPDATE iu_session SET ended_at = clock_timestamp(), end_reason = 'signed out' WHERE token_digest = sha256(convert_to(p_token, 'UTF8')) AND ended_at IS NULL
$function$;
ALTER FUNCTION fn_iu_sign_out(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_sign_out(text) IS 'Ends the session of this token; one that has ended stays as it is';
GRANT EXECUTE ON FUNCTION fn_iu_sign_out(text) TO iu_console;

-- function fn_iu_slug(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_slug(p_text text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ SELECT btrim(regexp_replace(lower(p_text COLLATE "C"), '[^a-z0-9_]+', '-', 'g'), '-') $function$;
ALTER FUNCTION fn_iu_slug(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_slug(text) IS 'A text as one part of an address: a-z 0-9 _ with - for all else; may be empty';

-- function fn_iu_snapshot_fenced(pg_snapshot,xid8,xid8)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_snapshot_fenced(p_snapshot pg_snapshot, p_own xid8, p_newest xid8)
 RETURNS pg_snapshot
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT format('%s:%s:%s', least(pg_snapshot_xmin(p_snapshot), p_own), greatest(pg_snapshot_xmax(p_snapshot)::text::numeric, p_newest::text::numeric + 1),
                string_agg(x::text, ',' ORDER BY x))::pg_snapshot
  FROM (SELECT x::text::numeric AS x FROM pg_snapshot_xip(p_snapshot) AS x
        UNION SELECT p_own::text::numeric
        UNION SELECT generate_series(pg_snapshot_xmax(p_snapshot)::text::numeric, p_newest::text::numeric)) AS running
$function$;
ALTER FUNCTION fn_iu_snapshot_fenced(pg_snapshot,xid8,xid8) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_snapshot_fenced(pg_snapshot,xid8,xid8) IS 'The snapshot with p_own, and every transaction from its upper end to p_newest, listed as in progress';

-- function fn_iu_snapshot_within(pg_snapshot,pg_snapshot)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_snapshot_within(p_inner pg_snapshot, p_outer pg_snapshot)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT NOT EXISTS (SELECT FROM pg_snapshot_xip(p_outer) AS x WHERE pg_visible_in_snapshot(x, p_inner))
     -- What the outer one does not know at all, the inner one must list as in progress, without a gap.
     AND (SELECT count(*) FROM pg_snapshot_xip(p_inner) AS x WHERE x >= pg_snapshot_xmax(p_outer))
         >= pg_snapshot_xmax(p_inner)::text::numeric - pg_snapshot_xmax(p_outer)::text::numeric
$function$;
ALTER FUNCTION fn_iu_snapshot_within(pg_snapshot,pg_snapshot) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_snapshot_within(pg_snapshot,pg_snapshot) IS 'Whether all that is visible in the first snapshot is visible in the second';

-- function fn_iu_source_address(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_source_address(p_source_path text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH segment AS (
    SELECT n, (SELECT string_agg(s, '.' ORDER BY k) FILTER (WHERE s <> '')
               FROM unnest(string_to_array(given, '.')) WITH ORDINALITY AS d(part, k), fn_iu_slug(part) AS s) AS slug
    FROM unnest(string_to_array(p_source_path, '/')) WITH ORDINALITY AS g(given, n)
  ), joined AS (
    SELECT rtrim(left(coalesce(string_agg(slug, '/' ORDER BY n) FILTER (WHERE slug <> ''), 'file'), 400), './') AS address FROM segment
  )
  -- Whatever the slug loses (case included) the hash keeps: two sources never meet on one address by slugging.
  SELECT CASE WHEN address = p_source_path THEN address
              ELSE address || '-' || left(encode(sha256(convert_to(p_source_path, 'UTF8')), 'hex'), 8) END
  FROM joined
$function$;
ALTER FUNCTION fn_iu_source_address(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_source_address(text) IS 'The canonical address of an imported file: its path as a slug, with 8 hex digits of the path''s SHA-256 where the slug lost something';

-- function fn_iu_sync_layers()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_sync_layers()
 RETURNS TABLE(layer_code text, state text, seen_at timestamp with time zone, saw text, digest text, behind integer, detail text)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH contract AS MATERIALIZED (
    SELECT c.contract_unit, c.contract_digest, c.applied_at FROM (VALUES (1)) AS one(n) LEFT JOIN fn_iu_contract() AS c ON true
  ), consoles AS (
    SELECT count(*)::integer AS n, (count(*) FILTER (WHERE p.contract_digest IS DISTINCT FROM c.contract_digest))::integer AS others, max(p.last_seen_at) AS seen_at,
           -- The one that differs, where there is one.
           (array_agg(p.contract_unit ORDER BY p.contract_digest IS DISTINCT FROM c.contract_digest DESC, p.last_seen_at DESC))[1] AS saw,
           (array_agg(p.contract_digest ORDER BY p.contract_digest IS DISTINCT FROM c.contract_digest DESC, p.last_seen_at DESC))[1] AS digest
    FROM iu_console_process AS p, contract AS c WHERE p.last_seen_at >= clock_timestamp() - interval '20 seconds'
  ), folders AS (
    SELECT count(*)::integer AS n, coalesce(sum(pending), 0)::integer AS pending, coalesce(sum(edited), 0)::integer AS edited, coalesce(sum(unrendered), 0)::integer AS unrendered,
           coalesce(sum(pending + edited + unrendered), 0)::integer AS lacking, (count(*) FILTER (WHERE is_running))::integer AS running FROM v_iu_exporter
  ), exported AS (
    SELECT e.exported_at, k.canonical_address, encode(e.render_digest, 'hex') AS digest FROM iu_export AS e JOIN iu_collection AS k ON k.id = e.collection_id
    WHERE e.exported_at IS NOT NULL ORDER BY e.exported_at DESC LIMIT 1
  ), compared AS MATERIALIZED (
    SELECT state, digest, expected, matching, drift, why, objects, accepted FROM v_dot_comparison
  )
  SELECT 'database', CASE WHEN c.contract_digest IS NULL THEN 'unknown' ELSE CASE d.state WHEN 'matches' THEN 'in_step' WHEN 'accepted' THEN 'in_step' WHEN 'drift' THEN 'behind' ELSE 'unknown' END END, c.applied_at, c.contract_unit, d.digest,
         CASE WHEN c.contract_digest IS NOT NULL AND d.state <> 'unknown' THEN d.drift END,
         CASE WHEN c.contract_digest IS NULL THEN 'no unit is on record'
              WHEN d.state = 'matches' THEN format('all of %s objects are as deployed: drift 0', d.expected)
              WHEN d.state = 'accepted' THEN format('drift 0; accepted %s, until %s at the latest; %s of %s objects are as deployed', jsonb_array_length(d.accepted), (SELECT to_char(max((a ->> 'expires_at')::timestamptz) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') FROM jsonb_array_elements(d.accepted) AS a), d.matching, d.expected)
              WHEN d.state = 'drift' THEN concat_ws('; ', format('drift %s, the first: %s', d.drift, (SELECT concat_ws(' ', o ->> 'class', o ->> 'identity', 'is', o ->> 'state') FROM jsonb_array_elements(d.objects) WITH ORDINALITY AS e(o, n) WHERE o ->> 'state' <> 'unknown' ORDER BY n LIMIT 1)), d.why)
              ELSE d.why END
  FROM contract AS c, compared AS d
  UNION ALL
  SELECT 'directus', d.state, NULL, NULL, d.digest, d.missing, d.detail FROM fn_iu_directus_state() AS d
  UNION ALL
  SELECT 'console', CASE WHEN s.n = 0 THEN 'not_connected' WHEN s.others > 0 THEN 'behind' ELSE 'in_step' END, s.seen_at, s.saw, s.digest, s.others,
         CASE WHEN s.n = 0 THEN 'no console has told in the last twenty seconds that it runs'
              WHEN s.others > 0 THEN format('%s of %s running consoles were built for another schema than %s', s.others, s.n, coalesce(c.contract_unit, 'none'))
              ELSE format('%s running, built for the schema that is deployed', s.n) END
  FROM consoles AS s, contract AS c
  UNION ALL
  SELECT 'knowledge_base', CASE WHEN f.n = 0 THEN 'not_connected' WHEN f.lacking > 0 THEN 'behind' ELSE 'in_step' END, x.exported_at, x.canonical_address, x.digest, f.lacking,
         CASE WHEN f.n = 0 THEN 'no folder is exported into'
              ELSE format('%s, %s; an exporter runs for %s', CASE f.n WHEN 1 THEN '1 folder' ELSE f.n || ' folders' END,
                          CASE WHEN f.lacking = 0 THEN 'every collection is in its files as it is now' ELSE concat_ws(', ',
                            CASE WHEN f.pending = 1 THEN '1 rendering is not in its files' WHEN f.pending > 1 THEN f.pending || ' renderings are not in their files' END,
                            CASE WHEN f.edited > 0 THEN f.edited || ' changed since it was rendered' END, CASE WHEN f.unrendered > 0 THEN f.unrendered || ' never rendered' END) END,
                          CASE f.running WHEN 0 THEN 'none' ELSE f.running::text END) END
  FROM folders AS f LEFT JOIN exported AS x ON true
  UNION ALL
  SELECT 'vector_index', 'not_connected', NULL, NULL, NULL, 0, 'no adapter is installed; the manifest files are what it will index'
$function$;
ALTER FUNCTION fn_iu_sync_layers() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_sync_layers() IS 'Each layer as the evidence has it now: in_step, behind, not_connected or unknown, what it last saw and when, a digest, and how much it lacks';
GRANT EXECUTE ON FUNCTION fn_iu_sync_layers() TO iu_reader;

-- function fn_iu_sync_layers_declare(jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_sync_layers_declare(p_layers jsonb)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  INSERT INTO iu_sync_layer (layer_code, layer_no, name, description, fed_by)
  SELECT key, (value ->> 'no')::smallint, value ->> 'name', value ->> 'description', value ->> 'fed_by' FROM jsonb_each(p_layers)
  ON CONFLICT (layer_code) DO UPDATE SET layer_no = excluded.layer_no, name = excluded.name, description = excluded.description, fed_by = excluded.fed_by
$function$;
ALTER FUNCTION fn_iu_sync_layers_declare(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_sync_layers_declare(jsonb) IS 'Declares the layers: {"code": {"no", "name", "description", "fed_by"}}';

-- function fn_iu_sync_layers_retract()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_sync_layers_retract()
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ DELETE FROM iu_sync_layer $function$;
ALTER FUNCTION fn_iu_sync_layers_retract() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_sync_layers_retract() IS 'Takes the layers away: the rollback of their declaration';

-- function fn_iu_system_identifier()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_system_identifier()
 RETURNS bigint
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ SELECT system_identifier FROM pg_control_system() $function$;
ALTER FUNCTION fn_iu_system_identifier() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_system_identifier() IS 'The cluster that this database runs in; transaction ids of another mean nothing here';
GRANT EXECUTE ON FUNCTION fn_iu_system_identifier() TO iu_reader;

-- function fn_iu_target_told(text,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_target_told(p_target_kind text, p_target_ref text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT CASE WHEN p_target_kind IS DISTINCT FROM 'webhook' AND p_target_ref !~ '://' THEN p_target_ref
              ELSE concat(substring(p_target_ref FROM '^(https?://)'), substring(p_target_ref FROM '^https?://(?:[^/?#]*@)?([^/?#@]*)'), '/… (sha256 ', left(encode(sha256(convert_to(p_target_ref, 'UTF8')), 'hex'), 12), ')') END
$function$;
ALTER FUNCTION fn_iu_target_told(text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_target_told(text,text) IS 'A target as an attempt and a page tell it: of a URL its host, and the beginning of its SHA-256';
GRANT EXECUTE ON FUNCTION fn_iu_target_told(text,text) TO iu_reader;

-- function fn_iu_title(text,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_title(p_kind text, p_body text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
DECLARE
  -- A title is short, so a long text costs no more than a short one.
  v_body constant text := regexp_replace(left(p_body, 4096), '^(\ufeff)?[ \t\r\n]*', '');
  v_text text;
  v_tokens text[];
  v_token text;
  v_open jsonb := '{}';
  v_opener integer;
  v_before text;
  v_after text;
  v_in_word boolean;
BEGIN
  IF p_kind IN ('thematic_break', 'front_matter') THEN
    RETURN '';
  END IF;
  v_text := left(substring(v_body FROM '^[^\r\n]*'), 2048);
  IF p_kind = 'heading' AND v_text ~ '^ {0,3}#{1,6}([ \t]|$)' THEN
    v_text := regexp_replace(regexp_replace(v_text, '^ {0,3}#{1,6}', ''), '([ \t])#+[ \t]*$', '\1');
  ELSIF p_kind = 'heading' THEN
    v_text := left(regexp_replace(v_body, '(^|\r\n|\r|\n)[^\r\n]*$', ''), 2048);
  ELSIF p_kind = 'code' THEN
    RETURN fn_iu_title_line(regexp_replace(v_text, '^\s*(`{3,}|~{3,})', ''));
  ELSE
    v_text := regexp_replace(v_text, '^(\s*(>|[-+*](?=\s|$)|\d{1,9}[.)](?=\s|$)))+', '');
    IF p_kind = 'table' THEN v_text := replace(v_text, '|', ' '); END IF;
  END IF;

  v_text := regexp_replace(v_text, '!\[([^][]*)\](?:\([^()]*\)|\[[^][]*\])', '\1', 'g');
  v_text := regexp_replace(v_text, '\[([^][]*)\](?:\([^()]*\)|\[[^][]*\])', '\1', 'g');
  v_text := regexp_replace(v_text, '<([a-z][a-z0-9+.-]*:[^\s<>]*)>', '\1', 'gi');
  v_text := regexp_replace(v_text, '</?[a-z!?][^<>]*>', '', 'gi');
  -- Pairs of *, _ and ~~ that enclose words go, and the ticks around code, whose inside stays as it is.
  v_tokens := ARRAY(SELECT m[1] FROM regexp_matches(v_text, '(\\.|`+[^`]+`+|\*+|_+|~~|[^\\`*_~]+|.)', 'g') AS m);
  FOR i IN 1 .. cardinality(v_tokens) LOOP
    v_token := v_tokens[i];
    IF starts_with(v_token, '`') AND length(v_token) > 1 THEN
      v_tokens[i] := regexp_replace(regexp_replace(v_token, '^`+ ?| ?`+$', '', 'g'), '([!-/:-@[-`{-~])', '\\\1', 'g');
    END IF;
    CONTINUE WHEN v_token !~ '^(\*+|_+|~~)$';
    v_before := coalesce(right(v_tokens[i - 1], 1), ' ');
    v_after := coalesce(left(v_tokens[i + 1], 1), ' ');
    v_before := CASE v_before WHEN '' THEN ' ' ELSE v_before END;
    -- An underscore inside a word is a letter of it: snake_case.
    v_in_word := starts_with(v_token, '_') AND v_before ~ '[A-Za-z0-9]|[^\x01-\x7f]' AND v_after ~ '[A-Za-z0-9]|[^\x01-\x7f]';
    v_opener := (v_open ->> v_token)::integer;
    IF v_opener IS NOT NULL AND v_before ~ '\S' AND NOT v_in_word THEN
      v_tokens[v_opener] := ''; v_tokens[i] := '';
      v_open := v_open - v_token;
    ELSIF v_after ~ '\S' AND NOT v_in_word THEN
      v_open := v_open || jsonb_build_object(v_token, i);
    END IF;
  END LOOP;
  RETURN fn_iu_title_line(regexp_replace(array_to_string(v_tokens, ''), '\\([!-/:-@[-`{-~])', '\1', 'g'));
END
$function$;
ALTER FUNCTION fn_iu_title(text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_title(text,text) IS 'A piece''s title made of its text, to recognise it by: a heading''s text, the info string or first line of code, otherwise the first line''s words; without markup, on one line, at most 120 characters, and possibly empty';

-- function fn_iu_title_line(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_title_line(p_text text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
  -- Bidirectional overrides go too: they would reorder what stands beside a title.
  SELECT rtrim(left(btrim(regexp_replace(regexp_replace(p_text, '[\x01-\x08\x0e-\x1f\x7f-\u009f\u202a-\u202e\u2066-\u2069]', '', 'g'),
                                         '[\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+', ' ', 'g'), ' '), 120), ' ')
$function$;
ALTER FUNCTION fn_iu_title_line(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_title_line(text) IS 'A text as one line of visible characters, at most 120 of them';

-- function fn_iu_token()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_token()
 RETURNS text
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ SELECT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '') $function$;
ALTER FUNCTION fn_iu_token() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_token() IS 'A new secret: 64 hex digits of which 244 bits are from the system''s strong random source';

-- function fn_iu_tree_place(bigint[],smallint[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_tree_place(p_unit_ids bigint[], p_section_levels smallint[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_open bigint[] := array_fill(NULL::bigint, ARRAY[6]);   -- the heading that is open on each level
  v_parents bigint[] := array_fill(NULL::bigint, ARRAY[greatest(cardinality(p_unit_ids), 1)]);
  v_level integer;
BEGIN
  FOR i IN 1 .. cardinality(p_unit_ids) LOOP
    v_level := p_section_levels[i];
    FOR above IN REVERSE (CASE v_level WHEN 0 THEN 6 ELSE v_level - 1 END) .. 1 LOOP
      v_parents[i] := v_open[above];
      EXIT WHEN v_parents[i] IS NOT NULL;
    END LOOP;
    IF v_level > 0 THEN
      v_open[v_level] := p_unit_ids[i];
      FOR below IN v_level + 1 .. 6 LOOP v_open[below] := NULL; END LOOP;
    END IF;
  END LOOP;
  -- What stands right is not even locked.
  INSERT INTO iu_tree_path (unit_id, parent_unit_id, section_level)
  SELECT unit_id, parent_id, level FROM unnest(p_unit_ids, v_parents, p_section_levels) AS g(unit_id, parent_id, level)
  WHERE unit_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM iu_tree_path AS t WHERE t.unit_id = g.unit_id AND (t.parent_unit_id, t.section_level) IS NOT DISTINCT FROM (g.parent_id, g.level))
  ON CONFLICT (unit_id) DO UPDATE SET parent_unit_id = excluded.parent_unit_id, section_level = excluded.section_level;
END
$function$;
ALTER FUNCTION fn_iu_tree_place(bigint[],smallint[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_tree_place(bigint[],smallint[]) IS 'Places units, given in document order with their heading level (0 = no heading), under the heading whose section they stand in; writes only what differs';

-- function fn_iu_vocabulary_forget(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_vocabulary_forget(p_term_class text)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ DELETE FROM iu_vocabulary WHERE term_class = p_term_class $function$;
ALTER FUNCTION fn_iu_vocabulary_forget(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_vocabulary_forget(text) IS 'Removes a class of terms: the rollback of its registration';

-- function fn_iu_vocabulary_register(text,jsonb)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_vocabulary_register(p_term_class text, p_terms jsonb)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  INSERT INTO iu_vocabulary (term_class, term, description)
  SELECT p_term_class, key, value FROM jsonb_each_text(p_terms)
  ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description
$function$;
ALTER FUNCTION fn_iu_vocabulary_register(text,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_vocabulary_register(text,jsonb) IS 'Registers or re-describes the terms of a class: {"term": "description"}';

-- function fn_iu_who(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_who(p_token text)
 RETURNS TABLE(actor text, actor_kind text, account_id bigint, account_right text, display_name text, scopes text[], expires_at timestamp with time zone)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_iu_who(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_who(text) IS 'Who is acting: the live account behind a session or API token, or without one the login itself (actor db:NAME) by its memberships. IU012 nobody';

-- function fn_iu_worker_beat(uuid,text,text,text,integer,text,bigint,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_worker_beat(p_process_id uuid, p_kind text, p_worker_code text, p_host text, p_pid integer, p_status text, p_events_seen bigint, p_fault text DEFAULT NULL::text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  UPDATE iu_worker_process SET status = p_status, events_seen = p_events_seen, fault = left(p_fault, 500), last_seen_at = clock_timestamp()
  -- A row that is older than the spelling of logins as db:NAME has the bare name.
  WHERE process_id = p_process_id AND run_by IN ('db:' || session_user, session_user);
  IF NOT FOUND THEN
    -- Who comes tidies up after those that did not end in order: a day is long enough to see that they died.
    DELETE FROM iu_worker_process WHERE last_seen_at < clock_timestamp() - interval '1 day';
    INSERT INTO iu_worker_process (process_id, kind, worker_code, host, pid, status, events_seen, fault)
    VALUES (p_process_id, p_kind, p_worker_code, left(p_host, 255), p_pid, p_status, p_events_seen, left(p_fault, 500));
  END IF;
END
$function$;
ALTER FUNCTION fn_iu_worker_beat(uuid,text,text,text,integer,text,bigint,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_worker_beat(uuid,text,text,text,integer,text,bigint,text) IS 'Says that a process that runs passes is alive, how its last pass ended and what keeps the next one from being made; whoever is new removes rows that have been silent for a day';
GRANT EXECUTE ON FUNCTION fn_iu_worker_beat(uuid,text,text,text,integer,text,bigint,text) TO iu_worker;

-- function fn_iu_worker_leave(uuid)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_worker_leave(p_process_id uuid)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ DELETE FROM iu_worker_process WHERE process_id = p_process_id AND run_by IN ('db:' || session_user, session_user) $function$;
ALTER FUNCTION fn_iu_worker_leave(uuid) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_worker_leave(uuid) IS 'Takes away the row of a process that ends in order';
GRANT EXECUTE ON FUNCTION fn_iu_worker_leave(uuid) TO iu_worker;

-- function fn_iu_worker_plan()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_worker_plan()
 RETURNS TABLE(worker_codes text[], schedule_enabled boolean, poll_ms integer, batch_size integer)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT ARRAY(SELECT c.worker_code::text FROM iu_route_worker_cursor AS c ORDER BY c.bucket_from), coalesce(s.enabled, false), s.poll_ms, s.batch_size
  FROM (VALUES (1)) AS one(n) LEFT JOIN iu_worker_schedule AS s ON true
$function$;
ALTER FUNCTION fn_iu_worker_plan() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_worker_plan() IS 'What a process that runs passes has to know: every worker that has a cursor, and the consoles'' schedule';
GRANT EXECUTE ON FUNCTION fn_iu_worker_plan() TO iu_worker;

-- function fn_iu_works()
CREATE OR REPLACE FUNCTION iu_core.fn_iu_works()
 RETURNS TABLE(check_code text, name text, ok boolean, detail text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  v_tables constant text[] := '{event_outbox,iu_event_type,iu_held_decision,iu_outbound_route,iu_route_attempt,iu_route_attempt_rollup,iu_route_dead_letter,iu_route_worker_cursor,iu_route_worker_run,dot_config}';
  v_functions constant text[] := '{fn_iu_emit_event,fn_iu_route_page,fn_iu_route_worker_run,fn_iu_route_attempt_one,fn_iu_route_dead_letter_replay,fn_iu_route_deliver,fn_iu_route_worker_health}';
  v_views constant text[] := '{v_iu_route_decision,v_iu_event_claim,v_iu_event_backlog,v_iu_accounting,v_iu_route_attempt,v_iu_route_attempt_summary,v_iu_route_dead_letter_open,v_iu_route_worker_health,v_iu_gate}';
  v_wrong text;
  v_account jsonb;
BEGIN
  FOR check_code, name IN VALUES
    ('W1', 'substrate'), ('W2', 'functions present'), ('W3', 'views present'), ('W4', 'gates readable'), ('W5', 'cursor present'),
    ('W6', 'seam fails closed'), ('W7', 'both gates checked'), ('W8', 'health'), ('W9', 'backlog explained')
  LOOP
    v_wrong := NULL;
    BEGIN
      CASE check_code
        WHEN 'W1', 'W3' THEN
          SELECT 'missing: ' || string_agg(n, ', ') INTO v_wrong
          FROM unnest(CASE check_code WHEN 'W1' THEN v_tables ELSE v_views END) AS n
          WHERE NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relname = n AND relkind = CASE check_code WHEN 'W1' THEN 'r' ELSE 'v' END);
          detail := CASE check_code WHEN 'W1' THEN format('%s tables', cardinality(v_tables)) ELSE format('%s views', cardinality(v_views)) END;
        WHEN 'W2' THEN
          SELECT 'missing, or open to PUBLIC: ' || string_agg(n, ', ') INTO v_wrong
          FROM unnest(v_functions) AS n
          WHERE NOT EXISTS (SELECT FROM pg_proc AS p WHERE p.pronamespace = 'iu_core'::regnamespace AND p.proname = n AND NOT has_function_privilege('public', p.oid, 'EXECUTE'));
          detail := format('%s functions', cardinality(v_functions));
        WHEN 'W4' THEN
          SELECT string_agg(format('%s is %s', gate, state), ', ') FILTER (WHERE state IN ('missing', 'malformed')),
                 format('%s open, %s closed', count(*) FILTER (WHERE is_open), count(*) FILTER (WHERE NOT is_open)) INTO v_wrong, detail FROM v_iu_gate;
        WHEN 'W5' THEN
          SELECT 'not exactly one cursor: bucket ' || string_agg(b::text, ', ' ORDER BY b) INTO v_wrong
          FROM generate_series(0, 15) AS b WHERE (SELECT count(*) FROM iu_route_worker_cursor AS c WHERE b BETWEEN c.bucket_from AND c.bucket_to) <> 1;
          SELECT format('16 buckets, %s', string_agg(format('%s to %s by %s', bucket_from, bucket_to, worker_code), ', ' ORDER BY bucket_from)) INTO detail FROM iu_route_worker_cursor;
        WHEN 'W6' THEN
          v_wrong := 'fn_iu_route_deliver returned, and live delivery is not built';
          detail := 'a delivery raises, and a live route needs an approval';
          BEGIN
            PERFORM fn_iu_route_deliver(0, 0);
          EXCEPTION WHEN feature_not_supported THEN
            SELECT 'iu_outbound_route_safe_chk is missing' INTO v_wrong
            WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'iu_outbound_route_safe_chk' AND conrelid = 'iu_core.iu_outbound_route'::regclass AND convalidated);
          END;
        WHEN 'W7' THEN
          -- By its text; scenario H closes the gates and sees what happens.
          SELECT string_agg(format('%s does not ask for %s', f, g), '; ') INTO v_wrong
          FROM unnest('{fn_iu_route_worker_run,fn_iu_route_dead_letter_replay}'::text[]) AS f, unnest('{iu_core.route_worker_enabled,iu_core.routes_master_enabled}'::text[]) AS g
          WHERE NOT EXISTS (SELECT FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace AND proname = f AND strpos(prosrc, g) > 0);
          detail := 'by the worker and by a replay';
        WHEN 'W8' THEN
          SELECT string_agg(format('%s is %s without a reason', worker_code, CASE WHEN healthy THEN 'healthy' ELSE 'unhealthy' END), '; ') FILTER (WHERE healthy <> (reasons = '{}')),
                 string_agg(format('%s: %s', worker_code, CASE WHEN healthy THEN 'healthy' ELSE array_to_string(reasons, '; ') END
                                     || coalesce((SELECT format('; inert: %s is %s by %s: %s', g.gate, g.state, g.changed_by, g.reason) FROM v_iu_gate AS g WHERE g.gate = blocked_by AND g.state NOT IN ('missing', 'malformed')), '')), ' · ' ORDER BY worker_code), (array_agg(accounting))[1]
          INTO v_wrong, detail, v_account
          FROM v_iu_route_worker_health;
          v_wrong := CASE WHEN detail IS NULL THEN 'no worker' ELSE v_wrong END;
        WHEN 'W9' THEN
          -- Health carries it; without a worker, or where health itself breaks, it is asked for.
          v_account := coalesce(v_account, (SELECT to_jsonb(a) FROM v_iu_accounting AS a));
          v_wrong := CASE WHEN v_account ->> 'unexplained' <> '0' THEN format('%s of %s events are unexplained', v_account ->> 'unexplained', v_account ->> 'events') END;
          detail := format('%s events, %s not yet routed, %s held, 0 unexplained', v_account ->> 'events', v_account ->> 'not_yet_routed', v_account ->> 'held');
      END CASE;
    EXCEPTION WHEN OTHERS THEN
      v_wrong := SQLERRM;
    END;
    ok := v_wrong IS NULL;
    detail := coalesce(v_wrong, detail);
    RETURN NEXT;
  END LOOP;
END
$function$;
ALTER FUNCTION fn_iu_works() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_works() IS 'The checks W1 to W9 of what is installed, by reading alone: substrate, functions, views, gates, cursors, the seam, both gates, health, backlog';
GRANT EXECUTE ON FUNCTION fn_iu_works() TO iu_reader;

-- trigger trg_dot_deviation_decision_append_only on dot_deviation_decision
CREATE TRIGGER trg_dot_deviation_decision_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON iu_core.dot_deviation_decision FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_append_only();
COMMENT ON TRIGGER trg_dot_deviation_decision_append_only ON dot_deviation_decision IS 'What was accepted is history.';

-- trigger trg_dot_iu_command_run_append_only on dot_iu_command_run
CREATE TRIGGER trg_dot_iu_command_run_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON iu_core.dot_iu_command_run FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_append_only();
COMMENT ON TRIGGER trg_dot_iu_command_run_append_only ON dot_iu_command_run IS 'The ledger is history.';

-- trigger trg_dot_iu_command_seal_append_only on dot_iu_command_seal
CREATE TRIGGER trg_dot_iu_command_seal_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON iu_core.dot_iu_command_seal FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_append_only();
COMMENT ON TRIGGER trg_dot_iu_command_seal_append_only ON dot_iu_command_seal IS 'The chain is history.';

-- trigger trg_dot_iu_history_block_append_only on dot_iu_history_block
CREATE TRIGGER trg_dot_iu_history_block_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON iu_core.dot_iu_history_block FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_append_only();
COMMENT ON TRIGGER trg_dot_iu_history_block_append_only ON dot_iu_history_block IS 'The chain is history.';

-- trigger trg_event_outbox_append_only on event_outbox
CREATE TRIGGER trg_event_outbox_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON iu_core.event_outbox FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_append_only_but_archived();
COMMENT ON TRIGGER trg_event_outbox_append_only ON event_outbox IS 'The outbox is append-only; a row''s lane never changes, and it leaves by an archive only';

-- trigger trg_information_unit_unsealed on information_unit
CREATE TRIGGER trg_information_unit_unsealed AFTER INSERT ON iu_core.information_unit REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION fn_dot_history_queue();
COMMENT ON TRIGGER trg_information_unit_unsealed ON information_unit IS 'New rows are sealed within seconds.';

-- trigger trg_iu_archive_append_only on iu_archive
CREATE TRIGGER trg_iu_archive_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON iu_core.iu_archive FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_archive_append_only ON iu_archive IS 'What was archived stays on record';

-- trigger trg_iu_archive_move_append_only on iu_archive_move
CREATE TRIGGER trg_iu_archive_move_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON iu_core.iu_archive_move FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_archive_move_append_only ON iu_archive_move IS 'What was archived stays on record';

-- trigger trg_iu_archive_move_unsealed on iu_archive_move
CREATE TRIGGER trg_iu_archive_move_unsealed AFTER INSERT ON iu_core.iu_archive_move REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION fn_dot_history_queue();
COMMENT ON TRIGGER trg_iu_archive_move_unsealed ON iu_archive_move IS 'New rows are sealed within seconds.';

-- trigger trg_iu_archive_unsealed on iu_archive
CREATE TRIGGER trg_iu_archive_unsealed AFTER INSERT ON iu_core.iu_archive REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION fn_dot_history_queue();
COMMENT ON TRIGGER trg_iu_archive_unsealed ON iu_archive IS 'New rows are sealed within seconds.';

-- trigger trg_iu_backup_evidence_append_only on iu_backup_evidence
CREATE TRIGGER trg_iu_backup_evidence_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON iu_core.iu_backup_evidence FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_backup_evidence_append_only ON iu_backup_evidence IS 'Evidence stays as it was found';

-- trigger trg_iu_backup_evidence_unsealed on iu_backup_evidence
CREATE TRIGGER trg_iu_backup_evidence_unsealed AFTER INSERT ON iu_core.iu_backup_evidence REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION fn_dot_history_queue();
COMMENT ON TRIGGER trg_iu_backup_evidence_unsealed ON iu_backup_evidence IS 'New rows are sealed within seconds.';

-- trigger trg_iu_collection_checkpoint_append_only on iu_collection_checkpoint
CREATE TRIGGER trg_iu_collection_checkpoint_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON iu_core.iu_collection_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_collection_checkpoint_append_only ON iu_collection_checkpoint IS 'A checkpoint is frozen.';

-- trigger trg_iu_collection_checkpoint_piece_append_only on iu_collection_checkpoint_piece
CREATE TRIGGER trg_iu_collection_checkpoint_piece_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON iu_core.iu_collection_checkpoint_piece FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_collection_checkpoint_piece_append_only ON iu_collection_checkpoint_piece IS 'A checkpoint is frozen.';

-- trigger trg_iu_collection_checkpoint_piece_unsealed on iu_collection_checkpoint_piece
CREATE TRIGGER trg_iu_collection_checkpoint_piece_unsealed AFTER INSERT ON iu_core.iu_collection_checkpoint_piece REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION fn_dot_history_queue();
COMMENT ON TRIGGER trg_iu_collection_checkpoint_piece_unsealed ON iu_collection_checkpoint_piece IS 'New rows are sealed within seconds.';

-- trigger trg_iu_collection_checkpoint_unsealed on iu_collection_checkpoint
CREATE TRIGGER trg_iu_collection_checkpoint_unsealed AFTER INSERT ON iu_core.iu_collection_checkpoint REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION fn_dot_history_queue();
COMMENT ON TRIGGER trg_iu_collection_checkpoint_unsealed ON iu_collection_checkpoint IS 'New rows are sealed within seconds.';

-- trigger trg_iu_held_decision_append_only on iu_held_decision
CREATE TRIGGER trg_iu_held_decision_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON iu_core.iu_held_decision FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_held_decision_append_only ON iu_held_decision IS 'A decision is made once.';

-- trigger trg_iu_held_decision_count on iu_held_decision
CREATE TRIGGER trg_iu_held_decision_count AFTER INSERT ON iu_core.iu_held_decision REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_held_decision_count();
COMMENT ON TRIGGER trg_iu_held_decision_count ON iu_held_decision IS 'A decision is made by hand, and seldom: it can be counted as it is made';

-- trigger trg_iu_held_decision_unsealed on iu_held_decision
CREATE TRIGGER trg_iu_held_decision_unsealed AFTER INSERT ON iu_core.iu_held_decision REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION fn_dot_history_queue();
COMMENT ON TRIGGER trg_iu_held_decision_unsealed ON iu_held_decision IS 'New rows are sealed within seconds.';

-- trigger trg_iu_import_base_append_only on iu_import_base
CREATE TRIGGER trg_iu_import_base_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON iu_core.iu_import_base FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_import_base_append_only ON iu_import_base IS 'A checkpoint is frozen.';

-- trigger trg_iu_out_lifecycle on information_unit
CREATE TRIGGER trg_iu_out_lifecycle AFTER UPDATE ON iu_core.information_unit REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_out_lifecycle();
COMMENT ON TRIGGER trg_iu_out_lifecycle ON information_unit IS 'Emits iu.retired and iu.soft_deleted';

-- trigger trg_iu_out_unit on information_unit
CREATE TRIGGER trg_iu_out_unit AFTER INSERT ON iu_core.information_unit REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_out_unit();
COMMENT ON TRIGGER trg_iu_out_unit ON information_unit IS 'Emits iu.created';

-- trigger trg_iu_out_version on unit_version
CREATE TRIGGER trg_iu_out_version AFTER INSERT ON iu_core.unit_version REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_out_version();
COMMENT ON TRIGGER trg_iu_out_version ON unit_version IS 'Emits iu.version_applied for a version after the first';

-- trigger trg_iu_route_attempt_append_only on iu_route_attempt
CREATE TRIGGER trg_iu_route_attempt_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON iu_core.iu_route_attempt FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_append_only_but_archived();
COMMENT ON TRIGGER trg_iu_route_attempt_append_only ON iu_route_attempt IS 'An attempt is history; it leaves by an archive only';

-- trigger trg_unit_version_append_only on unit_version
CREATE TRIGGER trg_unit_version_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON iu_core.unit_version FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_append_only();
COMMENT ON TRIGGER trg_unit_version_append_only ON unit_version IS 'A version is immutable';

-- trigger trg_unit_version_unsealed on unit_version
CREATE TRIGGER trg_unit_version_unsealed AFTER INSERT ON iu_core.unit_version REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION fn_dot_history_queue();
COMMENT ON TRIGGER trg_unit_version_unsealed ON unit_version IS 'New rows are sealed within seconds.';

-- config iu_core.autocut_enabled
--   INSERT INTO dot_config (key, value_type, description, value, reason)
--   VALUES (
--     'iu_core.autocut_enabled',
--     'gate',
--     'text may be cut into units automatically',
--     'false',
--     'made anew, closed')
--   ON CONFLICT (key) DO UPDATE SET value_type = excluded.value_type, description = excluded.description;

-- config iu_core.composer_enabled
--   INSERT INTO dot_config (key, value_type, description, value, reason)
--   VALUES (
--     'iu_core.composer_enabled',
--     'gate',
--     'units and collections may be created and changed',
--     'false',
--     'made anew, closed')
--   ON CONFLICT (key) DO UPDATE SET value_type = excluded.value_type, description = excluded.description;

-- config iu_core.execution_enabled
--   INSERT INTO dot_config (key, value_type, description, value, reason)
--   VALUES (
--     'iu_core.execution_enabled',
--     'gate',
--     'routes may deliver to the outside',
--     'false',
--     'made anew, closed')
--   ON CONFLICT (key) DO UPDATE SET value_type = excluded.value_type, description = excluded.description;

-- config iu_core.operator_runtime_enabled
--   INSERT INTO dot_config (key, value_type, description, value, reason)
--   VALUES (
--     'iu_core.operator_runtime_enabled',
--     'gate',
--     'operator commands may be applied',
--     'false',
--     'made anew, closed')
--   ON CONFLICT (key) DO UPDATE SET value_type = excluded.value_type, description = excluded.description;

-- config iu_core.route_worker_enabled
--   INSERT INTO dot_config (key, value_type, description, value, reason)
--   VALUES (
--     'iu_core.route_worker_enabled',
--     'gate',
--     'L0: the route worker makes passes',
--     'false',
--     'made anew, closed')
--   ON CONFLICT (key) DO UPDATE SET value_type = excluded.value_type, description = excluded.description;

-- config iu_core.routes_master_enabled
--   INSERT INTO dot_config (key, value_type, description, value, reason)
--   VALUES (
--     'iu_core.routes_master_enabled',
--     'gate',
--     'L1: events are written on their own lane and may be routed; closed, they are held',
--     'false',
--     'made anew, closed')
--   ON CONFLICT (key) DO UPDATE SET value_type = excluded.value_type, description = excluded.description;

-- config iu_core.structure_ops_enabled
--   INSERT INTO dot_config (key, value_type, description, value, reason)
--   VALUES (
--     'iu_core.structure_ops_enabled',
--     'gate',
--     'units may be split, merged and moved',
--     'false',
--     'made anew, closed')
--   ON CONFLICT (key) DO UPDATE SET value_type = excluded.value_type, description = excluded.description;

-- vocabulary account_right admin
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'account_right',
--     'admin',
--     'keeps the accounts')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary account_right approver
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'account_right',
--     'approver',
--     'opens, registers and discards')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary account_right operator
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'account_right',
--     'operator',
--     'runs commands and closes gates')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary account_right reviewer
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'account_right',
--     'reviewer',
--     'reads')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary account_status active
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'account_status',
--     'active',
--     'may sign in')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary account_status disabled
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'account_status',
--     'disabled',
--     'may not, its tokens neither')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary actor_kind login
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'actor_kind',
--     'login',
--     'a login of the database')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary actor_kind owner
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'actor_kind',
--     'owner',
--     'the deployer')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary actor_kind session
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'actor_kind',
--     'session',
--     'a person in the console')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary actor_kind token
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'actor_kind',
--     'token',
--     'a program with an API token')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary archive_move removed
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'archive_move',
--     'removed',
--     'left the outbox for its file')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary archive_move restored
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'archive_move',
--     'restored',
--     'came back from its file')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary attempt_status dry_run
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'attempt_status',
--     'dry_run',
--     'decided and logged, nothing delivered')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary attempt_status failed
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'attempt_status',
--     'failed',
--     'dead-lettered')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary attempt_status sent
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'attempt_status',
--     'sent',
--     'delivered')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary attempt_status skipped
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'attempt_status',
--     'skipped',
--     'no route wants it, or its route is disabled')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary backup_kind copy
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'backup_kind',
--     'copy',
--     'our own, where there is no pg_dump')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary backup_kind pg_dump
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'backup_kind',
--     'pg_dump',
--     'as pg_dump writes it')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary collection_kind design_doc
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'collection_kind',
--     'design_doc',
--     'a design document')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary collection_kind file
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'collection_kind',
--     'file',
--     'a file, cut into pieces')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary collection_kind section
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'collection_kind',
--     'section',
--     'a part of a document')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary collection_kind workflow
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'collection_kind',
--     'workflow',
--     'steps in order')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary collection_status active
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'collection_status',
--     'active',
--     'can be changed')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary collection_status deleted
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'collection_status',
--     'deleted',
--     'gone from view')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary dead_letter_status corrected
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'dead_letter_status',
--     'corrected',
--     'a new event with another payload stands for it')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary dead_letter_status discarded
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'dead_letter_status',
--     'discarded',
--     'given up, with a reason')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary dead_letter_status open
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'dead_letter_status',
--     'open',
--     'waits for an operator')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary dead_letter_status replayed
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'dead_letter_status',
--     'replayed',
--     'a later attempt succeeded')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary dead_letter_status rerouted
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'dead_letter_status',
--     'rerouted',
--     'routes that had not been there have attempts of their own')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary delivery_lane delayed
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'delivery_lane',
--     'delayed',
--     'never deduplicated')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary delivery_lane held
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'delivery_lane',
--     'held',
--     'written while the master gate was closed')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary delivery_lane immediate
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'delivery_lane',
--     'immediate',
--     'deduplicated by the caller''s key')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary event_domain application
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'event_domain',
--     'application',
--     'events of applications in the same database')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary event_domain composer
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'event_domain',
--     'composer',
--     'collections and their pieces')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary event_domain unit
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'event_domain',
--     'unit',
--     'information units')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary failure_code cannot_be_judged
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'failure_code',
--     'cannot_be_judged',
--     'judging the event raised, or took too long')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary failure_code no_route
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'failure_code',
--     'no_route',
--     'no route wants the event')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary failure_code payload_schema
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'failure_code',
--     'payload_schema',
--     'the payload breaks the schema of its event type')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary failure_code route_disabled
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'failure_code',
--     'route_disabled',
--     'the route is disabled')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary failure_code unknown_event_type
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'failure_code',
--     'unknown_event_type',
--     'the type is not registered')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary failure_code worker_process_error
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'failure_code',
--     'worker_process_error',
--     'the delivery raised')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary gate iu_core.autocut_enabled
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'gate',
--     'iu_core.autocut_enabled',
--     'text may be cut into units automatically')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary gate iu_core.composer_enabled
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'gate',
--     'iu_core.composer_enabled',
--     'units and collections may be created and changed')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary gate iu_core.execution_enabled
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'gate',
--     'iu_core.execution_enabled',
--     'routes may deliver to the outside')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary gate iu_core.operator_runtime_enabled
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'gate',
--     'iu_core.operator_runtime_enabled',
--     'operator commands may be applied')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary gate iu_core.route_worker_enabled
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'gate',
--     'iu_core.route_worker_enabled',
--     'L0: the route worker makes passes')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary gate iu_core.routes_master_enabled
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'gate',
--     'iu_core.routes_master_enabled',
--     'L1: events are written on their own lane and may be routed; closed, they are held')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary gate iu_core.structure_ops_enabled
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'gate',
--     'iu_core.structure_ops_enabled',
--     'units may be split, merged and moved')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary held_decision discarded
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'held_decision',
--     'discarded',
--     'given up while it was held, with a reason')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary lifecycle_status deleted
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'lifecycle_status',
--     'deleted',
--     'gone from view, restorable')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary lifecycle_status draft
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'lifecycle_status',
--     'draft',
--     'may still change its meaning')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary lifecycle_status enacted
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'lifecycle_status',
--     'enacted',
--     'in force')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary lifecycle_status retired
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'lifecycle_status',
--     'retired',
--     'no new use anywhere, history stays')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary pass_status busy
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'pass_status',
--     'busy',
--     'another has the cursor')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary pass_status idle
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'pass_status',
--     'idle',
--     'found none')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary pass_status master_gate_closed
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'pass_status',
--     'master_gate_closed',
--     'may not route')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary pass_status routed
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'pass_status',
--     'routed',
--     'decided events')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary pass_status worker_gate_closed
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'pass_status',
--     'worker_gate_closed',
--     'may not make passes')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary relation_kind cloned_from
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'relation_kind',
--     'cloned_from',
--     'began as a copy')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary relation_kind merged_from
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'relation_kind',
--     'merged_from',
--     'came out of a merge')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary relation_kind references
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'relation_kind',
--     'references',
--     'names another')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary relation_kind split_from
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'relation_kind',
--     'split_from',
--     'came out of a split')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary relation_kind supersedes
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'relation_kind',
--     'supersedes',
--     'stands in the place of another')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary replay_kind dead_letters
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'replay_kind',
--     'dead_letters',
--     'what failed')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary replay_kind skipped
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'replay_kind',
--     'skipped',
--     'what a disabled route skipped')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary replay_status done
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'replay_status',
--     'done',
--     'everything frozen was attempted')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary replay_status running
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'replay_status',
--     'running',
--     'goes on by itself')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary replay_status stopped
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'replay_status',
--     'stopped',
--     'waits to be resumed')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary run_mode apply
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'run_mode',
--     'apply',
--     'carried out')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary run_mode plan
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'run_mode',
--     'plan',
--     'carried out and taken back')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary run_mode rollback
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'run_mode',
--     'rollback',
--     'its inverse carried out')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary run_mode verify
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'run_mode',
--     'verify',
--     'its postconditions looked at again')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary run_status failed
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'run_status',
--     'failed',
--     'nothing changed, an error that nobody foresaw')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary run_status planned
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'run_status',
--     'planned',
--     'said what it would do')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary run_status refused
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'run_status',
--     'refused',
--     'nothing changed, the row says why')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary run_status succeeded
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'run_status',
--     'succeeded',
--     'done')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary run_status unverified
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'run_status',
--     'unverified',
--     'a postcondition does not hold')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary run_status verified
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'run_status',
--     'verified',
--     'every postcondition holds')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary target_kind log
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'target_kind',
--     'log',
--     'the attempt itself is the record')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary target_kind webhook
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'target_kind',
--     'webhook',
--     'an HTTP endpoint')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary target_kind workflow
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'target_kind',
--     'workflow',
--     'a workflow step')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary unit_kind code
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'unit_kind',
--     'code',
--     'fenced or indented code')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary unit_kind definition
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'unit_kind',
--     'definition',
--     'link or footnote definition')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary unit_kind front_matter
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'unit_kind',
--     'front_matter',
--     'metadata at a file''s start')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary unit_kind heading
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'unit_kind',
--     'heading',
--     'starts a section')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary unit_kind html
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'unit_kind',
--     'html',
--     'HTML block')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary unit_kind list
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'unit_kind',
--     'list',
--     'one list with all its items')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary unit_kind paragraph
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'unit_kind',
--     'paragraph',
--     'running text')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary unit_kind quote
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'unit_kind',
--     'quote',
--     'block quote')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary unit_kind step
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'unit_kind',
--     'step',
--     'a step of a workflow')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary unit_kind table
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'unit_kind',
--     'table',
--     'table')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary unit_kind text
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'unit_kind',
--     'text',
--     'text without a structure that the cut knows')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary unit_kind thematic_break
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'unit_kind',
--     'thematic_break',
--     'rule between parts')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary value_type gate
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'value_type',
--     'gate',
--     'open or closed; missing or malformed is closed')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary worker_process_kind cli
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'worker_process_kind',
--     'cli',
--     'iu worker')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- vocabulary worker_process_kind schedule
--   INSERT INTO iu_vocabulary (term_class, term, description)
--   VALUES (
--     'worker_process_kind',
--     'schedule',
--     'a console, while the schedule is enabled')
--   ON CONFLICT (term_class, term) DO UPDATE SET description = excluded.description;

-- event_type collection_created
--   INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate)
--   VALUES (
--     'collection_created',
--     'composer',
--     'delayed',
--     'true',
--     'a collection came to exist',
--     '{"type": "object", "required": ["collection_address", "collection_id", "collection_kind", "title"], "properties": {"title": {"type": "string"}, "collection_id": {"type": "integer", "minimum": 1}, "collection_kind": {"type": "string"}, "collection_address": {"type": "string"}}, "additionalProperties": false}',
--     '($.type() == "object" && ((($."title".type() == "string" && (($."collection_id".type() == "number" && $."collection_id".floor() == $."collection_id") && $."collection_id" >= 1)) && $."collection_kind".type() == "string") && $."collection_address".type() == "string"))')
--   ON CONFLICT (event_type) DO UPDATE SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, is_system = excluded.is_system, description = excluded.description, payload_schema = excluded.payload_schema, payload_predicate = excluded.payload_predicate;

-- event_type collection_rendered
--   INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate)
--   VALUES (
--     'collection_rendered',
--     'composer',
--     'delayed',
--     'true',
--     'a collection was rendered and its digests kept',
--     '{"type": "object", "required": ["byte_length", "collection_address", "manifest_digest", "render_digest", "revision"], "properties": {"revision": {"type": "integer", "minimum": 1}, "byte_length": {"type": "integer", "minimum": 0}, "render_digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"}, "manifest_digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"}, "collection_address": {"type": "string"}}, "additionalProperties": false}',
--     '($.type() == "object" && (((((($."revision".type() == "number" && $."revision".floor() == $."revision") && $."revision" >= 1) && (($."byte_length".type() == "number" && $."byte_length".floor() == $."byte_length") && $."byte_length" >= 0)) && ($."render_digest".type() == "string" && (!($."render_digest".type() == "string") || $."render_digest" like_regex "^[0-9a-f]{64}$"))) && ($."manifest_digest".type() == "string" && (!($."manifest_digest".type() == "string") || $."manifest_digest" like_regex "^[0-9a-f]{64}$"))) && $."collection_address".type() == "string"))')
--   ON CONFLICT (event_type) DO UPDATE SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, is_system = excluded.is_system, description = excluded.description, payload_schema = excluded.payload_schema, payload_predicate = excluded.payload_predicate;

-- event_type collection_validated
--   INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate)
--   VALUES (
--     'collection_validated',
--     'composer',
--     'delayed',
--     'true',
--     'a collection was checked, with findings',
--     '{"type": "object", "required": ["collection_address", "findings"], "properties": {"findings": {"type": "integer", "minimum": 0}, "collection_address": {"type": "string"}}, "additionalProperties": false}',
--     '($.type() == "object" && ((($."findings".type() == "number" && $."findings".floor() == $."findings") && $."findings" >= 0) && $."collection_address".type() == "string"))')
--   ON CONFLICT (event_type) DO UPDATE SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, is_system = excluded.is_system, description = excluded.description, payload_schema = excluded.payload_schema, payload_predicate = excluded.payload_predicate;

-- event_type iu.created
--   INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate)
--   VALUES (
--     'iu.created',
--     'unit',
--     'delayed',
--     'true',
--     'a unit was born',
--     '{"type": "object", "required": ["canonical_address", "unit_id", "unit_kind", "version_seq"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "unit_kind": {"type": "string"}, "version_seq": {"type": "integer", "minimum": 1}, "canonical_address": {"type": "string"}}, "additionalProperties": false}',
--     '($.type() == "object" && ((((($."unit_id".type() == "number" && $."unit_id".floor() == $."unit_id") && $."unit_id" >= 1) && $."unit_kind".type() == "string") && (($."version_seq".type() == "number" && $."version_seq".floor() == $."version_seq") && $."version_seq" >= 1)) && $."canonical_address".type() == "string"))')
--   ON CONFLICT (event_type) DO UPDATE SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, is_system = excluded.is_system, description = excluded.description, payload_schema = excluded.payload_schema, payload_predicate = excluded.payload_predicate;

-- event_type iu.merged
--   INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate)
--   VALUES (
--     'iu.merged',
--     'unit',
--     'delayed',
--     'true',
--     'several units were merged into one',
--     '{"type": "object", "required": ["canonical_address", "from", "unit_id"], "properties": {"from": {"type": "array", "items": {"type": "string"}}, "unit_id": {"type": "integer", "minimum": 1}, "canonical_address": {"type": "string"}}, "additionalProperties": false}',
--     'strict (($.type() == "object" && ((!((exists ($."canonical_address")) is unknown) && !((exists ($."from")) is unknown)) && !((exists ($."unit_id")) is unknown))) && ((((exists ($."from")) is unknown || $."from".type() == "array" && (!($."from".type() == "array") || !(exists ($."from"[*]?(!(@.type() == "string")))))) && ((exists ($."unit_id")) is unknown || ($."unit_id".type() == "number" && $."unit_id".floor() == $."unit_id") && $."unit_id" >= 1)) && ((exists ($."canonical_address")) is unknown || $."canonical_address".type() == "string")))')
--   ON CONFLICT (event_type) DO UPDATE SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, is_system = excluded.is_system, description = excluded.description, payload_schema = excluded.payload_schema, payload_predicate = excluded.payload_predicate;

-- event_type iu.retired
--   INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate)
--   VALUES (
--     'iu.retired',
--     'unit',
--     'delayed',
--     'true',
--     'a unit was retired',
--     '{"type": "object", "required": ["canonical_address", "previous_status", "unit_id"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "previous_status": {"type": "string"}, "canonical_address": {"type": "string"}}, "additionalProperties": false}',
--     '($.type() == "object" && (((($."unit_id".type() == "number" && $."unit_id".floor() == $."unit_id") && $."unit_id" >= 1) && $."previous_status".type() == "string") && $."canonical_address".type() == "string"))')
--   ON CONFLICT (event_type) DO UPDATE SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, is_system = excluded.is_system, description = excluded.description, payload_schema = excluded.payload_schema, payload_predicate = excluded.payload_predicate;

-- event_type iu.soft_deleted
--   INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate)
--   VALUES (
--     'iu.soft_deleted',
--     'unit',
--     'delayed',
--     'true',
--     'a unit was soft-deleted',
--     '{"type": "object", "required": ["canonical_address", "previous_status", "unit_id"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "previous_status": {"type": "string"}, "canonical_address": {"type": "string"}}, "additionalProperties": false}',
--     '($.type() == "object" && (((($."unit_id".type() == "number" && $."unit_id".floor() == $."unit_id") && $."unit_id" >= 1) && $."previous_status".type() == "string") && $."canonical_address".type() == "string"))')
--   ON CONFLICT (event_type) DO UPDATE SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, is_system = excluded.is_system, description = excluded.description, payload_schema = excluded.payload_schema, payload_predicate = excluded.payload_predicate;

-- event_type iu.split
--   INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate)
--   VALUES (
--     'iu.split',
--     'unit',
--     'delayed',
--     'true',
--     'a unit was split into several',
--     '{"type": "object", "required": ["canonical_address", "into", "unit_id"], "properties": {"into": {"type": "array", "items": {"type": "string"}}, "unit_id": {"type": "integer", "minimum": 1}, "canonical_address": {"type": "string"}}, "additionalProperties": false}',
--     'strict (($.type() == "object" && ((!((exists ($."canonical_address")) is unknown) && !((exists ($."into")) is unknown)) && !((exists ($."unit_id")) is unknown))) && ((((exists ($."into")) is unknown || $."into".type() == "array" && (!($."into".type() == "array") || !(exists ($."into"[*]?(!(@.type() == "string")))))) && ((exists ($."unit_id")) is unknown || ($."unit_id".type() == "number" && $."unit_id".floor() == $."unit_id") && $."unit_id" >= 1)) && ((exists ($."canonical_address")) is unknown || $."canonical_address".type() == "string")))')
--   ON CONFLICT (event_type) DO UPDATE SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, is_system = excluded.is_system, description = excluded.description, payload_schema = excluded.payload_schema, payload_predicate = excluded.payload_predicate;

-- event_type iu.sql_link_changed
--   INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate)
--   VALUES (
--     'iu.sql_link_changed',
--     'unit',
--     'delayed',
--     'true',
--     'a unit''s link to a database object changed',
--     '{"type": "object", "required": ["canonical_address", "object", "unit_id"], "properties": {"object": {"type": "string"}, "unit_id": {"type": "integer", "minimum": 1}, "canonical_address": {"type": "string"}}, "additionalProperties": false}',
--     '($.type() == "object" && (($."object".type() == "string" && (($."unit_id".type() == "number" && $."unit_id".floor() == $."unit_id") && $."unit_id" >= 1)) && $."canonical_address".type() == "string"))')
--   ON CONFLICT (event_type) DO UPDATE SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, is_system = excluded.is_system, description = excluded.description, payload_schema = excluded.payload_schema, payload_predicate = excluded.payload_predicate;

-- event_type iu.version_applied
--   INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate)
--   VALUES (
--     'iu.version_applied',
--     'unit',
--     'delayed',
--     'true',
--     'a unit has a new version',
--     '{"type": "object", "required": ["byte_length", "canonical_address", "content_digest", "unit_id", "version_seq"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "byte_length": {"type": "integer", "minimum": 0}, "version_seq": {"type": "integer", "minimum": 1}, "content_digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"}, "canonical_address": {"type": "string"}}, "additionalProperties": false}',
--     '($.type() == "object" && (((((($."unit_id".type() == "number" && $."unit_id".floor() == $."unit_id") && $."unit_id" >= 1) && (($."byte_length".type() == "number" && $."byte_length".floor() == $."byte_length") && $."byte_length" >= 0)) && (($."version_seq".type() == "number" && $."version_seq".floor() == $."version_seq") && $."version_seq" >= 1)) && ($."content_digest".type() == "string" && (!($."content_digest".type() == "string") || $."content_digest" like_regex "^[0-9a-f]{64}$"))) && $."canonical_address".type() == "string"))')
--   ON CONFLICT (event_type) DO UPDATE SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, is_system = excluded.is_system, description = excluded.description, payload_schema = excluded.payload_schema, payload_predicate = excluded.payload_predicate;

-- event_type piece_added_to_collection
--   INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate)
--   VALUES (
--     'piece_added_to_collection',
--     'composer',
--     'delayed',
--     'true',
--     'a unit was put into a collection',
--     '{"type": "object", "required": ["collection_address", "position", "unit_address", "unit_id"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "position": {"type": "number"}, "unit_address": {"type": "string"}, "collection_address": {"type": "string"}}, "additionalProperties": false}',
--     '($.type() == "object" && ((((($."unit_id".type() == "number" && $."unit_id".floor() == $."unit_id") && $."unit_id" >= 1) && $."position".type() == "number") && $."unit_address".type() == "string") && $."collection_address".type() == "string"))')
--   ON CONFLICT (event_type) DO UPDATE SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, is_system = excluded.is_system, description = excluded.description, payload_schema = excluded.payload_schema, payload_predicate = excluded.payload_predicate;

-- event_type piece_removed_from_collection
--   INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate)
--   VALUES (
--     'piece_removed_from_collection',
--     'composer',
--     'delayed',
--     'true',
--     'a unit was taken out of a collection and lives on',
--     '{"type": "object", "required": ["collection_address", "unit_address", "unit_id"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "unit_address": {"type": "string"}, "collection_address": {"type": "string"}}, "additionalProperties": false}',
--     '($.type() == "object" && (((($."unit_id".type() == "number" && $."unit_id".floor() == $."unit_id") && $."unit_id" >= 1) && $."unit_address".type() == "string") && $."collection_address".type() == "string"))')
--   ON CONFLICT (event_type) DO UPDATE SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, is_system = excluded.is_system, description = excluded.description, payload_schema = excluded.payload_schema, payload_predicate = excluded.payload_predicate;

-- event_type piece_reordered
--   INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate)
--   VALUES (
--     'piece_reordered',
--     'composer',
--     'delayed',
--     'true',
--     'a piece moved to another position',
--     '{"type": "object", "required": ["collection_address", "position", "unit_address", "unit_id"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "position": {"type": "number"}, "unit_address": {"type": "string"}, "collection_address": {"type": "string"}}, "additionalProperties": false}',
--     '($.type() == "object" && ((((($."unit_id".type() == "number" && $."unit_id".floor() == $."unit_id") && $."unit_id" >= 1) && $."position".type() == "number") && $."unit_address".type() == "string") && $."collection_address".type() == "string"))')
--   ON CONFLICT (event_type) DO UPDATE SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, is_system = excluded.is_system, description = excluded.description, payload_schema = excluded.payload_schema, payload_predicate = excluded.payload_predicate;

-- event_type piece_restored
--   INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate)
--   VALUES (
--     'piece_restored',
--     'composer',
--     'delayed',
--     'true',
--     'a piece came back',
--     '{"type": "object", "required": ["collection_address", "unit_address", "unit_id"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "unit_address": {"type": "string"}, "collection_address": {"type": "string"}}, "additionalProperties": false}',
--     '($.type() == "object" && (((($."unit_id".type() == "number" && $."unit_id".floor() == $."unit_id") && $."unit_id" >= 1) && $."unit_address".type() == "string") && $."collection_address".type() == "string"))')
--   ON CONFLICT (event_type) DO UPDATE SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, is_system = excluded.is_system, description = excluded.description, payload_schema = excluded.payload_schema, payload_predicate = excluded.payload_predicate;

-- event_type piece_retired
--   INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate)
--   VALUES (
--     'piece_retired',
--     'composer',
--     'delayed',
--     'true',
--     'a piece was retired from a collection''s point of view',
--     '{"type": "object", "required": ["collection_address", "unit_address", "unit_id"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "unit_address": {"type": "string"}, "collection_address": {"type": "string"}}, "additionalProperties": false}',
--     '($.type() == "object" && (((($."unit_id".type() == "number" && $."unit_id".floor() == $."unit_id") && $."unit_id" >= 1) && $."unit_address".type() == "string") && $."collection_address".type() == "string"))')
--   ON CONFLICT (event_type) DO UPDATE SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, is_system = excluded.is_system, description = excluded.description, payload_schema = excluded.payload_schema, payload_predicate = excluded.payload_predicate;

-- route collection_created.log
--   INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, definition_digest)
--   VALUES (
--     'collection_created.log',
--     'collection_created',
--     'log',
--     'iu_route_attempt',
--     E'\\xfefe7b05a312df5e76b70d3376e96c9913621c57a0da6f40f9a6e6888562194c')
--   ON CONFLICT (route_code) DO UPDATE SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, definition_digest = excluded.definition_digest;

-- route collection_rendered.log
--   INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, definition_digest)
--   VALUES (
--     'collection_rendered.log',
--     'collection_rendered',
--     'log',
--     'iu_route_attempt',
--     E'\\x84ea39c6b1a16f8752e5a8cd2aa5e5e72bdc57c9fbb2f9fdc1787539d11c7870')
--   ON CONFLICT (route_code) DO UPDATE SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, definition_digest = excluded.definition_digest;

-- route collection_validated.log
--   INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, definition_digest)
--   VALUES (
--     'collection_validated.log',
--     'collection_validated',
--     'log',
--     'iu_route_attempt',
--     E'\\x7aed6d015adbb307d97ea62ff0f63d09626c7a0d7f660b78ec82b114813af650')
--   ON CONFLICT (route_code) DO UPDATE SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, definition_digest = excluded.definition_digest;

-- route iu.created.log
--   INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, definition_digest)
--   VALUES (
--     'iu.created.log',
--     'iu.created',
--     'log',
--     'iu_route_attempt',
--     E'\\xe6e38b0acc9d43a726a86c0a736cdae93a4d4842a5c6b93cb4ea8f552f7f40ed')
--   ON CONFLICT (route_code) DO UPDATE SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, definition_digest = excluded.definition_digest;

-- route iu.merged.log
--   INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, definition_digest)
--   VALUES (
--     'iu.merged.log',
--     'iu.merged',
--     'log',
--     'iu_route_attempt',
--     E'\\xc58e6eaf2afcebb5b0bc475caf87d0d9d87a6bcce5c7e3a4e16062048c93bb11')
--   ON CONFLICT (route_code) DO UPDATE SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, definition_digest = excluded.definition_digest;

-- route iu.retired.log
--   INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, definition_digest)
--   VALUES (
--     'iu.retired.log',
--     'iu.retired',
--     'log',
--     'iu_route_attempt',
--     E'\\x526ef5bd665a74274e29929556a287feab7f21e9b5dde024076d12b6cc4576a7')
--   ON CONFLICT (route_code) DO UPDATE SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, definition_digest = excluded.definition_digest;

-- route iu.soft_deleted.log
--   INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, definition_digest)
--   VALUES (
--     'iu.soft_deleted.log',
--     'iu.soft_deleted',
--     'log',
--     'iu_route_attempt',
--     E'\\xd3c3726c74675a23865a4d2a40788deec2e516a68a1d951074fb505659e2dc3b')
--   ON CONFLICT (route_code) DO UPDATE SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, definition_digest = excluded.definition_digest;

-- route iu.split.log
--   INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, definition_digest)
--   VALUES (
--     'iu.split.log',
--     'iu.split',
--     'log',
--     'iu_route_attempt',
--     E'\\x1b4d07baf835a670a4f048c85e56945dc9931db652324506ee2f9fe1292f0c3e')
--   ON CONFLICT (route_code) DO UPDATE SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, definition_digest = excluded.definition_digest;

-- route iu.sql_link_changed.log
--   INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, definition_digest)
--   VALUES (
--     'iu.sql_link_changed.log',
--     'iu.sql_link_changed',
--     'log',
--     'iu_route_attempt',
--     E'\\x1be94c34014bed089be5b583edf1893eeb693d1b3708a91e47b3e17a008bf81f')
--   ON CONFLICT (route_code) DO UPDATE SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, definition_digest = excluded.definition_digest;

-- route iu.version_applied.log
--   INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, definition_digest)
--   VALUES (
--     'iu.version_applied.log',
--     'iu.version_applied',
--     'log',
--     'iu_route_attempt',
--     E'\\x5c8f656516806b8108b7e9498f8a81870add6b1825ea8fd72cb7ee2b402be9b5')
--   ON CONFLICT (route_code) DO UPDATE SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, definition_digest = excluded.definition_digest;

-- route iu.version_applied.workflow
--   INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, definition_digest)
--   VALUES (
--     'iu.version_applied.workflow',
--     'iu.version_applied',
--     'workflow',
--     'event_outbox',
--     E'\\x7debb17387ea2d745e5807ce9b5f90ecde57750cc386fbc77af81c4d234578c7')
--   ON CONFLICT (route_code) DO UPDATE SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, definition_digest = excluded.definition_digest;

-- route piece_added_to_collection.log
--   INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, definition_digest)
--   VALUES (
--     'piece_added_to_collection.log',
--     'piece_added_to_collection',
--     'log',
--     'iu_route_attempt',
--     E'\\x255886abd69bb53ed4ecfef93eeefb0ec7df490dc8e31997a20bbc09a803b88a')
--   ON CONFLICT (route_code) DO UPDATE SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, definition_digest = excluded.definition_digest;

-- route piece_removed_from_collection.log
--   INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, definition_digest)
--   VALUES (
--     'piece_removed_from_collection.log',
--     'piece_removed_from_collection',
--     'log',
--     'iu_route_attempt',
--     E'\\x67df5db2d2adbe45ad6ad9cbb7c7b09596778f3110ef05606ef88e56218e71a6')
--   ON CONFLICT (route_code) DO UPDATE SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, definition_digest = excluded.definition_digest;

-- route piece_reordered.log
--   INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, definition_digest)
--   VALUES (
--     'piece_reordered.log',
--     'piece_reordered',
--     'log',
--     'iu_route_attempt',
--     E'\\x7ba4935f4aff1fc847e275e320b1703d671545e120827df919f235b1c79e3def')
--   ON CONFLICT (route_code) DO UPDATE SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, definition_digest = excluded.definition_digest;

-- route piece_restored.log
--   INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, definition_digest)
--   VALUES (
--     'piece_restored.log',
--     'piece_restored',
--     'log',
--     'iu_route_attempt',
--     E'\\x951a6e2aef34b55c6d4e61322cf8b54a697e26e9d1bc2a68f4fac4694590c41e')
--   ON CONFLICT (route_code) DO UPDATE SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, definition_digest = excluded.definition_digest;

-- route piece_retired.log
--   INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, definition_digest)
--   VALUES (
--     'piece_retired.log',
--     'piece_retired',
--     'log',
--     'iu_route_attempt',
--     E'\\x08dfe67915ca3b70a3aa21579631a7e9f1a7235b7c8659790903e25db49cad9e')
--   ON CONFLICT (route_code) DO UPDATE SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, definition_digest = excluded.definition_digest;

-- command dot_iu_accept_deviation
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_accept_deviation',
--     'gates',
--     '3',
--     'approver',
--     '{}',
--     'true',
--     'object',
--     '{object,owner}',
--     '{}',
--     'Accepts an object that has drifted, exactly as it is now, until a time. It then refuses no command.',
--     E'{"type": "object", "required": ["class", "object", "digest", "owner", "expires_at"], "properties": {"class": {"enum": ["schema", "table", "view", "function", "trigger", "config", "event_type", "route", "vocabulary", "command", "other", "principal"], "type": "string", "description": "as the drift names it"}, "owner": {"type": "string", "pattern": "^[^\\\\u0001-\\\\u001f\\\\u007f]*$", "maxLength": 120, "minLength": 1, "description": "who answers for it: an account or a name"}, "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "of the deviation as it is now, as the drift has it"}, "object": {"type": "string", "maxLength": 2000, "minLength": 1, "description": "its name, as the drift writes it"}, "expires_at": {"type": "string", "pattern": "^\\\\d{4}-\\\\d\\\\d-\\\\d\\\\dT\\\\d\\\\d:\\\\d\\\\d(:\\\\d\\\\d(\\\\.\\\\d+)?)?(Z|[+-]\\\\d\\\\d:\\\\d\\\\d)$", "maxLength": 40, "description": "it is drift again then, a year from now at the latest"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_add_account
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_add_account',
--     'accounts',
--     '1',
--     'admin',
--     '{}',
--     'false',
--     NULL,
--     '{display_name}',
--     '{password_salt,password_verifier,current_key}',
--     'Makes an account with a right and a first password.',
--     E'{"type": "object", "required": ["account", "right", "password_salt", "password_verifier"], "properties": {"right": {"enum": ["reviewer", "operator", "approver", "admin"], "type": "string"}, "account": {"type": "string", "pattern": "^[a-z][a-z0-9._-]*$", "maxLength": 63, "minLength": 1}, "display_name": {"type": "string", "pattern": "^[^\\\\u0001-\\\\u001f\\\\u007f]*$", "maxLength": 200, "minLength": 0}, "password_salt": {"type": "string", "pattern": "^([0-9a-f]{2}){16,64}$"}, "password_verifier": {"type": "string", "pattern": "^([0-9a-f]{2}){32}$"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_add_piece
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_add_piece',
--     'pieces',
--     '1',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.composer_enabled}',
--     'false',
--     NULL,
--     '{separator,separators}',
--     '{}',
--     'Puts a piece that exists into a collection.',
--     E'{"type": "object", "required": ["collection", "piece"], "properties": {"at": {"type": "string", "pattern": "^-?\\\\d{1,30}(\\\\.\\\\d{1,200})?$", "description": "an exact position key"}, "to": {"enum": ["first", "last"], "type": "string", "description": "an end of the collection"}, "after": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1, "description": "the piece that it stands behind"}, "piece": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "before": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1, "description": "the piece that it stands before"}, "position": {"type": "integer", "maximum": 10000000, "minimum": 1, "description": "its number in the collection, from 1"}, "separator": {"type": "string", "maxLength": 1000000, "description": "the text after it; without one, what keeps it and the next the blocks they are"}, "collection": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "separators": {"type": "array", "items": {"type": "object", "required": ["collection", "piece"], "properties": {"piece": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "separator": {"type": "string", "maxLength": 1000000}, "collection": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}}, "additionalProperties": false}, "maxItems": 20000, "description": "exact separators to put back, as an undo carries them; without them they are chosen anew"}, "pinned_version": {"type": "integer", "maximum": 2000000000, "minimum": 1, "description": "stay at this version; without one it follows the current"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_checkpoint_collection
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_checkpoint_collection',
--     'collections',
--     '1',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.composer_enabled}',
--     'false',
--     NULL,
--     '{label}',
--     '{}',
--     'Freezes a collection''s manifest under the next number.',
--     E'{"type": "object", "required": ["collection"], "properties": {"label": {"type": "string", "pattern": "^[^\\\\u0001-\\\\u001f\\\\u007f]*$", "maxLength": 200, "minLength": 0, "description": "a name for it"}, "collection": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_clone_piece
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_clone_piece',
--     'pieces',
--     '1',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.composer_enabled}',
--     'false',
--     NULL,
--     '{title}',
--     '{}',
--     'Copies a piece''s current text under a new address, related to it as cloned_from.',
--     E'{"type": "object", "required": ["piece", "address"], "properties": {"piece": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "title": {"type": "string", "pattern": "^[^\\\\u0001-\\\\u001f\\\\u007f]*$", "maxLength": 500, "minLength": 0}, "address": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_close_gate
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_close_gate',
--     'gates',
--     '1',
--     'operator',
--     '{}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'Closes a gate at once; it never waits behind a running command.',
--     '{"type": "object", "required": ["gate"], "properties": {"gate": {"type": "string", "pattern": "^[a-z0-9_.]+$", "maxLength": 120, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_correct_dead_letter
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_correct_dead_letter',
--     'delivery',
--     '2',
--     'operator',
--     '{iu_core.operator_runtime_enabled}',
--     'true',
--     NULL,
--     '{payload}',
--     '{}',
--     'Emits a new event with another payload in the place of one that failed; the old one stays.',
--     '{"type": "object", "required": ["dead_letter", "payload"], "properties": {"payload": {"description": "the whole payload of the new event"}, "dead_letter": {"type": "integer", "maximum": 9007199254740991, "minimum": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_create_collection
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_create_collection',
--     'collections',
--     '1',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.composer_enabled}',
--     'false',
--     NULL,
--     '{title,joiner}',
--     '{}',
--     'Makes an empty collection.',
--     E'{"type": "object", "required": ["address", "kind", "title"], "properties": {"kind": {"enum": ["file", "workflow", "section", "design_doc"], "type": "string"}, "title": {"type": "string", "pattern": "^[^\\\\u0001-\\\\u001f\\\\u007f]*$", "maxLength": 500, "minLength": 1}, "joiner": {"type": "string", "maxLength": 1000, "description": "the text between two pieces"}, "address": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_create_file_from_pieces
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_create_file_from_pieces',
--     'collections',
--     '1',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.composer_enabled}',
--     'false',
--     NULL,
--     '{title,joiner}',
--     '{}',
--     'Composes a file of pieces that exist, in the given order.',
--     E'{"type": "object", "required": ["address", "title", "pieces"], "properties": {"title": {"type": "string", "pattern": "^[^\\\\u0001-\\\\u001f\\\\u007f]*$", "maxLength": 500, "minLength": 1}, "joiner": {"type": "string", "maxLength": 1000, "description": "the text between two pieces"}, "pieces": {"type": "array", "items": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "maxItems": 10000, "minItems": 1}, "address": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_create_piece
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_create_piece',
--     'pieces',
--     '1',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.composer_enabled}',
--     'false',
--     NULL,
--     '{title,body,separator}',
--     '{}',
--     'Makes a piece, and puts it into a collection where one is named.',
--     E'{"type": "object", "required": ["address", "kind", "body"], "properties": {"to": {"enum": ["first", "last"], "type": "string", "description": "an end of the collection"}, "body": {"type": "string", "maxLength": 8000000}, "kind": {"type": "string", "pattern": "^[a-z0-9_.-]+$", "maxLength": 60, "minLength": 1, "description": "one of the unit kinds"}, "after": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1, "description": "the piece that it stands behind"}, "title": {"type": "string", "pattern": "^[^\\\\u0001-\\\\u001f\\\\u007f]*$", "maxLength": 500, "minLength": 0}, "before": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1, "description": "the piece that it stands before"}, "address": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "position": {"type": "integer", "maximum": 10000000, "minimum": 1, "description": "its number in the collection, from 1"}, "separator": {"type": "string", "maxLength": 1000000, "description": "the text after it; without one, what keeps it and the next the blocks they are"}, "collection": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_create_workflow_from_steps
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_create_workflow_from_steps',
--     'collections',
--     '1',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.composer_enabled}',
--     'false',
--     NULL,
--     '{title,joiner,steps}',
--     '{}',
--     'Composes a workflow of steps: pieces that exist, or new ones from their text.',
--     E'{"type": "object", "required": ["address", "title", "steps"], "properties": {"steps": {"type": "array", "items": {"type": "object", "properties": {"body": {"type": "string", "maxLength": 1000000}, "piece": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "title": {"type": "string", "pattern": "^[^\\\\u0001-\\\\u001f\\\\u007f]*$", "maxLength": 500, "minLength": 0}}, "additionalProperties": false}, "maxItems": 1000, "minItems": 1}, "title": {"type": "string", "pattern": "^[^\\\\u0001-\\\\u001f\\\\u007f]*$", "maxLength": 500, "minLength": 1}, "joiner": {"type": "string", "maxLength": 1000, "description": "the text between two pieces"}, "address": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_disable_account
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_disable_account',
--     'accounts',
--     '2',
--     'admin',
--     '{}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'Its sessions end and its tokens are dead.',
--     '{"type": "object", "required": ["account"], "properties": {"account": {"type": "string", "pattern": "^[a-z][a-z0-9._-]*$", "maxLength": 63, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_disable_route
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_disable_route',
--     'delivery',
--     '1',
--     'operator',
--     '{}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'L2: the route''s events are skipped as route_disabled; none is lost.',
--     '{"type": "object", "required": ["route"], "properties": {"route": {"type": "string", "pattern": "^[a-z0-9_]+([.][a-z0-9_]+)*$", "maxLength": 128, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_disable_schedule
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_disable_schedule',
--     'delivery',
--     '1',
--     'operator',
--     '{}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'Stops the passes that the consoles'' servers run, within a second or so; iu worker goes on.',
--     '{"type": "object", "properties": {}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_disable_triggers
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_disable_triggers',
--     'gates',
--     '2',
--     'approver',
--     '{}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'L3: the unit family is not emitted any more, and those events are lost for good.',
--     '{"type": "object", "properties": {}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_discard_dead_letter
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_discard_dead_letter',
--     'delivery',
--     '2',
--     'operator',
--     '{iu_core.operator_runtime_enabled}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'Gives up an open dead letter, with a reason.',
--     '{"type": "object", "required": ["dead_letter"], "properties": {"dead_letter": {"type": "integer", "maximum": 9007199254740991, "minimum": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_discard_dead_letters
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_discard_dead_letters',
--     'delivery',
--     '2',
--     'approver',
--     '{iu_core.operator_runtime_enabled}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'Gives up the dead letters that the plan froze, with a reason.',
--     E'{"type": "object", "properties": {"to": {"type": "string", "pattern": "^\\\\d{4}-\\\\d\\\\d-\\\\d\\\\dT\\\\d\\\\d:\\\\d\\\\d(:\\\\d\\\\d(\\\\.\\\\d+)?)?(Z|[+-]\\\\d\\\\d:\\\\d\\\\d)$", "maxLength": 40, "description": "before this time"}, "from": {"type": "string", "pattern": "^\\\\d{4}-\\\\d\\\\d-\\\\d\\\\dT\\\\d\\\\d:\\\\d\\\\d(:\\\\d\\\\d(\\\\.\\\\d+)?)?(Z|[+-]\\\\d\\\\d:\\\\d\\\\d)$", "maxLength": 40, "description": "not before this time"}, "cause": {"type": "string", "pattern": "^[0-9a-f]{16}$", "description": "the fingerprint of a cause"}, "limit": {"type": "integer", "maximum": 10000, "minimum": 1, "description": "at most so many"}, "route": {"type": "string", "pattern": "^[a-z0-9_]+([.][a-z0-9_]+)*$", "maxLength": 128, "minLength": 1}, "through": {"type": "integer", "maximum": 9007199254740991, "minimum": 1, "description": "none with a higher number"}, "event_type": {"type": "string", "pattern": "^[a-z0-9_]+([.][a-z0-9_]+)*$", "maxLength": 128, "minLength": 1}, "failure_code": {"type": "string", "pattern": "^[a-z0-9_.-]+$", "maxLength": 200, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_discard_held_events
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_discard_held_events',
--     'delivery',
--     '2',
--     'approver',
--     '{iu_core.operator_runtime_enabled}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'Gives up held events, with a reason.',
--     '{"type": "object", "properties": {"limit": {"type": "integer", "maximum": 10000, "minimum": 1, "description": "at most so many"}, "through": {"type": "integer", "maximum": 9007199254740991, "minimum": 1, "description": "none with a higher number"}, "event_type": {"type": "string", "pattern": "^[a-z0-9_]+([.][a-z0-9_]+)*$", "maxLength": 128, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_enable_account
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_enable_account',
--     'accounts',
--     '2',
--     'admin',
--     '{}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'The account may sign in again.',
--     '{"type": "object", "required": ["account"], "properties": {"account": {"type": "string", "pattern": "^[a-z][a-z0-9._-]*$", "maxLength": 63, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_enable_route
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_enable_route',
--     'delivery',
--     '1',
--     'operator',
--     '{iu_core.operator_runtime_enabled}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'Enables a route; it stays the dry run that it is.',
--     '{"type": "object", "required": ["route"], "properties": {"route": {"type": "string", "pattern": "^[a-z0-9_]+([.][a-z0-9_]+)*$", "maxLength": 128, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_enable_schedule
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_enable_schedule',
--     'delivery',
--     '2',
--     'approver',
--     '{iu_core.operator_runtime_enabled}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'Lets the consoles'' servers run the passes of every worker.',
--     '{"type": "object", "properties": {"poll_ms": {"type": "integer", "maximum": 60000, "minimum": 10, "description": "wait after a round that found nothing, in milliseconds"}, "batch_size": {"type": "integer", "maximum": 100000, "minimum": 1, "description": "events a pass, at most"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_enable_triggers
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_enable_triggers',
--     'gates',
--     '2',
--     'operator',
--     '{}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'The unit family is emitted again.',
--     '{"type": "object", "properties": {}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_enact_piece
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_enact_piece',
--     'pieces',
--     '2',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.composer_enabled}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'Puts a draft in force, or takes it back to a draft.',
--     '{"type": "object", "required": ["piece"], "properties": {"piece": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "status": {"enum": ["enacted", "draft"], "type": "string"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_import_text
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_import_text',
--     'collections',
--     '1',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.composer_enabled,iu_core.autocut_enabled}',
--     'false',
--     NULL,
--     '{source_path,text,cut}',
--     '{}',
--     'Brings a source to a new text, cut into pieces, or a collection back to a checkpoint.',
--     E'{"type": "object", "properties": {"cut": {"type": "object", "required": ["kinds", "starts", "lengths", "titles", "levels"], "properties": {"kinds": {"type": "array"}, "levels": {"type": "array"}, "starts": {"type": "array"}, "titles": {"type": "array"}, "lengths": {"type": "array"}}, "additionalProperties": false}, "text": {"type": "string", "maxLength": 200000000}, "checkpoint": {"type": "integer", "maximum": 2000000000, "minimum": 0, "description": "to which checkpoint; 0 = empty"}, "collection": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1, "description": "the collection to bring back"}, "source_path": {"type": "string", "pattern": "^[^\\\\u0001-\\\\u001f\\\\u007f]*$", "maxLength": 2000, "minLength": 1, "description": "the path that names the source"}, "expect_revision": {"type": "integer", "maximum": 9007199254740991, "minimum": 1, "description": "refuse when the collection is at another by now"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_issue_token
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_issue_token',
--     'accounts',
--     '1',
--     'reviewer',
--     '{}',
--     'false',
--     NULL,
--     '{label}',
--     '{password_salt,password_verifier,current_key}',
--     'An API token for your account, with your present password: shown once, scoped, expiring.',
--     E'{"type": "object", "required": ["label", "scopes", "expires_at", "current_key"], "properties": {"label": {"type": "string", "pattern": "^[^\\\\u0001-\\\\u001f\\\\u007f]*$", "maxLength": 200, "minLength": 1}, "scopes": {"type": "array", "items": {"type": "string", "pattern": "^([a-z0-9_]+|[*])$", "maxLength": 63, "minLength": 1}, "maxItems": 100, "minItems": 1, "description": "read, a command''s code, or *"}, "expires_at": {"type": "string", "pattern": "^\\\\d{4}-\\\\d\\\\d-\\\\d\\\\dT\\\\d\\\\d:\\\\d\\\\d(:\\\\d\\\\d(\\\\.\\\\d+)?)?(Z|[+-]\\\\d\\\\d:\\\\d\\\\d)$", "maxLength": 40}, "current_key": {"type": "string", "pattern": "^([0-9a-f]{2}){16,128}$"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_join_cursors
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_join_cursors',
--     'delivery',
--     '2',
--     'approver',
--     '{iu_core.operator_runtime_enabled}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'Gives all buckets of a worker to one whose buckets touch them, while both go on.',
--     '{"type": "object", "required": ["worker", "joined"], "properties": {"joined": {"type": "string", "pattern": "^[a-z0-9_]+$", "maxLength": 63, "minLength": 1, "description": "the worker that ends; its attempts and counts stay"}, "worker": {"type": "string", "pattern": "^[a-z0-9_]+$", "maxLength": 63, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_open_gate
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_open_gate',
--     'gates',
--     '3',
--     'approver',
--     '{}',
--     'true',
--     'gate',
--     '{}',
--     '{}',
--     'Opens a gate, until a time where one is given. Who closed it does not open it.',
--     E'{"type": "object", "required": ["gate"], "properties": {"gate": {"type": "string", "pattern": "^[a-z0-9_.]+$", "maxLength": 120, "minLength": 1}, "expires_at": {"type": "string", "pattern": "^\\\\d{4}-\\\\d\\\\d-\\\\d\\\\dT\\\\d\\\\d:\\\\d\\\\d(:\\\\d\\\\d(\\\\.\\\\d+)?)?(Z|[+-]\\\\d\\\\d:\\\\d\\\\d)$", "maxLength": 40, "description": "the database closes it then"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_record_archive
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_record_archive',
--     'delivery',
--     '1',
--     'approver',
--     '{iu_core.operator_runtime_enabled}',
--     'false',
--     NULL,
--     '{}',
--     '{}',
--     'Writes a file of archived events down with its digests; removes nothing.',
--     E'{"type": "object", "required": ["file", "file_sha256", "file_bytes", "content_sha256", "older_than", "first_event", "last_event"], "properties": {"file": {"type": "string", "pattern": "^[A-Za-z0-9._-]+$", "maxLength": 200, "minLength": 1, "description": "its name"}, "file_bytes": {"type": "integer", "maximum": 9007199254740991, "minimum": 1}, "last_event": {"type": "integer", "maximum": 9007199254740991, "minimum": 1}, "older_than": {"type": "string", "pattern": "^\\\\d{4}-\\\\d\\\\d-\\\\d\\\\dT\\\\d\\\\d:\\\\d\\\\d(:\\\\d\\\\d(\\\\.\\\\d+)?)?(Z|[+-]\\\\d\\\\d:\\\\d\\\\d)$", "maxLength": 40, "description": "events and attempts before this time"}, "file_sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "over the compressed file"}, "first_event": {"type": "integer", "maximum": 9007199254740991, "minimum": 1}, "content_sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "over what it holds"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_refresh_metadata_axes
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_refresh_metadata_axes',
--     'pieces',
--     '1',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.composer_enabled}',
--     'false',
--     NULL,
--     '{}',
--     '{}',
--     'Derives the metadata axes of a collection''s pieces, or of one piece, anew.',
--     '{"type": "object", "properties": {"piece": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "collection": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_register_event_type
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_register_event_type',
--     'registry',
--     '2',
--     'approver',
--     '{iu_core.operator_runtime_enabled}',
--     'true',
--     NULL,
--     '{description,payload_schema}',
--     '{}',
--     'Registers an application''s event type, or describes it anew.',
--     E'{"type": "object", "required": ["event_type", "description"], "properties": {"event_type": {"type": "string", "pattern": "^[a-z0-9_]+([.][a-z0-9_]+)*$", "maxLength": 128, "minLength": 1}, "description": {"type": "string", "pattern": "^[^\\\\u0001-\\\\u001f\\\\u007f]*$", "maxLength": 1000, "minLength": 1}, "delivery_lane": {"enum": ["delayed", "immediate"], "type": "string"}, "payload_schema": {"type": "object", "properties": {}, "description": "a JSON Schema", "additionalProperties": {}}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_register_route
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_register_route',
--     'registry',
--     '2',
--     'approver',
--     '{iu_core.operator_runtime_enabled}',
--     'true',
--     NULL,
--     '{target_ref}',
--     '{}',
--     'Registers a route as a dry run, or defines it anew; it loses its approval then.',
--     E'{"type": "object", "required": ["route", "event_type", "target_kind", "target_ref"], "properties": {"route": {"type": "string", "pattern": "^[a-z0-9_]+([.][a-z0-9_]+)*$", "maxLength": 128, "minLength": 1}, "enabled": {"type": "boolean"}, "event_type": {"type": "string", "pattern": "^[a-z0-9_]+([.][a-z0-9_]+)*$", "maxLength": 128, "minLength": 1}, "target_ref": {"type": "string", "pattern": "^[^\\\\u0001-\\\\u001f\\\\u007f]*$", "maxLength": 2000, "minLength": 1}, "target_kind": {"type": "string", "pattern": "^[a-z0-9_.-]+$", "maxLength": 60, "minLength": 1, "description": "log, workflow or webhook"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_release_held_events
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_release_held_events',
--     'delivery',
--     '2',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.routes_master_enabled}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'Puts held events on their lanes, in the order of writing.',
--     '{"type": "object", "properties": {"limit": {"type": "integer", "maximum": 10000, "minimum": 1, "description": "at most so many"}, "through": {"type": "integer", "maximum": 9007199254740991, "minimum": 1, "description": "none with a higher number"}, "event_type": {"type": "string", "pattern": "^[a-z0-9_]+([.][a-z0-9_]+)*$", "maxLength": 128, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_remove_archived_events
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_remove_archived_events',
--     'delivery',
--     '2',
--     'approver',
--     '{iu_core.operator_runtime_enabled}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'Removes the events and attempts of an archive on record, when they are exactly what its file holds.',
--     '{"type": "object", "required": ["archive"], "properties": {"archive": {"type": "integer", "maximum": 9007199254740991, "minimum": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_remove_piece_from_collection
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_remove_piece_from_collection',
--     'pieces',
--     '2',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.composer_enabled}',
--     'true',
--     NULL,
--     '{separators}',
--     '{}',
--     'Takes a piece out of a collection; the piece lives on.',
--     '{"type": "object", "required": ["collection", "piece"], "properties": {"piece": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "collection": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "separators": {"type": "array", "items": {"type": "object", "required": ["collection", "piece"], "properties": {"piece": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "separator": {"type": "string", "maxLength": 1000000}, "collection": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}}, "additionalProperties": false}, "maxItems": 20000, "description": "exact separators to put back, as an undo carries them; without them they are chosen anew"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_render_collection
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_render_collection',
--     'collections',
--     '1',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.composer_enabled}',
--     'false',
--     NULL,
--     '{}',
--     '{}',
--     'Renders a collection and keeps the digests of rendering and manifest with the revision.',
--     '{"type": "object", "required": ["collection"], "properties": {"collection": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_reorder_piece
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_reorder_piece',
--     'pieces',
--     '1',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.composer_enabled}',
--     'false',
--     NULL,
--     '{separators}',
--     '{}',
--     'Moves a piece within its collection.',
--     E'{"type": "object", "required": ["collection", "piece"], "properties": {"at": {"type": "string", "pattern": "^-?\\\\d{1,30}(\\\\.\\\\d{1,200})?$", "description": "an exact position key"}, "to": {"enum": ["first", "last"], "type": "string", "description": "an end of the collection"}, "after": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1, "description": "the piece that it stands behind"}, "piece": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "before": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1, "description": "the piece that it stands before"}, "position": {"type": "integer", "maximum": 10000000, "minimum": 1, "description": "its number in the collection, from 1"}, "expect_at": {"type": "string", "pattern": "^-?\\\\d{1,30}(\\\\.\\\\d{1,200})?$", "description": "refuse when the piece stands elsewhere by now"}, "collection": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "separators": {"type": "array", "items": {"type": "object", "required": ["collection", "piece"], "properties": {"piece": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "separator": {"type": "string", "maxLength": 1000000}, "collection": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}}, "additionalProperties": false}, "maxItems": 20000, "description": "exact separators to put back, as an undo carries them; without them they are chosen anew"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_replay_dead_letter
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_replay_dead_letter',
--     'delivery',
--     '1',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.route_worker_enabled,iu_core.routes_master_enabled}',
--     'false',
--     NULL,
--     '{}',
--     '{}',
--     'Attempts one dead letter once more.',
--     '{"type": "object", "required": ["dead_letter"], "properties": {"dead_letter": {"type": "integer", "maximum": 9007199254740991, "minimum": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_replay_dead_letters
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_replay_dead_letters',
--     'delivery',
--     '2',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.route_worker_enabled,iu_core.routes_master_enabled}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'Attempts the dead letters that the plan froze, each once more.',
--     E'{"type": "object", "properties": {"to": {"type": "string", "pattern": "^\\\\d{4}-\\\\d\\\\d-\\\\d\\\\dT\\\\d\\\\d:\\\\d\\\\d(:\\\\d\\\\d(\\\\.\\\\d+)?)?(Z|[+-]\\\\d\\\\d:\\\\d\\\\d)$", "maxLength": 40, "description": "before this time"}, "from": {"type": "string", "pattern": "^\\\\d{4}-\\\\d\\\\d-\\\\d\\\\dT\\\\d\\\\d:\\\\d\\\\d(:\\\\d\\\\d(\\\\.\\\\d+)?)?(Z|[+-]\\\\d\\\\d:\\\\d\\\\d)$", "maxLength": 40, "description": "not before this time"}, "cause": {"type": "string", "pattern": "^[0-9a-f]{16}$", "description": "the fingerprint of a cause"}, "limit": {"type": "integer", "maximum": 1000, "minimum": 1, "description": "at most so many"}, "route": {"type": "string", "pattern": "^[a-z0-9_]+([.][a-z0-9_]+)*$", "maxLength": 128, "minLength": 1}, "through": {"type": "integer", "maximum": 9007199254740991, "minimum": 1, "description": "none with a higher number"}, "event_type": {"type": "string", "pattern": "^[a-z0-9_]+([.][a-z0-9_]+)*$", "maxLength": 128, "minLength": 1}, "failure_code": {"type": "string", "pattern": "^[a-z0-9_.-]+$", "maxLength": 200, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_replay_skipped
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_replay_skipped',
--     'delivery',
--     '2',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.route_worker_enabled,iu_core.routes_master_enabled}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'Attempts what a route skipped while it was disabled.',
--     E'{"type": "object", "required": ["route"], "properties": {"to": {"type": "string", "pattern": "^\\\\d{4}-\\\\d\\\\d-\\\\d\\\\dT\\\\d\\\\d:\\\\d\\\\d(:\\\\d\\\\d(\\\\.\\\\d+)?)?(Z|[+-]\\\\d\\\\d:\\\\d\\\\d)$", "maxLength": 40, "description": "before this time"}, "from": {"type": "string", "pattern": "^\\\\d{4}-\\\\d\\\\d-\\\\d\\\\dT\\\\d\\\\d:\\\\d\\\\d(:\\\\d\\\\d(\\\\.\\\\d+)?)?(Z|[+-]\\\\d\\\\d:\\\\d\\\\d)$", "maxLength": 40, "description": "not before this time"}, "limit": {"type": "integer", "maximum": 10000, "minimum": 1, "description": "at most so many"}, "route": {"type": "string", "pattern": "^[a-z0-9_]+([.][a-z0-9_]+)*$", "maxLength": 128, "minLength": 1}, "through": {"type": "integer", "maximum": 9007199254740991, "minimum": 1, "description": "none with a higher number"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_restore_archived_events
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_restore_archived_events',
--     'delivery',
--     '2',
--     'approver',
--     '{iu_core.operator_runtime_enabled}',
--     'true',
--     NULL,
--     '{content}',
--     '{}',
--     'Brings the events and attempts of an archive back, each row as it was.',
--     '{"type": "object", "required": ["archive", "content"], "properties": {"archive": {"type": "integer", "maximum": 9007199254740991, "minimum": 1}, "content": {"type": "string", "maxLength": 200000000, "description": "what the file holds, uncompressed"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_restore_piece
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_restore_piece',
--     'pieces',
--     '1',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.composer_enabled}',
--     'false',
--     NULL,
--     '{separators}',
--     '{}',
--     'Brings a retired or deleted piece back, to its places where they are still free.',
--     '{"type": "object", "required": ["piece"], "properties": {"piece": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "separators": {"type": "array", "items": {"type": "object", "required": ["collection", "piece"], "properties": {"piece": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "separator": {"type": "string", "maxLength": 1000000}, "collection": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}}, "additionalProperties": false}, "maxItems": 20000, "description": "exact separators to put back, as an undo carries them; without them they are chosen anew"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_resume_replay
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_resume_replay',
--     'delivery',
--     '1',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.route_worker_enabled,iu_core.routes_master_enabled}',
--     'false',
--     NULL,
--     '{}',
--     '{}',
--     'Lets a stopped background replay go on where it was.',
--     '{"type": "object", "required": ["replay"], "properties": {"replay": {"type": "integer", "maximum": 9007199254740991, "minimum": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_retire_piece
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_retire_piece',
--     'pieces',
--     '2',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.composer_enabled}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'No new use of the piece anywhere; where it stands it stays, with its history.',
--     '{"type": "object", "required": ["piece"], "properties": {"piece": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_revise_piece
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_revise_piece',
--     'pieces',
--     '1',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.composer_enabled}',
--     'false',
--     NULL,
--     '{body,title,separators}',
--     '{}',
--     'Gives a piece a new version: a new text, or that of an earlier version.',
--     E'{"type": "object", "required": ["piece"], "properties": {"body": {"type": "string", "maxLength": 8000000}, "piece": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "title": {"type": "string", "pattern": "^[^\\\\u0001-\\\\u001f\\\\u007f]*$", "maxLength": 500, "minLength": 0}, "version": {"type": "integer", "maximum": 2000000000, "minimum": 1, "description": "an earlier version whose text is wanted again"}, "separators": {"type": "array", "items": {"type": "object", "required": ["collection", "piece"], "properties": {"piece": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "separator": {"type": "string", "maxLength": 1000000}, "collection": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}}, "additionalProperties": false}, "maxItems": 20000, "description": "exact separators to put back, as an undo carries them; without them they are chosen anew"}, "derive_title": {"type": "boolean", "description": "make the title of the text, now and later"}, "expect_version": {"type": "integer", "maximum": 2000000000, "minimum": 1, "description": "refuse when the piece is at another by now"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_revoke_token
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_revoke_token',
--     'accounts',
--     '1',
--     'reviewer',
--     '{}',
--     'false',
--     NULL,
--     '{}',
--     '{}',
--     'One''s own token; anybody''s, as an admin.',
--     '{"type": "object", "required": ["token"], "properties": {"token": {"type": "integer", "maximum": 9007199254740991, "minimum": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_run_probe
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_run_probe',
--     'delivery',
--     '1',
--     'operator',
--     '{}',
--     'false',
--     NULL,
--     '{}',
--     '{}',
--     'Tries the eight scenarios A to H on the live schema, each taken back, and shows that nothing is left.',
--     '{"type": "object", "properties": {}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_run_worker
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_run_worker',
--     'delivery',
--     '1',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.route_worker_enabled,iu_core.routes_master_enabled}',
--     'false',
--     NULL,
--     '{}',
--     '{}',
--     'Routes what waits, by passes of one worker.',
--     '{"type": "object", "properties": {"passes": {"type": "integer", "maximum": 100, "minimum": 1, "description": "at most so many"}, "worker": {"type": "string", "pattern": "^[a-z0-9_]+$", "maxLength": 63, "minLength": 1}, "batch_size": {"type": "integer", "maximum": 100000, "minimum": 1, "description": "events a pass, at most"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_set_account_right
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_set_account_right',
--     'accounts',
--     '2',
--     'admin',
--     '{}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'Gives an account another right, from its next request on.',
--     '{"type": "object", "required": ["account", "right"], "properties": {"right": {"enum": ["reviewer", "operator", "approver", "admin"], "type": "string"}, "account": {"type": "string", "pattern": "^[a-z][a-z0-9._-]*$", "maxLength": 63, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_set_password
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_set_password',
--     'accounts',
--     '1',
--     'reviewer',
--     '{}',
--     'false',
--     NULL,
--     '{}',
--     '{password_salt,password_verifier,current_key}',
--     'One''s own password, with the present one; anybody''s, as an admin. All sessions of the account end, and its tokens are revoked.',
--     '{"type": "object", "required": ["account", "password_salt", "password_verifier"], "properties": {"account": {"type": "string", "pattern": "^[a-z][a-z0-9._-]*$", "maxLength": 63, "minLength": 1}, "current_key": {"type": "string", "pattern": "^([0-9a-f]{2}){16,128}$"}, "password_salt": {"type": "string", "pattern": "^([0-9a-f]{2}){16,64}$"}, "password_verifier": {"type": "string", "pattern": "^([0-9a-f]{2}){32}$"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_soft_delete_piece
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_soft_delete_piece',
--     'pieces',
--     '2',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.composer_enabled}',
--     'true',
--     NULL,
--     '{separators}',
--     '{}',
--     'The piece leaves every manifest; a restore brings it back to its places.',
--     '{"type": "object", "required": ["piece"], "properties": {"piece": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "separators": {"type": "array", "items": {"type": "object", "required": ["collection", "piece"], "properties": {"piece": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}, "separator": {"type": "string", "maxLength": 1000000}, "collection": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}}, "additionalProperties": false}, "maxItems": 20000, "description": "exact separators to put back, as an undo carries them; without them they are chosen anew"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_split_cursor
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_split_cursor',
--     'delivery',
--     '2',
--     'approver',
--     '{iu_core.operator_runtime_enabled}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'Gives a part of a worker''s buckets to a new worker, while both go on. Order per subject is kept.',
--     '{"type": "object", "required": ["worker", "bucket", "new_worker"], "properties": {"bucket": {"type": "integer", "maximum": 15, "minimum": 1, "description": "the bucket at which the upper part begins"}, "worker": {"type": "string", "pattern": "^[a-z0-9_]+$", "maxLength": 63, "minLength": 1}, "new_part": {"enum": ["upper", "lower"], "type": "string", "description": "the part that the new worker gets; upper unless told"}, "new_worker": {"type": "string", "pattern": "^[a-z0-9_]+$", "maxLength": 63, "minLength": 1, "description": "the new worker''s code"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_start_replay
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_start_replay',
--     'delivery',
--     '2',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.route_worker_enabled,iu_core.routes_master_enabled}',
--     'true',
--     NULL,
--     '{}',
--     '{}',
--     'Replays the dead letters, or skipped events, that the plan froze, in the background.',
--     E'{"type": "object", "properties": {"to": {"type": "string", "pattern": "^\\\\d{4}-\\\\d\\\\d-\\\\d\\\\dT\\\\d\\\\d:\\\\d\\\\d(:\\\\d\\\\d(\\\\.\\\\d+)?)?(Z|[+-]\\\\d\\\\d:\\\\d\\\\d)$", "maxLength": 40, "description": "before this time"}, "from": {"type": "string", "pattern": "^\\\\d{4}-\\\\d\\\\d-\\\\d\\\\dT\\\\d\\\\d:\\\\d\\\\d(:\\\\d\\\\d(\\\\.\\\\d+)?)?(Z|[+-]\\\\d\\\\d:\\\\d\\\\d)$", "maxLength": 40, "description": "not before this time"}, "what": {"enum": ["dead_letters", "skipped"], "type": "string", "description": "dead letters, or the events that a disabled route skipped"}, "cause": {"type": "string", "pattern": "^[0-9a-f]{16}$", "description": "the fingerprint of a cause"}, "limit": {"type": "integer", "maximum": 500000, "minimum": 1, "description": "at most so many"}, "route": {"type": "string", "pattern": "^[a-z0-9_]+([.][a-z0-9_]+)*$", "maxLength": 128, "minLength": 1}, "through": {"type": "integer", "maximum": 9007199254740991, "minimum": 1, "description": "none with a higher number"}, "event_type": {"type": "string", "pattern": "^[a-z0-9_]+([.][a-z0-9_]+)*$", "maxLength": 128, "minLength": 1}, "per_second": {"type": "integer", "maximum": 10000, "minimum": 1, "description": "at most so many a second"}, "failure_code": {"type": "string", "pattern": "^[a-z0-9_.-]+$", "maxLength": 200, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_stop_replay
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_stop_replay',
--     'delivery',
--     '1',
--     'operator',
--     '{}',
--     'false',
--     NULL,
--     '{}',
--     '{}',
--     'Stops a background replay after the batch under way; nothing is lost.',
--     '{"type": "object", "required": ["replay"], "properties": {"replay": {"type": "integer", "maximum": 9007199254740991, "minimum": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_validate_collection
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_validate_collection',
--     'collections',
--     '1',
--     'operator',
--     '{iu_core.operator_runtime_enabled,iu_core.composer_enabled}',
--     'false',
--     NULL,
--     '{}',
--     '{}',
--     'Checks a collection and names what it finds.',
--     '{"type": "object", "required": ["collection"], "properties": {"collection": {"type": "string", "pattern": "^[a-z0-9_-]+([./][a-z0-9_-]+)*$", "maxLength": 512, "minLength": 1}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;

-- command dot_iu_withdraw_acceptance
--   INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)
--   VALUES (
--     'dot_iu_withdraw_acceptance',
--     'gates',
--     '2',
--     'operator',
--     '{}',
--     'true',
--     NULL,
--     '{object}',
--     '{}',
--     'Ends the acceptance of a deviation at once: it is drift again, and refuses commands.',
--     '{"type": "object", "required": ["class", "object"], "properties": {"class": {"enum": ["schema", "table", "view", "function", "trigger", "config", "event_type", "route", "vocabulary", "command", "other", "principal"], "type": "string", "description": "as the drift names it"}, "object": {"type": "string", "maxLength": 2000, "minLength": 1, "description": "its name, as the drift writes it"}}, "additionalProperties": false}')
--   ON CONFLICT (command_code) DO UPDATE SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required, confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params, description = excluded.description, param_schema = excluded.param_schema;
