#!/bin/sh
# Runs once, when the data volume is empty: the roles of the programs, apart
# from the owner. They get their privileges from the migrations.
set -eu
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  -v password="$KIKUBARI_DB_APP_PASSWORD" -v operator="$KIKUBARI_DB_OPERATOR_PASSWORD" <<'SQL'
-- The programs know a deadlock or a full disk by the server's English words.
ALTER SYSTEM SET lc_messages = 'C';
SELECT pg_reload_conf();
CREATE ROLE kikubari_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'password';
CREATE ROLE kikubari_operator LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'operator';
SQL
