DROP FUNCTION erase_tenant(uuid);
DROP FUNCTION erase_tenant_rows(uuid, text, integer);
DROP FUNCTION tenant_tables();
DROP TABLE tenant_erasure;
