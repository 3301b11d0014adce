-- A person who was invited has no password until they set one.
ALTER TABLE user_account ALTER COLUMN password_hash DROP NOT NULL;
ALTER TABLE user_account ADD COLUMN password_temporary boolean NOT NULL DEFAULT false;
ALTER TABLE user_account ADD COLUMN expiry_reminded_at timestamptz;
COMMENT ON COLUMN user_account.password_hash IS 'Argon2id PHC string; null: invited, and not come yet.';
COMMENT ON COLUMN user_account.password_temporary IS 'Somebody else knows it too: nothing but changing it is possible.';
COMMENT ON COLUMN user_account.expiry_reminded_at IS 'When the person was told that the password of then expires.';

ALTER TABLE tenant ADD COLUMN password_min_length smallint NOT NULL DEFAULT 12 CHECK (password_min_length BETWEEN 12 AND 64);
ALTER TABLE tenant ADD COLUMN password_history_length smallint NOT NULL DEFAULT 0 CHECK (password_history_length BETWEEN 0 AND 12);
ALTER TABLE tenant ADD COLUMN password_expiry_months smallint CHECK (password_expiry_months IN (1, 3, 6, 12));
ALTER TABLE tenant ADD COLUMN allowed_networks cidr[] NOT NULL DEFAULT '{}' CHECK (cardinality(allowed_networks) <= 200);
COMMENT ON COLUMN tenant.password_history_length IS 'So many last passwords of a person are not taken again; 0: any.';
COMMENT ON COLUMN tenant.password_expiry_months IS 'A password has to be changed after so many months; null: never.';
COMMENT ON COLUMN tenant.allowed_networks IS 'People come in from these networks only; empty: from everywhere.';

CREATE TABLE password_history (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    hash text NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES user_account ON DELETE CASCADE
);
COMMENT ON TABLE password_history IS
    'Former passwords (argon2id PHC strings), no more of a person than the tenant''s rule looks at; the id says the order.';
CREATE INDEX password_history_user_idx ON password_history (tenant_id, user_id, id);
CALL protect_tenant_table('password_history');

CREATE TABLE user_link (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    user_id uuid NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('password_reset', 'invitation')),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    voided_at timestamptz,
    PRIMARY KEY (tenant_id, hash),
    FOREIGN KEY (tenant_id, user_id) REFERENCES user_account ON DELETE CASCADE
);
COMMENT ON TABLE user_link IS 'A link that was mailed to a person, good for one use; hash is the SHA-256 of its token.';
CREATE INDEX user_link_user_idx ON user_link (tenant_id, user_id, purpose, created_at);
CREATE INDEX user_link_expiry_idx ON user_link (tenant_id, expires_at);
CALL protect_tenant_table('user_link');

CREATE TABLE mail_directory (
    email_key bytea NOT NULL,
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    user_id uuid NOT NULL,
    PRIMARY KEY (email_key, tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES user_account ON DELETE CASCADE
);
COMMENT ON TABLE mail_directory IS
    'Whose mail address it is: asked before the tenant is known, so it holds no personal data; email_key is SHA-256 of the address in lower case (ASCII). Kept by a trigger of user_account.';
CREATE INDEX mail_directory_user_idx ON mail_directory (tenant_id, user_id);
GRANT SELECT, INSERT, DELETE ON mail_directory TO kikubari_app;

CREATE FUNCTION keep_mail_directory() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM mail_directory WHERE tenant_id = NEW.tenant_id AND user_id = NEW.id;
    INSERT INTO mail_directory (email_key, tenant_id, user_id)
    VALUES (sha256(convert_to(lower(NEW.email COLLATE "C"), 'UTF8')), NEW.tenant_id, NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER user_account_mail_inserted AFTER INSERT ON user_account
    FOR EACH ROW EXECUTE FUNCTION keep_mail_directory();
CREATE TRIGGER user_account_mail_changed AFTER UPDATE OF email ON user_account
    FOR EACH ROW WHEN (OLD.email IS DISTINCT FROM NEW.email) EXECUTE FUNCTION keep_mail_directory();

-- Of all tenants at once: the owner is held by the policies too.
ALTER TABLE user_account NO FORCE ROW LEVEL SECURITY;
INSERT INTO mail_directory (email_key, tenant_id, user_id)
SELECT sha256(convert_to(lower(email COLLATE "C"), 'UTF8')), tenant_id, id FROM user_account;
ALTER TABLE user_account FORCE ROW LEVEL SECURITY;
