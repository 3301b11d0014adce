CREATE INDEX campaign_scheduled_idx ON campaign (tenant_id, scheduled_at, id) WHERE state = 'scheduled';
COMMENT ON INDEX campaign_scheduled_idx IS 'The calendar: what will go out in a span of time.';
