-- How much a tenant has and may have. Usage is a sum of small rows, each added
-- by the statement that changed something: one row to be updated would make
-- every import and every sign-up of a tenant wait for each other. Housekeeping
-- folds them into one an hour.
CREATE TABLE tenant_usage (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('contacts', 'users', 'storage', 'mails')),
    period date NOT NULL,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    amount bigint NOT NULL,
    PRIMARY KEY (tenant_id, kind, period, id)
);
COMMENT ON TABLE tenant_usage IS 'What a tenant has: the sum of amount by kind and period. Written by triggers and by what records sent mails.';
COMMENT ON COLUMN tenant_usage.kind IS 'contacts and users in rows, storage in bytes of files, mails as accepted in the month.';
COMMENT ON COLUMN tenant_usage.period IS 'First day of the month (UTC) of mails; 2000-01-01 for what is counted as a whole.';
CALL protect_tenant_table('tenant_usage');
DROP POLICY support_reads ON tenant_usage;
CREATE POLICY operator_sees ON tenant_usage FOR SELECT TO kikubari_operator USING (true);
GRANT SELECT ON tenant_usage TO kikubari_operator;

CREATE TABLE tenant_quota (
    tenant_id uuid PRIMARY KEY REFERENCES tenant ON DELETE CASCADE,
    contacts bigint CHECK (contacts >= 0),
    users bigint CHECK (users >= 1),
    storage bigint CHECK (storage >= 0),
    mails bigint CHECK (mails >= 0),
    updated_at timestamptz NOT NULL
);
COMMENT ON TABLE tenant_quota IS 'Most of each kind of tenant_usage; null or no row: no limit. The operator''s to set.';
COMMENT ON COLUMN tenant_quota.mails IS 'In a calendar month (UTC).';
CALL protect_tenant_table('tenant_quota');
DROP POLICY support_reads ON tenant_quota;
CREATE POLICY operator_sees ON tenant_quota FOR SELECT TO kikubari_operator USING (true);
REVOKE INSERT, UPDATE, DELETE ON tenant_quota FROM kikubari_app;
GRANT SELECT, INSERT, UPDATE ON tenant_quota TO kikubari_operator;

CREATE FUNCTION note_usage() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    what text := TG_ARGV[0];
    measure text := CASE WHEN what = 'storage' THEN 'sum(length(data))' ELSE 'count(*)' END;
    sign integer := CASE WHEN TG_OP = 'DELETE' THEN -1 ELSE 1 END;
    company uuid;
    changed bigint;
    most bigint;
    has bigint;
BEGIN
    FOR company, changed IN EXECUTE format('SELECT tenant_id, %s FROM changed GROUP BY tenant_id', measure) LOOP
        -- A whole tenant that is being deleted has nothing to count any more.
        CONTINUE WHEN changed = 0 OR (sign < 0 AND NOT EXISTS (
            SELECT FROM public.tenant t WHERE t.id = company AND t.state <> 'erasing'));
        INSERT INTO public.tenant_usage (tenant_id, kind, period, amount) VALUES (company, what, '2000-01-01', sign * changed);
        CONTINUE WHEN sign < 0;
        EXECUTE format('SELECT %I FROM public.tenant_quota WHERE tenant_id = $1', what) INTO most USING company;
        CONTINUE WHEN most IS NULL;
        SELECT sum(amount) INTO has FROM public.tenant_usage WHERE tenant_id = company AND kind = what;
        IF has > most THEN
            RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'quota_' || what,
                MESSAGE = format('the quota of %s %s is used up', most, what);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION note_usage() IS
    'Counts what a statement added or took away, and refuses it over the quota. Two transactions at once don''t see each other: the quota holds to within what is under way.';
REVOKE EXECUTE ON FUNCTION note_usage() FROM PUBLIC;

DO $$
DECLARE
    counted record;
BEGIN
    FOR counted IN SELECT * FROM (VALUES ('contact', 'contacts'), ('user_account', 'users'), ('file_chunk', 'storage')) AS c (target, kind) LOOP
        EXECUTE format('CREATE TRIGGER %1$s_usage_added AFTER INSERT ON %1$I REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_usage(%2$L)',
            counted.target, counted.kind);
        EXECUTE format('CREATE TRIGGER %1$s_usage_gone AFTER DELETE ON %1$I REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_usage(%2$L)',
            counted.target, counted.kind);
        -- What is there already; row level security is forced on the owner too, unless it is a superuser.
        EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', counted.target);
        ALTER TABLE tenant_usage NO FORCE ROW LEVEL SECURITY;
        EXECUTE format('INSERT INTO tenant_usage (tenant_id, kind, period, amount) SELECT tenant_id, %L, ''2000-01-01'', %s FROM %I GROUP BY tenant_id',
            counted.kind, CASE WHEN counted.kind = 'storage' THEN 'sum(length(data))' ELSE 'count(*)' END, counted.target);
        ALTER TABLE tenant_usage FORCE ROW LEVEL SECURITY;
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', counted.target);
    END LOOP;
END $$;

CREATE FUNCTION tenant_last_activity() RETURNS timestamptz
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT max(last_active_at) FROM public.session WHERE tenant_id = public.current_tenant() $$;
COMMENT ON FUNCTION tenant_last_activity() IS
    'When anybody of this transaction''s tenant last did something: the one thing of sessions that the operator sees.';
REVOKE EXECUTE ON FUNCTION tenant_last_activity() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenant_last_activity() TO kikubari_operator;
