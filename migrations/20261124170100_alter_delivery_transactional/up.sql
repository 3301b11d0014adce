ALTER TABLE campaign DROP CONSTRAINT campaign_kind_check;
ALTER TABLE campaign ADD CONSTRAINT campaign_kind_check CHECK (kind IN ('campaign', 'test', 'transactional'));
COMMENT ON TABLE campaign IS
    'One sending of a mail to an audience. kind test is a test send: marked, and never counted. kind transactional gathers the mails that one mail''s API calls made: one row for each version of the mail, month and epoch.';
CREATE UNIQUE INDEX campaign_transactional_idx ON campaign (tenant_id, mail_id, mail_number, period, epoch)
    WHERE kind = 'transactional';
COMMENT ON INDEX campaign_transactional_idx IS
    'A restored backup begins another row, so that what waited in it is not sent again.';

ALTER TABLE delivery ADD COLUMN copy integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN delivery.copy IS
    'Always 0 for campaigns: nobody gets one twice. Transactional mails to the same contact are numbered.';
ALTER TABLE delivery DROP CONSTRAINT delivery_tenant_id_contact_id_campaign_id_period_key;
ALTER TABLE delivery ADD CONSTRAINT delivery_once_key UNIQUE (tenant_id, contact_id, campaign_id, period, copy);

ALTER TABLE delivery ADD COLUMN merge jsonb;
COMMENT ON COLUMN delivery.merge IS
    'What the API call gave for merge fields: not NULL exactly for transactional mails. Emptied when the mail is accepted, since it may hold secrets.';
CREATE INDEX delivery_transactional_idx ON delivery (tenant_id, id) WHERE merge IS NOT NULL;
CREATE INDEX delivery_transactional_state_idx ON delivery (tenant_id, state, id) WHERE merge IS NOT NULL;
CREATE INDEX delivery_transactional_address_idx ON delivery (tenant_id, address, id) WHERE merge IS NOT NULL;
COMMENT ON INDEX delivery_transactional_idx IS 'Transactional mails, the newest first; with its two siblings by state and by address.';
