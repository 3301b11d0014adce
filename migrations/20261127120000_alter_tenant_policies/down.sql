CREATE OR REPLACE PROCEDURE protect_tenant_table(target regclass, tenant_column name DEFAULT 'tenant_id')
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY tenant_isolation ON %s USING (%I = current_tenant()) WITH CHECK (%I = current_tenant())',
        target, tenant_column, tenant_column);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO kikubari_app', target);
END $$;

DO $$
DECLARE
    protected record;
    asked text := '( SELECT current_tenant() AS current_tenant)';
BEGIN
    FOR protected IN
        SELECT polname, polrelid::regclass AS target,
               pg_get_expr(polqual, polrelid) AS seen, pg_get_expr(polwithcheck, polrelid) AS written
        FROM pg_policy WHERE pg_get_expr(polqual, polrelid) LIKE '%' || asked || '%'
    LOOP
        EXECUTE format('ALTER POLICY %I ON %s USING (%s)', protected.polname, protected.target,
            replace(protected.seen, asked, 'current_tenant()'));
        IF protected.written IS NOT NULL THEN
            EXECUTE format('ALTER POLICY %I ON %s WITH CHECK (%s)', protected.polname, protected.target,
                replace(protected.written, asked, 'current_tenant()'));
        END IF;
    END LOOP;
END $$;
