-- What every later migration stands on: extensions, the tenant door, and the
-- one procedure that makes a table a tenant's own.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kikubari_app') THEN
        CREATE ROLE kikubari_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
    END IF;
END $$;

-- New tables give nothing to anybody until protect_tenant_table or an explicit
-- GRANT says so.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO kikubari_app;

CREATE FUNCTION current_tenant() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('kikubari.tenant', true), '')::uuid $$;
COMMENT ON FUNCTION current_tenant() IS
    'The tenant of this transaction, set with SET LOCAL kikubari.tenant; NULL (no row visible) when it was not set.';

CREATE PROCEDURE protect_tenant_table(target regclass, tenant_column name DEFAULT 'tenant_id')
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
COMMENT ON PROCEDURE protect_tenant_table(regclass, name) IS
    'Forces row level security by tenant on a table and grants it to the application role.';

-- Row level security keeps the planner from using an index for an operator
-- that is not leakproof. These compare or match stored values without ever
-- putting one into an error message, so that marking them is safe; it needs a
-- superuser, and `kikubari doctor` says when it is missing (searches are then
-- right but slow). See docs/decisions.
DO $$
BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        ALTER FUNCTION pg_catalog.textlike(text, text) LEAKPROOF;
        ALTER FUNCTION pg_catalog.texticlike(text, text) LEAKPROOF;
        ALTER FUNCTION pg_catalog.jsonb_contains(jsonb, jsonb) LEAKPROOF;
    END IF;
END $$;

CREATE TABLE installation (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    epoch bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE installation IS 'One row: facts of the whole installation.';
COMMENT ON COLUMN installation.epoch IS
    'Grows at each restore of a backup; a campaign of an older epoch is paused before it may send.';
INSERT INTO installation DEFAULT VALUES;
GRANT SELECT ON installation TO kikubari_app;

-- `kikubari doctor` compares the migrations under the application's role. The
-- table is diesel's own, and missing when a file is run by hand.
DO $$
BEGIN
    IF to_regclass('__diesel_schema_migrations') IS NOT NULL THEN
        GRANT SELECT ON __diesel_schema_migrations TO kikubari_app;
    END IF;
END $$;
