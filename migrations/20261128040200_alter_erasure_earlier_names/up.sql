-- As before. The trace is gone through twice, when the erasure begins to wait for
-- the ledger and at its end: earlier names, which stand in the trace alone, are
-- kept from the first time to the second.
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
    UPDATE erasure e SET names = called WHERE e.tenant_id = about.tenant_id AND e.id = about.id;
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
