ALTER TABLE passkey ADD COLUMN discoverable boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN passkey.discoverable IS
    'Whether the authenticator keeps the passkey with the name of its person, so that it logs in without a password. False where it is not known.';
