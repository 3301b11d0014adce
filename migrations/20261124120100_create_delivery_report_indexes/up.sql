-- What lists and reports of a campaign read, for a million deliveries. Each is
-- read in its own order by keyset, or counted without touching the table; for
-- that, the partition's key has to stand in it.
CREATE INDEX delivery_state_idx ON delivery (tenant_id, campaign_id, state, id) INCLUDE (period, site, accepted_at)
    WHERE state <> 'claimed';
COMMENT ON INDEX delivery_state_idx IS
    'Lists by state; sites and acceptances over time from the index alone. Claimed ones change within seconds and have delivery_claimed_idx.';
CREATE INDEX delivery_reason_idx ON delivery (tenant_id, campaign_id, reason, id) INCLUDE (period, state)
    WHERE reason IS NOT NULL;
COMMENT ON INDEX delivery_reason_idx IS 'Lists by reason and their counts; accepted ones have none, so that it stays small.';
CREATE INDEX delivery_opened_idx ON delivery (tenant_id, campaign_id, id) INCLUDE (period, opened_at)
    WHERE opened_at IS NOT NULL;
CREATE INDEX delivery_clicked_idx ON delivery (tenant_id, campaign_id, id) INCLUDE (period, clicked_at)
    WHERE clicked_at IS NOT NULL;
CREATE INDEX delivery_cancelled_idx ON delivery (tenant_id, campaign_id, id) INCLUDE (period, cancelled_at)
    WHERE cancelled_at IS NOT NULL;
CREATE INDEX event_kind_idx ON event (tenant_id, campaign_id, kind, machine, link_number, delivery_id) INCLUDE (period);
COMMENT ON INDEX event_kind_idx IS 'Opens and clicks of people and of machines, and clicks and people of each link, from the index alone.';
CREATE INDEX campaign_started_idx ON campaign (tenant_id, started_at, id) WHERE started_at IS NOT NULL;
