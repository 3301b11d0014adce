ALTER TABLE tenant DROP COLUMN soft_bounce_limit;
DROP INDEX contact_soft_bounces_idx;
COMMENT ON COLUMN contact.soft_bounces IS NULL;
ALTER TABLE contact DROP COLUMN soft_bounced_at;
COMMENT ON TABLE campaign_counter IS
    'Exact counts, changed in the transaction that changes the deliveries: a delivery state (queued, claimed, accepted, deferred, failed, unknown, skipped), or opened, clicked, cancelled (people).';
COMMENT ON COLUMN delivery.accepted_at IS NULL;
ALTER TABLE delivery
    DROP COLUMN complained_at,
    DROP COLUMN bounce,
    DROP COLUMN bounced_at;
