-- Several relays share a tenant's mails: those of the lowest position by their
-- weights, those of a higher position only while none of the lower answers.
ALTER TABLE route ADD COLUMN weight integer NOT NULL DEFAULT 100 CHECK (weight BETWEEN 1 AND 1000);
COMMENT ON COLUMN route.weight IS 'Share of the mails among the enabled routes of the same position.';
COMMENT ON TABLE route IS
    'A way out: an SMTP relay. A campaign that names none goes by all enabled ones: of the lowest position by their weights, of a higher one only while those are down.';
ALTER TABLE route DROP CONSTRAINT route_auth_check;
ALTER TABLE route ADD CONSTRAINT route_auth_check CHECK (auth IN ('none', 'plain', 'login', 'xoauth2'));
-- Who had several enabled routes of one position sent by the oldest alone: keep it so.
UPDATE route r SET position = p.n FROM (
    SELECT tenant_id, id, row_number() OVER (PARTITION BY tenant_id ORDER BY position, id) AS n FROM route) p
WHERE r.tenant_id = p.tenant_id AND r.id = p.id
  AND EXISTS (SELECT FROM route o WHERE o.tenant_id = r.tenant_id GROUP BY o.position HAVING count(*) > 1);

CREATE TABLE route_health (
    tenant_id uuid NOT NULL,
    route_id uuid NOT NULL,
    failures integer NOT NULL,
    error text NOT NULL CHECK (length(error) <= 1000),
    failed_at timestamptz NOT NULL,
    retry_at timestamptz NOT NULL,
    recovered_at timestamptz,
    PRIMARY KEY (tenant_id, route_id),
    FOREIGN KEY (tenant_id, route_id) REFERENCES route ON DELETE CASCADE
);
COMMENT ON TABLE route_health IS 'What a mailer saw last of a route that did not answer; a route that always answered has no row. For people: mailers go by what they see themselves.';
COMMENT ON COLUMN route_health.retry_at IS 'When the mailer that saw it tries again.';
COMMENT ON COLUMN route_health.recovered_at IS 'When it answered again; NULL while it is down.';
CALL protect_tenant_table('route_health');
