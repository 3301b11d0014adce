DROP FUNCTION tenant_settings(uuid);
REVOKE SELECT (id, name, state, suspended_at, suspended_reason, version, created_at) ON tenant FROM kikubari_operator;
GRANT SELECT ON tenant TO kikubari_operator;
