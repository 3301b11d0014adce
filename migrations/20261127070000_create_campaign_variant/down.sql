ALTER TABLE send_queue DROP COLUMN ab_test_at;
DROP INDEX delivery_variant_idx;
COMMENT ON COLUMN delivery.due_at IS NULL;
ALTER TABLE delivery DROP COLUMN variant;
DROP TABLE campaign_variant;
DROP TABLE ab_test;
