ALTER TABLE operator_session DROP COLUMN proven_at;
DROP INDEX operator_audit_refused_idx;
REVOKE INSERT (id, operator_id, operator_name, action, company_id, company_name, detail, ip, request_id)
    ON operator_audit FROM kikubari_operator;
GRANT INSERT ON operator_audit TO kikubari_operator;
DROP TRIGGER operator_audit_chain ON operator_audit;
DROP FUNCTION chain_operator_audit();
DROP FUNCTION operator_audit_hash(bytea, bigint, operator_audit);
DROP TABLE operator_audit_head, operator_audit_link;
