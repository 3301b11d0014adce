ALTER TABLE api_token ADD COLUMN end_notice smallint CHECK (end_notice IN (7, 1));
COMMENT ON COLUMN api_token.end_notice IS
    'Days before its end of the last notice that was mailed, or that is not worth mailing because the token was made for no longer; NULL: none yet.';
CREATE INDEX api_token_end_idx ON api_token (tenant_id, expires_at) WHERE revoked_at IS NULL;
