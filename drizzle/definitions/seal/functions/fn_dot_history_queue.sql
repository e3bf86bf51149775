-- requires: dot_iu_history_unsealed, fn_dot_history_kinds
CREATE FUNCTION iu_core.fn_dot_history_queue()
RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  EXECUTE (SELECT format('INSERT INTO dot_iu_history_unsealed (what, row_keys) SELECT %L, array_agg(key) FROM (SELECT concat_ws(''/'', %s) AS key, row_number() OVER () / 1000 AS part FROM new_rows) AS n GROUP BY part',
                          k.what, array_to_string(k.key_columns, ', '))
           FROM fn_dot_history_kinds() AS k WHERE k.relation = TG_TABLE_NAME);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_history_queue() IS 'Trigger function: leaves the keys of new rows for the sealer';
REVOKE ALL ON FUNCTION iu_core.fn_dot_history_queue() FROM PUBLIC;
