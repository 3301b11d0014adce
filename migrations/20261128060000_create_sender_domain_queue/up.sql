CREATE TABLE sender_domain_queue (
    tenant_id uuid NOT NULL,
    sender_domain_id uuid NOT NULL,
    due_at timestamptz NOT NULL,
    leased_until timestamptz,
    PRIMARY KEY (tenant_id, sender_domain_id),
    FOREIGN KEY (tenant_id, sender_domain_id) REFERENCES sender_domain ON DELETE CASCADE
);
COMMENT ON TABLE sender_domain_queue IS
    'When each sender domain''s records are looked up again, over all tenants, without their names: one row for each domain.';
COMMENT ON COLUMN sender_domain_queue.leased_until IS 'Lease of the mailer that looks, by the database''s clock: two don''t ask for the same.';
CREATE INDEX sender_domain_queue_due_idx ON sender_domain_queue (due_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON sender_domain_queue TO kikubari_app;

ALTER TABLE sender_domain
    ADD COLUMN spf_since timestamptz,
    ADD COLUMN dmarc_since timestamptz,
    ADD COLUMN return_path_since timestamptz,
    ADD COLUMN host_since timestamptz;
ALTER TABLE dkim_key ADD COLUMN checked_since timestamptz;
COMMENT ON COLUMN sender_domain.spf_since IS 'When a check first saw the present state; NULL: before this was written down.';
COMMENT ON COLUMN dkim_key.checked_since IS 'When a check first saw the present state; NULL: before this was written down.';
GRANT SELECT (checked_since) ON dkim_key TO kikubari_operator;

-- The domains that are there are spread over the first day. Of all tenants at
-- once: the owner is held by the policies too.
ALTER TABLE sender_domain NO FORCE ROW LEVEL SECURITY;
INSERT INTO sender_domain_queue (tenant_id, sender_domain_id, due_at)
SELECT tenant_id, id, now() + random() * interval '1 day' FROM sender_domain;
ALTER TABLE sender_domain FORCE ROW LEVEL SECURITY;

-- The return path and the domain itself have lights too. One that was given
-- another name is not seen yet: no change of what stands in DNS.
CREATE OR REPLACE FUNCTION tell_sender_domain() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF webhook_topics(ARRAY['sender_domain.health_changed']) <> '{}' THEN
        PERFORM tell_webhooks(array_agg('sender_domain.health_changed'::text), array_agg(json_build_object(
            'sender_domain_id', NEW.id, 'domain', NEW.domain, 'record', r.record, 'before', r.before, 'after', r.after, 'at', NEW.checked_at)))
        FROM (VALUES ('spf', OLD.spf_state, NEW.spf_state), ('dmarc', OLD.dmarc_state, NEW.dmarc_state),
                     ('return_path', OLD.return_path_state, NEW.return_path_state), ('host', OLD.host_state, NEW.host_state)) AS r (record, before, after)
        WHERE r.before <> r.after AND r.after <> 'unchecked'
        HAVING count(*) > 0;
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER sender_domain_checked ON sender_domain;
CREATE TRIGGER sender_domain_checked AFTER UPDATE OF spf_state, dmarc_state, return_path_state, host_state ON sender_domain FOR EACH ROW
    WHEN (OLD.spf_state <> NEW.spf_state OR OLD.dmarc_state <> NEW.dmarc_state
        OR OLD.return_path_state <> NEW.return_path_state OR OLD.host_state <> NEW.host_state) EXECUTE FUNCTION tell_sender_domain();
