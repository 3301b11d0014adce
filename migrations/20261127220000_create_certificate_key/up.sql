-- Certificates of erasures are checked for years; the key file forgets keys sooner.
CREATE TABLE certificate_key (
    kid text PRIMARY KEY CHECK (kid ~ '^[0-9a-f]{16}$'),
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    first_seen_at timestamptz NOT NULL
);
COMMENT ON TABLE certificate_key IS 'Public keys (Ed25519) of the operator that signed certificates of erasures. Stays for ever, as they do.';
COMMENT ON COLUMN certificate_key.kid IS 'The first 8 bytes of the key''s SHA-256, in hexadecimal; stands in each certificate.';
GRANT SELECT, INSERT ON certificate_key TO kikubari_operator;
