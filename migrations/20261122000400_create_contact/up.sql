CREATE FUNCTION contact_search_text(email text, name text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    AS $$ SELECT ' ' || regexp_replace(lower(normalize(email || ' ' || name, NFKC)), '([^a-z0-9])', ' \1 ', 'g') $$;
COMMENT ON FUNCTION contact_search_text(text, text) IS
    'What a search looks through (contact/search.rs makes its patterns the same way). A trigram index finds nothing for two-letter words, and Japanese names are two letters long: each character beyond a-z and 0-9 therefore becomes a word of its own. NFKC makes half-width and full-width spellings one.';

CREATE TABLE contact (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    email text NOT NULL CHECK (length(email) <= 320),
    email_key text NOT NULL CHECK (length(email_key) <= 320),
    name text NOT NULL DEFAULT '' CHECK (length(name) <= 200),
    status text NOT NULL DEFAULT 'active'
        CHECK (status IN ('active', 'unsubscribed', 'bounced', 'complained', 'disabled')),
    fields jsonb NOT NULL DEFAULT '{}',
    search text NOT NULL GENERATED ALWAYS AS (contact_search_text(email, name)) STORED,
    soft_bounces smallint NOT NULL DEFAULT 0,
    source text NOT NULL DEFAULT 'manual',
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, email_key)
);
COMMENT ON TABLE contact IS 'A person in a tenant''s customer database.';
COMMENT ON COLUMN contact.email IS 'As it was given, dots of Japanese carriers included.';
COMMENT ON COLUMN contact.email_key IS 'One spelling for each mailbox: lower-case domain, unquoted local part; unique in a tenant.';
COMMENT ON COLUMN contact.fields IS 'Own fields: contact_field.key to value, typed as the field says.';
COMMENT ON COLUMN contact.created_at IS
    'To the millisecond, and the same that the UUIDv7 of id holds: sorting by id is sorting by creation, so that no index on created_at is needed.';
COMMENT ON COLUMN contact.source IS 'Where the contact came from: manual, api, import:<id>, form:<id>.';
CREATE INDEX contact_name_idx ON contact (tenant_id, name, id);
CREATE INDEX contact_status_idx ON contact (tenant_id, status, id) WHERE status <> 'active';
CREATE INDEX contact_search_idx ON contact USING gin (tenant_id, search gin_trgm_ops);
ALTER TABLE contact ALTER COLUMN search SET STATISTICS 500;
CALL protect_tenant_table('contact');

CREATE TABLE contact_field (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    key text NOT NULL CHECK (key ~ '^[a-z][a-z0-9_]{0,62}$'),
    label text NOT NULL CHECK (length(label) BETWEEN 1 AND 100),
    type text NOT NULL CHECK (type IN ('text', 'long_text', 'number', 'date', 'datetime', 'boolean', 'choice', 'multi_choice', 'url', 'phone')),
    required boolean NOT NULL DEFAULT false,
    is_unique boolean NOT NULL DEFAULT false,
    default_value jsonb,
    choices text[] NOT NULL DEFAULT '{}',
    position integer NOT NULL DEFAULT 0,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, key)
);
COMMENT ON TABLE contact_field IS 'An own field of a tenant''s contacts (at most 200).';
CALL protect_tenant_table('contact_field');

CREATE TABLE contact_unique_value (
    tenant_id uuid NOT NULL,
    field_id uuid NOT NULL,
    value text NOT NULL,
    contact_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, field_id, value),
    FOREIGN KEY (tenant_id, field_id) REFERENCES contact_field ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contact ON DELETE CASCADE
);
COMMENT ON TABLE contact_unique_value IS 'Holds the values of unique own fields, so that the database refuses a second one.';
CREATE INDEX contact_unique_value_contact_idx ON contact_unique_value (tenant_id, contact_id);
CALL protect_tenant_table('contact_unique_value');

CREATE TABLE folder (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('mail', 'template', 'list')),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    parent_id uuid,
    position integer NOT NULL DEFAULT 0,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, parent_id) REFERENCES folder
);
COMMENT ON TABLE folder IS 'Nested folders for mails, templates and lists, a tree for each kind.';
CREATE INDEX folder_parent_idx ON folder (tenant_id, kind, parent_id, position);
CALL protect_tenant_table('folder');

CREATE TABLE list (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 2000),
    colour text NOT NULL DEFAULT 'gray',
    folder_id uuid,
    member_count bigint NOT NULL DEFAULT 0,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name),
    FOREIGN KEY (tenant_id, folder_id) REFERENCES folder
);
COMMENT ON TABLE list IS 'A list (配信グループ) that contacts subscribe to.';
COMMENT ON COLUMN list.member_count IS 'How many contacts are subscribed; kept by a trigger on subscription.';
CALL protect_tenant_table('list');

CREATE TABLE subscription (
    tenant_id uuid NOT NULL,
    list_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    status text NOT NULL CHECK (status IN ('subscribed', 'unsubscribed')),
    source text NOT NULL DEFAULT 'manual',
    since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, list_id, contact_id),
    FOREIGN KEY (tenant_id, list_id) REFERENCES list ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contact ON DELETE CASCADE
);
COMMENT ON TABLE subscription IS 'Whether a contact wants a list now; how it came to that stands in subscription_event.';
CREATE INDEX subscription_contact_idx ON subscription (tenant_id, contact_id);
CALL protect_tenant_table('subscription');

CREATE TABLE subscription_event (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    list_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    status text NOT NULL CHECK (status IN ('subscribed', 'unsubscribed')),
    source text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE subscription_event IS 'History of subscription.';
CREATE INDEX subscription_event_contact_idx ON subscription_event (tenant_id, contact_id, at);
CALL protect_tenant_table('subscription_event');

CREATE FUNCTION count_list_members() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE list SET member_count = member_count + d.n
        FROM (SELECT tenant_id, list_id, count(*) AS n FROM added WHERE status = 'subscribed' GROUP BY 1, 2) d
        WHERE list.tenant_id = d.tenant_id AND list.id = d.list_id;
    ELSIF TG_OP = 'DELETE' THEN
        UPDATE list SET member_count = member_count - d.n
        FROM (SELECT tenant_id, list_id, count(*) AS n FROM removed WHERE status = 'subscribed' GROUP BY 1, 2) d
        WHERE list.tenant_id = d.tenant_id AND list.id = d.list_id;
    ELSE
        UPDATE list SET member_count = member_count + d.n
        FROM (SELECT tenant_id, list_id, sum(n) AS n
              FROM (SELECT tenant_id, list_id, 1 AS n FROM added WHERE status = 'subscribed'
                    UNION ALL SELECT tenant_id, list_id, -1 FROM removed WHERE status = 'subscribed') c
              GROUP BY 1, 2 HAVING sum(n) <> 0) d
        WHERE list.tenant_id = d.tenant_id AND list.id = d.list_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER subscription_added AFTER INSERT ON subscription
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_list_members();
CREATE TRIGGER subscription_removed AFTER DELETE ON subscription
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION count_list_members();
CREATE TRIGGER subscription_changed AFTER UPDATE ON subscription
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_list_members();

CREATE TABLE suppression (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('address', 'domain')),
    value text NOT NULL CHECK (length(value) BETWEEN 1 AND 320),
    reason text NOT NULL CHECK (reason IN ('manual', 'cancelled', 'bounced', 'complained', 'imported')),
    source text NOT NULL DEFAULT '',
    note text NOT NULL DEFAULT '' CHECK (length(note) <= 2000),
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, kind, value)
);
COMMENT ON TABLE suppression IS 'Who must never be mailed, whatever sends.';
COMMENT ON COLUMN suppression.value IS 'An address in the spelling of contact.email_key, or a lower-case domain.';
CREATE INDEX suppression_created_idx ON suppression (tenant_id, created_at, id);
CALL protect_tenant_table('suppression');

CREATE TABLE consent (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    contact_id uuid NOT NULL,
    address text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('given', 'withdrawn')),
    source text NOT NULL,
    wording text NOT NULL DEFAULT '',
    form_version text,
    ip inet,
    user_agent text,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE consent IS 'Ledger of consent given and withdrawn; outlives its contact, as 特定電子メール法 asks (one month past the last mail).';
CREATE INDEX consent_contact_idx ON consent (tenant_id, contact_id, at);
CALL protect_tenant_table('consent');
REVOKE UPDATE, DELETE ON consent FROM kikubari_app;

CREATE TABLE contact_import (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    file_id uuid NOT NULL,
    filename text NOT NULL,
    size bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('uploaded', 'checked', 'running', 'done', 'failed', 'cancelled')),
    detected jsonb NOT NULL,
    columns jsonb NOT NULL,
    preview jsonb NOT NULL,
    suggested jsonb NOT NULL,
    plan jsonb,
    counts jsonb,
    rejected_sample jsonb NOT NULL DEFAULT '[]',
    rejected_file_id uuid,
    job_id uuid,
    version integer NOT NULL DEFAULT 1,
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE contact_import IS 'An import of contacts from its upload to its result.';
CREATE INDEX contact_import_recent_idx ON contact_import (tenant_id, created_at, id);
CALL protect_tenant_table('contact_import');

CREATE TABLE import_mapping (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    header_hash bytea NOT NULL,
    plan jsonb NOT NULL,
    used_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, header_hash)
);
COMMENT ON TABLE import_mapping IS 'The mapping last used for a file with these column names.';
CALL protect_tenant_table('import_mapping');

CREATE TABLE contact_export (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    params jsonb NOT NULL,
    file_id uuid,
    row_count bigint,
    job_id uuid NOT NULL,
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE contact_export IS 'An export of contacts; its file is dropped after a day.';
CREATE INDEX contact_export_recent_idx ON contact_export (tenant_id, created_at, id);
CALL protect_tenant_table('contact_export');
