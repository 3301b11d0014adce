ALTER TABLE delivery
    ADD COLUMN bounced_at timestamptz,
    ADD COLUMN bounce text CHECK (bounce IN ('hard', 'soft')),
    ADD COLUMN complained_at timestamptz;
COMMENT ON COLUMN delivery.bounce IS
    'How final the report was that came back of it; one counts, however often it comes. hard may follow soft.';
COMMENT ON COLUMN delivery.accepted_at IS
    'When the relay or the receiving server took it. Stays when it came back later (state failed, reason bounced_hard or bounced_soft).';
COMMENT ON TABLE campaign_counter IS
    'Exact counts, changed in the transaction that changes the deliveries: a delivery state (queued, claimed, accepted, deferred, failed, unknown, skipped), or opened, clicked, cancelled (people), or bounced_hard, bounced_soft, complained (mails).';

ALTER TABLE contact ADD COLUMN soft_bounced_at timestamptz;
COMMENT ON COLUMN contact.soft_bounces IS
    'Soft bounces since a mail last arrived, as far as they are the contact''s; at tenant.soft_bounce_limit it is stopped.';
COMMENT ON COLUMN contact.soft_bounced_at IS 'When the last of them was counted.';
CREATE INDEX contact_soft_bounces_idx ON contact (tenant_id, id) WHERE soft_bounces > 0;
COMMENT ON INDEX contact_soft_bounces_idx IS 'What a reset of all has to walk through.';

ALTER TABLE tenant ADD COLUMN soft_bounce_limit smallint DEFAULT 3 CHECK (soft_bounce_limit BETWEEN 1 AND 10);
COMMENT ON COLUMN tenant.soft_bounce_limit IS 'Soft bounces in a row after which a contact is stopped; NULL never.';
