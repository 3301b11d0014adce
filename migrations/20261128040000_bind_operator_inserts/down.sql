DROP POLICY operator_makes ON login_directory;
DROP POLICY of_all_tenants ON login_directory;
ALTER TABLE login_directory DISABLE ROW LEVEL SECURITY;
DROP POLICY operator_makes ON user_account;
DROP POLICY operator_makes ON role;
REVOKE INSERT (id, name) ON tenant FROM kikubari_operator;
GRANT INSERT ON tenant TO kikubari_operator;
DROP FUNCTION is_being_made(uuid);
