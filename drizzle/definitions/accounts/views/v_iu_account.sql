-- requires: iu_account, iu_api_token, iu_core, iu_session
CREATE VIEW iu_core.v_iu_account AS
SELECT a.id AS account_id, a.account, a.display_name, a.account_right, a.status, a.created_at, a.created_by, a.password_changed_at, a.last_sign_in_at,
       (SELECT count(*) FROM iu_core.iu_session AS s WHERE s.account_id = a.id AND s.ended_at IS NULL AND s.expires_at > clock_timestamp() AND s.last_used_at > clock_timestamp() - interval '12 hours')::integer AS live_sessions,
       (SELECT max(s.last_used_at) FROM iu_core.iu_session AS s WHERE s.account_id = a.id) AS last_used_at,
       (SELECT count(*) FROM iu_core.iu_api_token AS t WHERE t.account_id = a.id AND t.revoked_at IS NULL AND t.expires_at > clock_timestamp())::integer AS live_tokens
FROM iu_core.iu_account AS a;
COMMENT ON VIEW iu_core.v_iu_account IS 'Every account without its secrets';
GRANT SELECT ON iu_core.v_iu_account TO iu_reader;
