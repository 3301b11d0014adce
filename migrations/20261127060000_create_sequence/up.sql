CREATE TABLE sequence (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    time_zone text NOT NULL,
    entry text NOT NULL CHECK (entry IN ('manual', 'list', 'date')),
    list_id uuid,
    field_key text,
    offset_days smallint CHECK (offset_days BETWEEN -365 AND 365),
    repeat text CHECK (repeat IN ('yearly', 'once')),
    leave_with_list boolean NOT NULL DEFAULT false,
    reenter boolean NOT NULL DEFAULT false,
    cap_exempt boolean NOT NULL DEFAULT true,
    state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'active', 'paused', 'finished', 'stopped')),
    state_reason text,
    epoch bigint,
    enrol_day date,
    version integer NOT NULL DEFAULT 1,
    created_by uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, list_id) REFERENCES list ON DELETE SET NULL (list_id),
    CHECK ((entry = 'date') = (field_key IS NOT NULL AND offset_days IS NOT NULL AND repeat IS NOT NULL))
);
COMMENT ON TABLE sequence IS 'Step mail: mails that each person gets one after the other, from a start of their own.';
COMMENT ON COLUMN sequence.entry IS 'Who comes in without being put in: nobody, who joins list_id, or whose date field_key names.';
COMMENT ON COLUMN sequence.leave_with_list IS 'Who leaves list_id leaves the sequence.';
COMMENT ON COLUMN sequence.reenter IS 'Whether somebody who is through may begin again.';
COMMENT ON COLUMN sequence.cap_exempt IS 'Its mails neither heed the frequency cap nor count for it.';
COMMENT ON COLUMN sequence.state IS 'finished: nobody comes in, those inside go on to their end. stopped: over, what waits is not sent.';
COMMENT ON COLUMN sequence.epoch IS 'installation.epoch when a person last let it run; another one pauses it.';
COMMENT ON COLUMN sequence.enrol_day IS 'With entry date: the next day whose people come in.';
CREATE INDEX sequence_created_idx ON sequence (tenant_id, created_at, id);
CREATE INDEX sequence_list_idx ON sequence (tenant_id, list_id) WHERE list_id IS NOT NULL;
CALL protect_tenant_table('sequence');

CREATE TABLE sequence_step (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    sequence_id uuid NOT NULL,
    position smallint NOT NULL,
    mail_id uuid NOT NULL,
    delay integer NOT NULL CHECK (delay BETWEEN 0 AND 525600),
    unit text NOT NULL CHECK (unit IN ('minutes', 'hours', 'days')),
    at time,
    condition jsonb NOT NULL DEFAULT '{}',
    removed_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, sequence_id) REFERENCES sequence ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, mail_id) REFERENCES mail,
    CHECK (at IS NULL OR unit = 'days')
);
COMMENT ON TABLE sequence_step IS 'A mail of a sequence. A removed one stays for its figures.';
COMMENT ON COLUMN sequence_step.delay IS 'After the step before went out, or after the start of the person.';
COMMENT ON COLUMN sequence_step.at IS 'Time of day in the sequence''s zone.';
CREATE INDEX sequence_step_order_idx ON sequence_step (tenant_id, sequence_id, position);
CREATE INDEX sequence_step_mail_idx ON sequence_step (tenant_id, mail_id);
CALL protect_tenant_table('sequence_step');

CREATE TABLE sequence_intake (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    sequence_id uuid NOT NULL,
    audience jsonb NOT NULL,
    starts_at timestamptz NOT NULL,
    on_day date,
    upto uuid,
    entered bigint NOT NULL DEFAULT 0,
    left_out bigint NOT NULL DEFAULT 0,
    done_at timestamptz,
    created_by uuid,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, sequence_id) REFERENCES sequence ON DELETE CASCADE
);
COMMENT ON TABLE sequence_intake IS 'An audience that comes into a sequence, in chunks by contact id; upto is the last one done.';
COMMENT ON COLUMN sequence_intake.on_day IS 'With entry date: the day whose people these are.';
CREATE INDEX sequence_intake_open_idx ON sequence_intake (tenant_id, sequence_id, id) WHERE done_at IS NULL;
CREATE INDEX sequence_intake_recent_idx ON sequence_intake (tenant_id, sequence_id, id);
CREATE UNIQUE INDEX sequence_intake_day_idx ON sequence_intake (tenant_id, sequence_id, on_day) WHERE on_day IS NOT NULL;
CALL protect_tenant_table('sequence_intake');

CREATE TABLE sequence_enrolment (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    sequence_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    round integer NOT NULL,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'done', 'left')),
    reason text,
    source text NOT NULL CHECK (source IN ('manual', 'audience', 'list', 'date')),
    starts_at timestamptz NOT NULL,
    step_id uuid,
    base_at timestamptz NOT NULL,
    due_at timestamptz,
    passed uuid[] NOT NULL DEFAULT '{}',
    last_period date,
    last_delivery_id uuid,
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, sequence_id, contact_id, round),
    FOREIGN KEY (tenant_id, sequence_id) REFERENCES sequence ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contact ON DELETE CASCADE,
    CHECK ((state = 'active') = (due_at IS NOT NULL))
);
COMMENT ON TABLE sequence_enrolment IS 'A person''s way through a sequence.';
COMMENT ON COLUMN sequence_enrolment.round IS '0 the first time; the copy of the person''s deliveries, so that a second round is no second mail of the first.';
COMMENT ON COLUMN sequence_enrolment.step_id IS 'The step that comes next; NULL: came in and has not been given a place yet.';
COMMENT ON COLUMN sequence_enrolment.base_at IS 'From when the delay of the next step counts: the start, or when the step before went.';
COMMENT ON COLUMN sequence_enrolment.passed IS 'Steps that are behind the person, sent or skipped: none of them comes again, however steps are moved.';
COMMENT ON COLUMN sequence_enrolment.last_delivery_id IS 'The last mail that was sent, for conditions.';
CREATE UNIQUE INDEX sequence_enrolment_active_idx ON sequence_enrolment (tenant_id, sequence_id, contact_id) WHERE state = 'active';
CREATE INDEX sequence_enrolment_step_idx ON sequence_enrolment (tenant_id, sequence_id, step_id, due_at, id) WHERE state = 'active';
CREATE INDEX sequence_enrolment_due_idx ON sequence_enrolment (tenant_id, sequence_id, due_at, id) WHERE state = 'active';
CREATE INDEX sequence_enrolment_state_idx ON sequence_enrolment (tenant_id, sequence_id, state, ended_at, id);
CREATE INDEX sequence_enrolment_contact_idx ON sequence_enrolment (tenant_id, contact_id);
CALL protect_tenant_table('sequence_enrolment');

ALTER TABLE campaign DROP CONSTRAINT campaign_kind_check;
ALTER TABLE campaign ADD CONSTRAINT campaign_kind_check CHECK (kind IN ('campaign', 'test', 'transactional', 'sequence'));
ALTER TABLE campaign
    ADD COLUMN sequence_id uuid,
    ADD COLUMN sequence_step_id uuid,
    ADD COLUMN cap_exempt boolean NOT NULL DEFAULT false,
    ADD FOREIGN KEY (tenant_id, sequence_id) REFERENCES sequence ON DELETE SET NULL (sequence_id);
COMMENT ON COLUMN campaign.sequence_step_id IS 'Of kind sequence: the step whose mails stand here, one row for each version of its mail, month and epoch.';
COMMENT ON COLUMN campaign.cap_exempt IS 'Its mails do not count for the frequency cap.';
CREATE UNIQUE INDEX campaign_sequence_idx ON campaign (tenant_id, sequence_id, sequence_step_id, mail_id, mail_number, period, epoch)
    WHERE kind = 'sequence';

ALTER TABLE send_queue DROP CONSTRAINT send_queue_state_check;
ALTER TABLE send_queue ADD CONSTRAINT send_queue_state_check
    CHECK (state IN ('scheduled', 'preparing', 'sending', 'paused', 'stopped', 'sequence'));
COMMENT ON COLUMN send_queue.state IS
    'As the campaign''s; stopped stays until no delivery is claimed any more, so that one whose mailer died is found. sequence: campaign_id is that of a sequence, which is looked at when due_at has come.';

-- Who joins a list comes into its sequences, by whatever way: by hand, import, API or form. The mailer is woken by due_at, but
-- nobody waits for a row that a mailer holds: it looks again by itself.
CREATE FUNCTION enter_sequences() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM sequence WHERE tenant_id = current_tenant() AND entry = 'list' AND state IN ('active', 'paused')) THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO sequence_enrolment (tenant_id, id, sequence_id, contact_id, round, source, starts_at, base_at, due_at, created_at)
        SELECT a.tenant_id, gen_random_uuid(), s.id, a.contact_id, coalesce(p.last + 1, 0), 'list', a.since, a.since, a.since, a.since
        FROM added a
        JOIN sequence s ON s.tenant_id = a.tenant_id AND s.list_id = a.list_id AND s.entry = 'list' AND s.state IN ('active', 'paused')
        LEFT JOIN LATERAL (SELECT max(e.round) AS last FROM sequence_enrolment e
                           WHERE e.tenant_id = a.tenant_id AND e.sequence_id = s.id AND e.contact_id = a.contact_id) p ON true
        WHERE a.status = 'subscribed' AND (p.last IS NULL OR s.reenter)
        ON CONFLICT DO NOTHING;
    ELSE
        INSERT INTO sequence_enrolment (tenant_id, id, sequence_id, contact_id, round, source, starts_at, base_at, due_at, created_at)
        SELECT a.tenant_id, gen_random_uuid(), s.id, a.contact_id, coalesce(p.last + 1, 0), 'list', a.since, a.since, a.since, a.since
        FROM added a
        JOIN removed r ON r.tenant_id = a.tenant_id AND r.list_id = a.list_id AND r.contact_id = a.contact_id AND r.status <> 'subscribed'
        JOIN sequence s ON s.tenant_id = a.tenant_id AND s.list_id = a.list_id AND s.entry = 'list' AND s.state IN ('active', 'paused')
        LEFT JOIN LATERAL (SELECT max(e.round) AS last FROM sequence_enrolment e
                           WHERE e.tenant_id = a.tenant_id AND e.sequence_id = s.id AND e.contact_id = a.contact_id) p ON true
        WHERE a.status = 'subscribed' AND (p.last IS NULL OR s.reenter)
        ON CONFLICT DO NOTHING;
    END IF;
    UPDATE send_queue q SET due_at = w.since
    FROM (SELECT k.campaign_id, a.since FROM send_queue k
          JOIN sequence s ON s.tenant_id = k.tenant_id AND s.id = k.campaign_id AND s.entry = 'list' AND s.state = 'active'
          JOIN (SELECT list_id, min(since) AS since FROM added WHERE status = 'subscribed' GROUP BY list_id) a ON a.list_id = s.list_id
          WHERE k.tenant_id = current_tenant() AND k.state = 'sequence' AND k.due_at > a.since
          FOR UPDATE OF k SKIP LOCKED) w
    WHERE q.tenant_id = current_tenant() AND q.campaign_id = w.campaign_id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION enter_sequences() IS 'Who joins a list comes into the sequences that begin with it.';
CREATE TRIGGER subscription_enters AFTER INSERT ON subscription
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION enter_sequences();
CREATE TRIGGER subscription_enters_again AFTER UPDATE ON subscription
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION enter_sequences();
