# Starts the parts of the product; sourced after lib.sh and postgres.sh.
# shellcheck shell=bash
# Used by `up` (release build, lasting data) and `stack` (throw-away).

# Builds both programs. Cargo itself knows whether anything changed.
build_programs() { # dev|release: sets KIKUBARI_BIN, the folder of the programs
  local options=() dir=debug
  if [ "$1" = release ]; then options=(--release) dir=release; fi
  cargo build --locked --quiet "${options[@]}" --bin kikubari --bin kikubari-mailer
  KIKUBARI_BIN="${CARGO_TARGET_DIR:-$ROOT/target}/$dir"
}

# 32 random bytes that seal stored secrets and from which signing keys derive.
secret_key_file() { # file
  [ -f "$1" ] || (mkdir -p "$(dirname "$1")"; umask 077; head -c 32 /dev/urandom | base64 >"$1")
}

# The environment that both programs read.
export_environment() { # database-name web-port port-of-a-mail-sink…
  local port inside=
  export KIKUBARI_DATABASE_URL KIKUBARI_MIGRATION_DATABASE_URL
  KIKUBARI_DATABASE_URL=$(pg_url kikubari_app "$1")
  KIKUBARI_MIGRATION_DATABASE_URL=$(pg_url kikubari_owner "$1")
  export KIKUBARI_LISTEN="127.0.0.1:$2"
  export KIKUBARI_PUBLIC_URL="http://127.0.0.1:$2"
  export KIKUBARI_SPA_DIR="$ROOT/frontend/dist"
  export KIKUBARI_LOG="${KIKUBARI_LOG:-info}"
  # As in production: of the inside, routes may lead to these relays alone.
  for port in "${@:3}"; do inside+="127.0.0.1:$port,"; done
  export KIKUBARI_RELAY_INSIDE="${inside%,}"
}

# The environment of the operator's console, which shares nothing with the above
# but the database's server.
export_operator_environment() { # database-name port key-file
  secret_key_file "$3"
  export KIKUBARI_OPERATOR_DATABASE_URL
  KIKUBARI_OPERATOR_DATABASE_URL=$(pg_url kikubari_operator "$1")
  export KIKUBARI_OPERATOR_SECRET_KEY_FILE="$3"
  export KIKUBARI_OPERATOR_LISTEN="127.0.0.1:$2" KIKUBARI_OPERATOR_URL="http://127.0.0.1:$2"
  export KIKUBARI_OPERATOR_ALLOW=127.0.0.1
  export KIKUBARI_OPERATOR_SPA_DIR="$ROOT/frontend/dist-operator"
}

start_operator() { # log
  launch "$1" "$KIKUBARI_BIN/kikubari" operator serve
  OPERATOR_PID=${CHILDREN[-1]} OPERATOR_LOG=$1
}

# maildev: takes every mail, shows it on a page, keeps the raw files.
start_inbox() { # smtp-port page-port folder log
  mkdir -p "$3"
  launch "$4" node "$ROOT/scripts/node/node_modules/maildev/dist/bin/maildev.js" \
    --ip 127.0.0.1 --smtp "$1" --web-ip 127.0.0.1 --web "$2" --mail-directory "$3" --max-emails 5000
  wait_for_url "the mail sink" "http://127.0.0.1:$2/api/healthz" "${CHILDREN[-1]}" "$4"
}

start_api() { # log
  launch "$1" "$KIKUBARI_BIN/kikubari" serve
  API_PID=${CHILDREN[-1]} API_LOG=$1
}

# Links for passwords, invitations and notices go to the mail sink too.
system_mail_to() { # smtp-port
  export KIKUBARI_SYSTEM_MAIL_HOST=127.0.0.1 KIKUBARI_SYSTEM_MAIL_PORT=$1
  export KIKUBARI_SYSTEM_MAIL_SECURITY=none KIKUBARI_SYSTEM_MAIL_FROM=kikubari@example.jp
}

start_mailer() { # log
  launch "$1" "$KIKUBARI_BIN/kikubari-mailer" run
  MAILER_PID=${CHILDREN[-1]} MAILER_LOG=$1
}

# The log-in that `kikubari tenant demo` printed.
demo_value() { # login_id|password file
  sed -n "s/^ *$1: *\([^ ]*\).*/\1/p" "$2" | head -n1
}

# The door of production: Caddy with deploy/'s own Caddyfile, in which only the
# places are changed that name containers and the certificate authority.
start_tls() { # https-port http-port api-port folder log: sets TLS_CERT, TLS_PID
  local dir=$4 caddyfile="$4/Caddyfile"
  need_deb caddy usr/bin/caddy
  need_command openssl openssl "makes the certificate of this run"
  mkdir -p "$dir"
  TLS_CERT="$dir/cert.pem"
  quietly "$dir/openssl.log" openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 \
    -subj /CN=localhost -addext 'subjectAltName=DNS:localhost,DNS:operator.localhost,IP:127.0.0.1' -keyout "$dir/cert.key" -out "$TLS_CERT"
  sed -e "1,/^{/s|^{|{\n\tadmin off\n\tskip_install_trust\n\tdefault_bind 127.0.0.1\n\thttps_port $1\n\thttp_port $2|" \
    -e "s|^\ttls {|\ttls $TLS_CERT $dir/cert.key {|" \
    -e "s|reverse_proxy api:8080|reverse_proxy 127.0.0.1:$3|" \
    -e "s|reverse_proxy operator:8090|reverse_proxy $KIKUBARI_OPERATOR_LISTEN|" \
    -e "s|/srv/spa|$ROOT/frontend/dist|" deploy/caddy/Caddyfile >"$caddyfile"
  launch "$5" env KIKUBARI_DOMAIN=localhost KIKUBARI_OPERATOR_DOMAIN=operator.localhost KIKUBARI_ACME_EMAIL=nobody@example.jp HOME="$dir" XDG_DATA_HOME="$dir" XDG_CONFIG_HOME="$dir" \
    "$LOCAL/caddy/usr/bin/caddy" run --adapter caddyfile --config "$caddyfile"
  TLS_PID=${CHILDREN[-1]}
  until port_in_use "$1"; do
    alive "$TLS_PID" || { tail -n 20 "$5" >&2; die "caddy ended while starting." "Its log: $5"; }
    sleep 0.1
  done
}
