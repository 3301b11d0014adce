DROP FUNCTION tenant_last_activity();
DROP TRIGGER contact_usage_added ON contact;
DROP TRIGGER contact_usage_gone ON contact;
DROP TRIGGER user_account_usage_added ON user_account;
DROP TRIGGER user_account_usage_gone ON user_account;
DROP TRIGGER file_chunk_usage_added ON file_chunk;
DROP TRIGGER file_chunk_usage_gone ON file_chunk;
DROP FUNCTION note_usage();
DROP TABLE tenant_quota, tenant_usage;
