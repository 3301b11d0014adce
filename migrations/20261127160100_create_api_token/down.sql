COMMENT ON COLUMN audit_entry.actor_id IS NULL;
ALTER TABLE audit_entry DROP CONSTRAINT audit_entry_actor_kind_check;
-- What tokens did stays in the log.
ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_actor_kind_check
    CHECK (actor_kind IN ('user', 'system', 'operator', 'public')) NOT VALID;
COMMENT ON COLUMN idempotency_key.user_id IS NULL;
DROP TABLE api_token;
