ALTER TABLE tenant_usage
    DROP CONSTRAINT tenant_usage_kind_check,
    ADD CONSTRAINT tenant_usage_kind_check CHECK (kind IN ('contacts', 'users', 'storage', 'mails',
        'day_mails', 'day_complaints', 'day_noticed', 'day_held', 'day_seen'));
COMMENT ON COLUMN tenant_usage.kind IS
    'contacts and users in rows, storage in bytes of files, mails as accepted in the month; day_…: mails and complaints of a day, and of these complaints those that people were told of, that all was held for, that a person has seen (domain::campaign::complaints).';
COMMENT ON COLUMN tenant_usage.period IS
    'First day of the month (UTC) of mails; the day (UTC) of day_…, kept for 30 days; 2000-01-01 for what is counted as a whole.';
