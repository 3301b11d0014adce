CREATE TABLE campaign (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    kind text NOT NULL DEFAULT 'campaign' CHECK (kind IN ('campaign', 'test')),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    mail_id uuid,
    mail_number integer,
    audience jsonb NOT NULL DEFAULT '{}',
    route_id uuid,
    state text NOT NULL DEFAULT 'draft'
        CHECK (state IN ('draft', 'scheduled', 'preparing', 'sending', 'paused', 'stopped', 'finished')),
    state_reason text,
    scheduled_at timestamptz,
    time_zone text NOT NULL DEFAULT 'Asia/Tokyo',
    period date,
    epoch bigint,
    prepared_upto uuid,
    prepared_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, mail_id) REFERENCES mail,
    FOREIGN KEY (tenant_id, route_id) REFERENCES route
);
COMMENT ON TABLE campaign IS 'One sending of a mail to an audience. kind test is a test send: marked, and never counted.';
COMMENT ON COLUMN campaign.mail_number IS 'The version of the mail that goes out, fixed when sending starts.';
COMMENT ON COLUMN campaign.period IS 'First day of the month in which sending started: the partition of all its deliveries.';
COMMENT ON COLUMN campaign.prepared_upto IS 'The audience is frozen in chunks by contact id; this is the last one done. prepared_at is set when all are.';
COMMENT ON COLUMN campaign.epoch IS 'installation.epoch when sending started.';
CREATE INDEX campaign_recent_idx ON campaign (tenant_id, created_at, id);
CREATE INDEX campaign_state_idx ON campaign (tenant_id, state, created_at, id);
CREATE INDEX campaign_mail_idx ON campaign (tenant_id, mail_id);
CALL protect_tenant_table('campaign');

CREATE TABLE campaign_counter (
    tenant_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    name text NOT NULL,
    value bigint NOT NULL,
    PRIMARY KEY (tenant_id, campaign_id, name),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaign ON DELETE CASCADE
);
COMMENT ON TABLE campaign_counter IS
    'Exact counts, changed in the transaction that changes the deliveries: a delivery state (queued, claimed, accepted, deferred, failed, unknown, skipped), or opened, clicked, cancelled (people).';
CALL protect_tenant_table('campaign_counter');

CREATE TABLE send_queue (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    campaign_id uuid NOT NULL,
    lane smallint NOT NULL DEFAULT 1,
    state text NOT NULL CHECK (state IN ('scheduled', 'preparing', 'sending', 'paused', 'stopped')),
    due_at timestamptz NOT NULL,
    served_at timestamptz NOT NULL DEFAULT '-infinity',
    leased_until timestamptz,
    lease_owner uuid,
    PRIMARY KEY (tenant_id, campaign_id)
);
COMMENT ON TABLE send_queue IS
    'What the mailers look at, over all tenants, without personal data: campaigns that have something to do. Removed when the last delivery is final.';
COMMENT ON COLUMN send_queue.state IS 'As the campaign''s; stopped stays until no delivery is claimed any more, so that one whose mailer died is found.';
COMMENT ON COLUMN send_queue.lane IS '0 before 1: test sends and transactional mail overtake campaigns.';
COMMENT ON COLUMN send_queue.due_at IS 'When there is something to do next: the schedule, or the earliest due delivery.';
COMMENT ON COLUMN send_queue.served_at IS 'When a mailer last claimed from it: the longest unserved comes first, so that tenants take turns.';
COMMENT ON COLUMN send_queue.leased_until IS 'Lease of the one mailer that freezes the audience.';
CREATE INDEX send_queue_due_idx ON send_queue (state, due_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON send_queue TO kikubari_app;

CREATE TABLE delivery (
    tenant_id uuid NOT NULL,
    period date NOT NULL,
    id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    address text NOT NULL,
    state text NOT NULL CHECK (state IN ('queued', 'claimed', 'accepted', 'deferred', 'failed', 'unknown', 'skipped')),
    reason text,
    due_at timestamptz,
    attempts smallint NOT NULL DEFAULT 0,
    leased_until timestamptz,
    lease_owner uuid,
    site text,
    message_id text,
    reply_code smallint,
    reply_enhanced text,
    reply_text text,
    reply_host text,
    attempted_at timestamptz,
    accepted_at timestamptz,
    opened_at timestamptz,
    clicked_at timestamptz,
    cancelled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, period, id),
    UNIQUE (tenant_id, contact_id, campaign_id, period)
) PARTITION BY RANGE (period);
COMMENT ON TABLE delivery IS 'One mail to one contact: the row that tells the truth. People left out stand here too, as skipped with the reason.';
COMMENT ON COLUMN delivery.reason IS 'Why skipped, failed or unknown (a stable code).';
COMMENT ON COLUMN delivery.reply_text IS 'Last words of the receiving server, cut to 1,000 characters: hostile input.';
COMMENT ON COLUMN delivery.opened_at IS 'First open by a person, as far as machines can be told from people.';
CREATE INDEX delivery_due_idx ON delivery (tenant_id, campaign_id, due_at, id) WHERE state IN ('queued', 'deferred');
CREATE INDEX delivery_claimed_idx ON delivery (tenant_id, campaign_id, leased_until) WHERE state = 'claimed';
CREATE INDEX delivery_campaign_idx ON delivery (tenant_id, campaign_id, id);
CALL protect_tenant_table('delivery');

CREATE TABLE link (
    tenant_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    number integer NOT NULL,
    url text NOT NULL CHECK (length(url) <= 4000),
    PRIMARY KEY (tenant_id, campaign_id, number),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaign ON DELETE CASCADE
);
COMMENT ON TABLE link IS 'A tracked link of a campaign''s mail, numbered as it stands in it; url may hold merge fields.';
CALL protect_tenant_table('link');

CREATE TABLE event (
    tenant_id uuid NOT NULL,
    period date NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('open', 'click', 'bounce', 'complaint', 'cancel')),
    campaign_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    link_number integer,
    machine boolean NOT NULL DEFAULT false,
    at timestamptz NOT NULL,
    ip inet,
    user_agent text,
    detail jsonb,
    PRIMARY KEY (tenant_id, period, id)
) PARTITION BY RANGE (period);
COMMENT ON TABLE event IS 'What came back of a delivery: open, click, bounce, complaint, cancel. period is the first day of the month of at.';
COMMENT ON COLUMN event.machine IS 'By our rules a prefetch or scanner did it, not a person.';
CREATE INDEX event_campaign_idx ON event (tenant_id, campaign_id, at);
CREATE INDEX event_contact_idx ON event (tenant_id, contact_id, at);
CALL protect_tenant_table('event');

CREATE FUNCTION make_partitions(months_ahead integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
DECLARE
    parent text;
    first date;
    made integer := 0;
BEGIN
    IF months_ahead NOT BETWEEN 0 AND 24 THEN
        RAISE EXCEPTION 'months_ahead must be 0 to 24, not %', months_ahead;
    END IF;
    FOREACH parent IN ARRAY ARRAY['delivery', 'event'] LOOP
        FOR i IN -1 .. months_ahead LOOP
            first := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => i))::date;
            IF to_regclass(format('%I', parent || '_' || to_char(first, 'YYYYMM'))) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    parent || '_' || to_char(first, 'YYYYMM'), parent, first, (first + interval '1 month')::date);
                EXECUTE format('ALTER TABLE %I SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02)',
                    parent || '_' || to_char(first, 'YYYYMM'));
                made := made + 1;
            END IF;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION make_partitions(integer) IS
    'Makes the missing monthly partitions from last month to months_ahead; answers how many it made. Runs as the owner, since the application owns nothing; a partition is reached through its parent only.';
REVOKE EXECUTE ON FUNCTION make_partitions(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_partitions(integer) TO kikubari_app;
SELECT make_partitions(3);
