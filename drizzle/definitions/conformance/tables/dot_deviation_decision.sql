-- requires: iu_core
-- Append-only. The newest row of an object counts: a second acceptance takes the place of the first, a withdrawal ends it.
CREATE TABLE iu_core.dot_deviation_decision (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT dot_deviation_decision_pkey PRIMARY KEY,
  class text COLLATE "C" NOT NULL,
  identity text COLLATE "C" NOT NULL,
  digest text COLLATE "C",
  owner text,
  expires_at timestamptz,
  reason text NOT NULL,
  decided_by text NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT dot_deviation_decision_accepted_chk CHECK ((digest IS NULL) = (owner IS NULL) AND (digest IS NULL) = (expires_at IS NULL)),
  CONSTRAINT dot_deviation_decision_expires_chk CHECK (expires_at > decided_at AND expires_at <= decided_at + interval '366 days')
);
CREATE INDEX dot_deviation_decision_object_idx ON iu_core.dot_deviation_decision (class, identity, id);
COMMENT ON TABLE iu_core.dot_deviation_decision IS 'Deviations that an approver accepted, and what was withdrawn again; it counts only with its run in the ledger (fn_dot_accepted)';
COMMENT ON COLUMN iu_core.dot_deviation_decision.digest IS 'of fn_dot_deviation_digest(): exactly this deviation and no other of that object; null: what was accepted was withdrawn';
COMMENT ON COLUMN iu_core.dot_deviation_decision.owner IS 'who answers for the deviation: an account or any name';
COMMENT ON COLUMN iu_core.dot_deviation_decision.expires_at IS 'it is drift again then';
