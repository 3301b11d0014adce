CREATE TABLE route (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    host text NOT NULL CHECK (length(host) BETWEEN 1 AND 253),
    port integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
    security text NOT NULL CHECK (security IN ('none', 'starttls', 'tls')),
    auth text NOT NULL DEFAULT 'none' CHECK (auth IN ('none', 'plain', 'login')),
    username text NOT NULL DEFAULT '' CHECK (length(username) <= 320),
    password_sealed bytea,
    max_sessions integer NOT NULL DEFAULT 10 CHECK (max_sessions BETWEEN 1 AND 500),
    sign boolean NOT NULL DEFAULT true,
    enabled boolean NOT NULL DEFAULT true,
    position integer NOT NULL DEFAULT 0,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);
COMMENT ON TABLE route IS 'A way out: an SMTP relay. The lowest enabled position is the default of a tenant.';
COMMENT ON COLUMN route.password_sealed IS 'AES-256-GCM with tenant and row as associated data (domain::secret).';
COMMENT ON COLUMN route.sign IS 'Whether the mailer signs with DKIM; false when the relay does.';
CALL protect_tenant_table('route');

CREATE TABLE sender_domain (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    domain text NOT NULL CHECK (length(domain) BETWEEN 1 AND 253),
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, domain)
);
COMMENT ON TABLE sender_domain IS 'A domain that a tenant sends from.';
CALL protect_tenant_table('sender_domain');

CREATE TABLE dkim_key (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    sender_domain_id uuid NOT NULL,
    selector text NOT NULL,
    algorithm text NOT NULL CHECK (algorithm IN ('rsa-sha256', 'ed25519-sha256')),
    private_key_sealed bytea NOT NULL,
    public_key text NOT NULL,
    active boolean NOT NULL DEFAULT true,
    checked_state text NOT NULL DEFAULT 'unchecked' CHECK (checked_state IN ('unchecked', 'ok', 'missing', 'differs')),
    checked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, sender_domain_id, selector),
    FOREIGN KEY (tenant_id, sender_domain_id) REFERENCES sender_domain ON DELETE CASCADE
);
COMMENT ON TABLE dkim_key IS 'A DKIM key (RFC 6376, RFC 8463). private_key_sealed is PKCS#8 DER, sealed; a retired key''s record stays published until its mails are delivered.';
COMMENT ON COLUMN dkim_key.public_key IS 'Base64 as it stands after p= in the DNS record.';
CALL protect_tenant_table('dkim_key');
