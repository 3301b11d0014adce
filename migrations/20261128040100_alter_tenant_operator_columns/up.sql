-- Without a grant staff see a tenant's name, state and dates; its settings are
-- rows like all others, and theirs under a grant that lasts.
REVOKE SELECT ON tenant FROM kikubari_operator;
GRANT SELECT (id, name, state, suspended_at, suspended_reason, version, created_at) ON tenant TO kikubari_operator;

-- plpgsql keeps the plan.
CREATE FUNCTION tenant_settings(of_tenant uuid) RETURNS SETOF tenant
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 1 SET search_path = public, pg_temp
    AS $$
BEGIN
    RETURN QUERY SELECT t.* FROM tenant t
    WHERE t.id = of_tenant AND t.id = current_tenant()
      AND (pg_has_role(session_user, 'kikubari_app', 'USAGE') OR t.id = supported_tenant());
END $$;
COMMENT ON FUNCTION tenant_settings(uuid) IS
    'The settings of this transaction''s tenant: for the application''s role always, for the operator''s while a grant of that tenant lasts.';
REVOKE EXECUTE ON FUNCTION tenant_settings(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenant_settings(uuid) TO kikubari_app, kikubari_operator;
