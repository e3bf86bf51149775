-- requires: fn_dot_compare, iu_core
CREATE VIEW iu_core.v_dot_conformance AS
SELECT k.check_code, k.class, k.expected, k.present, k.missing, k.unexpected, k.changed, k.unknown, k.ok, k.matching, k.accepted
FROM jsonb_to_recordset(iu_core.fn_dot_compare() -> 'checks') AS k(check_code text, class text, expected integer, present integer, missing integer, unexpected integer, changed integer, unknown integer, ok boolean, matching integer, accepted integer)
ORDER BY length(k.check_code), 1;
COMMENT ON VIEW iu_core.v_dot_conformance IS 'D1 to D7: each class, expected (the inventory) against the live catalogue; D8: everything in the inventory, in both directions; D9: the classes D1 to D7 that are as they should be; D10: what guards the schema, against what bootstrap makes. matching + accepted + missing + unexpected + changed + unknown is what was compared. What is unknown or accepted is never ok';
GRANT SELECT ON iu_core.v_dot_conformance TO iu_reader;
