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
  changed_by text DEFAULT SESSION_USER NOT NULL,
  changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT dot_config_pkey PRIMARY KEY (key)
);
ALTER TABLE dot_config OWNER TO iu_owner;
COMMENT ON TABLE dot_config IS 'Gates: a missing, malformed or expired row is a closed gate';
COMMENT ON COLUMN dot_config.value IS 'exactly ''true'' opens; anything else is closed';
COMMENT ON COLUMN dot_config.expires_at IS 'an opening holds until then; null = until closed';

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
  actor text DEFAULT SESSION_USER NOT NULL,
  created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  released_from bigint,
  CONSTRAINT event_outbox_key_chk CHECK (((delivery_lane <> 'immediate'::text) OR (idempotency_key IS NOT NULL))),
  CONSTRAINT event_outbox_lane_chk CHECK ((delivery_lane = ANY (ARRAY['immediate'::text, 'delayed'::text, 'held'::text]))),
  CONSTRAINT event_outbox_pkey PRIMARY KEY (id)
);
ALTER TABLE event_outbox OWNER TO iu_owner;
CREATE INDEX idx_event_outbox_held ON iu_core.event_outbox USING btree (id) WHERE (delivery_lane = 'held'::text);
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
  created_by text DEFAULT SESSION_USER NOT NULL,
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
  created_by text DEFAULT SESSION_USER NOT NULL,
  updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
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
  registered_by text DEFAULT SESSION_USER NOT NULL,
  CONSTRAINT iu_event_type_lane_chk CHECK ((delivery_lane = ANY (ARRAY['immediate'::text, 'delayed'::text]))),
  CONSTRAINT iu_event_type_name_chk CHECK (((event_type ~ '^[a-z0-9_]+([.][a-z0-9_]+)*$'::text) AND (octet_length(event_type) <= 128))),
  CONSTRAINT iu_event_type_pkey PRIMARY KEY (event_type)
);
ALTER TABLE iu_event_type OWNER TO iu_owner;
COMMENT ON TABLE iu_event_type IS 'Every type of event that may be emitted, with the schema its payload must meet';
COMMENT ON COLUMN iu_event_type.delivery_lane IS 'immediate: deduplicated by the caller''s key; delayed: never deduplicated';
COMMENT ON COLUMN iu_event_type.payload_schema IS 'a JSON Schema subset: type, required, properties, additionalProperties, items, enum, const, minimum, maximum, pattern';
COMMENT ON COLUMN iu_event_type.payload_predicate IS 'the schema compiled to one strict jsonpath predicate, so that a batch is checked set-wise';
COMMENT ON COLUMN iu_event_type.is_system IS 'emitted by this schema''s own functions only';

-- table iu_held_decision
CREATE TABLE iu_held_decision (
  event_id bigint NOT NULL,
  decision text COLLATE "C" NOT NULL,
  reason text NOT NULL,
  decided_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  decided_by text DEFAULT SESSION_USER NOT NULL,
  CONSTRAINT iu_held_decision_chk CHECK ((decision = 'discarded'::text)),
  CONSTRAINT iu_held_decision_event_fkey FOREIGN KEY (event_id) REFERENCES event_outbox(id),
  CONSTRAINT iu_held_decision_pkey PRIMARY KEY (event_id)
);
ALTER TABLE iu_held_decision OWNER TO iu_owner;
COMMENT ON TABLE iu_held_decision IS 'Held events that were discarded, with the reason; released ones have a row of their own in the outbox';

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
  registered_by text DEFAULT SESSION_USER NOT NULL,
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
  CONSTRAINT iu_route_attempt_failure_chk CHECK (((status = ANY (ARRAY['failed'::text, 'skipped'::text])) = (failure_code IS NOT NULL))),
  CONSTRAINT iu_route_attempt_pkey PRIMARY KEY (event_id, route_id, attempt_no),
  CONSTRAINT iu_route_attempt_status_chk CHECK ((status = ANY (ARRAY['dry_run'::text, 'sent'::text, 'failed'::text, 'skipped'::text])))
);
ALTER TABLE iu_route_attempt OWNER TO iu_owner;
COMMENT ON TABLE iu_route_attempt IS 'One audited decision of the worker on one event for one route; append-only';
COMMENT ON COLUMN iu_route_attempt.route_id IS '0 = no route wanted the event';
COMMENT ON COLUMN iu_route_attempt.failure_code IS 'why it failed or was skipped: payload_schema, unknown_event_type, worker_process_error, no_route, route_disabled';

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
  CONSTRAINT iu_route_dead_letter_pkey PRIMARY KEY (id),
  CONSTRAINT iu_route_dead_letter_resolved_chk CHECK (((status = 'open'::text) = (resolved_at IS NULL))),
  CONSTRAINT iu_route_dead_letter_status_chk CHECK ((status = ANY (ARRAY['open'::text, 'replayed'::text, 'discarded'::text])))
);
ALTER TABLE iu_route_dead_letter OWNER TO iu_owner;
CREATE INDEX iu_route_dead_letter_open_id_idx ON iu_core.iu_route_dead_letter USING btree (id) WHERE (status = 'open'::text);
CREATE UNIQUE INDEX iu_route_dead_letter_open_idx ON iu_core.iu_route_dead_letter USING btree (event_id, route_id) WHERE (status = 'open'::text);
COMMENT ON TABLE iu_route_dead_letter IS 'A snapshot of an event whose attempt failed, open until replayed or discarded';
COMMENT ON COLUMN iu_route_dead_letter.attempt_no IS 'the latest attempt that failed';
COMMENT ON COLUMN iu_route_dead_letter.resolved_attempt_no IS 'the attempt that a replay succeeded with';

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
  CONSTRAINT iu_route_worker_cursor_apart_excl EXCLUDE USING gist (int4range((bucket_from)::integer, (bucket_to)::integer, '[]'::text) WITH &&),
  CONSTRAINT iu_route_worker_cursor_buckets_chk CHECK ((((bucket_from >= 0) AND (bucket_from <= bucket_to)) AND (bucket_to <= 15))),
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
  run_by text DEFAULT SESSION_USER NOT NULL,
  CONSTRAINT iu_route_worker_run_pkey PRIMARY KEY (id)
);
ALTER TABLE iu_route_worker_run OWNER TO iu_owner;
COMMENT ON TABLE iu_route_worker_run IS 'Every pass that saw an event: what it saw and wrote';

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

-- table iu_vocabulary
CREATE TABLE iu_vocabulary (
  term_class text COLLATE "C" NOT NULL,
  term text COLLATE "C" NOT NULL,
  description text NOT NULL,
  CONSTRAINT iu_vocabulary_pkey PRIMARY KEY (term_class, term)
);
ALTER TABLE iu_vocabulary OWNER TO iu_owner;
COMMENT ON TABLE iu_vocabulary IS 'Every allowed kind and term, classified';

-- table unit_version
CREATE TABLE unit_version (
  unit_id bigint NOT NULL,
  version_seq integer NOT NULL,
  body text NOT NULL,
  content_digest bytea NOT NULL,
  byte_length integer NOT NULL,
  created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  created_by text DEFAULT SESSION_USER NOT NULL,
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

-- view v_iu_accounting
CREATE VIEW v_iu_accounting AS
 SELECT count(*) AS events,
    count(*) FILTER (WHERE (account = 'attempted'::text)) AS attempted,
    count(*) FILTER (WHERE (account = 'held'::text)) AS held,
    count(*) FILTER (WHERE (account = 'released'::text)) AS released,
    count(*) FILTER (WHERE (account = 'discarded'::text)) AS discarded,
    count(*) FILTER (WHERE (account = 'not_yet_routed'::text)) AS not_yet_routed,
    count(*) FILTER (WHERE (account = 'unexplained'::text)) AS unexplained
   FROM ( SELECT
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
         OFFSET 0) accounted;
ALTER VIEW v_iu_accounting OWNER TO iu_owner;
COMMENT ON VIEW v_iu_accounting IS 'The accounting identity: events = attempted + held + released + discarded + not_yet_routed, and unexplained is 0';
GRANT SELECT ON v_iu_accounting TO iu_reader;

-- view v_iu_collection_health
CREATE VIEW v_iu_collection_health AS
 SELECT c.id AS collection_id,
    c.canonical_address,
    ((p.pieces = c.piece_count) AND (p.bytes = c.byte_length) AND (p.missing_body = 0) AND (p.retired_inside = 0) AND (NOT (c.render_revision IS DISTINCT FROM c.revision)) AND ((c.source_digest IS NULL) OR (c.render_digest = c.source_digest))) AS healthy,
    p.pieces,
    c.piece_count AS pieces_counted,
    p.bytes,
    c.byte_length AS bytes_counted,
    p.missing_body,
    p.retired_inside,
    (c.render_revision IS DISTINCT FROM c.revision) AS render_stale,
    ((c.source_digest IS NOT NULL) AND (c.render_digest IS DISTINCT FROM c.source_digest)) AS differs_from_source
   FROM (iu_collection c
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
  WHERE (c.status = 'active'::text);
ALTER VIEW v_iu_collection_health OWNER TO iu_owner;
COMMENT ON VIEW v_iu_collection_health IS 'Each collection counted anew from its rows: pieces and bytes, missing bodies, retired pieces inside, stale or differing rendering';
GRANT SELECT ON v_iu_collection_health TO iu_reader;

-- view v_iu_collection_manifest
CREATE VIEW v_iu_collection_manifest AS
 SELECT id AS collection_id,
    canonical_address,
    collection_kind,
    title,
    status,
    source_path,
    revision,
    piece_count,
    byte_length,
    encode(manifest_digest, 'hex'::text) AS manifest_digest,
    manifest_revision,
    (NOT (manifest_revision IS DISTINCT FROM revision)) AS manifest_current,
    encode(render_digest, 'hex'::text) AS render_digest,
    render_revision,
    encode(source_digest, 'hex'::text) AS source_digest,
    source_byte_length,
        CASE
            WHEN (source_digest IS NULL) THEN 'no_source'::text
            WHEN (render_revision IS DISTINCT FROM revision) THEN 'stale'::text
            WHEN (render_digest = source_digest) THEN 'identical'::text
            ELSE 'differs'::text
        END AS round_trip,
    created_at,
    created_by,
    updated_at
   FROM iu_collection
  WHERE (status = 'active'::text);
ALTER VIEW v_iu_collection_manifest OWNER TO iu_owner;
COMMENT ON VIEW v_iu_collection_manifest IS 'One row a collection: counts, digests, and whether its rendering is the file it was cut from';
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
     JOIN unit_version v ON (((v.unit_id = u.id) AND (v.version_seq = COALESCE(p.pinned_version_seq, u.current_version_seq)))))
     LEFT JOIN iu_tree_path t ON ((t.unit_id = u.id)))
     LEFT JOIN iu_tree_path s ON ((s.unit_id = t.parent_unit_id)))
  WHERE (c.status = 'active'::text);
ALTER VIEW v_iu_collection_piece OWNER TO iu_owner;
COMMENT ON VIEW v_iu_collection_piece IS 'The rows of a manifest; order by position within one collection. body || separator, in order, is the rendering';
GRANT SELECT ON v_iu_collection_piece TO iu_reader;

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

-- view v_iu_event_backlog
CREATE VIEW v_iu_event_backlog AS
 SELECT worker_code,
    event_domain,
    event_type,
    (count(*))::integer AS pending,
    min(created_at) AS oldest_at
   FROM fn_iu_event_pending(10001) fn_iu_event_pending(worker_code, event_id, event_domain, event_type, created_at)
  GROUP BY worker_code, event_domain, event_type;
ALTER VIEW v_iu_event_backlog OWNER TO iu_owner;
COMMENT ON VIEW v_iu_event_backlog IS 'Events not yet routed, by type; counted up to 10001 per worker';
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
            WHEN (NOT s.is_known) THEN false
            WHEN pg_visible_in_snapshot(e.xid, c.snap_from) THEN true
            WHEN ((e.xid >= pg_snapshot_xmax(c.snap_from)) AND (e.id <= c.floor_id)) THEN true
            WHEN ((e.xid = c.own_xid) AND (e.id <= c.own_last_id)) THEN true
            WHEN ((c.snap_to IS NULL) OR (e.id > c.last_id)) THEN false
            WHEN (e.id <= c.trusted_id) THEN (NOT (e.xid IN ( SELECT pg_snapshot_xip(c.snap_to) AS pg_snapshot_xip)))
            ELSE pg_visible_in_snapshot(e.xid, c.snap_to)
        END AS is_passed
   FROM ((iu_route_worker_cursor c
     CROSS JOIN LATERAL ( SELECT ((NOT (c.system_identifier IS DISTINCT FROM fn_iu_system_identifier())) AND (pg_snapshot_xmin(c.snap_from) <= pg_snapshot_xmax(pg_current_snapshot()))) AS is_known
         OFFSET 0) s)
     JOIN event_outbox e ON ((((e.bucket >= c.bucket_from) AND (e.bucket <= c.bucket_to)) AND (e.delivery_lane <> 'held'::text))));
ALTER VIEW v_iu_event_claim OWNER TO iu_owner;
COMMENT ON VIEW v_iu_event_claim IS 'For every event that is not held: the worker whose it is, and whether that worker claims to be done with it. Accounting holds the claim against the attempts';

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

-- view v_iu_outbound_route
CREATE VIEW v_iu_outbound_route AS
 SELECT r.id AS route_id,
    r.route_code,
    r.event_type,
    t.event_domain,
    r.target_kind,
    r.target_ref,
    r.enabled,
    r.dry_run,
    encode(r.definition_digest, 'hex'::text) AS definition_digest
   FROM (iu_outbound_route r
     JOIN iu_event_type t ON ((t.event_type = r.event_type)));
ALTER VIEW v_iu_outbound_route OWNER TO iu_owner;
COMMENT ON VIEW v_iu_outbound_route IS 'Every route with its switches';
GRANT SELECT ON v_iu_outbound_route TO iu_reader;

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
    (sum(t.attempts))::bigint AS attempts
   FROM (iu_route_attempt_rollup t
     LEFT JOIN iu_outbound_route r ON ((r.id = t.route_id)))
  WHERE (t.span_start > '-infinity'::timestamp with time zone)
  GROUP BY t.span_start, t.route_id, r.route_code, t.status;
ALTER VIEW v_iu_route_attempt_hourly OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_attempt_hourly IS 'Attempts per hour, route and outcome';
GRANT SELECT ON v_iu_route_attempt_hourly TO iu_reader;

-- view v_iu_route_attempt_summary
CREATE VIEW v_iu_route_attempt_summary AS
 SELECT COALESCE(r.id, t.route_id) AS route_id,
    COALESCE(r.route_code, '(no route)'::text) AS route_code,
    r.event_type,
    r.target_kind,
    r.target_ref,
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
    d.created_at
   FROM (iu_route_dead_letter d
     LEFT JOIN iu_outbound_route r ON ((r.id = d.route_id)))
  WHERE (d.status = 'open'::text);
ALTER VIEW v_iu_route_dead_letter_open OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_dead_letter_open IS 'The open dead letters, with the reason and the event as it was';
GRANT SELECT ON v_iu_route_dead_letter_open TO iu_reader;

-- view v_iu_route_decision
CREATE VIEW v_iu_route_decision AS
 SELECT e.id AS event_id,
    COALESCE(r.id, 0) AS route_id,
    r.target_kind,
    r.target_ref,
    d.failure_code,
        CASE
            WHEN (d.failure_code = ANY (ARRAY['route_disabled'::text, 'no_route'::text])) THEN 'skipped'::text
            WHEN (d.failure_code IS NOT NULL) THEN 'failed'::text
            WHEN r.dry_run THEN 'dry_run'::text
            ELSE 'live'::text
        END AS decision,
        CASE
            WHEN (d.failure_code = 'payload_schema'::text) THEN array_to_string(fn_iu_payload_problems(e.payload, t.payload_schema), '; '::text)
            WHEN (d.failure_code = 'unknown_event_type'::text) THEN 'the type is not registered'::text
            ELSE NULL::text
        END AS failure_detail
   FROM (((event_outbox e
     LEFT JOIN iu_event_type t ON ((t.event_type = e.event_type)))
     LEFT JOIN iu_outbound_route r ON ((r.event_type = e.event_type)))
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN (NOT r.enabled) THEN 'route_disabled'::text
                    WHEN (t.event_type IS NULL) THEN 'unknown_event_type'::text
                    WHEN ((e.payload @@ t.payload_predicate) IS NOT TRUE) THEN 'payload_schema'::text
                    WHEN (r.id IS NULL) THEN 'no_route'::text
                    ELSE NULL::text
                END AS failure_code
         OFFSET 0) d);
ALTER VIEW v_iu_route_decision OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_decision IS 'What the worker would decide on each event for each of its routes, now: dry_run, live, failed or skipped, with the code';

-- view v_iu_route_worker_health
CREATE VIEW v_iu_route_worker_health AS
 SELECT c.worker_code,
    h.healthy,
    h.reasons,
    h.worker_gate_open,
    h.master_gate_open,
    h.delivery_mode,
    h.blocked_by,
    h.backlog,
    h.oldest_unrouted_at,
    h.held_back_since,
    h.open_dead_letters,
    h.last_pass_at,
    h.last_pass_seen
   FROM (iu_route_worker_cursor c
     CROSS JOIN LATERAL fn_iu_route_worker_health(c.worker_code) h(healthy, reasons, worker_gate_open, master_gate_open, delivery_mode, blocked_by, backlog, oldest_unrouted_at, held_back_since, open_dead_letters, last_pass_at, last_pass_seen));
ALTER VIEW v_iu_route_worker_health OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_worker_health IS 'One row a worker: healthy, or every reason why not';
GRANT SELECT ON v_iu_route_worker_health TO iu_reader;

-- function fn_dot_catalogue()
CREATE OR REPLACE FUNCTION iu_core.fn_dot_catalogue()
 RETURNS TABLE(class text, identity text, definition text, facts text)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
      ('event_type', 'iu_event_type', 'SELECT event_type, concat_ws(chr(10), event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate) FROM iu_core.iu_event_type'),
      ('route', 'iu_outbound_route', 'SELECT route_code, concat_ws(chr(10), event_type, target_kind, target_ref) FROM iu_core.iu_outbound_route')
    ) AS v(class, relation, query)
  LOOP
    CONTINUE WHEN to_regclass('iu_core.' || v_data.relation) IS NULL;
    RETURN QUERY EXECUTE format('SELECT %L::text, q.i::text, q.d::text, q.d::text FROM (%s) AS q(i, d)', v_data.class, v_data.query);
  END LOOP;
END
$function$;
ALTER FUNCTION fn_dot_catalogue() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_catalogue() IS 'Every object of the schema as it stands: class, identity, the statements that make it, and the facts that no PostgreSQL version spells otherwise (owner, rights, columns, settings)';

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
    INSERT INTO unit_version (unit_id, version_seq, body, content_digest, byte_length)
    SELECT unit_id, version_seq, body, digest, octet_length(body) FROM given ORDER BY unit_id
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
$function$;
ALTER FUNCTION fn_iu_apply_versions(bigint[],text[],text[],text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_apply_versions(bigint[],text[],text[],text[]) IS 'Gives each unit a new version where its body differs, and raises the revision of every collection that follows it; returns how many were written. IU001 closed gate, IU002 bad input, IU003 unknown unit, IU009 retired or deleted unit';

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
    RAISE EXCEPTION '%: % is not a known %', p_field, v_unknown, p_term_class
      USING ERRCODE = 'IU002', COLUMN = p_field,
            HINT = 'Use one of: ' || coalesce((SELECT string_agg(term, ', ' ORDER BY term) FROM iu_vocabulary WHERE term_class = p_term_class), '(none registered)');
  END IF;
END
$function$;
ALTER FUNCTION fn_iu_classify(text,text[],text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_classify(text,text[],text) IS 'Raises IU002 (invalid_parameter) naming p_field when a term is not in the vocabulary';

-- function fn_iu_collection_add(bigint,bigint[],numeric[],text[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_add(p_collection_id bigint, p_unit_ids bigint[], p_positions numeric[], p_separators text[])
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
  v_wrong text;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  IF v_count IS NULL OR (cardinality(p_positions), cardinality(p_separators)) IS DISTINCT FROM (v_count, v_count)
     OR array_position(p_unit_ids, NULL) > 0 OR array_position(p_positions, NULL) > 0 THEN
    RAISE EXCEPTION 'unit_ids, positions and separators must be arrays of one length, each unit with its position' USING ERRCODE = 'IU002', COLUMN = 'unit_ids';
  END IF;
  -- Units before collections: the lock order of every writer. A unit that is being revised is waited for, so that its new version counts.
  PERFORM FROM information_unit WHERE id = ANY (p_unit_ids) ORDER BY id FOR KEY SHARE;
  SELECT canonical_address, joiner INTO v_address, v_joiner FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'collection: no collection has the id %', p_collection_id USING ERRCODE = 'IU003', COLUMN = 'collection_id';
  END IF;
  SELECT format('%s (%s)', u.canonical_address, u.lifecycle_status) INTO v_wrong
  FROM information_unit AS u WHERE u.id = ANY (p_unit_ids) AND u.lifecycle_status IN ('retired', 'deleted') LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'unit % cannot be added anywhere', v_wrong USING ERRCODE = 'IU009', COLUMN = 'unit_ids', HINT = 'Restore it first, or add another.';
  END IF;
  v_tail := fn_iu_collection_tail(p_collection_id);
  BEGIN
    INSERT INTO iu_collection_piece (collection_id, unit_id, position, separator)
    SELECT p_collection_id, unit_id, position, separator FROM unnest(p_unit_ids, p_positions, p_separators) AS g(unit_id, position, separator);
  EXCEPTION
    WHEN unique_violation THEN
      RAISE EXCEPTION 'a unit stands in a collection at most once, and a position holds one piece' USING ERRCODE = 'IU004', COLUMN = 'unit_ids';
    WHEN foreign_key_violation THEN
      RAISE EXCEPTION 'unit_ids: names a unit that does not exist' USING ERRCODE = 'IU003', COLUMN = 'unit_ids';
  END;
  PERFORM fn_iu_collection_touch(p_collection_id, v_count,
    sum(v.byte_length + octet_length(coalesce(g.separator, v_joiner)))::bigint + v_tail - fn_iu_collection_tail(p_collection_id))
  FROM unnest(p_unit_ids, p_separators) AS g(unit_id, separator)
  JOIN information_unit AS u ON u.id = g.unit_id
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
  HAVING count(*) > 0;
  PERFORM fn_iu_outbox_append('piece_added_to_collection', 'iu_collection', array_agg(v_address ORDER BY g.n),
    array_agg(jsonb_build_object('collection_address', v_address, 'unit_id', u.id, 'unit_address', u.canonical_address, 'position', g.position) ORDER BY g.n))
  FROM unnest(p_unit_ids, p_positions) WITH ORDINALITY AS g(unit_id, position, n) JOIN information_unit AS u ON u.id = g.unit_id
  HAVING count(*) > 0;
END
$function$;
ALTER FUNCTION fn_iu_collection_add(bigint,bigint[],numeric[],text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_add(bigint,bigint[],numeric[],text[]) IS 'Puts units into a collection at the given positions, in one set; IU001 closed gate, IU002 bad input, IU003 unknown, IU004 already there, IU009 retired or deleted unit';

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

-- function fn_iu_collection_seal(bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_seal(p_collection_id bigint)
 RETURNS bytea
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_rendered bytea := convert_to(fn_iu_collection_render(p_collection_id), 'UTF8');
  v_digest constant bytea := sha256(v_rendered);
  v_row iu_collection;
BEGIN
  UPDATE iu_collection
  SET render_digest = v_digest, render_revision = revision, byte_length = octet_length(v_rendered),
      manifest_digest = sha256(convert_to(fn_iu_collection_manifest_text(id), 'UTF8')), manifest_revision = revision
  WHERE id = p_collection_id
  RETURNING * INTO STRICT v_row;
  PERFORM fn_iu_outbox_append('collection_rendered', 'iu_collection', ARRAY[v_row.canonical_address],
    ARRAY[jsonb_build_object('collection_address', v_row.canonical_address, 'revision', v_row.revision, 'byte_length', v_row.byte_length,
                             'render_digest', encode(v_digest, 'hex'), 'manifest_digest', encode(v_row.manifest_digest, 'hex'))]);
  RETURN v_digest;
END
$function$;
ALTER FUNCTION fn_iu_collection_seal(bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_seal(bigint) IS 'Renders a collection, keeps the digests of the rendering and of the manifest with the revision, emits collection_rendered; returns the rendering''s SHA-256';

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

-- function fn_iu_compose(text,text,text,bigint[],text,text[],text,bytea,bigint)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_compose(p_canonical_address text, p_collection_kind text, p_title text, p_unit_ids bigint[], p_joiner text DEFAULT ''::text, p_separators text[] DEFAULT NULL::text[], p_source_path text DEFAULT NULL::text, p_source_digest bytea DEFAULT NULL::bytea, p_source_byte_length bigint DEFAULT NULL::bigint)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
  INSERT INTO iu_collection (canonical_address, collection_kind, title, joiner, source_path, source_digest, source_byte_length)
  VALUES (p_canonical_address, p_collection_kind, coalesce(p_title, ''), coalesce(p_joiner, ''), p_source_path, p_source_digest, p_source_byte_length)
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
$function$;
ALTER FUNCTION fn_iu_compose(text,text,text,bigint[],text,text[],text,bytea,bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_compose(text,text,text,bigint[],text,text[],text,bytea,bigint) IS 'Composes a new collection of units in the given order, returns its id; IU001 closed gate, IU002 bad input, IU004 address taken, and the refusals of fn_iu_collection_add';

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
      INSERT INTO information_unit (canonical_address, unit_kind, title, source_path)
      SELECT address, kind, title, p_source_path FROM given ORDER BY n
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

  INSERT INTO unit_version (unit_id, version_seq, body, content_digest, byte_length)
  SELECT id, 1, body, sha256(convert_to(body, 'UTF8')), octet_length(body)
  FROM unnest(v_ids, p_bodies) AS v(id, body);
  RETURN coalesce(v_ids, '{}');
END
$function$;
ALTER FUNCTION fn_iu_create_batch(text[],text[],text[],text[],text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_create_batch(text[],text[],text[],text[],text) IS 'Birth gate, set-based: makes one unit with version 1 per element, returns their ids in the given order; IU001 closed gate, IU002 bad input, IU004 address taken';

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
    SELECT a INTO v_id FROM fn_iu_outbox_append(p_event_type, p_event_subject_table, ARRAY[p_event_subject_ref], ARRAY[p_payload], p_idempotency_key) AS a;
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
COMMENT ON FUNCTION fn_iu_emit_event(text,text,text,jsonb,text) IS 'Emits one event inside the caller''s transaction and returns its id; a repeat on lane immediate returns the first id. A payload that breaks its schema is accepted here and dead-lettered by the worker. IU007 unknown type, IU008 system type, IU002 bad argument';
GRANT EXECUTE ON FUNCTION fn_iu_emit_event(text,text,text,jsonb,text) TO iu_emitter;

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
    SELECT e.event_id, e.event_domain, e.event_type, e.created_at FROM v_iu_event_claim AS e
    WHERE e.worker_code = c.worker_code AND e.event_id > f.floor_id AND NOT e.is_passed
      AND NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.event_id)
    UNION ALL
    SELECT e.event_id, e.event_domain, e.event_type, e.created_at
    FROM (SELECT pg_snapshot_xip(c.snap_from) UNION SELECT pg_snapshot_xip(c.snap_to)) AS running(x)
    JOIN v_iu_event_claim AS e ON e.worker_code = c.worker_code AND e.xid = x
    WHERE e.event_id <= f.floor_id AND NOT e.is_passed
      AND NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.event_id)
    LIMIT p_limit
  ) AS p
$function$;
ALTER FUNCTION fn_iu_event_pending(integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_pending(integer) IS 'Up to p_limit events per worker that it has yet to route';
GRANT EXECUTE ON FUNCTION fn_iu_event_pending(integer) TO iu_reader;

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
    INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, payload_schema, payload_predicate, is_system, description)
    VALUES (v_type, p_event_domain, p_delivery_lane, coalesce(v_entry -> 'payload_schema', '{}'),
            ('strict ' || fn_iu_schema_predicate(coalesce(v_entry -> 'payload_schema', '{}')))::jsonpath, p_is_system, v_entry ->> 'description')
    ON CONFLICT (event_type) DO UPDATE
    SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, payload_schema = excluded.payload_schema,
        payload_predicate = excluded.payload_predicate, description = excluded.description,
        registered_at = clock_timestamp(), registered_by = session_user
    WHERE (iu_event_type.event_domain, iu_event_type.delivery_lane, iu_event_type.payload_schema, iu_event_type.payload_predicate::text, iu_event_type.description)
      IS DISTINCT FROM (excluded.event_domain, excluded.delivery_lane, excluded.payload_schema, excluded.payload_predicate::text, excluded.description);
  END LOOP;
END
$function$;
ALTER FUNCTION fn_iu_event_types_register(text,text,boolean,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_types_register(text,text,boolean,jsonb) IS 'Registers event types of one domain and lane: {"type": {"description": text, "payload_schema": schema}}; again with the same content changes nothing. IU002 for an unclassified domain or a schema outside the subset, IU008 for a name of the other side';

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
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ SELECT fn_iu_gate_state(p_gate) = 'open' $function$;
ALTER FUNCTION fn_iu_gate_is_open(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_gate_is_open(text) IS 'True only for an open gate; never null';
GRANT EXECUTE ON FUNCTION fn_iu_gate_is_open(text) TO iu_reader;

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
  IF coalesce(btrim(p_reason), '') = '' THEN
    RAISE EXCEPTION 'reason: a gate changes only with a reason'
      USING ERRCODE = 'IU002', COLUMN = 'reason', HINT = 'Say why: --reason TEXT';
  END IF;
  IF p_expires_at <= clock_timestamp() THEN
    RAISE EXCEPTION 'expires_at: % is past', p_expires_at USING ERRCODE = 'IU002', COLUMN = 'expires_at';
  END IF;
  UPDATE dot_config
  SET value = p_open::text, value_type = 'gate', reason = btrim(p_reason),
      expires_at = CASE WHEN p_open THEN p_expires_at END,
      changed_by = session_user, changed_at = clock_timestamp()
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
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT coalesce((
    SELECT CASE
      WHEN value_type <> 'gate' OR value NOT IN ('true', 'false') THEN 'malformed'
      WHEN value = 'false' THEN 'closed'
      WHEN expires_at <= clock_timestamp() THEN 'expired'
      ELSE 'open'
    END
    FROM dot_config WHERE key = p_gate), 'missing')
$function$;
ALTER FUNCTION fn_iu_gate_state(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_gate_state(text) IS 'open, closed, expired, malformed or missing; only ''open'' lets anything through';
GRANT EXECUTE ON FUNCTION fn_iu_gate_state(text) TO iu_reader;

-- function fn_iu_import_file(text,bytea,text[],integer[],integer[],text[],smallint[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_import_file(p_source_path text, p_content bytea, p_kinds text[], p_starts integer[], p_lengths integer[], p_titles text[], p_section_levels smallint[])
 RETURNS TABLE(outcome text, canonical_address text, pieces integer, pieces_created integer, versions_created integer, pieces_removed integer, pieces_moved integer, byte_length bigint, content_digest text)
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

  -- Imports of one source take turns; the unchanged one writes nothing at all.
  PERFORM pg_advisory_xact_lock(hashtextextended('iu_core.import ' || p_source_path, 0));
  SELECT * INTO v_collection FROM iu_collection AS c WHERE c.source_path = p_source_path;
  IF FOUND AND v_collection.render_revision = v_collection.revision AND (v_collection.render_digest, v_collection.source_digest) = (v_digest, v_digest) THEN
    RETURN QUERY SELECT 'unchanged', v_collection.canonical_address, v_collection.piece_count, 0, 0, 0, 0, v_collection.byte_length, encode(v_digest, 'hex');
    RETURN;
  END IF;

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
    SELECT coalesce(array_agg(p.unit_id ORDER BY p.position), '{}'), coalesce(array_agg(p.position ORDER BY p.position), '{}'),
           coalesce(array_agg(u.unit_kind ORDER BY p.position), '{}'), coalesce(array_agg(encode(v.content_digest, 'hex') ORDER BY p.position), '{}')
    INTO v_old_units, v_old_positions, v_old_kinds, v_old_digests
    FROM iu_collection_piece AS p
    JOIN information_unit AS u ON u.id = p.unit_id
    JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
    WHERE p.collection_id = v_collection.id;
    SELECT coalesce(array_agg(a.old_no ORDER BY a.new_no) FILTER (WHERE a.new_no IS NOT NULL), '{}'),
           coalesce(array_agg(a.is_same ORDER BY a.new_no) FILTER (WHERE a.new_no IS NOT NULL), '{}'),
           coalesce(array_agg(a.stays ORDER BY a.new_no) FILTER (WHERE a.new_no IS NOT NULL), '{}'),
           coalesce(array_agg(v_old_units[a.old_no] ORDER BY a.old_no) FILTER (WHERE a.new_no IS NULL), '{}')
    INTO v_old_nos, v_same, v_stays, v_removed
    FROM fn_iu_align(v_old_digests, ARRAY(SELECT encode(sha256(convert_to(b, 'UTF8')), 'hex') FROM unnest(v_bodies) WITH ORDINALITY AS g(b, n) ORDER BY n),
                     v_old_kinds, p_kinds) AS a;

    v_created := ARRAY(SELECT n::integer FROM unnest(v_old_nos) WITH ORDINALITY AS g(o, n) WHERE o IS NULL ORDER BY n);
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

    IF cardinality(v_removed) > 0 THEN
      PERFORM fn_iu_collection_remove(v_collection.id, v_removed);
    END IF;
    -- A revised piece that was pinned follows its source again.
    UPDATE iu_collection_piece AS p SET pinned_version_seq = NULL
    FROM unnest(v_units, v_same) AS g(unit_id, same)
    WHERE p.collection_id = v_collection.id AND p.unit_id = g.unit_id AND NOT g.same AND p.pinned_version_seq IS NOT NULL;
    SELECT fn_iu_apply_versions(array_agg(unit_id ORDER BY n), array_agg(body ORDER BY n), array_agg(kind ORDER BY n), array_agg(title ORDER BY n))
    INTO versions_created
    FROM unnest(v_old_nos, v_same, v_units, v_bodies, p_kinds, p_titles) WITH ORDINALITY AS g(o, same, unit_id, body, kind, title, n)
    WHERE o IS NOT NULL AND NOT same
    HAVING count(*) > 0;
    SELECT count(fn_iu_collection_reorder(v_collection.id, unit_ids, positions)), coalesce(max(cardinality(unit_ids)), 0)
    INTO v_run, pieces_moved
    FROM (SELECT array_agg(unit_id ORDER BY n) AS unit_ids, array_agg(position ORDER BY n) AS positions
          FROM unnest(v_old_nos, v_stays, v_units, v_positions) WITH ORDINALITY AS g(o, stay, unit_id, position, n)
          WHERE o IS NOT NULL AND NOT stay
          HAVING count(*) > 0) AS moved;
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
    pieces_created := cardinality(v_created); pieces_removed := cardinality(v_removed);
  END IF;

  PERFORM fn_iu_tree_place(v_units, p_section_levels);
  IF fn_iu_collection_seal(v_collection.id) <> v_digest THEN
    RAISE EXCEPTION 'round trip failed: % does not render to the bytes it was cut from', p_source_path
      USING ERRCODE = 'IU006', DETAIL = format('source sha256 %s', encode(v_digest, 'hex')), HINT = 'Nothing was written. Report the file.';
  END IF;
  SELECT v_collection.canonical_address, c.piece_count, c.byte_length, encode(v_digest, 'hex')
  INTO canonical_address, pieces, byte_length, content_digest
  FROM iu_collection AS c WHERE c.id = v_collection.id;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_iu_import_file(text,bytea,text[],integer[],integer[],text[],smallint[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_import_file(text,bytea,text[],integer[],integer[],text[],smallint[]) IS 'Imports one source: the file''s bytes and its cut (byte offsets from 0, lengths; the rest between two pieces separates them). Makes the collection, or brings it to the new bytes with the fewest new versions and pieces, and proves that it renders to the same SHA-256. outcome: created, updated, unchanged (nothing written). IU001 closed gate, IU002 bad cut, IU004 address taken, IU006 round trip failed';

-- function fn_iu_is_address(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_is_address(p_address text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$ SELECT octet_length(p_address) <= 512 AND p_address ~ '^[a-z0-9_-]+([./][a-z0-9_-]+)*$' $function$;
ALTER FUNCTION fn_iu_is_address(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_is_address(text) IS 'Whether a text is a canonical address: segments of a-z 0-9 _ - joined by . and /, at most 512 bytes';

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
  v_open boolean := fn_iu_gate_is_open('iu_core.routes_master_enabled');
BEGIN
  RETURN QUERY
  INSERT INTO event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, idempotency_key)
  SELECT t.event_domain, t.event_type, p_event_subject_table, e.ref, e.payload,
         CASE WHEN v_open THEN t.delivery_lane ELSE 'held' END,
         CASE WHEN t.delivery_lane = 'immediate' THEN p_idempotency_key END
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

-- function fn_iu_payload_problems(jsonb,jsonb,text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_payload_problems(p_payload jsonb, p_schema jsonb, p_path text DEFAULT '$'::text)
 RETURNS text[]
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
    IF v_number < (p_schema ->> 'minimum')::numeric THEN v_problems := v_problems || format('%s: want at least %s, have %s', p_path, p_schema -> 'minimum', p_payload); END IF;
    IF v_number > (p_schema ->> 'maximum')::numeric THEN v_problems := v_problems || format('%s: want at most %s, have %s', p_path, p_schema -> 'maximum', p_payload); END IF;
    IF v_number <= (p_schema ->> 'exclusiveMinimum')::numeric THEN v_problems := v_problems || format('%s: want more than %s, have %s', p_path, p_schema -> 'exclusiveMinimum', p_payload); END IF;
    IF v_number >= (p_schema ->> 'exclusiveMaximum')::numeric THEN v_problems := v_problems || format('%s: want less than %s, have %s', p_path, p_schema -> 'exclusiveMaximum', p_payload); END IF;
  ELSIF v_type = 'string' AND p_schema ? 'pattern' THEN
    IF (p_payload @@ ('$ like_regex ' || (p_schema -> 'pattern')::text)::jsonpath) IS NOT TRUE THEN
      v_problems := v_problems || format('%s: want a text like %s', p_path, p_schema -> 'pattern');
    END IF;
  ELSIF v_type = 'array' AND p_schema ? 'items' THEN
    FOR v_key, v_value IN SELECT n - 1, e FROM jsonb_array_elements(p_payload) WITH ORDINALITY AS x(e, n) LOOP
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

-- function fn_iu_route_attempt_one(text,bigint,integer,integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_attempt_one(p_worker_code text, p_event_id bigint, p_route_id integer, p_attempt_no integer)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_decision v_iu_route_decision;
BEGIN
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
  INSERT INTO iu_route_attempt (event_id, route_id, attempt_no, status, failure_code, failure_detail, target_kind, target_ref, worker_code)
  VALUES (p_event_id, p_route_id, p_attempt_no, v_decision.decision, v_decision.failure_code, v_decision.failure_detail,
          v_decision.target_kind, v_decision.target_ref, p_worker_code)
  ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  PERFORM fn_iu_route_rollup_add(p_worker_code, ARRAY[p_route_id], ARRAY[v_decision.decision]);
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
    SET status = 'replayed', resolved_at = clock_timestamp(), resolved_by = session_user, resolved_attempt_no = v_attempt_no
    WHERE id = p_dead_letter_id;
    status := 'replayed';
  ELSE
    status := 'failed_again';
  END IF;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_iu_route_dead_letter_replay(bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_dead_letter_replay(bigint) IS 'Attempts a dead letter once more under the next attempt number: replayed, failed_again (it stays open), already_resolved, or the closed gate. IU003 unknown id';
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

-- function fn_iu_route_page(iu_route_worker_cursor,xid8,integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_page(p_cursor iu_route_worker_cursor, p_own xid8, p_batch_size integer, OUT seen integer, OUT last_id bigint, OUT route_ids integer[], OUT statuses text[], OUT dead_lettered integer, OUT live_events bigint[], OUT live_routes integer[])
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
BEGIN
  WITH page AS MATERIALIZED (
    SELECT id FROM (
      (SELECT late.id FROM unnest(v_late) AS l(x) CROSS JOIN LATERAL (
         SELECT e.id FROM event_outbox AS e
         WHERE e.xid = l.x AND e.delivery_lane <> 'held' AND e.bucket BETWEEN p_cursor.bucket_from AND p_cursor.bucket_to
           AND e.id > CASE WHEN l.x = p_cursor.own_xid THEN greatest(p_cursor.last_id, p_cursor.own_last_id) ELSE p_cursor.last_id END
         ORDER BY e.id LIMIT p_batch_size) AS late)
      UNION ALL
      (SELECT e.id FROM event_outbox AS e
       WHERE e.id > greatest(p_cursor.last_id, p_cursor.floor_id) AND e.xid >= v_new_from
         AND CASE WHEN e.id <= p_cursor.trusted_id THEN e.xid <> ALL (v_running) ELSE pg_visible_in_snapshot(e.xid, p_cursor.snap_to) END
         AND e.delivery_lane <> 'held' AND e.bucket BETWEEN p_cursor.bucket_from AND p_cursor.bucket_to
       ORDER BY e.id LIMIT p_batch_size)
      UNION ALL
      (SELECT e.id FROM event_outbox AS e
       WHERE e.xid = p_own AND e.id > v_own_after
         AND e.delivery_lane <> 'held' AND e.bucket BETWEEN p_cursor.bucket_from AND p_cursor.bucket_to
       ORDER BY e.id LIMIT p_batch_size)
    ) AS became_visible
    ORDER BY id LIMIT p_batch_size
  ), decided AS MATERIALIZED (
    SELECT d.* FROM page JOIN v_iu_route_decision AS d ON d.event_id = page.id
  ), attempted AS (
    INSERT INTO iu_route_attempt AS a (event_id, route_id, attempt_no, status, failure_code, failure_detail, target_kind, target_ref, worker_code)
    SELECT event_id, route_id, 1, decision, failure_code, failure_detail, target_kind, target_ref, p_cursor.worker_code
    FROM decided WHERE decision <> 'live' ORDER BY event_id, route_id
    ON CONFLICT DO NOTHING
    RETURNING a.event_id, a.route_id, a.status, a.failure_code, a.failure_detail
  ), dead AS (
    INSERT INTO iu_route_dead_letter (event_id, route_id, attempt_no, failure_code, failure_detail, event_domain, event_type,
                                      event_subject_table, event_subject_ref, payload, actor, event_created_at)
    SELECT e.id, a.route_id, 1, a.failure_code, a.failure_detail, e.event_domain, e.event_type,
           e.event_subject_table, e.event_subject_ref, e.payload, e.actor, e.created_at
    FROM attempted AS a JOIN event_outbox AS e ON e.id = a.event_id
    WHERE a.status = 'failed' ORDER BY e.id, a.route_id
    ON CONFLICT DO NOTHING
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM page), (SELECT max(id) FROM page), a.route_ids, a.statuses, (SELECT count(*) FROM dead), l.events, l.routes
  INTO seen, last_id, route_ids, statuses, dead_lettered, live_events, live_routes
  FROM (SELECT coalesce(array_agg(route_id), '{}') AS route_ids, coalesce(array_agg(status), '{}') AS statuses FROM attempted) AS a
  CROSS JOIN (SELECT coalesce(array_agg(event_id ORDER BY event_id, route_id), '{}') AS events, coalesce(array_agg(route_id ORDER BY event_id, route_id), '{}') AS routes
              FROM decided AS d
              -- A delivery cannot be taken back by a conflict: what was attempted once is left to replays.
              WHERE decision = 'live' AND NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = d.event_id AND a.route_id = d.route_id)) AS l;
END
$function$;
ALTER FUNCTION fn_iu_route_page(iu_route_worker_cursor,xid8,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_page(iu_route_worker_cursor,xid8,integer) IS 'Routes one page of the window that the cursor describes; live routes are returned, not attempted. p_own is the caller''s own transaction where it has written, so that it may read its own events';

-- function fn_iu_route_rollup_add(text,integer[],text[])
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_rollup_add(p_worker_code text, p_route_ids integer[], p_statuses text[])
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  INSERT INTO iu_route_attempt_rollup AS t (worker_code, span_start, route_id, status, attempts, last_attempt_at)
  SELECT p_worker_code, span_start, route_id, status, count(*), clock_timestamp()
  FROM unnest(p_route_ids, p_statuses) AS a(route_id, status)
  CROSS JOIN (VALUES ('-infinity'::timestamptz), (date_trunc('hour', clock_timestamp(), 'UTC'))) AS span(span_start)
  GROUP BY span_start, route_id, status
  ORDER BY span_start, route_id, status
  ON CONFLICT (worker_code, span_start, route_id, status)
  DO UPDATE SET attempts = t.attempts + excluded.attempts, last_attempt_at = excluded.last_attempt_at
$function$;
ALTER FUNCTION fn_iu_route_rollup_add(text,integer[],text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_rollup_add(text,integer[],text[]) IS 'Counts attempts, one element each, into the hour and into all time';

-- function fn_iu_route_worker_health(text)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_worker_health(p_worker_code text)
 RETURNS TABLE(healthy boolean, reasons text[], worker_gate_open boolean, master_gate_open boolean, delivery_mode text, blocked_by text, backlog integer, oldest_unrouted_at timestamp with time zone, held_back_since timestamp with time zone, open_dead_letters integer, last_pass_at timestamp with time zone, last_pass_seen integer)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  v_cursor iu_route_worker_cursor;
BEGIN
  SELECT * INTO v_cursor FROM iu_route_worker_cursor AS c WHERE c.worker_code = p_worker_code;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'worker_code: % has no cursor', coalesce(p_worker_code, 'null') USING ERRCODE = 'IU003', COLUMN = 'worker_code';
  END IF;
  reasons := '{}';
  worker_gate_open := fn_iu_gate_is_open('iu_core.route_worker_enabled');
  master_gate_open := fn_iu_gate_is_open('iu_core.routes_master_enabled');
  blocked_by := CASE WHEN NOT worker_gate_open THEN 'iu_core.route_worker_enabled' WHEN NOT master_gate_open THEN 'iu_core.routes_master_enabled' END;
  delivery_mode := CASE
    WHEN blocked_by IS NOT NULL THEN 'STOPPED'
    WHEN fn_iu_gate_is_open('iu_core.execution_enabled') AND EXISTS (SELECT FROM iu_outbound_route AS r WHERE r.enabled AND NOT r.dry_run) THEN 'LIVE'
    ELSE 'DRY RUN' END;
  last_pass_at := v_cursor.last_pass_at;
  last_pass_seen := v_cursor.last_pass_seen;
  SELECT count(*), min(p.created_at) INTO backlog, oldest_unrouted_at FROM fn_iu_event_pending(10001) AS p WHERE p.worker_code = p_worker_code;
  -- Only a transaction that the cursor has not passed can hold events back: one that was open at the last
  -- window, or began after it. A prepared one has no session.
  SELECT min(o.since) INTO held_back_since
  FROM (SELECT a.xact_start AS since, a.backend_xid::text::numeric AS xid FROM pg_stat_activity AS a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
        UNION ALL
        SELECT p.prepared, p.transaction::text::numeric FROM pg_prepared_xacts AS p WHERE p.database = current_database()) AS o
  WHERE o.xid IN (SELECT x::text::numeric % 4294967296 FROM pg_snapshot_xip(v_cursor.snap_from) AS x)
     OR mod(o.xid - pg_snapshot_xmax(v_cursor.snap_from)::text::numeric % 4294967296 + 4294967296, 4294967296) < 2147483648;
  SELECT count(*) INTO open_dead_letters FROM (SELECT FROM iu_route_dead_letter AS d WHERE d.status = 'open' LIMIT 10001) AS bounded;

  IF NOT worker_gate_open THEN reasons := reasons || format('gate iu_core.route_worker_enabled is %s', fn_iu_gate_state('iu_core.route_worker_enabled')); END IF;
  IF NOT master_gate_open THEN reasons := reasons || format('gate iu_core.routes_master_enabled is %s', fn_iu_gate_state('iu_core.routes_master_enabled')); END IF;
  IF backlog > 10000 THEN reasons := reasons || 'more than 10,000 events wait'::text; END IF;
  IF oldest_unrouted_at < clock_timestamp() - interval '1 minute' THEN
    reasons := reasons || format('the oldest unrouted event is of %s', to_char(oldest_unrouted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'));
  END IF;
  IF held_back_since < clock_timestamp() - interval '1 minute' THEN
    reasons := reasons || format('a transaction open since %s may hold events back', to_char(held_back_since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'));
  END IF;
  IF open_dead_letters > 0 THEN
    reasons := reasons || format('%s open dead letter%s', CASE WHEN open_dead_letters > 10000 THEN '10,000+' ELSE open_dead_letters::text END, CASE open_dead_letters WHEN 1 THEN '' ELSE 's' END);
  END IF;
  healthy := cardinality(reasons) = 0;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_iu_route_worker_health(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_worker_health(text) IS 'Healthy, or every reason why not: gates, backlog, age of the oldest unrouted event, a transaction that holds events back, open dead letters; with the last pass. IU003 unknown worker';
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
  INSERT INTO iu_route_worker_run (worker_code, started_at, seen, attempts_written, skipped, dead_lettered)
  VALUES (p_worker_code, v_started, seen, attempts_written, skipped, dead_lettered);
  status := 'routed';
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_iu_route_worker_run(text,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_worker_run(text,integer) IS 'One pass: gates, claim, next events, one attempt per event and route, dead letters, cursor; all in the caller''s transaction, which must be READ COMMITTED. status: routed, idle (nothing to route, nothing written), busy, worker_gate_closed, master_gate_closed. IU002 bad batch size, IU003 unknown worker, IU011 wrong isolation level';
GRANT EXECUTE ON FUNCTION fn_iu_route_worker_run(text,integer) TO iu_worker;

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
    -- A changed definition loses its approval; a known route keeps its switches.
    INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, enabled, dry_run, definition_digest)
    VALUES (v_code, v_entry ->> 'event_type', v_entry ->> 'target_kind', v_entry ->> 'target_ref', coalesce((v_entry ->> 'enabled')::boolean, false), true,
            sha256(convert_to(concat_ws(chr(10), v_code, v_entry ->> 'event_type', v_entry ->> 'target_kind', v_entry ->> 'target_ref'), 'UTF8')))
    ON CONFLICT (route_code) DO UPDATE
    SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, dry_run = true,
        definition_digest = excluded.definition_digest, approval_digest = NULL, registered_at = clock_timestamp(), registered_by = session_user
    WHERE iu_outbound_route.definition_digest <> excluded.definition_digest;
  END LOOP;
END
$function$;
ALTER FUNCTION fn_iu_routes_register(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_routes_register(jsonb) IS 'Registers routes, always as dry runs: {"route_code": {"event_type", "target_kind", "target_ref", "enabled"}}; again with the same content changes nothing. IU002 unclassified target kind, IU007 unknown event type';

-- function fn_iu_schema_predicate(jsonb,text,integer)
CREATE OR REPLACE FUNCTION iu_core.fn_iu_schema_predicate(p_schema jsonb, p_base text DEFAULT '$'::text, p_depth integer DEFAULT 0)
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
BEGIN
  IF jsonb_typeof(p_schema) IS DISTINCT FROM 'object' OR p_depth > 8 THEN
    RAISE EXCEPTION 'payload_schema: a schema is a JSON object, nested at most 8 deep' USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
  END IF;
  FOR v_key, v_value IN SELECT key, value FROM jsonb_each(p_schema) LOOP
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
        SELECT string_agg(format('exists(%s.keyvalue() ? (@.key == %s))', p_base, to_json(k)), ' && ') INTO v_list FROM jsonb_array_elements_text(v_value) AS k;
        v_parts := v_parts || format('(!(%s.type() == "object") || (%s))', p_base, coalesce(v_list, '1 == 1'));
      WHEN v_key = 'properties' AND jsonb_typeof(v_value) = 'object' THEN
        SELECT string_agg(format('!exists(%s.keyvalue() ? (@.key == %s && !(%s)))', p_base, to_json(key), fn_iu_schema_predicate(value, '@.value', p_depth + 1)), ' && ')
        INTO v_list FROM jsonb_each(v_value);
        v_parts := v_parts || format('(!(%s.type() == "object") || (%s))', p_base, coalesce(v_list, '1 == 1'));
      WHEN v_key = 'additionalProperties' AND jsonb_typeof(v_value) = 'boolean' THEN
        IF NOT v_value::boolean THEN
          SELECT string_agg(format('@.key == %s', to_json(k)), ' || ') INTO v_list FROM jsonb_object_keys(coalesce(p_schema -> 'properties', '{}')) AS k;
          v_parts := v_parts || format('(!(%1$s.type() == "object") || !exists(%1$s.keyvalue() ? (!(%2$s))))', p_base, coalesce(v_list, '1 == 0'));
        END IF;
      WHEN v_key = 'items' AND jsonb_typeof(v_value) = 'object' THEN
        v_parts := v_parts || format('(!(%1$s.type() == "array") || !exists(%1$s[*] ? (!(%2$s))))', p_base, fn_iu_schema_predicate(v_value, '@', p_depth + 1));
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
        v_parts := v_parts || format('(!(%1$s.type() == "number") || %1$s %2$s %3$s)', p_base,
          CASE v_key WHEN 'minimum' THEN '>=' WHEN 'maximum' THEN '<=' WHEN 'exclusiveMinimum' THEN '>' ELSE '<' END, v_value);
      WHEN v_key = 'pattern' AND jsonb_typeof(v_value) = 'string' THEN
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
ALTER FUNCTION fn_iu_schema_predicate(jsonb,text,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_schema_predicate(jsonb,text,integer) IS 'Compiles a payload schema to the text of a jsonpath predicate over p_base; IU002 for a keyword or value outside the subset';

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

-- trigger trg_event_outbox_append_only on event_outbox
CREATE TRIGGER trg_event_outbox_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON iu_core.event_outbox FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_append_only();
COMMENT ON TRIGGER trg_event_outbox_append_only ON event_outbox IS 'The outbox is append-only; a row''s lane never changes';

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
CREATE TRIGGER trg_iu_route_attempt_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON iu_core.iu_route_attempt FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_route_attempt_append_only ON iu_route_attempt IS 'An attempt is history';

-- trigger trg_unit_version_append_only on unit_version
CREATE TRIGGER trg_unit_version_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON iu_core.unit_version FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_append_only();
COMMENT ON TRIGGER trg_unit_version_append_only ON unit_version IS 'A version is immutable';

-- config iu_core.autocut_enabled
--   gate
--   text may be cut into units automatically

-- config iu_core.composer_enabled
--   gate
--   units and collections may be created and changed

-- config iu_core.execution_enabled
--   gate
--   routes may deliver to the outside

-- config iu_core.operator_runtime_enabled
--   gate
--   operator commands may be applied

-- config iu_core.route_worker_enabled
--   gate
--   L0: the route worker makes passes

-- config iu_core.routes_master_enabled
--   gate
--   L1: events are written on their own lane and may be routed; closed, they are held

-- config iu_core.structure_ops_enabled
--   gate
--   units may be split, merged and moved

-- vocabulary attempt_status dry_run
--   decided and logged, nothing delivered

-- vocabulary attempt_status failed
--   dead-lettered

-- vocabulary attempt_status sent
--   delivered

-- vocabulary attempt_status skipped
--   no route wants it, or its route is disabled

-- vocabulary collection_kind design_doc
--   a design document

-- vocabulary collection_kind file
--   a file, cut into pieces

-- vocabulary collection_kind section
--   a part of a document

-- vocabulary collection_kind workflow
--   steps in order

-- vocabulary dead_letter_status discarded
--   given up, with a reason

-- vocabulary dead_letter_status open
--   waits for an operator

-- vocabulary dead_letter_status replayed
--   a later attempt succeeded

-- vocabulary delivery_lane delayed
--   never deduplicated

-- vocabulary delivery_lane held
--   written while the master gate was closed

-- vocabulary delivery_lane immediate
--   deduplicated by the caller's key

-- vocabulary event_domain application
--   events of applications in the same database

-- vocabulary event_domain composer
--   collections and their pieces

-- vocabulary event_domain unit
--   information units

-- vocabulary failure_code no_route
--   no route wants the event

-- vocabulary failure_code payload_schema
--   the payload breaks the schema of its event type

-- vocabulary failure_code route_disabled
--   the route is disabled

-- vocabulary failure_code unknown_event_type
--   the type is not registered

-- vocabulary failure_code worker_process_error
--   the delivery raised

-- vocabulary gate iu_core.autocut_enabled
--   text may be cut into units automatically

-- vocabulary gate iu_core.composer_enabled
--   units and collections may be created and changed

-- vocabulary gate iu_core.execution_enabled
--   routes may deliver to the outside

-- vocabulary gate iu_core.operator_runtime_enabled
--   operator commands may be applied

-- vocabulary gate iu_core.route_worker_enabled
--   L0: the route worker makes passes

-- vocabulary gate iu_core.routes_master_enabled
--   L1: events are written on their own lane and may be routed; closed, they are held

-- vocabulary gate iu_core.structure_ops_enabled
--   units may be split, merged and moved

-- vocabulary lifecycle_status deleted
--   gone from view, restorable

-- vocabulary lifecycle_status draft
--   may still change its meaning

-- vocabulary lifecycle_status enacted
--   in force

-- vocabulary lifecycle_status retired
--   no new use anywhere, history stays

-- vocabulary target_kind log
--   the attempt itself is the record

-- vocabulary target_kind webhook
--   an HTTP endpoint

-- vocabulary target_kind workflow
--   a workflow step

-- vocabulary unit_kind code
--   fenced or indented code

-- vocabulary unit_kind definition
--   link or footnote definition

-- vocabulary unit_kind front_matter
--   metadata at a file's start

-- vocabulary unit_kind heading
--   starts a section

-- vocabulary unit_kind html
--   HTML block

-- vocabulary unit_kind list
--   one list with all its items

-- vocabulary unit_kind paragraph
--   running text

-- vocabulary unit_kind quote
--   block quote

-- vocabulary unit_kind table
--   table

-- vocabulary unit_kind text
--   text without a structure that the cut knows

-- vocabulary unit_kind thematic_break
--   rule between parts

-- event_type collection_created
--   composer
--   delayed
--   t
--   a collection came to exist
--   {"type": "object", "required": ["collection_address", "collection_id", "collection_kind", "title"], "properties": {"title": {"type": "string"}, "collection_id": {"type": "integer", "minimum": 1}, "collection_kind": {"type": "string"}, "collection_address": {"type": "string"}}, "additionalProperties": false}
--   strict ((($.type() == "object" && (!($.type() == "object") || ((exists ($.keyvalue()?(@."key" == "collection_address")) && exists ($.keyvalue()?(@."key" == "collection_id"))) && exists ($.keyvalue()?(@."key" == "collection_kind"))) && exists ($.keyvalue()?(@."key" == "title")))) && (!($.type() == "object") || ((!(exists ($.keyvalue()?(@."key" == "title" && !(@."value".type() == "string")))) && !(exists ($.keyvalue()?(@."key" == "collection_id" && !((@."value".type() == "number" && @."value".floor() == @."value") && (!(@."value".type() == "number") || @."value" >= 1)))))) && !(exists ($.keyvalue()?(@."key" == "collection_kind" && !(@."value".type() == "string"))))) && !(exists ($.keyvalue()?(@."key" == "collection_address" && !(@."value".type() == "string")))))) && (!($.type() == "object") || !(exists ($.keyvalue()?(!(((@."key" == "title" || @."key" == "collection_id") || @."key" == "collection_kind") || @."key" == "collection_address"))))))

-- event_type collection_rendered
--   composer
--   delayed
--   t
--   a collection was rendered and its digests kept
--   {"type": "object", "required": ["byte_length", "collection_address", "manifest_digest", "render_digest", "revision"], "properties": {"revision": {"type": "integer", "minimum": 1}, "byte_length": {"type": "integer", "minimum": 0}, "render_digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"}, "manifest_digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"}, "collection_address": {"type": "string"}}, "additionalProperties": false}
--   strict ((($.type() == "object" && (!($.type() == "object") || (((exists ($.keyvalue()?(@."key" == "byte_length")) && exists ($.keyvalue()?(@."key" == "collection_address"))) && exists ($.keyvalue()?(@."key" == "manifest_digest"))) && exists ($.keyvalue()?(@."key" == "render_digest"))) && exists ($.keyvalue()?(@."key" == "revision")))) && (!($.type() == "object") || (((!(exists ($.keyvalue()?(@."key" == "revision" && !((@."value".type() == "number" && @."value".floor() == @."value") && (!(@."value".type() == "number") || @."value" >= 1))))) && !(exists ($.keyvalue()?(@."key" == "byte_length" && !((@."value".type() == "number" && @."value".floor() == @."value") && (!(@."value".type() == "number") || @."value" >= 0)))))) && !(exists ($.keyvalue()?(@."key" == "render_digest" && !(@."value".type() == "string" && (!(@."value".type() == "string") || @."value" like_regex "^[0-9a-f]{64}$")))))) && !(exists ($.keyvalue()?(@."key" == "manifest_digest" && !(@."value".type() == "string" && (!(@."value".type() == "string") || @."value" like_regex "^[0-9a-f]{64}$")))))) && !(exists ($.keyvalue()?(@."key" == "collection_address" && !(@."value".type() == "string")))))) && (!($.type() == "object") || !(exists ($.keyvalue()?(!((((@."key" == "revision" || @."key" == "byte_length") || @."key" == "render_digest") || @."key" == "manifest_digest") || @."key" == "collection_address"))))))

-- event_type collection_validated
--   composer
--   delayed
--   t
--   a collection was checked, with findings
--   {"type": "object", "required": ["collection_address", "findings"], "properties": {"findings": {"type": "integer", "minimum": 0}, "collection_address": {"type": "string"}}, "additionalProperties": false}
--   strict ((($.type() == "object" && (!($.type() == "object") || exists ($.keyvalue()?(@."key" == "collection_address")) && exists ($.keyvalue()?(@."key" == "findings")))) && (!($.type() == "object") || !(exists ($.keyvalue()?(@."key" == "findings" && !((@."value".type() == "number" && @."value".floor() == @."value") && (!(@."value".type() == "number") || @."value" >= 0))))) && !(exists ($.keyvalue()?(@."key" == "collection_address" && !(@."value".type() == "string")))))) && (!($.type() == "object") || !(exists ($.keyvalue()?(!(@."key" == "findings" || @."key" == "collection_address"))))))

-- event_type iu.created
--   unit
--   delayed
--   t
--   a unit was born
--   {"type": "object", "required": ["canonical_address", "unit_id", "unit_kind", "version_seq"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "unit_kind": {"type": "string"}, "version_seq": {"type": "integer", "minimum": 1}, "canonical_address": {"type": "string"}}, "additionalProperties": false}
--   strict ((($.type() == "object" && (!($.type() == "object") || ((exists ($.keyvalue()?(@."key" == "canonical_address")) && exists ($.keyvalue()?(@."key" == "unit_id"))) && exists ($.keyvalue()?(@."key" == "unit_kind"))) && exists ($.keyvalue()?(@."key" == "version_seq")))) && (!($.type() == "object") || ((!(exists ($.keyvalue()?(@."key" == "unit_id" && !((@."value".type() == "number" && @."value".floor() == @."value") && (!(@."value".type() == "number") || @."value" >= 1))))) && !(exists ($.keyvalue()?(@."key" == "unit_kind" && !(@."value".type() == "string"))))) && !(exists ($.keyvalue()?(@."key" == "version_seq" && !((@."value".type() == "number" && @."value".floor() == @."value") && (!(@."value".type() == "number") || @."value" >= 1)))))) && !(exists ($.keyvalue()?(@."key" == "canonical_address" && !(@."value".type() == "string")))))) && (!($.type() == "object") || !(exists ($.keyvalue()?(!(((@."key" == "unit_id" || @."key" == "unit_kind") || @."key" == "version_seq") || @."key" == "canonical_address"))))))

-- event_type iu.merged
--   unit
--   delayed
--   t
--   several units were merged into one
--   {"type": "object", "required": ["canonical_address", "from", "unit_id"], "properties": {"from": {"type": "array", "items": {"type": "string"}}, "unit_id": {"type": "integer", "minimum": 1}, "canonical_address": {"type": "string"}}, "additionalProperties": false}
--   strict ((($.type() == "object" && (!($.type() == "object") || (exists ($.keyvalue()?(@."key" == "canonical_address")) && exists ($.keyvalue()?(@."key" == "from"))) && exists ($.keyvalue()?(@."key" == "unit_id")))) && (!($.type() == "object") || (!(exists ($.keyvalue()?(@."key" == "from" && !(@."value".type() == "array" && (!(@."value".type() == "array") || !(exists (@."value"[*]?(!(@.type() == "string"))))))))) && !(exists ($.keyvalue()?(@."key" == "unit_id" && !((@."value".type() == "number" && @."value".floor() == @."value") && (!(@."value".type() == "number") || @."value" >= 1)))))) && !(exists ($.keyvalue()?(@."key" == "canonical_address" && !(@."value".type() == "string")))))) && (!($.type() == "object") || !(exists ($.keyvalue()?(!((@."key" == "from" || @."key" == "unit_id") || @."key" == "canonical_address"))))))

-- event_type iu.retired
--   unit
--   delayed
--   t
--   a unit was retired
--   {"type": "object", "required": ["canonical_address", "previous_status", "unit_id"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "previous_status": {"type": "string"}, "canonical_address": {"type": "string"}}, "additionalProperties": false}
--   strict ((($.type() == "object" && (!($.type() == "object") || (exists ($.keyvalue()?(@."key" == "canonical_address")) && exists ($.keyvalue()?(@."key" == "previous_status"))) && exists ($.keyvalue()?(@."key" == "unit_id")))) && (!($.type() == "object") || (!(exists ($.keyvalue()?(@."key" == "unit_id" && !((@."value".type() == "number" && @."value".floor() == @."value") && (!(@."value".type() == "number") || @."value" >= 1))))) && !(exists ($.keyvalue()?(@."key" == "previous_status" && !(@."value".type() == "string"))))) && !(exists ($.keyvalue()?(@."key" == "canonical_address" && !(@."value".type() == "string")))))) && (!($.type() == "object") || !(exists ($.keyvalue()?(!((@."key" == "unit_id" || @."key" == "previous_status") || @."key" == "canonical_address"))))))

-- event_type iu.soft_deleted
--   unit
--   delayed
--   t
--   a unit was soft-deleted
--   {"type": "object", "required": ["canonical_address", "previous_status", "unit_id"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "previous_status": {"type": "string"}, "canonical_address": {"type": "string"}}, "additionalProperties": false}
--   strict ((($.type() == "object" && (!($.type() == "object") || (exists ($.keyvalue()?(@."key" == "canonical_address")) && exists ($.keyvalue()?(@."key" == "previous_status"))) && exists ($.keyvalue()?(@."key" == "unit_id")))) && (!($.type() == "object") || (!(exists ($.keyvalue()?(@."key" == "unit_id" && !((@."value".type() == "number" && @."value".floor() == @."value") && (!(@."value".type() == "number") || @."value" >= 1))))) && !(exists ($.keyvalue()?(@."key" == "previous_status" && !(@."value".type() == "string"))))) && !(exists ($.keyvalue()?(@."key" == "canonical_address" && !(@."value".type() == "string")))))) && (!($.type() == "object") || !(exists ($.keyvalue()?(!((@."key" == "unit_id" || @."key" == "previous_status") || @."key" == "canonical_address"))))))

-- event_type iu.split
--   unit
--   delayed
--   t
--   a unit was split into several
--   {"type": "object", "required": ["canonical_address", "into", "unit_id"], "properties": {"into": {"type": "array", "items": {"type": "string"}}, "unit_id": {"type": "integer", "minimum": 1}, "canonical_address": {"type": "string"}}, "additionalProperties": false}
--   strict ((($.type() == "object" && (!($.type() == "object") || (exists ($.keyvalue()?(@."key" == "canonical_address")) && exists ($.keyvalue()?(@."key" == "into"))) && exists ($.keyvalue()?(@."key" == "unit_id")))) && (!($.type() == "object") || (!(exists ($.keyvalue()?(@."key" == "into" && !(@."value".type() == "array" && (!(@."value".type() == "array") || !(exists (@."value"[*]?(!(@.type() == "string"))))))))) && !(exists ($.keyvalue()?(@."key" == "unit_id" && !((@."value".type() == "number" && @."value".floor() == @."value") && (!(@."value".type() == "number") || @."value" >= 1)))))) && !(exists ($.keyvalue()?(@."key" == "canonical_address" && !(@."value".type() == "string")))))) && (!($.type() == "object") || !(exists ($.keyvalue()?(!((@."key" == "into" || @."key" == "unit_id") || @."key" == "canonical_address"))))))

-- event_type iu.sql_link_changed
--   unit
--   delayed
--   t
--   a unit's link to a database object changed
--   {"type": "object", "required": ["canonical_address", "object", "unit_id"], "properties": {"object": {"type": "string"}, "unit_id": {"type": "integer", "minimum": 1}, "canonical_address": {"type": "string"}}, "additionalProperties": false}
--   strict ((($.type() == "object" && (!($.type() == "object") || (exists ($.keyvalue()?(@."key" == "canonical_address")) && exists ($.keyvalue()?(@."key" == "object"))) && exists ($.keyvalue()?(@."key" == "unit_id")))) && (!($.type() == "object") || (!(exists ($.keyvalue()?(@."key" == "object" && !(@."value".type() == "string")))) && !(exists ($.keyvalue()?(@."key" == "unit_id" && !((@."value".type() == "number" && @."value".floor() == @."value") && (!(@."value".type() == "number") || @."value" >= 1)))))) && !(exists ($.keyvalue()?(@."key" == "canonical_address" && !(@."value".type() == "string")))))) && (!($.type() == "object") || !(exists ($.keyvalue()?(!((@."key" == "object" || @."key" == "unit_id") || @."key" == "canonical_address"))))))

-- event_type iu.version_applied
--   unit
--   delayed
--   t
--   a unit has a new version
--   {"type": "object", "required": ["byte_length", "canonical_address", "content_digest", "unit_id", "version_seq"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "byte_length": {"type": "integer", "minimum": 0}, "version_seq": {"type": "integer", "minimum": 1}, "content_digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"}, "canonical_address": {"type": "string"}}, "additionalProperties": false}
--   strict ((($.type() == "object" && (!($.type() == "object") || (((exists ($.keyvalue()?(@."key" == "byte_length")) && exists ($.keyvalue()?(@."key" == "canonical_address"))) && exists ($.keyvalue()?(@."key" == "content_digest"))) && exists ($.keyvalue()?(@."key" == "unit_id"))) && exists ($.keyvalue()?(@."key" == "version_seq")))) && (!($.type() == "object") || (((!(exists ($.keyvalue()?(@."key" == "unit_id" && !((@."value".type() == "number" && @."value".floor() == @."value") && (!(@."value".type() == "number") || @."value" >= 1))))) && !(exists ($.keyvalue()?(@."key" == "byte_length" && !((@."value".type() == "number" && @."value".floor() == @."value") && (!(@."value".type() == "number") || @."value" >= 0)))))) && !(exists ($.keyvalue()?(@."key" == "version_seq" && !((@."value".type() == "number" && @."value".floor() == @."value") && (!(@."value".type() == "number") || @."value" >= 1)))))) && !(exists ($.keyvalue()?(@."key" == "content_digest" && !(@."value".type() == "string" && (!(@."value".type() == "string") || @."value" like_regex "^[0-9a-f]{64}$")))))) && !(exists ($.keyvalue()?(@."key" == "canonical_address" && !(@."value".type() == "string")))))) && (!($.type() == "object") || !(exists ($.keyvalue()?(!((((@."key" == "unit_id" || @."key" == "byte_length") || @."key" == "version_seq") || @."key" == "content_digest") || @."key" == "canonical_address"))))))

-- event_type piece_added_to_collection
--   composer
--   delayed
--   t
--   a unit was put into a collection
--   {"type": "object", "required": ["collection_address", "position", "unit_address", "unit_id"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "position": {"type": "number"}, "unit_address": {"type": "string"}, "collection_address": {"type": "string"}}, "additionalProperties": false}
--   strict ((($.type() == "object" && (!($.type() == "object") || ((exists ($.keyvalue()?(@."key" == "collection_address")) && exists ($.keyvalue()?(@."key" == "position"))) && exists ($.keyvalue()?(@."key" == "unit_address"))) && exists ($.keyvalue()?(@."key" == "unit_id")))) && (!($.type() == "object") || ((!(exists ($.keyvalue()?(@."key" == "unit_id" && !((@."value".type() == "number" && @."value".floor() == @."value") && (!(@."value".type() == "number") || @."value" >= 1))))) && !(exists ($.keyvalue()?(@."key" == "position" && !(@."value".type() == "number"))))) && !(exists ($.keyvalue()?(@."key" == "unit_address" && !(@."value".type() == "string"))))) && !(exists ($.keyvalue()?(@."key" == "collection_address" && !(@."value".type() == "string")))))) && (!($.type() == "object") || !(exists ($.keyvalue()?(!(((@."key" == "unit_id" || @."key" == "position") || @."key" == "unit_address") || @."key" == "collection_address"))))))

-- event_type piece_removed_from_collection
--   composer
--   delayed
--   t
--   a unit was taken out of a collection and lives on
--   {"type": "object", "required": ["collection_address", "unit_address", "unit_id"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "unit_address": {"type": "string"}, "collection_address": {"type": "string"}}, "additionalProperties": false}
--   strict ((($.type() == "object" && (!($.type() == "object") || (exists ($.keyvalue()?(@."key" == "collection_address")) && exists ($.keyvalue()?(@."key" == "unit_address"))) && exists ($.keyvalue()?(@."key" == "unit_id")))) && (!($.type() == "object") || (!(exists ($.keyvalue()?(@."key" == "unit_id" && !((@."value".type() == "number" && @."value".floor() == @."value") && (!(@."value".type() == "number") || @."value" >= 1))))) && !(exists ($.keyvalue()?(@."key" == "unit_address" && !(@."value".type() == "string"))))) && !(exists ($.keyvalue()?(@."key" == "collection_address" && !(@."value".type() == "string")))))) && (!($.type() == "object") || !(exists ($.keyvalue()?(!((@."key" == "unit_id" || @."key" == "unit_address") || @."key" == "collection_address"))))))

-- event_type piece_reordered
--   composer
--   delayed
--   t
--   a piece moved to another position
--   {"type": "object", "required": ["collection_address", "position", "unit_address", "unit_id"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "position": {"type": "number"}, "unit_address": {"type": "string"}, "collection_address": {"type": "string"}}, "additionalProperties": false}
--   strict ((($.type() == "object" && (!($.type() == "object") || ((exists ($.keyvalue()?(@."key" == "collection_address")) && exists ($.keyvalue()?(@."key" == "position"))) && exists ($.keyvalue()?(@."key" == "unit_address"))) && exists ($.keyvalue()?(@."key" == "unit_id")))) && (!($.type() == "object") || ((!(exists ($.keyvalue()?(@."key" == "unit_id" && !((@."value".type() == "number" && @."value".floor() == @."value") && (!(@."value".type() == "number") || @."value" >= 1))))) && !(exists ($.keyvalue()?(@."key" == "position" && !(@."value".type() == "number"))))) && !(exists ($.keyvalue()?(@."key" == "unit_address" && !(@."value".type() == "string"))))) && !(exists ($.keyvalue()?(@."key" == "collection_address" && !(@."value".type() == "string")))))) && (!($.type() == "object") || !(exists ($.keyvalue()?(!(((@."key" == "unit_id" || @."key" == "position") || @."key" == "unit_address") || @."key" == "collection_address"))))))

-- event_type piece_restored
--   composer
--   delayed
--   t
--   a piece came back
--   {"type": "object", "required": ["collection_address", "unit_address", "unit_id"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "unit_address": {"type": "string"}, "collection_address": {"type": "string"}}, "additionalProperties": false}
--   strict ((($.type() == "object" && (!($.type() == "object") || (exists ($.keyvalue()?(@."key" == "collection_address")) && exists ($.keyvalue()?(@."key" == "unit_address"))) && exists ($.keyvalue()?(@."key" == "unit_id")))) && (!($.type() == "object") || (!(exists ($.keyvalue()?(@."key" == "unit_id" && !((@."value".type() == "number" && @."value".floor() == @."value") && (!(@."value".type() == "number") || @."value" >= 1))))) && !(exists ($.keyvalue()?(@."key" == "unit_address" && !(@."value".type() == "string"))))) && !(exists ($.keyvalue()?(@."key" == "collection_address" && !(@."value".type() == "string")))))) && (!($.type() == "object") || !(exists ($.keyvalue()?(!((@."key" == "unit_id" || @."key" == "unit_address") || @."key" == "collection_address"))))))

-- event_type piece_retired
--   composer
--   delayed
--   t
--   a piece was retired from a collection's point of view
--   {"type": "object", "required": ["collection_address", "unit_address", "unit_id"], "properties": {"unit_id": {"type": "integer", "minimum": 1}, "unit_address": {"type": "string"}, "collection_address": {"type": "string"}}, "additionalProperties": false}
--   strict ((($.type() == "object" && (!($.type() == "object") || (exists ($.keyvalue()?(@."key" == "collection_address")) && exists ($.keyvalue()?(@."key" == "unit_address"))) && exists ($.keyvalue()?(@."key" == "unit_id")))) && (!($.type() == "object") || (!(exists ($.keyvalue()?(@."key" == "unit_id" && !((@."value".type() == "number" && @."value".floor() == @."value") && (!(@."value".type() == "number") || @."value" >= 1))))) && !(exists ($.keyvalue()?(@."key" == "unit_address" && !(@."value".type() == "string"))))) && !(exists ($.keyvalue()?(@."key" == "collection_address" && !(@."value".type() == "string")))))) && (!($.type() == "object") || !(exists ($.keyvalue()?(!((@."key" == "unit_id" || @."key" == "unit_address") || @."key" == "collection_address"))))))

-- route collection_created.log
--   collection_created
--   log
--   iu_route_attempt

-- route collection_rendered.log
--   collection_rendered
--   log
--   iu_route_attempt

-- route collection_validated.log
--   collection_validated
--   log
--   iu_route_attempt

-- route iu.created.log
--   iu.created
--   log
--   iu_route_attempt

-- route iu.merged.log
--   iu.merged
--   log
--   iu_route_attempt

-- route iu.retired.log
--   iu.retired
--   log
--   iu_route_attempt

-- route iu.soft_deleted.log
--   iu.soft_deleted
--   log
--   iu_route_attempt

-- route iu.split.log
--   iu.split
--   log
--   iu_route_attempt

-- route iu.sql_link_changed.log
--   iu.sql_link_changed
--   log
--   iu_route_attempt

-- route iu.version_applied.log
--   iu.version_applied
--   log
--   iu_route_attempt

-- route iu.version_applied.workflow
--   iu.version_applied
--   workflow
--   event_outbox

-- route piece_added_to_collection.log
--   piece_added_to_collection
--   log
--   iu_route_attempt

-- route piece_removed_from_collection.log
--   piece_removed_from_collection
--   log
--   iu_route_attempt

-- route piece_reordered.log
--   piece_reordered
--   log
--   iu_route_attempt

-- route piece_restored.log
--   piece_restored
--   log
--   iu_route_attempt

-- route piece_retired.log
--   piece_retired
--   log
--   iu_route_attempt
