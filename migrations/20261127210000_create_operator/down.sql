DO $$
DECLARE
    columns text;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
    WHERE attrelid = 'audit_entry'::regclass AND attnum > 0 AND NOT attisdropped;
    EXECUTE format('REVOKE INSERT (%s) ON audit_entry FROM kikubari_operator', columns);
END $$;
REVOKE ALL ON send_queue, tenant, role, user_account, login_directory, audit_entry, login_throttle, installation, job_queue FROM kikubari_operator;
DO $$
BEGIN
    IF to_regclass('__diesel_schema_migrations') IS NOT NULL THEN
        REVOKE ALL ON __diesel_schema_migrations FROM kikubari_operator;
    END IF;
END $$;
ALTER FUNCTION keep_mail_directory() SECURITY INVOKER RESET ALL;
GRANT EXECUTE ON FUNCTION keep_mail_directory() TO PUBLIC;
ALTER TABLE send_queue DROP COLUMN held;
DROP POLICY operator_sees ON tenant;
DROP INDEX tenant_created_idx;
UPDATE tenant SET state = 'suspended' WHERE state = 'erasing';
ALTER TABLE tenant DROP CONSTRAINT tenant_state_check, DROP COLUMN suspended_at, DROP COLUMN suspended_reason;
ALTER TABLE tenant ADD CONSTRAINT tenant_state_check CHECK (state IN ('active', 'suspended'));
COMMENT ON COLUMN tenant.state IS NULL;
DO $$
DECLARE
    columns text;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
    WHERE attrelid = 'tenant'::regclass AND attnum > 0 AND NOT attisdropped;
    EXECUTE format('REVOKE UPDATE (%s) ON tenant FROM kikubari_app', columns);
END $$;
GRANT UPDATE ON tenant TO kikubari_app;
DROP TABLE operator_audit, operator_session, operator_account;
REVOKE USAGE ON SCHEMA public FROM kikubari_operator;
