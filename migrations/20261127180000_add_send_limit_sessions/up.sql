ALTER TABLE send_limit
    ADD COLUMN max_sessions integer CHECK (max_sessions BETWEEN 1 AND 1000),
    ADD COLUMN session_micros integer CHECK (session_micros >= 1);
COMMENT ON COLUMN send_limit.max_sessions IS 'SMTP sessions at a time over all mailers; NULL: no limit of its own.';
COMMENT ON COLUMN send_limit.session_micros IS
    'For how long a mail occupied a session lately, in microseconds: so many mails a minute come back to a limit of sessions as its sessions can take. NULL: not known yet.';

CREATE TABLE send_session (
    tenant_id uuid NOT NULL,
    limit_id uuid NOT NULL,
    id uuid NOT NULL,
    holder uuid NOT NULL,
    worker uuid NOT NULL,
    leased_until timestamptz NOT NULL,
    waits_since timestamptz,
    PRIMARY KEY (tenant_id, limit_id, id),
    FOREIGN KEY (tenant_id, limit_id) REFERENCES send_limit ON DELETE CASCADE
);
COMMENT ON TABLE send_session IS
    'SMTP sessions that mailers have open under a limit of sessions, leased by the database''s clock, and who waits for one (domain::limit::session). Ids and times only: a mailer renews all of its own at once, over all tenants.';
COMMENT ON COLUMN send_session.id IS 'Of the session, the same under each limit that it counts for; of one who waits: the holder.';
COMMENT ON COLUMN send_session.holder IS 'A pool of sessions of one mailer.';
COMMENT ON COLUMN send_session.waits_since IS 'NULL: has a session. Else: would like one, since then.';
CREATE INDEX send_session_worker_idx ON send_session (worker);
GRANT SELECT, INSERT, UPDATE, DELETE ON send_session TO kikubari_app;
