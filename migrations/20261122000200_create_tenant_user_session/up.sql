CREATE TABLE tenant (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended')),
    time_zone text NOT NULL DEFAULT 'Asia/Tokyo',
    locale text NOT NULL DEFAULT 'ja' CHECK (locale IN ('ja', 'en')),
    idle_minutes integer NOT NULL DEFAULT 30 CHECK (idle_minutes BETWEEN 5 AND 1440),
    legal_sender_name text NOT NULL DEFAULT '',
    legal_postal_address text NOT NULL DEFAULT '',
    legal_contact text NOT NULL DEFAULT '',
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tenant IS 'A customer company. The legal_* columns are what 特定電子メール法 asks to stand in each mail.';
CALL protect_tenant_table('tenant', 'id');

CREATE TABLE role (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    builtin boolean NOT NULL DEFAULT false,
    permissions text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, key)
);
COMMENT ON TABLE role IS 'A named set of permissions; builtin ones are made with the tenant and cannot be changed.';
CALL protect_tenant_table('role');

CREATE TABLE user_account (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    login_id text NOT NULL,
    display_name text NOT NULL,
    email text NOT NULL,
    role_id uuid NOT NULL,
    locale text NOT NULL DEFAULT 'ja' CHECK (locale IN ('ja', 'en')),
    password_hash text NOT NULL,
    password_changed_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz,
    last_login_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, login_id),
    FOREIGN KEY (tenant_id, role_id) REFERENCES role
);
COMMENT ON TABLE user_account IS 'A person who logs in. password_hash is an argon2id PHC string.';
CALL protect_tenant_table('user_account');

CREATE TABLE login_directory (
    login_key bytea PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    user_id uuid NOT NULL
);
COMMENT ON TABLE login_directory IS
    'Where a login id is at home. Read before the tenant is known, so it holds no personal data: login_key is SHA-256 of the lower-case login id.';
GRANT SELECT, INSERT, DELETE ON login_directory TO kikubari_app;

CREATE TABLE login_throttle (
    key bytea PRIMARY KEY,
    failures integer NOT NULL,
    blocked_until timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON TABLE login_throttle IS
    'Growing delay after failed log-ins, by account and by address; key is a SHA-256, so that no personal data stands here.';
GRANT SELECT, INSERT, UPDATE, DELETE ON login_throttle TO kikubari_app;

CREATE TABLE session (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    user_agent text NOT NULL,
    ip inet,
    created_at timestamptz NOT NULL,
    last_active_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES user_account ON DELETE CASCADE
);
COMMENT ON TABLE session IS 'One log-in of one person on one device. expires_at is the absolute limit; the idle limit is counted from last_active_at.';
CREATE INDEX session_user_idx ON session (tenant_id, user_id, created_at);
CALL protect_tenant_table('session');

CREATE TABLE refresh_token (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    hash bytea NOT NULL,
    session_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (tenant_id, hash),
    FOREIGN KEY (tenant_id, session_id) REFERENCES session ON DELETE CASCADE
);
COMMENT ON TABLE refresh_token IS 'Every refresh token of a session; one that comes back after used_at was stolen, and ends the session.';
CREATE INDEX refresh_token_session_idx ON refresh_token (tenant_id, session_id);
CALL protect_tenant_table('refresh_token');

CREATE TABLE idempotency_key (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    user_id uuid NOT NULL,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    request_hash bytea NOT NULL,
    status smallint,
    headers jsonb,
    body bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, user_id, key)
);
COMMENT ON TABLE idempotency_key IS 'Answers to POSTs that carried Idempotency-Key, kept 24 h; status is NULL while the first request is under way.';
CREATE INDEX idempotency_key_age_idx ON idempotency_key (tenant_id, created_at);
CALL protect_tenant_table('idempotency_key');

CREATE TABLE audit_entry (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    actor_kind text NOT NULL CHECK (actor_kind IN ('user', 'system', 'operator', 'public')),
    actor_id uuid,
    action text NOT NULL,
    subject_kind text NOT NULL,
    subject_id uuid,
    before jsonb,
    after jsonb,
    ip inet,
    request_id text,
    PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE audit_entry IS 'Who did what, written in the transaction that did it. Append-only for the application.';
CREATE INDEX audit_entry_subject_idx ON audit_entry (tenant_id, subject_id, at);
CALL protect_tenant_table('audit_entry');
REVOKE UPDATE, DELETE ON audit_entry FROM kikubari_app;
