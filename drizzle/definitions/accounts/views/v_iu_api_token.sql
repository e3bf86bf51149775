-- requires: iu_account, iu_api_token, iu_core
CREATE VIEW iu_core.v_iu_api_token AS
SELECT t.id AS token_id, a.account, t.label, t.scopes, t.created_at, t.created_by, t.expires_at, t.last_used_at, t.revoked_at, t.revoked_by,
       CASE WHEN t.revoked_at IS NOT NULL THEN 'revoked' WHEN t.expires_at <= clock_timestamp() THEN 'expired' WHEN a.status <> 'active' THEN 'account_disabled' ELSE 'live' END AS status
FROM iu_core.iu_api_token AS t JOIN iu_core.iu_account AS a ON a.id = t.account_id;
COMMENT ON VIEW iu_core.v_iu_api_token IS 'Every API token without its secret';
GRANT SELECT ON iu_core.v_iu_api_token TO iu_reader;
