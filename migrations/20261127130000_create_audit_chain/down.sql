DROP INDEX audit_entry_time_idx, audit_entry_actor_idx, audit_entry_action_idx, audit_entry_kind_idx, audit_entry_subject_idx;
CREATE INDEX audit_entry_subject_idx ON audit_entry (tenant_id, subject_id, at);
DROP TRIGGER audit_entry_erased ON audit_entry;
DROP FUNCTION forget_audit_salt();
DROP TRIGGER audit_entry_chain ON audit_entry;
DROP FUNCTION chain_audit_entry();
DROP FUNCTION audit_hash(bytea, bigint, audit_entry, bytea);
DROP FUNCTION audit_details(bytea, audit_entry);
DROP TABLE audit_head, audit_link;
REVOKE INSERT (tenant_id, id, actor_kind, actor_id, action, subject_kind, subject_id, before, after, ip, request_id)
    ON audit_entry FROM kikubari_app;
GRANT INSERT ON audit_entry TO kikubari_app;
GRANT DELETE ON tenant TO kikubari_app;
