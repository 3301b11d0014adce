CREATE TABLE used_challenge (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE used_challenge IS
    'Challenges of log-ins by passkey alone that were answered, so that none is answered twice. They are put to nobody in particular and belong to no tenant; one that waits is signed and stands nowhere.';
CREATE INDEX used_challenge_expiry_idx ON used_challenge (expires_at);
GRANT SELECT, INSERT, DELETE ON used_challenge TO kikubari_app;
