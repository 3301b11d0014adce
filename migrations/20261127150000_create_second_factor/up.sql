CREATE TABLE totp_seed (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    user_id uuid NOT NULL,
    seed_sealed bytea NOT NULL,
    confirmed_at timestamptz,
    last_step bigint,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES user_account ON DELETE CASCADE
);
COMMENT ON TABLE totp_seed IS 'The seed that a person''s authenticator app shares with us, sealed (place totp:<user>). It counts once a code confirmed it.';
COMMENT ON COLUMN totp_seed.last_step IS 'Step (30 s) of the last code that was taken: no code is taken twice.';
CALL protect_tenant_table('totp_seed');

CREATE TABLE passkey (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    credential_id bytea NOT NULL CHECK (length(credential_id) BETWEEN 1 AND 1023),
    public_key bytea NOT NULL CHECK (length(public_key) <= 2048),
    sign_count bigint NOT NULL,
    backed_up boolean NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, credential_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES user_account ON DELETE CASCADE
);
COMMENT ON TABLE passkey IS 'WebAuthn credentials of people.';
COMMENT ON COLUMN passkey.public_key IS 'As the authenticator gave it: a COSE key.';
COMMENT ON COLUMN passkey.sign_count IS 'Of the last use; one that does not grow comes of a copied authenticator. 0: it does not count.';
COMMENT ON COLUMN passkey.backed_up IS 'Whether the authenticator says that the key lives on more than one device.';
CREATE INDEX passkey_user_idx ON passkey (tenant_id, user_id, created_at);
CALL protect_tenant_table('passkey');

CREATE TABLE recovery_code (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    user_id uuid NOT NULL,
    hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id, hash),
    FOREIGN KEY (tenant_id, user_id) REFERENCES user_account ON DELETE CASCADE
);
COMMENT ON TABLE recovery_code IS 'SHA-256 of codes of 80 random bits; a used one is deleted.';
CALL protect_tenant_table('recovery_code');

CREATE TABLE factor_challenge (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    hash bytea NOT NULL,
    user_id uuid NOT NULL,
    session_id uuid,
    purpose text NOT NULL CHECK (purpose IN ('log_in', 'step_up', 'register')),
    tries smallint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, hash),
    CHECK ((session_id IS NULL) = (purpose = 'log_in')),
    FOREIGN KEY (tenant_id, user_id) REFERENCES user_account ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, session_id) REFERENCES session ON DELETE CASCADE
);
COMMENT ON TABLE factor_challenge IS
    'A question for a second factor that waits for its answer: after the password, before a dangerous action, or for a new passkey. The hash is that of the token which the browser holds.';
CREATE INDEX factor_challenge_user_idx ON factor_challenge (tenant_id, user_id, created_at);
CREATE INDEX factor_challenge_session_idx ON factor_challenge (tenant_id, session_id);
CREATE INDEX factor_challenge_expiry_idx ON factor_challenge (tenant_id, expires_at);
CALL protect_tenant_table('factor_challenge');

ALTER TABLE user_account ADD COLUMN second_factor_at timestamptz;
COMMENT ON COLUMN user_account.second_factor_at IS
    'Since when the person has a second factor (a confirmed seed or a passkey); NULL: none. Kept with the rows in the same transaction, so that each request need not look for them.';

ALTER TABLE session ADD COLUMN stepped_up_at timestamptz;
COMMENT ON COLUMN session.stepped_up_at IS 'When the person last proved who they are, at log-in or since; dangerous actions want it to be fresh.';

ALTER TABLE tenant ADD COLUMN second_factor_required boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN tenant.second_factor_required IS 'Who has no second factor may do nothing but set one up.';
ALTER TABLE tenant ADD COLUMN step_up_people integer DEFAULT 10000 CHECK (step_up_people BETWEEN 1 AND 100000000);
COMMENT ON COLUMN tenant.step_up_people IS 'Sending to more people wants a fresh proof of who sends; NULL: never.';
