CREATE TABLE system_mail (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL CHECK (length(kind) BETWEEN 1 AND 40),
    address text NOT NULL,
    locale text NOT NULL CHECK (locale IN ('ja', 'en')),
    params jsonb NOT NULL DEFAULT '{}',
    secret_sealed bytea,
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'failed')),
    reply text,
    created_at timestamptz NOT NULL,
    give_up_at timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES user_account ON DELETE CASCADE
);
COMMENT ON TABLE system_mail IS
    'A mail of the product itself to one of its users. What it says is wiped when it is sent or given up.';
COMMENT ON COLUMN system_mail.secret_sealed IS 'The token of its link, sealed; null once it is sent or given up.';
COMMENT ON COLUMN system_mail.give_up_at IS 'Not tried any more from then on: a day later, or when its link has expired.';
CREATE INDEX system_mail_user_idx ON system_mail (tenant_id, user_id, created_at);
CREATE INDEX system_mail_finished_idx ON system_mail (tenant_id, finished_at) WHERE finished_at IS NOT NULL;
CALL protect_tenant_table('system_mail');

CREATE TABLE system_mail_queue (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    mail_id uuid NOT NULL,
    due_at timestamptz NOT NULL,
    leased_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, mail_id)
);
COMMENT ON TABLE system_mail_queue IS
    'Which mails of the product are to go out, over all tenants, without personal data. A mailer leases a row, and deletes it when the mail is sent or given up.';
CREATE INDEX system_mail_queue_due_idx ON system_mail_queue (due_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON system_mail_queue TO kikubari_app;
