-- Transactional mails can't be told from others any more, so they go.
ALTER TABLE delivery NO FORCE ROW LEVEL SECURITY;
ALTER TABLE campaign NO FORCE ROW LEVEL SECURITY;
DELETE FROM send_queue q USING campaign c
WHERE c.tenant_id = q.tenant_id AND c.id = q.campaign_id AND c.kind = 'transactional';
DELETE FROM delivery WHERE merge IS NOT NULL;
DELETE FROM campaign WHERE kind = 'transactional';
ALTER TABLE delivery FORCE ROW LEVEL SECURITY;
ALTER TABLE campaign FORCE ROW LEVEL SECURITY;
DROP INDEX delivery_transactional_address_idx;
DROP INDEX delivery_transactional_state_idx;
DROP INDEX delivery_transactional_idx;
ALTER TABLE delivery DROP COLUMN merge;
ALTER TABLE delivery DROP CONSTRAINT delivery_once_key;
ALTER TABLE delivery DROP COLUMN copy;
ALTER TABLE delivery ADD CONSTRAINT delivery_tenant_id_contact_id_campaign_id_period_key
    UNIQUE (tenant_id, contact_id, campaign_id, period);
DROP INDEX campaign_transactional_idx;
ALTER TABLE campaign DROP CONSTRAINT campaign_kind_check;
ALTER TABLE campaign ADD CONSTRAINT campaign_kind_check CHECK (kind IN ('campaign', 'test'));
COMMENT ON TABLE campaign IS 'One sending of a mail to an audience. kind test is a test send: marked, and never counted.';
