DROP INDEX api_token_end_idx;
ALTER TABLE api_token DROP COLUMN end_notice;
