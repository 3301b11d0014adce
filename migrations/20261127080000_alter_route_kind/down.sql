-- What goes direct can't be a relay: campaigns that name such a route name none.
UPDATE campaign SET route_id = NULL WHERE (tenant_id, route_id) IN (SELECT tenant_id, id FROM route WHERE kind = 'direct');
DELETE FROM route WHERE kind = 'direct';
ALTER TABLE route DROP CONSTRAINT route_kind_fields_check;
ALTER TABLE route ALTER COLUMN host SET NOT NULL, ALTER COLUMN port SET NOT NULL, ALTER COLUMN security SET NOT NULL;
ALTER TABLE route DROP COLUMN helo, DROP COLUMN source_address, DROP COLUMN kind;
COMMENT ON TABLE route IS
    'A way out: an SMTP relay. A campaign that names none goes by all enabled ones: of the lowest position by their weights, of a higher one only while those are down.';
