-- The planner folds a stable function to guess how many rows it lets through:
-- of a tenant who came after the last ANALYZE it believed that there were none,
-- and then preferred a scan of all that is theirs to a look-up by the key, for
-- each of the rows of a claim. What a sub-select answers it cannot guess.
CREATE OR REPLACE PROCEDURE protect_tenant_table(target regclass, tenant_column name DEFAULT 'tenant_id')
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY tenant_isolation ON %s USING (%I = (SELECT current_tenant())) WITH CHECK (%I = (SELECT current_tenant()))',
        target, tenant_column, tenant_column);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO kikubari_app', target);
END $$;

DO $$
DECLARE
    protected record;
    asked text := '(SELECT current_tenant())';
BEGIN
    FOR protected IN
        SELECT polname, polrelid::regclass AS target,
               pg_get_expr(polqual, polrelid) AS seen, pg_get_expr(polwithcheck, polrelid) AS written
        FROM pg_policy WHERE pg_get_expr(polqual, polrelid) LIKE '%current_tenant()%'
    LOOP
        EXECUTE format('ALTER POLICY %I ON %s USING (%s)', protected.polname, protected.target,
            replace(protected.seen, 'current_tenant()', asked));
        IF protected.written IS NOT NULL THEN
            EXECUTE format('ALTER POLICY %I ON %s WITH CHECK (%s)', protected.polname, protected.target,
                replace(protected.written, 'current_tenant()', asked));
        END IF;
    END LOOP;
END $$;
