DROP INDEX support_session_operator_idx;
REVOKE INSERT (tenant_id, id, actor_kind, actor_id, operation, subject_kind, subject_id, query, ip, request_id)
    ON access_entry FROM kikubari_operator;
ALTER TABLE access_entry ALTER COLUMN at DROP DEFAULT;
