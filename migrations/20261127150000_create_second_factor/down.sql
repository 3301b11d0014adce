ALTER TABLE tenant DROP COLUMN step_up_people;
ALTER TABLE tenant DROP COLUMN second_factor_required;
ALTER TABLE session DROP COLUMN stepped_up_at;
ALTER TABLE user_account DROP COLUMN second_factor_at;
DROP TABLE factor_challenge;
DROP TABLE recovery_code;
DROP TABLE passkey;
DROP TABLE totp_seed;
