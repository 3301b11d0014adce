-- Row level security is forced on the owner too, unless it is a superuser.
ALTER TABLE tenant_usage NO FORCE ROW LEVEL SECURITY;
DELETE FROM tenant_usage WHERE kind LIKE 'day\_%';
ALTER TABLE tenant_usage FORCE ROW LEVEL SECURITY;
ALTER TABLE tenant_usage
    DROP CONSTRAINT tenant_usage_kind_check,
    ADD CONSTRAINT tenant_usage_kind_check CHECK (kind IN ('contacts', 'users', 'storage', 'mails'));
COMMENT ON COLUMN tenant_usage.kind IS 'contacts and users in rows, storage in bytes of files, mails as accepted in the month.';
COMMENT ON COLUMN tenant_usage.period IS 'First day of the month (UTC) of mails; 2000-01-01 for what is counted as a whole.';
