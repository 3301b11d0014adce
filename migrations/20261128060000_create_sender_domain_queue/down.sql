DROP TRIGGER sender_domain_checked ON sender_domain;
CREATE OR REPLACE FUNCTION tell_sender_domain() RETURNS trigger
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
ALTER TABLE dkim_key DROP COLUMN checked_since;
ALTER TABLE sender_domain
    DROP COLUMN host_since,
    DROP COLUMN return_path_since,
    DROP COLUMN dmarc_since,
    DROP COLUMN spf_since;
DROP TABLE sender_domain_queue;
