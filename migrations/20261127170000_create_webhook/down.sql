ALTER TABLE idempotency_key RENAME COLUMN body_sealed TO body;
COMMENT ON COLUMN idempotency_key.body IS NULL;

DROP TRIGGER dkim_key_checked ON dkim_key;
DROP TRIGGER sender_domain_checked ON sender_domain;
DROP TRIGGER signup_confirmed ON signup;
DROP TRIGGER contact_import_ended ON contact_import;
DROP TRIGGER campaign_moved ON campaign;
DROP TRIGGER event_added ON event;
DROP TRIGGER subscription_event_added ON subscription_event;
DROP TRIGGER contact_added ON contact;
DROP TRIGGER contact_removed ON contact;
DROP TRIGGER contact_changed ON contact;
DROP FUNCTION tell_dkim_key(), tell_sender_domain(), tell_signup(), tell_import(), tell_campaign(), tell_events(),
    tell_subscriptions(), tell_contacts(), contact_event(uuid, text, text, text, jsonb, text, timestamptz), tell_deliveries(date, uuid[]),
    tell_webhooks(text[], json[]), webhook_topics(text[]);
DROP TABLE outbox_queue, outbox, webhook_attempt, webhook_message, webhook_queue, webhook;

CREATE TABLE outbox (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    topic text NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE outbox IS 'Facts to tell the outside, written in the transaction that made them true.';
CREATE INDEX outbox_open_idx ON outbox (tenant_id, id) WHERE published_at IS NULL;
CALL protect_tenant_table('outbox');
