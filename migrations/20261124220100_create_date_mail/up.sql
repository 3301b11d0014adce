CREATE TABLE date_mail (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    mail_id uuid NOT NULL,
    field_key text NOT NULL,
    offset_days smallint NOT NULL CHECK (offset_days BETWEEN -365 AND 365),
    repeat text NOT NULL CHECK (repeat IN ('yearly', 'once')),
    send_at time NOT NULL,
    time_zone text NOT NULL,
    audience jsonb NOT NULL,
    state text NOT NULL DEFAULT 'paused' CHECK (state IN ('paused', 'active')),
    state_reason text,
    last_day date,
    version integer NOT NULL DEFAULT 1,
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, mail_id) REFERENCES mail
);
COMMENT ON TABLE date_mail IS
    'A mail that goes out each day to those whose date field says so. While it is active there is exactly one scheduled campaign of it: its next day.';
COMMENT ON COLUMN date_mail.offset_days IS 'Days after the date; before it when negative.';
COMMENT ON COLUMN date_mail.repeat IS 'yearly: on the day of each year, 29 February on the 28th of other years; once: on that very date.';
COMMENT ON COLUMN date_mail.state_reason IS 'Why the service itself paused it, or what kept its last day back.';
COMMENT ON COLUMN date_mail.last_day IS 'The last day that has begun: it and those before it do not begin again, whatever changes.';
CREATE INDEX date_mail_created_idx ON date_mail (tenant_id, created_at, id);
CREATE INDEX date_mail_mail_idx ON date_mail (tenant_id, mail_id);
CALL protect_tenant_table('date_mail');

ALTER TABLE campaign
    ADD COLUMN date_mail_id uuid,
    ADD COLUMN on_day date,
    ADD FOREIGN KEY (tenant_id, date_mail_id) REFERENCES date_mail ON DELETE SET NULL (date_mail_id);
COMMENT ON COLUMN campaign.date_mail_id IS 'The date mail of which it is one day.';
COMMENT ON COLUMN campaign.on_day IS 'That day, in the date mail''s time zone.';
CREATE UNIQUE INDEX campaign_date_mail_idx ON campaign (tenant_id, date_mail_id, on_day) WHERE date_mail_id IS NOT NULL;
COMMENT ON INDEX campaign_date_mail_idx IS 'No day of a date mail goes out twice.';
