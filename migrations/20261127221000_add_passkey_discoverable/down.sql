ALTER TABLE passkey DROP COLUMN discoverable;
