CREATE TABLE api_token (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    scopes text[] NOT NULL CHECK (cardinality(scopes) BETWEEN 1 AND 100),
    allowed_ips inet[] NOT NULL DEFAULT '{}' CHECK (cardinality(allowed_ips) <= 50),
    secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
    old_secret_hash bytea CHECK (octet_length(old_secret_hash) = 32),
    old_secret_until timestamptz,
    generation integer NOT NULL DEFAULT 1,
    secret_end text NOT NULL CHECK (length(secret_end) = 4),
    secret_made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    created_by uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    last_used_at timestamptz,
    last_used_ip inet,
    revoked_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    CHECK ((old_secret_hash IS NULL) = (old_secret_until IS NULL))
);
COMMENT ON TABLE api_token IS
    'What a program logs in with: exchanged for an access token, asked again at each request. Belongs to the tenant, not to who made it.';
COMMENT ON COLUMN api_token.scopes IS 'Permissions; those that no token may have are never among them.';
COMMENT ON COLUMN api_token.allowed_ips IS 'Networks that it may be used from; empty: from everywhere.';
COMMENT ON COLUMN api_token.secret_hash IS 'SHA-256 of 256 random bits; the secret itself was shown once and is kept nowhere.';
COMMENT ON COLUMN api_token.old_secret_hash IS 'The secret before the last rotation, good until old_secret_until.';
COMMENT ON COLUMN api_token.generation IS 'Grows with each rotation; an access token names the one that it was given for.';
COMMENT ON COLUMN api_token.secret_end IS 'The last letters of the secret, part of its checksum, by which people tell it from others.';
CREATE INDEX api_token_created_by_idx ON api_token (tenant_id, created_by);
CALL protect_tenant_table('api_token');

COMMENT ON COLUMN idempotency_key.user_id IS 'Whose key it is: a person, or an API token.';

ALTER TABLE audit_entry DROP CONSTRAINT audit_entry_actor_kind_check;
ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_actor_kind_check
    CHECK (actor_kind IN ('user', 'system', 'operator', 'public', 'token'));
COMMENT ON COLUMN audit_entry.actor_id IS 'The person, or the API token, who did it.';
