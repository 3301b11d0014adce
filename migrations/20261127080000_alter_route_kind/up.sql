-- A route is a relay, or direct delivery to the mail servers of each
-- recipient's domain, which has no host, port or log-in of its own.
ALTER TABLE route ADD COLUMN kind text NOT NULL DEFAULT 'relay' CHECK (kind IN ('relay', 'direct'));
ALTER TABLE route ADD COLUMN source_address inet CHECK (masklen(source_address) = CASE family(source_address) WHEN 4 THEN 32 ELSE 128 END);
ALTER TABLE route ADD COLUMN helo text NOT NULL DEFAULT '' CHECK (length(helo) <= 253);
ALTER TABLE route ALTER COLUMN host DROP NOT NULL, ALTER COLUMN port DROP NOT NULL, ALTER COLUMN security DROP NOT NULL;
ALTER TABLE route ADD CONSTRAINT route_kind_fields_check CHECK (
    CASE kind
        WHEN 'relay' THEN num_nulls(host, port, security) = 0
        ELSE num_nonnulls(host, port, security, password_sealed) = 0 AND auth = 'none' AND username = ''
    END);
COMMENT ON TABLE route IS
    'A way out: an SMTP relay, or direct to the mail servers of the recipients. A campaign that names none goes by all enabled ones: of the lowest position by their weights, of a higher one only while those are down.';
COMMENT ON COLUMN route.kind IS 'relay: all mails to host; direct: each mail to a host that its recipient''s domain names (MX).';
COMMENT ON COLUMN route.source_address IS 'Address of this machine that sessions come from; NULL: whichever the system takes.';
COMMENT ON COLUMN route.helo IS 'Name that EHLO says; empty: the mailer''s own.';
