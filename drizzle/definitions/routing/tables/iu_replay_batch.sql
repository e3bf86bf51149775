-- requires: iu_replay_job
-- Pairs in the order of replay, in arrays: a hundred thousand are written in a moment, plan and apply alike, and what
-- is done is a number in iu_replay_job.
CREATE TABLE iu_core.iu_replay_batch (
  job_id bigint NOT NULL CONSTRAINT iu_replay_batch_job_fkey REFERENCES iu_core.iu_replay_job (id),
  batch_no integer NOT NULL,
  event_ids bigint[] NOT NULL,
  route_ids integer[] NOT NULL,
  CONSTRAINT iu_replay_batch_pkey PRIMARY KEY (job_id, batch_no),
  CONSTRAINT iu_replay_batch_pairs_chk CHECK (cardinality(event_ids) = cardinality(route_ids) AND cardinality(event_ids) BETWEEN 1 AND 1000)
);
COMMENT ON TABLE iu_core.iu_replay_batch IS 'The frozen set of a background replay, a thousand pairs of event and route a row; batch 0 first';
