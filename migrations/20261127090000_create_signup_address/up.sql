CREATE TABLE signup_address (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    local_part text NOT NULL CHECK (local_part ~ '^[a-z0-9][a-z0-9._-]{1,38}[a-z0-9]$'),
    mail_id uuid NOT NULL,
    wording text NOT NULL DEFAULT '' CHECK (length(wording) <= 2000),
    enabled boolean NOT NULL,
    hourly_limit integer NOT NULL CHECK (hourly_limit BETWEEN 1 AND 5000),
    valid_hours smallint NOT NULL CHECK (valid_hours BETWEEN 1 AND 168),
    problem text,
    asked_count bigint NOT NULL DEFAULT 0,
    confirmed_count bigint NOT NULL DEFAULT 0,
    version integer NOT NULL DEFAULT 1,
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, mail_id) REFERENCES mail
);
COMMENT ON TABLE signup_address IS
    'An address under the bounce domain: a mail to it starts a double opt-in (空メール登録).';
COMMENT ON COLUMN signup_address.mail_id IS 'The answer; it holds the merge field confirm_url.';
COMMENT ON COLUMN signup_address.wording IS 'What a person agrees to on the page of the link; empty: a sentence that the page has.';
COMMENT ON COLUMN signup_address.problem IS 'Why the last mail to it could not be answered; NULL when it was.';
COMMENT ON COLUMN signup_address.asked_count IS 'Answers since it was made; confirmed_count: people who confirmed.';
CREATE INDEX signup_address_created_idx ON signup_address (tenant_id, created_at, id);
CREATE INDEX signup_address_mail_idx ON signup_address (tenant_id, mail_id);
CALL protect_tenant_table('signup_address');

CREATE TABLE signup_address_list (
    tenant_id uuid NOT NULL,
    signup_address_id uuid NOT NULL,
    list_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, signup_address_id, list_id),
    FOREIGN KEY (tenant_id, signup_address_id) REFERENCES signup_address ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, list_id) REFERENCES list ON DELETE CASCADE
);
COMMENT ON TABLE signup_address_list IS 'Lists that people join by a sign-up address.';
CREATE INDEX signup_address_list_list_idx ON signup_address_list (tenant_id, list_id);
CALL protect_tenant_table('signup_address_list');

CREATE TABLE signup_directory (
    address_key bytea PRIMARY KEY,
    tenant_id uuid NOT NULL,
    signup_address_id uuid NOT NULL,
    FOREIGN KEY (tenant_id, signup_address_id) REFERENCES signup_address ON DELETE CASCADE
);
COMMENT ON TABLE signup_directory IS
    'Where a sign-up address is at home. Read before the tenant is known, so it holds no words of a tenant: address_key is SHA-256 of the local part.';
CREATE INDEX signup_directory_address_idx ON signup_directory (tenant_id, signup_address_id);
GRANT SELECT, INSERT, DELETE ON signup_directory TO kikubari_app;

CREATE TABLE signup (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    signup_address_id uuid NOT NULL,
    email text NOT NULL CHECK (length(email) <= 320),
    email_key text NOT NULL CHECK (length(email_key) <= 320),
    message_id text NOT NULL CHECK (length(message_id) <= 300),
    mail_id uuid NOT NULL,
    mail_number integer NOT NULL,
    delivery_id uuid NOT NULL,
    contact_id uuid,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, signup_address_id) REFERENCES signup_address ON DELETE CASCADE
);
COMMENT ON TABLE signup IS
    'Somebody who mailed to a sign-up address and was answered. Confirmed by the link of the answer, once, before expires_at; swept some days later.';
COMMENT ON COLUMN signup.message_id IS 'Of the mail that asked; goes into the consent ledger.';
COMMENT ON COLUMN signup.mail_number IS 'Version of the answer.';
CREATE INDEX signup_recent_idx ON signup (tenant_id, signup_address_id, created_at, id);
CREATE INDEX signup_person_idx ON signup (tenant_id, email_key, created_at);
CREATE INDEX signup_created_idx ON signup (tenant_id, created_at);
CREATE INDEX signup_pending_idx ON signup (tenant_id, signup_address_id, expires_at) WHERE confirmed_at IS NULL;
CREATE INDEX signup_confirmed_idx ON signup (tenant_id, confirmed_at) WHERE confirmed_at IS NOT NULL;
CALL protect_tenant_table('signup');

ALTER TABLE consent ADD COLUMN message_id text CHECK (length(message_id) <= 300);
COMMENT ON COLUMN consent.message_id IS 'Of the mail by which the person asked, when there was one.';
COMMENT ON COLUMN contact.source IS 'Where the contact came from: manual, api, import:<id>, form:<id>, signup:<id>.';
