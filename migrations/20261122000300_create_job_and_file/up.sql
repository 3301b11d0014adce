CREATE TABLE job (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    kind text NOT NULL,
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    params jsonb NOT NULL DEFAULT '{}',
    subject_id uuid,
    progress_done bigint NOT NULL DEFAULT 0,
    progress_total bigint,
    checkpoint jsonb,
    result jsonb,
    error_code text,
    error_detail text,
    cancel_requested_at timestamptz,
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE job IS 'Long work with progress: a person sees it, can cancel it, and it resumes from checkpoint after a crash.';
CREATE INDEX job_recent_idx ON job (tenant_id, created_at, id);
CALL protect_tenant_table('job');

CREATE TABLE job_queue (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    job_id uuid NOT NULL,
    kind text NOT NULL,
    run_at timestamptz NOT NULL DEFAULT now(),
    leased_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, job_id)
);
COMMENT ON TABLE job_queue IS 'What is to run, over all tenants, without personal data. A worker leases a row, and deletes it when the job ended.';
CREATE INDEX job_queue_due_idx ON job_queue (kind, run_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON job_queue TO kikubari_app;

CREATE TABLE file (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL,
    content_type text NOT NULL,
    size bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE file IS 'An uploaded or made file; its bytes stand in file_chunk, so that every api process reaches them.';
CREATE INDEX file_expiry_idx ON file (tenant_id, expires_at) WHERE expires_at IS NOT NULL;
CALL protect_tenant_table('file');

CREATE TABLE file_chunk (
    tenant_id uuid NOT NULL,
    file_id uuid NOT NULL,
    seq integer NOT NULL,
    data bytea NOT NULL CHECK (length(data) <= 1048576),
    PRIMARY KEY (tenant_id, file_id, seq),
    FOREIGN KEY (tenant_id, file_id) REFERENCES file ON DELETE CASCADE
);
COMMENT ON TABLE file_chunk IS 'Up to 1 MiB of a file; read one after the other, so that memory stays flat.';
ALTER TABLE file_chunk ALTER COLUMN data SET STORAGE EXTERNAL;
CALL protect_tenant_table('file_chunk');

CREATE TABLE outbox (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    topic text NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE outbox IS 'Facts to tell the outside, written in the transaction that made them true.';
CREATE INDEX outbox_open_idx ON outbox (tenant_id, id) WHERE published_at IS NULL;
CALL protect_tenant_table('outbox');
