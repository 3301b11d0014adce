CREATE TABLE campaign_confirmation (
    tenant_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    counted_people bigint,
    counted_version integer,
    counted_at timestamptz,
    confirmed_people bigint CHECK (confirmed_people > 0),
    queued_people bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, campaign_id),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaign ON DELETE CASCADE
);
COMMENT ON TABLE campaign_confirmation IS
    'How many people a person was told that a campaign goes to, and how many they agreed to. Beside the campaign, so that counting locks nobody out of it.';
COMMENT ON COLUMN campaign_confirmation.counted_people IS 'What the last pre-flight counted, of counted_version of the campaign.';
COMMENT ON COLUMN campaign_confirmation.confirmed_people IS 'Freezing stops before more are queued; null when nobody set a bound, or it was lifted by resuming.';
COMMENT ON COLUMN campaign_confirmation.queued_people IS 'Queued by freezing so far.';
CALL protect_tenant_table('campaign_confirmation');
