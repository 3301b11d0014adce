DROP TABLE audit_entry, idempotency_key, refresh_token, session, login_throttle, login_directory, user_account, role, tenant;
