-- requires: iu_archive
CREATE TABLE iu_core.iu_archive_move (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_archive_move_pkey PRIMARY KEY,
  archive_id bigint NOT NULL CONSTRAINT iu_archive_move_archive_fkey REFERENCES iu_core.iu_archive (id),
  move text COLLATE "C" NOT NULL,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  moved_by text NOT NULL DEFAULT ('db:' || session_user),
  CONSTRAINT iu_archive_move_chk CHECK (move IN ('removed', 'restored'))
);
CREATE INDEX iu_archive_move_xid_idx ON iu_core.iu_archive_move (xid);
CREATE INDEX iu_archive_move_archive_idx ON iu_core.iu_archive_move (archive_id, id);
COMMENT ON TABLE iu_core.iu_archive_move IS 'When an archive''s events were removed from the outbox, and brought back; append-only';
COMMENT ON COLUMN iu_core.iu_archive_move.xid IS 'the transaction that removes: it alone may delete from the outbox and the attempts';
