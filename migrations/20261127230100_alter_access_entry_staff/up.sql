-- Staff who look at a tenant's people under a grant stand where everybody who
-- looks stands, at the database's time.
ALTER TABLE access_entry ALTER COLUMN at SET DEFAULT now();
GRANT INSERT (tenant_id, id, actor_kind, actor_id, operation, subject_kind, subject_id, query, ip, request_id)
    ON access_entry TO kikubari_operator;
-- Names of staff in the trace.
CREATE INDEX support_session_operator_idx ON support_session (tenant_id, operator_id, opened_at);
