-- The operator's side: who runs the service. Its program logs in as a role of
-- its own. What stands here the application's role can't see, and what stands
-- in the tenants' tables this role sees only where the next migrations say so.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kikubari_operator') THEN
        CREATE ROLE kikubari_operator LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
    END IF;
END $$;
GRANT USAGE ON SCHEMA public TO kikubari_operator;

CREATE TABLE operator_account (
    id uuid PRIMARY KEY,
    login_id text NOT NULL UNIQUE CHECK (length(login_id) BETWEEN 3 AND 100),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    password_hash text NOT NULL,
    one_time_until timestamptz,
    factor_sealed bytea,
    factor_step bigint,
    disabled_at timestamptz,
    last_login_at timestamptz,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE operator_account IS 'Staff of the operator. Made by the command line only; password_hash is an argon2id PHC string.';
COMMENT ON COLUMN operator_account.one_time_until IS
    'The password is the one that the command line printed, good until then for setting up a second factor and nothing else; null: set by the person.';
COMMENT ON COLUMN operator_account.factor_sealed IS 'Seed of the authenticator app, sealed; null: to be set up at the next log-in.';
COMMENT ON COLUMN operator_account.factor_step IS 'Time step of the last code that was used: it and earlier ones are not taken again.';

CREATE TABLE operator_session (
    id uuid PRIMARY KEY,
    operator_id uuid NOT NULL REFERENCES operator_account ON DELETE CASCADE,
    stage text NOT NULL CHECK (stage IN ('code', 'setup', 'open')),
    token_hash bytea NOT NULL,
    previous_hash bytea,
    rotated_at timestamptz NOT NULL,
    seed_sealed bytea,
    failures smallint NOT NULL DEFAULT 0,
    user_agent text NOT NULL CHECK (length(user_agent) <= 400),
    ip inet,
    created_at timestamptz NOT NULL,
    last_active_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text
);
COMMENT ON TABLE operator_session IS
    'A log-in of staff. Until it is open it only waits for the second factor (stage code), or for its set-up (stage setup).';
COMMENT ON COLUMN operator_session.previous_hash IS 'Of the token before the last renewal: who comes with it later than a race of two tabs could explain ends the session.';
COMMENT ON COLUMN operator_session.seed_sealed IS 'While the set-up waits for its first code: the seed, sealed.';
CREATE INDEX operator_session_operator_idx ON operator_session (operator_id, created_at);

CREATE TABLE operator_audit (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    operator_id uuid,
    operator_name text NOT NULL,
    action text NOT NULL CHECK (length(action) BETWEEN 1 AND 100),
    company_id uuid,
    company_name text,
    detail jsonb,
    ip inet,
    request_id text
);
COMMENT ON TABLE operator_audit IS 'What staff did, all tenants together; stays when a tenant is gone. Append-only for the operator''s role.';
COMMENT ON COLUMN operator_audit.company_id IS 'The tenant. Not called tenant_id, because it is not erased with the tenant.';
CREATE INDEX operator_audit_time_idx ON operator_audit (at, id);
CREATE INDEX operator_audit_company_idx ON operator_audit (company_id, at, id);

GRANT SELECT, INSERT, UPDATE ON operator_account, operator_session TO kikubari_operator;
GRANT SELECT, INSERT ON operator_audit TO kikubari_operator;
GRANT SELECT, INSERT, UPDATE, DELETE ON login_throttle TO kikubari_operator;
GRANT SELECT ON installation, job_queue TO kikubari_operator;
DO $$
BEGIN
    IF to_regclass('__diesel_schema_migrations') IS NOT NULL THEN
        GRANT SELECT ON __diesel_schema_migrations TO kikubari_operator;
    END IF;
END $$;

-- A tenant's life. The state is the operator's to change, not the application's.
ALTER TABLE tenant DROP CONSTRAINT tenant_state_check;
ALTER TABLE tenant
    ADD CONSTRAINT tenant_state_check CHECK (state IN ('active', 'suspended', 'erasing')),
    ADD COLUMN suspended_at timestamptz,
    ADD COLUMN suspended_reason text CHECK (length(suspended_reason) BETWEEN 1 AND 500);
COMMENT ON COLUMN tenant.state IS 'active; suspended: nobody logs in and nothing goes out; erasing: as suspended, for good, its rows are being deleted.';
CREATE INDEX tenant_created_idx ON tenant (created_at, id);
DO $$
DECLARE
    columns text;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute
    WHERE attrelid = 'tenant'::regclass AND attnum > 0 AND NOT attisdropped
      AND attname NOT IN ('id', 'state', 'suspended_at', 'suspended_reason', 'created_at');
    REVOKE UPDATE ON tenant FROM kikubari_app;
    EXECUTE format('GRANT UPDATE (%s) ON tenant TO kikubari_app', columns);
END $$;
-- All tenants, without SET LOCAL kikubari.tenant: the list of the operator's console.
CREATE POLICY operator_sees ON tenant FOR SELECT TO kikubari_operator USING (true);
GRANT SELECT, INSERT, UPDATE (state, suspended_at, suspended_reason, version, updated_at) ON tenant TO kikubari_operator;
GRANT INSERT ON role, user_account, login_directory TO kikubari_operator;
-- Whoever adds a person keeps the directory by mail address, which the operator's role does not reach.
ALTER FUNCTION keep_mail_directory() SECURITY DEFINER SET search_path = public, pg_temp;
REVOKE EXECUTE ON FUNCTION keep_mail_directory() FROM PUBLIC;
-- Staff write into the tenant's trace, but not when it was.
DO $$
DECLARE
    columns text;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute
    WHERE attrelid = 'audit_entry'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'at';
    EXECUTE format('GRANT INSERT (%s) ON audit_entry TO kikubari_operator', columns);
END $$;

-- Mails of a suspended tenant that mailers have in their hands are given back.
ALTER TABLE send_queue ADD COLUMN held boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN send_queue.held IS 'The tenant is suspended: what mailers have in their hands of it is given back.';
GRANT SELECT, UPDATE (held, due_at) ON send_queue TO kikubari_operator;
