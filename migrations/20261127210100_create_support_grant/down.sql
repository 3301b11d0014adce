REVOKE SELECT (tenant_id, id, at, subject_id, action, actor_kind) ON audit_entry FROM kikubari_operator;
REVOKE SELECT (tenant_id, enabled, host, source_address) ON route FROM kikubari_operator;
REVOKE SELECT (tenant_id, id, sender_domain_id, selector, algorithm, public_key, active, checked_state, checked_at, created_at, retired_at)
    ON dkim_key FROM kikubari_operator;
REVOKE ALL ON contact, contact_field, list, folder, subscription, subscription_event, suppression, consent,
    mail, mail_version, template, block, campaign, campaign_counter, campaign_confirmation, campaign_variant, ab_test,
    delivery, event, link, sequence, sequence_step, sequence_enrolment, sequence_intake, date_mail,
    sender_domain, send_limit, send_slowdown, dkim_key FROM kikubari_operator;
CREATE OR REPLACE PROCEDURE protect_tenant_table(target regclass, tenant_column name DEFAULT 'tenant_id')
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY tenant_isolation ON %s USING (%I = (SELECT current_tenant())) WITH CHECK (%I = (SELECT current_tenant()))',
        target, tenant_column, tenant_column);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO kikubari_app', target);
END $$;
DO $$
DECLARE
    target regclass;
BEGIN
    FOR target IN SELECT polrelid::regclass FROM pg_policy WHERE polname = 'support_reads' LOOP
        EXECUTE format('DROP POLICY support_reads ON %s', target);
    END LOOP;
END $$;
DROP FUNCTION supported_tenant();
DROP TABLE support_session, support_grant;
