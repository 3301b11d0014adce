-- What a builtin role allows stands in the program from here on, so that a new
-- permission needs no migration. Three more of them come to every tenant.
ALTER TABLE role
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();

ALTER TABLE role NO FORCE ROW LEVEL SECURITY;
ALTER TABLE tenant NO FORCE ROW LEVEL SECURITY;
INSERT INTO role (tenant_id, id, key, name, builtin, permissions)
SELECT tenant.id, gen_random_uuid(), made.key, made.name, true, '{}'
FROM tenant CROSS JOIN (VALUES ('admin', '管理者'), ('approver', '承認者'), ('analyst', '分析担当')) AS made (key, name)
ON CONFLICT DO NOTHING;
UPDATE role SET permissions = '{}' WHERE builtin;
ALTER TABLE tenant FORCE ROW LEVEL SECURITY;
ALTER TABLE role FORCE ROW LEVEL SECURITY;

ALTER TABLE role ADD CONSTRAINT role_name_length CHECK (length(name) BETWEEN 1 AND 100);
ALTER TABLE role ADD CONSTRAINT role_name_key UNIQUE (tenant_id, name);
CREATE INDEX user_account_role_idx ON user_account (tenant_id, role_id);
COMMENT ON TABLE role IS
    'A named set of permissions. What builtin ones allow stands in the program; own ones are made by the tenant.';
COMMENT ON COLUMN role.key IS 'What a user names it by: owner, admin … of builtin roles, the id of own ones.';
COMMENT ON COLUMN role.permissions IS 'Of own roles; empty, and not looked at, for builtin ones.';
