DROP INDEX user_account_role_idx;
ALTER TABLE role DROP CONSTRAINT role_name_key;
ALTER TABLE role DROP CONSTRAINT role_name_length;
ALTER TABLE role NO FORCE ROW LEVEL SECURITY;
ALTER TABLE user_account NO FORCE ROW LEVEL SECURITY;
-- Nobody gets more by it: who had a role that is not known any more can look, and an administrator edit.
UPDATE user_account SET role_id = kept.id
FROM role AS had, role AS kept
WHERE had.tenant_id = user_account.tenant_id AND had.id = user_account.role_id
  AND had.key NOT IN ('owner', 'editor', 'viewer')
  AND kept.tenant_id = had.tenant_id AND kept.key = CASE had.key WHEN 'admin' THEN 'editor' ELSE 'viewer' END;
DELETE FROM role WHERE key NOT IN ('owner', 'editor', 'viewer');
UPDATE role SET permissions = CASE key
    WHEN 'owner' THEN '{contacts.read,contacts.write,contacts.export,lists.write,mails.read,mails.write,campaigns.read,campaigns.write,campaigns.send,reports.read,settings.read,settings.write,users.manage}'::text[]
    WHEN 'editor' THEN '{contacts.read,contacts.write,contacts.export,lists.write,mails.read,mails.write,campaigns.read,campaigns.write,campaigns.send,reports.read,settings.read}'::text[]
    ELSE '{contacts.read,mails.read,campaigns.read,reports.read,settings.read}'::text[] END;
ALTER TABLE user_account FORCE ROW LEVEL SECURITY;
ALTER TABLE role FORCE ROW LEVEL SECURITY;
ALTER TABLE role DROP COLUMN updated_at, DROP COLUMN version;
COMMENT ON COLUMN role.key IS NULL;
COMMENT ON COLUMN role.permissions IS NULL;
COMMENT ON TABLE role IS 'A named set of permissions; builtin ones are made with the tenant and cannot be changed.';
