DROP TRIGGER user_account_mail_changed ON user_account;
DROP TRIGGER user_account_mail_inserted ON user_account;
DROP FUNCTION keep_mail_directory();
DROP TABLE mail_directory, user_link, password_history;
ALTER TABLE tenant DROP COLUMN allowed_networks, DROP COLUMN password_expiry_months,
    DROP COLUMN password_history_length, DROP COLUMN password_min_length;
ALTER TABLE user_account DROP COLUMN expiry_reminded_at, DROP COLUMN password_temporary;
-- Who was invited and has not come yet: a hash that no password has.
ALTER TABLE user_account NO FORCE ROW LEVEL SECURITY;
UPDATE user_account SET password_hash = '$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', disabled_at = coalesce(disabled_at, now())
WHERE password_hash IS NULL;
ALTER TABLE user_account FORCE ROW LEVEL SECURITY;
ALTER TABLE user_account ALTER COLUMN password_hash SET NOT NULL;
