-- requires: iu_sync_layer, fn_iu_sync_layers
CREATE VIEW iu_core.v_iu_sync_layer AS
SELECT l.layer_code, l.layer_no::integer AS layer_no, l.name, l.description, l.fed_by, s.state, s.seen_at, s.saw, s.digest, s.behind, s.detail
FROM iu_core.iu_sync_layer AS l JOIN iu_core.fn_iu_sync_layers() AS s ON s.layer_code = l.layer_code;
COMMENT ON VIEW iu_core.v_iu_sync_layer IS 'The layers with their state, read from evidence each time: digests, contract versions, what was read back';
GRANT SELECT ON iu_core.v_iu_sync_layer TO iu_reader;
