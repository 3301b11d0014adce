-- Support access: staff see a tenant's data while a grant of the tenant lasts,
-- and never otherwise. The database itself holds them to it.
CREATE TABLE support_grant (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    permissions text[] NOT NULL CHECK (cardinality(permissions) BETWEEN 1 AND 20),
    granted_by uuid NOT NULL,
    granted_by_name text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at <= created_at + interval '72 hours'),
    revoked_at timestamptz,
    looks integer NOT NULL DEFAULT 0,
    looked_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE support_grant IS 'A person of the tenant lets the operator''s staff look, for a reason, at some things, for some hours.';
COMMENT ON COLUMN support_grant.permissions IS 'Permissions that read; the program takes no others.';
COMMENT ON COLUMN support_grant.looks IS 'How often staff looked; each look is an entry of the tenant''s audit log.';
CREATE INDEX support_grant_recent_idx ON support_grant (tenant_id, created_at, id);
CALL protect_tenant_table('support_grant');

CREATE TABLE support_session (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    id uuid NOT NULL,
    grant_id uuid NOT NULL,
    operator_id uuid NOT NULL,
    operator_session_id uuid NOT NULL,
    operator_name text NOT NULL,
    opened_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, grant_id) REFERENCES support_grant ON DELETE CASCADE
);
COMMENT ON TABLE support_session IS 'One person of the staff looks at one tenant under one grant, from one log-in.';
CREATE INDEX support_session_grant_idx ON support_session (tenant_id, grant_id, opened_at);
CALL protect_tenant_table('support_session');
REVOKE INSERT, UPDATE, DELETE ON support_session FROM kikubari_app;
REVOKE UPDATE, DELETE ON support_grant FROM kikubari_app;
GRANT UPDATE (revoked_at) ON support_grant TO kikubari_app;
GRANT SELECT, UPDATE (looks, looked_at) ON support_grant TO kikubari_operator;
GRANT SELECT, INSERT, UPDATE (ended_at) ON support_session TO kikubari_operator;

-- With the owner's rights and a fixed path: the operator's role can't make
-- itself a grant, and its own clock does not count.
CREATE FUNCTION supported_tenant() RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT s.tenant_id
    FROM public.support_session s
    JOIN public.support_grant g ON g.tenant_id = s.tenant_id AND g.id = s.grant_id
    WHERE s.tenant_id = public.current_tenant()
      AND s.id = nullif(current_setting('kikubari.support', true), '')::uuid
      AND s.ended_at IS NULL AND g.revoked_at IS NULL AND g.expires_at > now()
$$;
COMMENT ON FUNCTION supported_tenant() IS
    'The tenant that this transaction of the operator''s may read: named by kikubari.tenant, and by kikubari.support a support session whose grant lasts. NULL otherwise.';

-- Later tables get the policy from protect_tenant_table.
CREATE OR REPLACE PROCEDURE protect_tenant_table(target regclass, tenant_column name DEFAULT 'tenant_id')
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY tenant_isolation ON %s USING (%I = (SELECT current_tenant())) WITH CHECK (%I = (SELECT current_tenant()))',
        target, tenant_column, tenant_column);
    EXECUTE format(
        'CREATE POLICY support_reads ON %s AS RESTRICTIVE FOR SELECT TO kikubari_operator USING (%I = (SELECT supported_tenant()))',
        target, tenant_column);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO kikubari_app', target);
END $$;

DO $$
DECLARE
    target regclass;
BEGIN
    FOR target IN
        SELECT polrelid::regclass FROM pg_policy WHERE polname = 'tenant_isolation'
        AND polrelid NOT IN ('tenant'::regclass, 'support_grant'::regclass, 'support_session'::regclass)
    LOOP
        EXECUTE format('CREATE POLICY support_reads ON %s AS RESTRICTIVE FOR SELECT TO kikubari_operator USING (tenant_id = (SELECT supported_tenant()))', target);
    END LOOP;
END $$;

-- What support may look at: no people who log in, no sessions, no secrets, no files.
GRANT SELECT ON contact, contact_field, list, folder, subscription, subscription_event, suppression, consent,
    mail, mail_version, template, block, campaign, campaign_counter, campaign_confirmation, campaign_variant, ab_test,
    delivery, event, link, sequence, sequence_step, sequence_enrolment, sequence_intake, date_mail,
    sender_domain, send_limit, send_slowdown TO kikubari_operator;
GRANT SELECT (tenant_id, id, sender_domain_id, selector, algorithm, public_key, active, checked_state, checked_at, created_at, retired_at)
    ON dkim_key TO kikubari_operator;
-- For the time line of a person that somebody changed them, not what; for a sender domain's records which addresses send.
GRANT SELECT (tenant_id, id, at, subject_id, action, actor_kind) ON audit_entry TO kikubari_operator;
GRANT SELECT (tenant_id, enabled, host, source_address) ON route TO kikubari_operator;
