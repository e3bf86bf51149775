-- requires: fn_iu_works
CREATE VIEW iu_core.v_iu_works AS
SELECT check_code, name, ok, detail FROM iu_core.fn_iu_works();
COMMENT ON VIEW iu_core.v_iu_works IS 'The checks W1 to W9: whether what is installed works, as far as reading can tell';
GRANT SELECT ON iu_core.v_iu_works TO iu_reader;
