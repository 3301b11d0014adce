# Shared by the scripts in this folder; sourced, never run.
# shellcheck shell=bash
# Words, prerequisites, ports and child processes.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
LOCAL="$ROOT/.local"
export PATH="$LOCAL/bin:$LOCAL/node/bin:$PATH"
cd "$ROOT"

if [ -t 2 ]; then BOLD=$'\e[1m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'
else BOLD='' RED='' GREEN='' PLAIN=''; fi

step() { printf '%s==>%s %s%s%s\n' "$GREEN" "$PLAIN" "$BOLD" "$*" "$PLAIN" >&2; }
say()  { printf '    %s\n' "$*" >&2; }
die()  { printf '%serror:%s %s\n' "$RED" "$PLAIN" "$1" >&2; shift; for line in "$@"; do say "$line"; done; exit 1; }

is_root() { [ "$(id -u)" = 0 ]; }
have()    { command -v "$1" >/dev/null 2>&1; }

# Runs a command with its output in a log file that is shown only when it fails.
quietly() { # log-file command…
  local log=$1; shift
  mkdir -p "$(dirname "$log")"
  if ! "$@" >"$log" 2>&1 </dev/null; then
    # The cause stands at the head with some tools, at the end with others.
    if [ "$(wc -l <"$log")" -le 60 ]; then cat "$log" >&2; else { head -n 20 "$log"; echo '…'; tail -n 30 "$log"; } >&2; fi
    die "failed: $*" "The whole output is in ${log#"$ROOT"/}."
  fi
}

# What the programs complained of and where PostgreSQL gave up, from each log of
# a folder: for whoever has nothing of a run but its output. Bounded.
show_complaints() { # folder
  local log found
  for log in "$1"/*.log; do
    [ -f "$log" ] || continue
    # Ours and Caddy's are JSON, the others have words. What the suites send on purpose and no parser takes is no news.
    found=$(grep -aE '"level":"(ERROR|WARN|error|fatal|panic)"|panicked at|^[^{]*(ERROR|FATAL|PANIC):|was terminated by|Error: ' "$log" | grep -av actix_http::h1::dispatcher | tail -n 15 | cut -c1-400) || true
    [ -z "$found" ] || { say "the last complaints in $(basename "$log"):"; printf '%s\n' "$found" >&2; }
  done
}

# True when `$1` exists and records exactly the content hash `$2`: the thing
# stamped is up to date and need not be made again.
stamped() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

# One hash over the names and contents of files and folders.
hash_of() { find "$@" -type f -print0 2>/dev/null | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1; }

# ---------------------------------------------------------------- ports

port_in_use() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

port_holder() {
  have ss || return 0
  ss -Hltnp "sport = :$1" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1, process \2/p' | head -n1
}

# Stops with the name of the variable that moves the port.
need_port() { # variable port what-for
  [[ $2 =~ ^[0-9]+$ ]] && [ "$2" -ge 1 ] && [ "$2" -le 65535 ] || die "$1=$2 is not a port number."
  if port_in_use "$2"; then
    local holder; holder=$(port_holder "$2")
    die "port $2 (for $3) is already in use${holder:+ by $holder}." \
        "Free it, or choose another one:  $1=$(($2 + 100)) npx --yes rust-just up"
  fi
}

# Prints N free ports, one a line, that stay this script's until it ends: a
# holder has them bound and listens at none, so that the kernel gives them to
# nobody who asks for just any port, nor to a connection that goes out. A program
# that is told one of them by number gets it (all set SO_REUSEADDR), again and
# again; while none has it, connections to it are refused.
free_ports() {
  have python3 || die "python3 is missing: it holds ports free for the parts." "Debian, Ubuntu:  sudo apt-get install python3"
  # $$ is the script, in its subshells too, and after an exec.
  python3 "$ROOT/scripts/hold-ports.py" "$1" $$
}

# ------------------------------------------------------------- children

# Process ids started by `launch`, oldest first.
CHILDREN=()

# Starts a long-running program in a session of its own, so that Ctrl-C in the
# terminal reaches only the script, which then ends the parts in order. Should
# the script itself be killed, the kernel ends the part (parent death signal).
launch() { # log-file command…
  local log=$1; shift
  mkdir -p "$(dirname "$log")"
  setsid setpriv --pdeathsig TERM "$@" >>"$log" 2>&1 </dev/null &
  CHILDREN+=($!)
}

alive() { kill -0 "$1" 2>/dev/null; }

# Ends one child and waits until it is gone; SIGKILL after 15 s.
end_child() { # pid signal
  alive "$1" || return 0
  kill "-$2" "$1" 2>/dev/null || return 0
  local tries=0
  while alive "$1"; do
    [ $((tries += 1)) -le 150 ] || { kill -KILL "$1" 2>/dev/null || true; break; }
    sleep 0.1
  done
  wait "$1" 2>/dev/null || true
}

end_children() {
  local i
  for ((i = ${#CHILDREN[@]} - 1; i >= 0; i--)); do end_child "${CHILDREN[i]}" TERM; done
  CHILDREN=()
}

# Waits until a URL answers 200; stops when the program behind it has ended.
wait_for_url() { # what url pid log-file [seconds]
  local deadline=$((SECONDS + ${5:-180}))
  until [ "$(curl -s -o /dev/null -m 2 -w '%{http_code}' "$2" || true)" = 200 ]; do
    if ! alive "$3"; then tail -n 20 "$4" >&2; die "$1 ended while starting." "Its log: ${4#"$ROOT"/}"; fi
    if [ $SECONDS -ge $deadline ]; then tail -n 20 "$4" >&2; die "$1 does not answer at $2." "Its log: ${4#"$ROOT"/}"; fi
    sleep 0.1
  done
}
