-- requires: fn_iu_cursor_declare
-- One worker owns all sixteen buckets until a command splits it.
SELECT iu_core.fn_iu_cursor_declare('iu_outbound_default', 0, 15);
