-- The operator's program makes a tenant with its roles and its owner. That was
-- all that it needed INSERT for, and more than it was held to: which tenant a
-- transaction is of it says itself, so that it could have made itself a log-in
-- in any of them.
CREATE FUNCTION is_being_made(of_tenant uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT EXISTS (
        SELECT FROM public.tenant t
        WHERE t.id = of_tenant AND t.id = public.current_tenant() AND t.created_at = transaction_timestamp())
$$;
COMMENT ON FUNCTION is_being_made(uuid) IS
    'Whether a tenant was made by this very transaction: its time is the database''s, and the operator''s role writes it neither at first nor later.';
REVOKE EXECUTE ON FUNCTION is_being_made(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_being_made(uuid) TO kikubari_operator;
REVOKE INSERT ON tenant FROM kikubari_operator;
GRANT INSERT (id, name) ON tenant TO kikubari_operator;

CREATE POLICY operator_makes ON role AS RESTRICTIVE FOR INSERT TO kikubari_operator WITH CHECK (is_being_made(tenant_id));
CREATE POLICY operator_makes ON user_account AS RESTRICTIVE FOR INSERT TO kikubari_operator WITH CHECK (is_being_made(tenant_id));

-- Where a login id is at home is asked before any tenant is known: all rows are
-- everybody's, but for what the operator's role adds. The table's owner, whose
-- functions empty it with its tenant, is not bound.
ALTER TABLE login_directory ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_all_tenants ON login_directory USING (true) WITH CHECK (true);
CREATE POLICY operator_makes ON login_directory AS RESTRICTIVE FOR INSERT TO kikubari_operator WITH CHECK (is_being_made(tenant_id));
