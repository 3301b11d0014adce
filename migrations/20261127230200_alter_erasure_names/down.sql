CREATE OR REPLACE FUNCTION erase_audit_details(of_erasure uuid) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
DECLARE
    erased bigint;
BEGIN
    UPDATE audit_entry a SET before = NULL, after = NULL FROM erasure e
    WHERE e.tenant_id = current_tenant() AND e.id = of_erasure AND e.state <> 'done'
      AND a.tenant_id = e.tenant_id AND (a.before IS NOT NULL OR a.after IS NOT NULL)
      AND ((a.subject_kind = 'contact' AND a.subject_id = ANY (e.contact_ids))
           OR (a.subject_kind = 'suppression' AND e.address IN (a.before ->> 'value', a.after ->> 'value')));
    GET DIAGNOSTICS erased = ROW_COUNT;
    -- What was searched for, as it stood in the address of the page.
    UPDATE access_entry a SET query = NULL FROM erasure e
    WHERE e.tenant_id = current_tenant() AND e.id = of_erasure AND e.state <> 'done' AND a.tenant_id = e.tenant_id
      AND a.query IS NOT NULL
      AND (strpos(lower(a.query), lower(e.address)) > 0 OR strpos(lower(a.query), replace(lower(e.address), '@', '%40')) > 0);
    RETURN erased;
END $$;
DROP FUNCTION names_person(text, text, text[]);
ALTER TABLE erasure DROP CONSTRAINT erasure_names_gone, DROP COLUMN names;
