CREATE TABLE access_entry (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    actor_kind text NOT NULL,
    actor_id uuid,
    operation text NOT NULL CHECK (length(operation) BETWEEN 1 AND 100),
    subject_kind text NOT NULL,
    subject_id uuid,
    query text CHECK (length(query) <= 500),
    ip inet,
    request_id text,
    PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE access_entry IS
    'Who looked at whose data: reads, which change nothing and so stand in no transaction of their own. Written in batches.';
COMMENT ON COLUMN access_entry.operation IS 'Operation id of the API, or the command of the operator.';
COMMENT ON COLUMN access_entry.query IS 'What a list was asked for: filters and words of a search.';
CREATE INDEX access_entry_time_idx ON access_entry (tenant_id, at, id);
CREATE INDEX access_entry_subject_idx ON access_entry (tenant_id, subject_id, at, id);
CREATE INDEX access_entry_actor_idx ON access_entry (tenant_id, actor_id, at, id);
CALL protect_tenant_table('access_entry');
REVOKE UPDATE, DELETE ON access_entry FROM kikubari_app;

CREATE FUNCTION forget_access_entries(keep_days integer, most integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
    WITH gone AS (
        DELETE FROM public.access_entry WHERE (tenant_id, id) IN (
            SELECT tenant_id, id FROM public.access_entry
            WHERE tenant_id = (SELECT public.current_tenant()) AND at < now() - make_interval(days => greatest(keep_days, 400))
            ORDER BY at LIMIT least(most, 10000))
        RETURNING 1)
    SELECT count(*) FROM gone
$$;
COMMENT ON FUNCTION forget_access_entries(integer, integer) IS
    'Deletes entries of this transaction''s tenant that are older than keep_days, never younger than 400 days: the application may delete none itself.';
REVOKE EXECUTE ON FUNCTION forget_access_entries(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_access_entries(integer, integer) TO kikubari_app;
