ALTER TABLE tenant
    ADD COLUMN send_from time,
    ADD COLUMN send_until time,
    ADD COLUMN cap_mails smallint CHECK (cap_mails BETWEEN 1 AND 100),
    ADD COLUMN cap_days smallint CHECK (cap_days BETWEEN 1 AND 90),
    ADD CONSTRAINT tenant_span_check CHECK ((send_from IS NULL) = (send_until IS NULL) AND send_from <> send_until),
    ADD CONSTRAINT tenant_frequency_check CHECK ((cap_mails IS NULL) = (cap_days IS NULL));
COMMENT ON COLUMN tenant.send_from IS 'Campaigns go out from this time of day until send_until, in the tenant''s time zone; NULL: at any time. From after until goes past midnight.';
COMMENT ON COLUMN tenant.cap_mails IS 'Most campaigns that one person gets within cap_days; NULL: no limit.';

ALTER TABLE campaign
    ADD COLUMN hours text NOT NULL DEFAULT 'tenant' CHECK (hours IN ('tenant', 'any', 'own')),
    ADD COLUMN send_from time,
    ADD COLUMN send_until time,
    ADD CONSTRAINT campaign_span_check CHECK (
        (hours = 'own') = (send_from IS NOT NULL) AND (send_from IS NULL) = (send_until IS NULL) AND send_from <> send_until);
COMMENT ON COLUMN campaign.hours IS 'When it may go out: as the tenant''s settings say, at any time, or within send_from and send_until of its time_zone.';
