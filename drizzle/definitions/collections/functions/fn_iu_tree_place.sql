CREATE FUNCTION iu_core.fn_iu_tree_place(p_unit_ids bigint[], p_section_levels smallint[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
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
$$;
COMMENT ON FUNCTION iu_core.fn_iu_tree_place(bigint[], smallint[]) IS 'Places units, given in document order with their heading level (0 = no heading), under the heading whose section they stand in; writes only what differs';
REVOKE ALL ON FUNCTION iu_core.fn_iu_tree_place(bigint[], smallint[]) FROM PUBLIC;
