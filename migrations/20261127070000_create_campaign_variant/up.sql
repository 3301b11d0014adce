CREATE TABLE ab_test (
    tenant_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    share smallint NOT NULL CHECK (share BETWEEN 1 AND 50 OR share = 100),
    metric text NOT NULL CHECK (metric IN ('opens', 'clicks')),
    decision text NOT NULL CHECK (decision IN ('automatic', 'manual')),
    wait_minutes integer NOT NULL CHECK (wait_minutes BETWEEN 1 AND 10080),
    dealt bigint NOT NULL DEFAULT 0,
    out_at timestamptz,
    decided_at timestamptz,
    decided_by uuid,
    decided_how text CHECK (decided_how IN ('measured', 'nothing_measured', 'by_hand')),
    winner smallint,
    PRIMARY KEY (tenant_id, campaign_id),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaign ON DELETE CASCADE,
    CONSTRAINT ab_test_decided_check CHECK (num_nulls(decided_at, decided_how, winner) IN (0, 3))
);
COMMENT ON TABLE ab_test IS
    'How a campaign compares its variants: a share of the audience gets one of them, the rest waits for the winner.';
COMMENT ON COLUMN ab_test.share IS 'Per cent of the audience that gets the test; 100: all of them, nobody waits and nothing is decided.';
COMMENT ON COLUMN ab_test.metric IS 'What the winner has most of, of its accepted mails: people who opened or clicked. Conversions will be another word.';
COMMENT ON COLUMN ab_test.wait_minutes IS 'From when the last mail of the test was tried until the winner is taken by itself.';
COMMENT ON COLUMN ab_test.dealt IS 'People dealt out so far while the audience is frozen: the next one''s number.';
COMMENT ON COLUMN ab_test.out_at IS 'When every mail of the test had been tried.';
COMMENT ON COLUMN ab_test.decided_by IS 'The person who chose it by hand.';
CALL protect_tenant_table('ab_test');

CREATE TABLE campaign_variant (
    tenant_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    position smallint NOT NULL CHECK (position BETWEEN 1 AND 5),
    mail_id uuid,
    mail_number integer,
    subject text CHECK (length(subject) BETWEEN 1 AND 998),
    sender_name text CHECK (length(sender_name) BETWEEN 1 AND 200),
    sender_address text CHECK (length(sender_address) BETWEEN 3 AND 320),
    links_after integer NOT NULL DEFAULT 0,
    test_accepted bigint,
    test_opened bigint,
    test_clicked bigint,
    PRIMARY KEY (tenant_id, campaign_id, position),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES ab_test ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, mail_id) REFERENCES mail
);
COMMENT ON TABLE campaign_variant IS 'A (position 1), B and so on of a campaign''s A/B test: a mail, or the campaign''s with another subject or sender.';
COMMENT ON COLUMN campaign_variant.mail_id IS 'NULL: the campaign''s.';
COMMENT ON COLUMN campaign_variant.mail_number IS 'The version of the mail that goes out, fixed when sending starts.';
COMMENT ON COLUMN campaign_variant.subject IS 'Instead of the mail''s; NULL: the mail''s. So are sender_name and sender_address.';
COMMENT ON COLUMN campaign_variant.links_after IS 'Its links stand in link after so many of other variants.';
COMMENT ON COLUMN campaign_variant.test_accepted IS 'What the decision saw, with test_opened and test_clicked.';
CREATE INDEX campaign_variant_mail_idx ON campaign_variant (tenant_id, mail_id) WHERE mail_id IS NOT NULL;
CALL protect_tenant_table('campaign_variant');

ALTER TABLE delivery ADD COLUMN variant smallint;
COMMENT ON COLUMN delivery.variant IS
    'Which variant the person gets. Queued without a variant and a due_at: it waits for the winner of the campaign''s A/B test.';
COMMENT ON COLUMN delivery.due_at IS 'When it may be claimed; NULL of a queued one: not before the winner is known.';
CREATE INDEX delivery_variant_idx ON delivery (tenant_id, campaign_id, variant)
    INCLUDE (period, state, opened_at, clicked_at, cancelled_at) WHERE variant IS NOT NULL;
COMMENT ON INDEX delivery_variant_idx IS 'Results by variant, from the index alone; campaigns without variants stand in it with no row.';

ALTER TABLE send_queue ADD COLUMN ab_test_at timestamptz;
COMMENT ON COLUMN send_queue.ab_test_at IS
    'When a mailer looks after the A/B test next: whether it is out, to take the winner, to let the rest go. NULL: nothing to do.';
