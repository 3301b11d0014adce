CREATE TABLE exchange_site (
    domain text PRIMARY KEY CHECK (length(domain) BETWEEN 1 AND 253),
    site text NOT NULL CHECK (length(site) BETWEEN 1 AND 100),
    seen_at timestamptz NOT NULL
);
COMMENT ON TABLE exchange_site IS
    'Domains of companies whose mail servers are a known site''s, as mailers learned it from DNS (domain::limit::exchange): a purge by site finds rows by it that no mailer had in hand yet. Public facts, of no tenant. Forgotten after 30 days.';
CREATE INDEX exchange_site_site_idx ON exchange_site (site);
CREATE INDEX exchange_site_seen_at_idx ON exchange_site (seen_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON exchange_site TO kikubari_app;
