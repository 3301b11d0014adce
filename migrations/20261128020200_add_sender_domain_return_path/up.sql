ALTER TABLE sender_domain
    ADD COLUMN return_path_label text NOT NULL DEFAULT 'bounce'
        CHECK (return_path_label ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    ADD COLUMN return_path_state text NOT NULL DEFAULT 'unchecked' CHECK (return_path_state IN ('unchecked', 'ok', 'missing', 'differs')),
    ADD COLUMN return_path_found text CHECK (length(return_path_found) <= 2000),
    ADD COLUMN host_state text NOT NULL DEFAULT 'unchecked' CHECK (host_state IN ('unchecked', 'ok', 'missing', 'differs')),
    ADD COLUMN host_found text CHECK (length(host_found) <= 2000);
COMMENT ON COLUMN sender_domain.return_path_label IS
    'Left of the domain: where mails come back to, by a CNAME to the installation''s bounce domain, so that SPF is aligned with From.';
COMMENT ON COLUMN sender_domain.return_path_state IS 'As DNS said at checked_at. Only while it is ok mails have this return path.';
COMMENT ON COLUMN sender_domain.host_state IS 'Whether the domain has a mail server or an address: receivers such as docomo refuse From without.';
