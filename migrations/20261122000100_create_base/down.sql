DROP TABLE installation;
DROP PROCEDURE protect_tenant_table(regclass, name);
DROP FUNCTION current_tenant();
REVOKE USAGE ON SCHEMA public FROM kikubari_app;
