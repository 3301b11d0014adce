# A private PostgreSQL cluster; sourced after lib.sh.
# shellcheck shell=bash
#
# The cluster listens on the loopback only, has no Unix socket (a deep clone
# path would exceed the 107 bytes a socket path may have) and asks for a
# password. Three roles, as in production: kikubari_owner owns the database and
# migrates, kikubari_app is what the programs use, kikubari_operator the
# operator's console.
#
# PostgreSQL refuses to run as root. Then it runs as `postgres` or `nobody`,
# and when that user can't reach the clone (for example below /root), the data
# directory is put under /var/lib/kikubari and .local keeps a link to it.

PG_MIN=15

pg_version_of() { "$1/postgres" --version 2>/dev/null | sed -n 's/^postgres (PostgreSQL) \([0-9]*\).*/\1/p'; }

pg_locate() { # sets PG_BIN to the newest usable installation
  local dir version best=0
  PG_BIN=
  for dir in "$(dirname "$(readlink -f "$(command -v initdb || echo /nonexistent/x)")")" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
    [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] || continue
    version=$(pg_version_of "$dir")
    if [ "${version:-0}" -ge $PG_MIN ] && [ "$version" -gt $best ]; then best=$version PG_BIN=$dir; fi
  done
  [ -n "$PG_BIN" ]
}

pg_need() { # finds or installs PostgreSQL
  pg_locate && return 0
  if may_apt; then
    step "Installing PostgreSQL with apt"
    # Only the programs: without this, Debian would also make and start a
    # cluster of the whole system on port 5432.
    local conf=/etc/postgresql-common/createcluster.d/kikubari-no-main.conf
    as_root mkdir -p "$(dirname $conf)"
    echo 'create_main_cluster = false' | as_root tee $conf >/dev/null
    apt_install postgresql
    as_root rm -f $conf
    pg_locate && return 0
  fi
  die "PostgreSQL $PG_MIN or newer was not found (on PATH, in /usr/lib/postgresql/*/bin)." \
      "Debian, Ubuntu:  sudo apt-get install postgresql" \
      "Fedora:          sudo dnf install postgresql-server" \
      "Any other: put the folder with initdb and postgres on PATH."
}

pg_user() { # whom the server runs as when we are root
  if id postgres >/dev/null 2>&1; then echo postgres; else echo nobody; fi
}

# Runs a command as the cluster's user, from a folder that user can stand in.
pg_run() {
  if is_root; then
    (cd / && exec setpriv --reuid="$(pg_user)" --regid="$(id -g "$(pg_user)")" --clear-groups env HOME=/ "$@")
  else
    (cd / && exec "$@")
  fi
}

# Makes an empty data directory for the cluster, sets PG_DATA.
pg_place() { # name
  local link="$LOCAL/$1" target
  mkdir -p "$LOCAL"
  PG_DATA=$link
  is_root || return 0
  if [ ! -L "$link" ] && [ ! -e "$link" ]; then
    if pg_run test -x "$LOCAL"; then
      mkdir -m 700 "$link"; chown "$(pg_user)" "$link"
    else
      target="/var/lib/kikubari/$(basename "$ROOT")-$(printf %s "$ROOT" | sha256sum | cut -c1-8)-$1"
      say "the user $(pg_user) can't reach $LOCAL: the data goes to $target"
      mkdir -p /var/lib/kikubari; chmod 755 /var/lib/kikubari
      rm -rf "$target"; mkdir -m 700 "$target"; chown "$(pg_user)" "$target"
      ln -s "$target" "$link"
    fi
  fi
  PG_DATA=$(readlink -f "$link")
  pg_run test -x "$PG_DATA" ||
    die "the database user $(pg_user) can't reach $PG_DATA." "Remove .local/$1 (it holds only this clone's data) and start again."
}

pg_init() { # name [auth]: makes the cluster unless it is there; sets PG_DATA, passwords
  local name=$1 auth=${2:-scram-sha-256} secrets="$LOCAL/secrets"
  pg_place "$name"
  (umask 077; mkdir -p "$secrets")
  if ! pg_run test -f "$PG_DATA/PG_VERSION"; then
    (umask 077
     od -An -tx1 -N24 /dev/urandom | tr -d ' \n' >"$secrets/$name-owner"
     od -An -tx1 -N24 /dev/urandom | tr -d ' \n' >"$secrets/$name-app")
    local pwfile; pwfile=$(pg_run mktemp) # initdb reads it as the cluster's user
    pg_run sh -c 'cat >"$1"' sh "$pwfile" <"$secrets/$name-owner"
    quietly "$LOCAL/log/$name-initdb.log" pg_run "$PG_BIN/initdb" -D "$PG_DATA" --username=kikubari_owner \
      --pwfile="$pwfile" --auth="$auth" --encoding=UTF8 --locale=C.UTF-8 --no-instructions
    pg_run rm -f "$pwfile"
  fi
  local have_version want_version
  have_version=$(pg_run cat "$PG_DATA/PG_VERSION"); want_version=$(pg_version_of "$PG_BIN")
  [ "$have_version" = "$want_version" ] ||
    die "the cluster in .local/$name was made by PostgreSQL $have_version, found is $want_version." \
        "Install $have_version again, or throw the data of this clone away:  npx --yes rust-just clean"
  PG_OWNER_PASSWORD=$(cat "$secrets/$name-owner")
  PG_APP_PASSWORD=$(cat "$secrets/$name-app")
  # Later than the cluster of an older clone.
  [ -f "$secrets/$name-operator" ] || (umask 077; od -An -tx1 -N24 /dev/urandom | tr -d ' \n' >"$secrets/$name-operator")
  PG_OPERATOR_PASSWORD=$(cat "$secrets/$name-operator")
}

pg_url() { # role database
  local password=$PG_OWNER_PASSWORD
  [ "$1" = kikubari_app ] && password=$PG_APP_PASSWORD
  [ "$1" = kikubari_operator ] && password=${PG_OPERATOR_PASSWORD:-}
  echo "postgres://$1:$password@127.0.0.1:$PG_PORT/$2"
}

# psql as the owner; stops at the first error.
pg_sql() { # database [psql arguments…]
  local db=$1; shift
  "$PG_BIN/psql" -X -q -v ON_ERROR_STOP=1 -d "$(pg_url kikubari_owner "$db")" "$@"
}

pg_start() { # name port [postgres options…]: sets PG_PORT, PG_PID
  local name=$1 log="$LOCAL/log/$1.log"; PG_PORT=$2; shift 2
  local options=(-D "$PG_DATA" -p "$PG_PORT" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c log_timezone=UTC -c timezone=UTC "$@")
  mkdir -p "$LOCAL/log"
  # SIGINT is PostgreSQL's fast shutdown; see `launch` for the death signal.
  local as=(setpriv --pdeathsig INT)
  is_root && as=(setpriv --reuid="$(pg_user)" --regid="$(id -g "$(pg_user)")" --clear-groups --pdeathsig INT)
  (cd / && exec setsid "${as[@]}" env LC_ALL=C.UTF-8 "$PG_BIN/postgres" "${options[@]}") >>"$log" 2>&1 </dev/null &
  PG_PID=$!
  local deadline=$((SECONDS + 180))
  until "$PG_BIN/pg_isready" -q -h 127.0.0.1 -p "$PG_PORT"; do
    alive $PG_PID || { tail -n 15 "$log" >&2; die "PostgreSQL ended while starting." "Its log: ${log#"$ROOT"/}"; }
    [ $SECONDS -lt $deadline ] || { tail -n 15 "$log" >&2; die "PostgreSQL does not answer on port $PG_PORT." "Its log: ${log#"$ROOT"/}"; }
    sleep 0.1
  done
  pg_roles
}

# The programs' roles may log in and own nothing; what they may do is granted by
# the migrations.
pg_roles() {
  pg_sql postgres <<SQL
DO \$\$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kikubari_app') THEN
    CREATE ROLE kikubari_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
  END IF;
END \$\$;
ALTER ROLE kikubari_app PASSWORD '$PG_APP_PASSWORD';
DO \$\$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kikubari_operator') THEN
    CREATE ROLE kikubari_operator LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
  END IF;
END \$\$;
ALTER ROLE kikubari_operator PASSWORD '$PG_OPERATOR_PASSWORD';
SQL
}

pg_database() { # name: makes the database unless it is there
  [ "$(pg_sql postgres -At -c "SELECT count(*) FROM pg_database WHERE datname = '$1'")" = 1 ] ||
    pg_sql postgres -c "CREATE DATABASE $1 OWNER kikubari_owner"
}

pg_stop() { [ -n "${PG_PID:-}" ] && end_child "$PG_PID" INT; PG_PID=; }

# For clusters that live as long as one run of the tests (made with `trust`:
# tests log in as either role by its name). Nothing survives a crash of the
# machine, and nothing has to.
PG_FAST=(-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300
  -c shared_buffers=256MB -c max_wal_size=4GB -c autovacuum_naptime=10s)

# Takes over the running cluster of the tests instead of starting one: splits
# postgres://user:password@host:port/name into what the functions above use.
pg_adopt() {
  [[ $KIKUBARI_TEST_DATABASE_URL =~ ^postgres://[^:]+:([^@]+)@[^:]+:([0-9]+)/ ]] ||
    die "KIKUBARI_TEST_DATABASE_URL is not postgres://user:password@host:port/name."
  PG_OWNER_PASSWORD=${BASH_REMATCH[1]} PG_PORT=${BASH_REMATCH[2]}
  [[ ${KIKUBARI_TEST_APP_DATABASE_URL:-} =~ ^postgres://[^:]+:([^@]+)@ ]] ||
    die "KIKUBARI_TEST_APP_DATABASE_URL is not postgres://user:password@host:port/name."
  PG_APP_PASSWORD=${BASH_REMATCH[1]}
}

# The cluster of the tests when `test` runs one, otherwise a new one for this
# script alone. To be paired with pg_release in the script's exit trap.
pg_borrow() {
  if [ -n "${KIKUBARI_TEST_DATABASE_URL:-}" ]; then pg_adopt; return 0; fi
  local port; { read -r port; } < <(free_ports 1)
  PG_OWN=throw-away-$$
  pg_init $PG_OWN trust
  pg_start $PG_OWN "$port" "${PG_FAST[@]}"
}

pg_release() {
  [ -n "${PG_OWN:-}" ] || return 0
  pg_stop
  pg_discard "$PG_OWN"
  PG_OWN=
}

pg_discard() { # name: deletes a stopped cluster of this clone
  local link="$LOCAL/$1"
  rm -f "$LOCAL/secrets/$1-owner" "$LOCAL/secrets/$1-app"
  [ -e "$link" ] || { rm -f "$link"; return 0; }
  rm -rf "$(readlink -f "$link")" "$link"
}
