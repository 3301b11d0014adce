CREATE TABLE mail (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    folder_id uuid,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    number integer NOT NULL DEFAULT 1,
    archived_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    created_by uuid,
    updated_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, folder_id) REFERENCES folder
);
COMMENT ON TABLE mail IS 'A mail; its content is mail_version with this number.';
COMMENT ON COLUMN mail.version IS 'Grows with each write of any kind (ETag); number grows only when a new content version is kept.';
CREATE INDEX mail_folder_idx ON mail (tenant_id, folder_id, updated_at, id);
CREATE INDEX mail_recent_idx ON mail (tenant_id, updated_at, id);
CALL protect_tenant_table('mail');

CREATE TABLE mail_version (
    tenant_id uuid NOT NULL,
    mail_id uuid NOT NULL,
    number integer NOT NULL,
    subject text NOT NULL DEFAULT '' CHECK (length(subject) <= 998),
    preheader text NOT NULL DEFAULT '' CHECK (length(preheader) <= 998),
    sender_name text NOT NULL DEFAULT '' CHECK (length(sender_name) <= 200),
    sender_address text NOT NULL DEFAULT '' CHECK (length(sender_address) <= 320),
    reply_to text NOT NULL DEFAULT '' CHECK (length(reply_to) <= 320),
    text_part text NOT NULL DEFAULT '' CHECK (length(text_part) <= 1048576),
    html_part text NOT NULL DEFAULT '' CHECK (length(html_part) <= 1048576),
    text_mode text NOT NULL DEFAULT 'auto' CHECK (text_mode IN ('auto', 'manual')),
    locale text NOT NULL DEFAULT 'ja' CHECK (locale IN ('ja', 'en')),
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, mail_id, number),
    FOREIGN KEY (tenant_id, mail_id) REFERENCES mail ON DELETE CASCADE
);
COMMENT ON TABLE mail_version IS 'A kept state of a mail''s content. Autosaves of one person within minutes go into one version, unless a campaign uses it.';
CALL protect_tenant_table('mail_version');

CREATE TABLE template (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    folder_id uuid,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 2000),
    supplied_key text,
    hidden_at timestamptz,
    subject text NOT NULL DEFAULT '' CHECK (length(subject) <= 998),
    preheader text NOT NULL DEFAULT '' CHECK (length(preheader) <= 998),
    sender_name text NOT NULL DEFAULT '' CHECK (length(sender_name) <= 200),
    sender_address text NOT NULL DEFAULT '' CHECK (length(sender_address) <= 320),
    reply_to text NOT NULL DEFAULT '' CHECK (length(reply_to) <= 320),
    text_part text NOT NULL DEFAULT '' CHECK (length(text_part) <= 1048576),
    html_part text NOT NULL DEFAULT '' CHECK (length(html_part) <= 1048576),
    text_mode text NOT NULL DEFAULT 'auto' CHECK (text_mode IN ('auto', 'manual')),
    locale text NOT NULL DEFAULT 'ja' CHECK (locale IN ('ja', 'en')),
    version integer NOT NULL DEFAULT 1,
    created_by uuid,
    updated_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, supplied_key),
    FOREIGN KEY (tenant_id, folder_id) REFERENCES folder
);
COMMENT ON TABLE template IS 'A start for mails. supplied_key names one that came with the product.';
COMMENT ON COLUMN template.hidden_at IS 'A supplied template that was deleted: it must not be supplied again.';
CREATE INDEX template_recent_idx ON template (tenant_id, updated_at, id);
CALL protect_tenant_table('template');

CREATE TABLE block (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    key text NOT NULL CHECK (key ~ '^[a-z][a-z0-9_]{0,62}$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    text_part text NOT NULL DEFAULT '' CHECK (length(text_part) <= 262144),
    html_part text NOT NULL DEFAULT '' CHECK (length(html_part) <= 262144),
    version integer NOT NULL DEFAULT 1,
    updated_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, key)
);
COMMENT ON TABLE block IS 'A shared part (header, footer, signature) that mails include with block("key").';
CALL protect_tenant_table('block');

CREATE TABLE mail_preview (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    html text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE mail_preview IS 'A rendered preview for the few minutes that a sandboxed frame needs to fetch it: its address holds a signed id, never content.';
CREATE INDEX mail_preview_expiry_idx ON mail_preview (tenant_id, expires_at);
CALL protect_tenant_table('mail_preview');
