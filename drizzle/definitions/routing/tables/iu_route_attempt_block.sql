-- In place of indexes on the attempts, which the worker would have to pay for: written behind it, by the audit.
CREATE TABLE iu_core.iu_route_attempt_block (
  event_type text COLLATE "C" NOT NULL,
  route_id integer NOT NULL,
  status text COLLATE "C" NOT NULL,
  block_no bigint NOT NULL,
  attempts bigint NOT NULL,
  CONSTRAINT iu_route_attempt_block_pkey PRIMARY KEY (event_type, route_id, status, block_no)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX iu_route_attempt_block_kind_idx ON iu_core.iu_route_attempt_block (event_type, route_id, status) WHERE block_no = -1;
COMMENT ON TABLE iu_core.iu_route_attempt_block IS 'How many attempts of a kind, replays apart, are in each block of 256 event ids, of events that the audit has counted';
COMMENT ON COLUMN iu_core.iu_route_attempt_block.block_no IS 'event id / 256; -1 = all of them';
