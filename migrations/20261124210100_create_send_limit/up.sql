CREATE TABLE send_limit (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    site text CHECK (length(site) BETWEEN 1 AND 253),
    sender_domain text CHECK (length(sender_domain) BETWEEN 1 AND 253),
    route_id uuid,
    per_minute integer CHECK (per_minute BETWEEN 1 AND 1000000),
    suspended boolean NOT NULL DEFAULT false,
    warm_up_from date,
    warm_up_first integer CHECK (warm_up_first BETWEEN 1 AND 1000000),
    warm_up_growth smallint CHECK (warm_up_growth BETWEEN 1 AND 300),
    warm_up_until integer CHECK (warm_up_until BETWEEN 1 AND 100000000),
    used_until timestamptz NOT NULL DEFAULT '1970-01-01Z',
    held_until timestamptz NOT NULL DEFAULT '1970-01-01Z',
    day date NOT NULL DEFAULT '1970-01-01',
    day_used integer NOT NULL DEFAULT 0,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, route_id) REFERENCES route ON DELETE CASCADE,
    UNIQUE NULLS NOT DISTINCT (tenant_id, site, sender_domain, route_id),
    CONSTRAINT send_limit_warm_up_check CHECK (
        num_nulls(warm_up_from, warm_up_first, warm_up_growth, warm_up_until) IN (0, 4))
);
COMMENT ON TABLE send_limit IS
    'How many mails go to a site, from a sender domain, by a route, or any of these together (NULL: whatever it is). The row is the state for all mailers too (domain::limit).';
COMMENT ON COLUMN send_limit.site IS 'Name of a known site or a domain (domain::limit::site).';
COMMENT ON COLUMN send_limit.per_minute IS 'NULL: no pace of its own.';
COMMENT ON COLUMN send_limit.warm_up_growth IS 'From warm_up_first mails on the day warm_up_from, so many per cent more each day, until warm_up_until would be reached.';
COMMENT ON COLUMN send_limit.used_until IS 'When what was let through is used up (generic cell rate algorithm).';
COMMENT ON COLUMN send_limit.held_until IS 'The time that the last mail held back was given.';
COMMENT ON COLUMN send_limit.day_used IS 'Mails let through on that day, in the tenant''s time zone; counted for a warm-up.';
CALL protect_tenant_table('send_limit');

CREATE TABLE send_slowdown (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    sender_domain text NOT NULL,
    route_id uuid NOT NULL,
    site text NOT NULL,
    per_minute integer NOT NULL CHECK (per_minute >= 1),
    used_until timestamptz NOT NULL,
    held_until timestamptz NOT NULL DEFAULT '1970-01-01Z',
    meaning text NOT NULL CHECK (meaning IN ('busy', 'too_fast', 'distrust')),
    times integer NOT NULL DEFAULT 1,
    slowed_at timestamptz NOT NULL,
    eased_at timestamptz NOT NULL,
    reply_code smallint,
    reply_text text NOT NULL CHECK (length(reply_text) <= 1000),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, route_id) REFERENCES route ON DELETE CASCADE,
    UNIQUE (tenant_id, sender_domain, route_id, site)
);
COMMENT ON TABLE send_slowdown IS
    'A site that asked for less, from this sender domain by this route: slower for all mailers, until it has recovered (domain::limit::slow). Removed then.';
COMMENT ON COLUMN send_slowdown.slowed_at IS 'When it last asked for less.';
COMMENT ON COLUMN send_slowdown.eased_at IS 'Up to when the recovery has been reckoned.';
COMMENT ON COLUMN send_slowdown.reply_text IS 'What it said, cut to 1,000 characters: hostile input.';
CALL protect_tenant_table('send_slowdown');

ALTER TABLE send_queue ADD COLUMN limits_changed_at timestamptz, ADD COLUMN release boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN send_queue.limits_changed_at IS 'When a limit was last lifted or changed: what was held back by an answer from before is weighed anew.';
COMMENT ON COLUMN send_queue.release IS 'Whether deliveries that limits held back are to be made due (by a mailer, in chunks).';
