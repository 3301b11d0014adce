CREATE INDEX delivery_untried_idx ON delivery (tenant_id, campaign_id)
    WHERE state = 'queued' AND variant IS NOT NULL;
COMMENT ON INDEX delivery_untried_idx IS
    'Whether a mail of an A/B test is still to be tried, however many were put off; campaigns without variants stand in it with no row.';
