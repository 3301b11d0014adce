ALTER TABLE sender_domain
    ADD COLUMN spf_state text NOT NULL DEFAULT 'unchecked' CHECK (spf_state IN ('unchecked', 'ok', 'missing', 'differs')),
    ADD COLUMN spf_found text CHECK (length(spf_found) <= 2000),
    ADD COLUMN dmarc_state text NOT NULL DEFAULT 'unchecked' CHECK (dmarc_state IN ('unchecked', 'ok', 'missing', 'differs')),
    ADD COLUMN dmarc_found text CHECK (length(dmarc_found) <= 2000),
    ADD COLUMN checked_at timestamptz;
COMMENT ON COLUMN sender_domain.spf_state IS 'What DNS said at checked_at; differs also when the record does not let the tenant''s relays send (RFC 7208).';
COMMENT ON COLUMN sender_domain.dmarc_found IS 'The record as it stood there, of the domain itself or of one above it; cut to 2,000 characters.';
