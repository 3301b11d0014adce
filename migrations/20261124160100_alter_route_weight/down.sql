DROP TABLE route_health;
UPDATE route SET auth = 'plain' WHERE auth = 'xoauth2';
ALTER TABLE route DROP CONSTRAINT route_auth_check;
ALTER TABLE route ADD CONSTRAINT route_auth_check CHECK (auth IN ('none', 'plain', 'login'));
ALTER TABLE route DROP COLUMN weight;
COMMENT ON TABLE route IS 'A way out: an SMTP relay. The lowest enabled position is the default of a tenant.';
