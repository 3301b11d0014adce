CREATE TABLE webhook (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    url text NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 200),
    events text[] NOT NULL CHECK (cardinality(events) BETWEEN 1 AND 50),
    enabled boolean NOT NULL,
    disabled_reason text CHECK (disabled_reason IN ('gone', 'failing')),
    secret_sealed bytea NOT NULL,
    old_secret_sealed bytea,
    old_secret_until timestamptz,
    failures integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    retry_at timestamptz,
    last_error text CHECK (length(last_error) <= 500),
    last_failure_at timestamptz,
    last_success_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE webhook IS 'An address of the tenant that is told of events, signed after Standard Webhooks.';
COMMENT ON COLUMN webhook.events IS 'Which of webhook::Topic it wants.';
COMMENT ON COLUMN webhook.disabled_reason IS 'Why the service turned it off: it answered 410, or failed for three days. NULL when a person did.';
COMMENT ON COLUMN webhook.old_secret_sealed IS 'The secret before the last rotation; signs beside the new one until old_secret_until.';
COMMENT ON COLUMN webhook.failures IS 'Requests in a row that failed. After some, one at a time goes out, not before retry_at.';
CALL protect_tenant_table('webhook');

CREATE TABLE webhook_queue (
    tenant_id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    due_at timestamptz,
    served_at timestamptz NOT NULL DEFAULT '-infinity',
    leased_until timestamptz,
    lease_owner uuid,
    PRIMARY KEY (tenant_id, webhook_id),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhook ON DELETE CASCADE
);
COMMENT ON TABLE webhook_queue IS 'What the senders of webhooks look at, over all tenants, without personal data: one row for each webhook.';
COMMENT ON COLUMN webhook_queue.due_at IS 'When its next message is due; NULL: nothing waits, or it is off.';
COMMENT ON COLUMN webhook_queue.served_at IS 'When it was last taken: the longest unserved comes first, so that tenants take turns.';
COMMENT ON COLUMN webhook_queue.leased_until IS 'Lease of the one sender that works on it: the bound of requests at a time to one address.';
CREATE INDEX webhook_queue_due_idx ON webhook_queue (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_queue_leased_idx ON webhook_queue (tenant_id, leased_until) WHERE leased_until IS NOT NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_queue TO kikubari_app;

CREATE TABLE webhook_message (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    topic text NOT NULL,
    event_count integer NOT NULL,
    body text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    reason text CHECK (reason IN ('given_up', 'gone')),
    attempts integer NOT NULL DEFAULT 0,
    tries integer NOT NULL DEFAULT 0,
    queued_at timestamptz NOT NULL,
    due_at timestamptz,
    status smallint,
    error text CHECK (length(error) <= 500),
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhook ON DELETE CASCADE
);
COMMENT ON TABLE webhook_message IS 'A request to a webhook: up to 100 events of one kind. The id is its webhook-id, the same at each try.';
COMMENT ON COLUMN webhook_message.body IS 'As it is sent and signed, byte for byte.';
COMMENT ON COLUMN webhook_message.tries IS 'Attempts since queued_at: a replay begins anew, while attempts go on counting.';
COMMENT ON COLUMN webhook_message.status IS 'Of the last answer; NULL when there was none, error says why.';
CREATE INDEX webhook_message_due_idx ON webhook_message (tenant_id, webhook_id, due_at, id) WHERE state = 'pending';
CREATE INDEX webhook_message_recent_idx ON webhook_message (tenant_id, webhook_id, id);
CREATE INDEX webhook_message_state_idx ON webhook_message (tenant_id, webhook_id, state, id);
CREATE INDEX webhook_message_finished_idx ON webhook_message (tenant_id, state, finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX webhook_message_queued_idx ON webhook_message (tenant_id, queued_at) WHERE state = 'pending';
CALL protect_tenant_table('webhook_message');

CREATE TABLE webhook_attempt (
    tenant_id uuid NOT NULL,
    message_id uuid NOT NULL,
    number integer NOT NULL,
    at timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    status smallint,
    error text CHECK (length(error) <= 500),
    answer text NOT NULL DEFAULT '' CHECK (length(answer) <= 2048),
    PRIMARY KEY (tenant_id, message_id, number),
    FOREIGN KEY (tenant_id, message_id) REFERENCES webhook_message ON DELETE CASCADE
);
COMMENT ON TABLE webhook_attempt IS 'One try of a webhook_message, with the beginning of what was answered: hostile input.';
CALL protect_tenant_table('webhook_attempt');

-- The outbox takes facts in batches: one row for up to 100 events of one kind,
-- so that a campaign of a million costs some thousand rows.
DROP TABLE outbox;
CREATE TABLE outbox (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    position bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    topic text NOT NULL,
    items json NOT NULL,
    item_count integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, position)
);
COMMENT ON TABLE outbox IS 'Facts to tell the outside, written in the transaction that made them true and taken out when they became messages.';
CALL protect_tenant_table('outbox');

CREATE TABLE outbox_queue (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    position bigint NOT NULL,
    PRIMARY KEY (tenant_id, position)
);
COMMENT ON TABLE outbox_queue IS 'Which rows of outbox wait, over all tenants, without their content. Rows are only added and taken away: a fact never waits for another one''s transaction.';
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_queue TO kikubari_app;

CREATE FUNCTION webhook_topics(asked text[]) RETURNS text[]
    LANGUAGE sql STABLE
    AS $$
    SELECT coalesce(array_agg(DISTINCT wanted), '{}')
    FROM webhook w CROSS JOIN LATERAL unnest(w.events) AS wanted
    WHERE w.tenant_id = (SELECT current_tenant()) AND w.enabled AND wanted = ANY (asked)
$$;
COMMENT ON FUNCTION webhook_topics(text[]) IS 'Which of these topics a webhook of this tenant wants; empty for most tenants, and then nothing else is done.';

CREATE FUNCTION tell_webhooks(topics text[], items json[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF coalesce(cardinality(topics), 0) = 0 THEN
        RETURN;
    END IF;
    WITH numbered AS (
        SELECT t.topic, t.item, t.n,
               (row_number() OVER (PARTITION BY t.topic ORDER BY t.n) - 1) / CASE WHEN t.topic LIKE 'contact.%' THEN 20 ELSE 100 END AS chunk
        FROM unnest(topics, items) WITH ORDINALITY AS t (topic, item, n)
    ), written AS (
        INSERT INTO outbox (tenant_id, topic, items, item_count)
        SELECT current_tenant(), topic, json_agg(item ORDER BY n), count(*) FROM numbered GROUP BY topic, chunk ORDER BY min(n)
        RETURNING tenant_id, position
    )
    INSERT INTO outbox_queue (tenant_id, position) SELECT tenant_id, position FROM written;
    PERFORM pg_notify('kikubari', '{"kind":"webhooks"}');
END $$;
COMMENT ON FUNCTION tell_webhooks(text[], json[]) IS
    'Puts events into the outbox, up to 100 of a topic in a row (20 where own fields of contacts may be large).';

CREATE FUNCTION contact_event(id uuid, email text, name text, status text, fields jsonb, source text, at timestamptz) RETURNS json
    LANGUAGE sql STABLE
    AS $$
    SELECT json_build_object('contact_id', id, 'email', email, 'name', name, 'status', status, 'fields', fields, 'source', source, 'at', at)
$$;

CREATE FUNCTION tell_contacts() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    wanted text[] := webhook_topics(ARRAY['contact.created', 'contact.updated', 'contact.deleted', 'contact.unsubscribed', 'contact.resubscribed']);
BEGIN
    IF wanted = '{}' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF 'contact.created' = ANY (wanted) THEN
            PERFORM tell_webhooks(array_agg('contact.created'::text), array_agg(contact_event(a.id, a.email, a.name, a.status, a.fields, a.source, a.created_at))) FROM added a;
        END IF;
    ELSIF TG_OP = 'DELETE' THEN
        IF 'contact.deleted' = ANY (wanted) THEN
            PERFORM tell_webhooks(array_agg('contact.deleted'::text),
                array_agg(json_build_object('contact_id', r.id, 'email', r.email, 'at', statement_timestamp()))) FROM removed r;
        END IF;
    ELSE
        PERFORM tell_webhooks(array_agg(c.topic), array_agg(c.item))
        FROM (SELECT t.topic, contact_event(a.id, a.email, a.name, a.status, a.fields, a.source, a.updated_at) AS item
              FROM removed r JOIN added a ON a.tenant_id = r.tenant_id AND a.id = r.id
              CROSS JOIN LATERAL (VALUES
                ('contact.unsubscribed', a.status = 'unsubscribed' AND r.status <> 'unsubscribed'),
                ('contact.resubscribed', a.status = 'active' AND r.status = 'unsubscribed'),
                ('contact.updated', a.email <> r.email OR a.name <> r.name OR a.fields <> r.fields
                    OR (a.status <> r.status AND a.status <> 'unsubscribed' AND NOT (a.status = 'active' AND r.status = 'unsubscribed')))
              ) AS t (topic, happened)
              WHERE t.happened AND t.topic = ANY (wanted)) c;
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION tell_contacts() IS 'Whatever changes contacts (people, imports, cancellations, bounces) tells it to the webhooks that want it.';
CREATE TRIGGER contact_added AFTER INSERT ON contact
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION tell_contacts();
CREATE TRIGGER contact_removed AFTER DELETE ON contact
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION tell_contacts();
CREATE TRIGGER contact_changed AFTER UPDATE ON contact
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION tell_contacts();

CREATE FUNCTION tell_subscriptions() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    wanted text[] := webhook_topics(ARRAY['list.subscribed', 'list.unsubscribed']);
BEGIN
    IF wanted = '{}' THEN
        RETURN NULL;
    END IF;
    PERFORM tell_webhooks(array_agg('list.' || a.status), array_agg(json_build_object(
        'list_id', a.list_id, 'list_name', l.name, 'contact_id', a.contact_id, 'email', c.email, 'source', a.source, 'at', a.at)))
    FROM added a
    LEFT JOIN list l ON l.tenant_id = a.tenant_id AND l.id = a.list_id
    LEFT JOIN contact c ON c.tenant_id = a.tenant_id AND c.id = a.contact_id
    WHERE 'list.' || a.status = ANY (wanted);
    RETURN NULL;
END $$;
CREATE TRIGGER subscription_event_added AFTER INSERT ON subscription_event
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION tell_subscriptions();

CREATE FUNCTION tell_events() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    wanted text[] := webhook_topics(ARRAY['message.opened', 'message.clicked', 'delivery.bounced', 'delivery.complained']);
BEGIN
    IF wanted = '{}' THEN
        RETURN NULL;
    END IF;
    PERFORM tell_webhooks(array_agg(e.topic), array_agg(e.item))
    FROM (SELECT CASE a.kind WHEN 'open' THEN 'message.opened' WHEN 'click' THEN 'message.clicked'
                             WHEN 'bounce' THEN 'delivery.bounced' WHEN 'complaint' THEN 'delivery.complained' END AS topic,
                 CASE a.kind
                    WHEN 'open' THEN json_build_object('event_id', a.id, 'campaign_id', a.campaign_id, 'delivery_id', a.delivery_id,
                        'contact_id', a.contact_id, 'email', c.email, 'at', a.at)
                    WHEN 'click' THEN json_build_object('event_id', a.id, 'campaign_id', a.campaign_id, 'delivery_id', a.delivery_id,
                        'contact_id', a.contact_id, 'email', c.email, 'link_number', a.link_number, 'url', l.url, 'at', a.at)
                    ELSE json_build_object('event_id', a.id, 'campaign_id', a.campaign_id, 'delivery_id', a.delivery_id,
                        'contact_id', a.contact_id, 'email', c.email, 'detail', a.detail, 'at', a.at) END AS item
          FROM added a
          LEFT JOIN contact c ON c.tenant_id = a.tenant_id AND c.id = a.contact_id
          LEFT JOIN link l ON l.tenant_id = a.tenant_id AND l.campaign_id = a.campaign_id AND l.number = a.link_number
          WHERE NOT a.machine) e
    WHERE e.topic = ANY (wanted);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION tell_events() IS 'Opens and clicks of people, bounces and complaints; machines tell nothing.';
CREATE TRIGGER event_added AFTER INSERT ON event
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION tell_events();

CREATE FUNCTION tell_deliveries(of_period date, ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    wanted text[] := webhook_topics(ARRAY['delivery.accepted', 'delivery.failed', 'delivery.given_up']);
BEGIN
    IF wanted = '{}' THEN
        RETURN;
    END IF;
    PERFORM tell_webhooks(array_agg(d.topic), array_agg(d.item))
    FROM (SELECT CASE WHEN d.state = 'accepted' THEN 'delivery.accepted' WHEN d.reason = 'given_up' THEN 'delivery.given_up'
                      ELSE 'delivery.failed' END AS topic,
                 json_build_object('delivery_id', d.id, 'campaign_id', d.campaign_id, 'contact_id', d.contact_id, 'email', d.address,
                    'message_id', d.message_id, 'reason', d.reason, 'attempts', d.attempts,
                    'reply', json_build_object('code', d.reply_code, 'enhanced', d.reply_enhanced, 'text', d.reply_text, 'host', d.reply_host),
                    'at', d.attempted_at) AS item
          -- From behind OFFSET 0 and with the whole key: looked up, whatever the planner believes of a newcomer.
          FROM (SELECT current_tenant() AS tenant_id, of_period AS period, u.id FROM unnest(ids) AS u (id) OFFSET 0) n
          JOIN delivery d ON d.tenant_id = n.tenant_id AND d.period = n.period AND d.id = n.id
          JOIN campaign c ON c.tenant_id = d.tenant_id AND c.id = d.campaign_id AND c.kind <> 'test'
          WHERE d.state IN ('accepted', 'failed')) d
    WHERE d.topic = ANY (wanted);
END $$;
COMMENT ON FUNCTION tell_deliveries(date, uuid[]) IS
    'Called by the ledger with the deliveries that it wrote. No trigger: each claim and record of the engine would have to keep its rows twice for it.';

CREATE FUNCTION tell_campaign() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    happened text := CASE
        WHEN NEW.state IN ('paused', 'stopped', 'finished') THEN 'campaign.' || NEW.state
        WHEN NEW.state IN ('preparing', 'sending') AND OLD.state IN ('draft', 'scheduled') THEN 'campaign.started'
        WHEN NEW.state IN ('preparing', 'sending') AND OLD.state = 'paused' THEN 'campaign.resumed' END;
BEGIN
    IF happened IS NOT NULL AND webhook_topics(ARRAY[happened]) <> '{}' THEN
        PERFORM tell_webhooks(ARRAY[happened], ARRAY[json_build_object('campaign_id', NEW.id, 'name', NEW.name,
            'state', NEW.state, 'reason', NEW.state_reason, 'at', statement_timestamp())]);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER campaign_moved AFTER UPDATE OF state ON campaign FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state AND NEW.kind = 'campaign') EXECUTE FUNCTION tell_campaign();

CREATE FUNCTION tell_import() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF webhook_topics(ARRAY['import.finished']) <> '{}' THEN
        PERFORM tell_webhooks(ARRAY['import.finished'], ARRAY[json_build_object('import_id', NEW.id, 'filename', NEW.filename,
            'state', NEW.state, 'counts', NEW.counts, 'at', NEW.updated_at)]);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER contact_import_ended AFTER UPDATE OF state ON contact_import FOR EACH ROW
    WHEN (OLD.state = 'running' AND NEW.state IN ('done', 'failed', 'cancelled')) EXECUTE FUNCTION tell_import();

CREATE FUNCTION tell_signup() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF webhook_topics(ARRAY['signup.confirmed']) <> '{}' THEN
        PERFORM tell_webhooks(ARRAY['signup.confirmed'], ARRAY[json_build_object('signup_id', NEW.id,
            'signup_address_id', NEW.signup_address_id, 'contact_id', NEW.contact_id, 'email', NEW.email, 'at', NEW.confirmed_at)]);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER signup_confirmed AFTER UPDATE OF confirmed_at ON signup FOR EACH ROW
    WHEN (OLD.confirmed_at IS NULL AND NEW.confirmed_at IS NOT NULL) EXECUTE FUNCTION tell_signup();

CREATE FUNCTION tell_sender_domain() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF webhook_topics(ARRAY['sender_domain.health_changed']) <> '{}' THEN
        PERFORM tell_webhooks(array_agg('sender_domain.health_changed'::text), array_agg(json_build_object(
            'sender_domain_id', NEW.id, 'domain', NEW.domain, 'record', r.record, 'before', r.before, 'after', r.after, 'at', NEW.checked_at)))
        FROM (VALUES ('spf', OLD.spf_state, NEW.spf_state), ('dmarc', OLD.dmarc_state, NEW.dmarc_state)) AS r (record, before, after)
        WHERE r.before <> r.after;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER sender_domain_checked AFTER UPDATE OF spf_state, dmarc_state ON sender_domain FOR EACH ROW
    WHEN (OLD.spf_state <> NEW.spf_state OR OLD.dmarc_state <> NEW.dmarc_state) EXECUTE FUNCTION tell_sender_domain();

CREATE FUNCTION tell_dkim_key() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF webhook_topics(ARRAY['sender_domain.health_changed']) <> '{}' THEN
        PERFORM tell_webhooks(array_agg('sender_domain.health_changed'::text), array_agg(json_build_object(
            'sender_domain_id', s.id, 'domain', s.domain, 'record', 'dkim', 'selector', NEW.selector,
            'before', OLD.checked_state, 'after', NEW.checked_state, 'at', NEW.checked_at)))
        FROM sender_domain s WHERE s.tenant_id = NEW.tenant_id AND s.id = NEW.sender_domain_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER dkim_key_checked AFTER UPDATE OF checked_state ON dkim_key FOR EACH ROW
    WHEN (OLD.checked_state <> NEW.checked_state) EXECUTE FUNCTION tell_dkim_key();

-- Answers that are kept for a repeated request may hold a secret that was shown
-- once: from now on they are sealed. Those of the last day are read as they are.
ALTER TABLE idempotency_key RENAME COLUMN body TO body_sealed;
COMMENT ON COLUMN idempotency_key.body_sealed IS 'The answer, sealed (domain::secret): it may hold a secret that is shown once.';
