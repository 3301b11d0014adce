-- What the person was called, until the erasure is done: their name stands in
-- searches of others too.
ALTER TABLE erasure
    ADD COLUMN names text[] NOT NULL DEFAULT '{}',
    ADD CONSTRAINT erasure_names_gone CHECK (state <> 'done' OR names = '{}');
COMMENT ON COLUMN erasure.names IS 'Names of the contact, until it is done.';

CREATE FUNCTION names_person(words text, address text, names text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT coalesce(
        strpos(lower(words), lower(address)) > 0
        OR strpos(lower(words), replace(lower(address), '@', '%40')) > 0
        OR EXISTS (
            SELECT FROM unnest(names) AS name
            WHERE regexp_replace(name, '[[:space:]　]', '', 'g') <> ''
              AND strpos(lower(regexp_replace(words, '[[:space:]　]', '', 'g')), lower(regexp_replace(name, '[[:space:]　]', '', 'g'))) > 0)
        -- A search for a part of the name, or of the address before its @.
        OR EXISTS (
            SELECT FROM regexp_matches(words, '(?:^|&)q=([^&]*)', 'g') AS found,
                lower(regexp_replace(found[1], '[[:space:]　]', '', 'g')) AS part
            WHERE (length(part) >= 2 AND EXISTS (
                      SELECT FROM unnest(names) AS name WHERE strpos(lower(regexp_replace(name, '[[:space:]　]', '', 'g')), part) > 0))
               OR (length(part) >= 3 AND strpos(lower(split_part(address, '@', 1)), part) > 0)),
        false)
$$;
COMMENT ON FUNCTION names_person(text, text, text[]) IS
    'Whether a query string, or words as q=…, name a person by address or name, or search for a part of either.';

-- As before; also searches for the name, and what traces and exports say they searched for.
CREATE OR REPLACE FUNCTION erase_audit_details(of_erasure uuid) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
DECLARE
    erased bigint;
    about erasure;
    called text[];
BEGIN
    SELECT * INTO about FROM erasure e WHERE e.tenant_id = current_tenant() AND e.id = of_erasure AND e.state <> 'done';
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    -- Earlier names too, before they go.
    SELECT coalesce(array_agg(DISTINCT name), '{}') INTO called FROM (
        SELECT unnest(about.names) AS name
        UNION ALL
        SELECT side ->> 'name' FROM audit_entry a CROSS JOIN LATERAL (VALUES (a.before), (a.after)) AS s (side)
        WHERE a.tenant_id = about.tenant_id AND a.subject_kind = 'contact' AND a.subject_id = ANY (about.contact_ids)
    ) n WHERE name <> '';
    UPDATE audit_entry a SET before = NULL, after = NULL
    WHERE a.tenant_id = about.tenant_id AND (a.before IS NOT NULL OR a.after IS NOT NULL)
      AND ((a.subject_kind = 'contact' AND a.subject_id = ANY (about.contact_ids))
           OR (a.subject_kind = 'suppression' AND about.address IN (a.before ->> 'value', a.after ->> 'value'))
           OR (a.action IN ('export.created', 'audit.exported') AND names_person('q=' || (a.after ->> 'q'), about.address, called))
           OR (a.action = 'support.viewed' AND names_person(a.after ->> 'query', about.address, called)));
    GET DIAGNOSTICS erased = ROW_COUNT;
    UPDATE access_entry a SET query = NULL
    WHERE a.tenant_id = about.tenant_id AND a.query IS NOT NULL AND names_person(a.query, about.address, called);
    -- Of an export that waits it is what it looks for: those are over long before the ledger's time.
    UPDATE contact_export x SET params = jsonb_set(x.params, '{q}', 'null')
    WHERE x.tenant_id = about.tenant_id AND names_person('q=' || (x.params ->> 'q'), about.address, called)
      AND NOT EXISTS (SELECT FROM job j WHERE j.tenant_id = x.tenant_id AND j.id = x.job_id AND j.state IN ('queued', 'running'));
    RETURN erased;
END $$;
