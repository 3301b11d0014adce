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
export_environment() { # database-name web-port
  export KIKUBARI_DATABASE_URL KIKUBARI_MIGRATION_DATABASE_URL
  KIKUBARI_DATABASE_URL=$(pg_url kikubari_app "$1")
  KIKUBARI_MIGRATION_DATABASE_URL=$(pg_url kikubari_owner "$1")
  export KIKUBARI_LISTEN="127.0.0.1:$2"
  export KIKUBARI_PUBLIC_URL="http://127.0.0.1:$2"
  export KIKUBARI_SPA_DIR="$ROOT/frontend/dist"
  export KIKUBARI_LOG="${KIKUBARI_LOG:-info}"
  # The mail sink stands on this machine; in production a relay on a private
  # address is a way into the inside network and is refused.
  export KIKUBARI_RELAY_ALLOW_PRIVATE=true
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

start_mailer() { # log
  launch "$1" "$KIKUBARI_BIN/kikubari-mailer" run
  MAILER_PID=${CHILDREN[-1]} MAILER_LOG=$1
}

# The log-in that `kikubari tenant demo` printed.
demo_value() { # login_id|password file
  sed -n "s/^ *$1: *\([^ ]*\).*/\1/p" "$2" | head -n1
}
