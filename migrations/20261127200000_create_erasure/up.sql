CREATE TABLE erasure (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    address text CHECK (length(address) <= 320),
    contact_ids uuid[] NOT NULL DEFAULT '{}',
    salt uuid,
    keep_blocked boolean NOT NULL,
    note text NOT NULL DEFAULT '' CHECK (length(note) <= 500),
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'waiting', 'done')),
    counts jsonb NOT NULL DEFAULT '{}',
    ledger_until timestamptz,
    certificate jsonb,
    job_id uuid NOT NULL,
    requested_by uuid,
    requested_at timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    -- What would name the person goes with the last of it.
    CHECK (state <> 'done' OR (address IS NULL AND salt IS NULL AND contact_ids = '{}' AND certificate IS NOT NULL))
);
COMMENT ON TABLE erasure IS 'One person''s data taken out everywhere, and the certificate of that.';
COMMENT ON COLUMN erasure.address IS 'In the spelling of contact.email_key, until it is done.';
COMMENT ON COLUMN erasure.salt IS 'Makes the id that stands for the person in statistics; without it nobody can tell whose that was.';
COMMENT ON COLUMN erasure.state IS 'waiting: all is gone but the consent ledger, which the law wants kept until ledger_until.';
CREATE INDEX erasure_requested_idx ON erasure (tenant_id, requested_at, id);
CREATE INDEX erasure_waiting_idx ON erasure (tenant_id, ledger_until) WHERE state = 'waiting';
CALL protect_tenant_table('erasure');
REVOKE DELETE ON erasure FROM kikubari_app;

-- The application may not change the ledger, except so.
CREATE FUNCTION erase_consents(of_erasure uuid) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
DECLARE
    erased bigint;
BEGIN
    DELETE FROM consent c USING erasure e
    WHERE e.tenant_id = current_tenant() AND e.id = of_erasure AND e.state <> 'done'
      AND coalesce(e.ledger_until, e.requested_at) <= now()
      AND c.tenant_id = e.tenant_id AND c.contact_id = ANY (e.contact_ids);
    GET DIAGNOSTICS erased = ROW_COUNT;
    RETURN erased;
END $$;
COMMENT ON FUNCTION erase_consents(uuid) IS
    'Deletes the consent ledger of the people of an erasure under way, not before its time. Runs as the owner, since the application may only add to the ledger.';
REVOKE EXECUTE ON FUNCTION erase_consents(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_consents(uuid) TO kikubari_app;

-- Nor the trace: that somebody changed the contact stays, what it said of the person goes.
CREATE FUNCTION erase_audit_details(of_erasure uuid) RETURNS bigint
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
COMMENT ON FUNCTION erase_audit_details(uuid) IS
    'Takes what they say of before and after out of the audit entries about the people of an erasure under way. Runs as the owner, since the application may only add to the trace.';
REVOKE EXECUTE ON FUNCTION erase_audit_details(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_audit_details(uuid) TO kikubari_app;

-- Whose contact was deleted long ago is found in the ledger by the address.
CREATE INDEX consent_address_idx ON consent (tenant_id, address);
