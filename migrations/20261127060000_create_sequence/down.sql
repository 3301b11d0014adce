DROP TRIGGER subscription_enters_again ON subscription;
DROP TRIGGER subscription_enters ON subscription;
DROP FUNCTION enter_sequences();
DELETE FROM send_queue WHERE state = 'sequence';
ALTER TABLE send_queue DROP CONSTRAINT send_queue_state_check;
ALTER TABLE send_queue ADD CONSTRAINT send_queue_state_check
    CHECK (state IN ('scheduled', 'preparing', 'sending', 'paused', 'stopped'));
COMMENT ON COLUMN send_queue.state IS 'As the campaign''s; stopped stays until no delivery is claimed any more, so that one whose mailer died is found.';
DROP INDEX campaign_sequence_idx;
-- What it sent stays as evidence, and sends no more.
DELETE FROM send_queue q USING campaign c WHERE c.tenant_id = q.tenant_id AND c.id = q.campaign_id AND c.kind = 'sequence';
UPDATE campaign SET kind = 'campaign', state = 'stopped' WHERE kind = 'sequence';
ALTER TABLE campaign
    DROP COLUMN cap_exempt,
    DROP COLUMN sequence_step_id,
    DROP COLUMN sequence_id;
ALTER TABLE campaign DROP CONSTRAINT campaign_kind_check;
ALTER TABLE campaign ADD CONSTRAINT campaign_kind_check CHECK (kind IN ('campaign', 'test', 'transactional'));
DROP TABLE sequence_enrolment;
DROP TABLE sequence_intake;
DROP TABLE sequence_step;
DROP TABLE sequence;
