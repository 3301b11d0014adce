# What the recipes need and can install themselves; sourced after lib.sh.
# shellcheck shell=bash
#
# Own tools go to .local/, never to the home folder or the system; only
# distribution packages (PostgreSQL, Chromium, fonts) are installed by apt, and
# only as root or with sudo. Versions are pinned, so that a check means the
# same on every machine.

CARGO_TOOLS=(cargo-nextest@0.9.143 cargo-deny@0.20.2 cargo-machete@0.9.2 diesel_cli@2.3.14)

as_root() { if is_root; then "$@"; else sudo "$@"; fi; }

may_apt() {
  have apt-get || return 1
  is_root && return 0
  have sudo || return 1
  # Without a terminal sudo could only fail or hang on its question.
  sudo -n true 2>/dev/null || [ -t 0 ]
}

apt_install() { # package…
  quietly "$LOCAL/log/apt.log" as_root apt-get update
  quietly "$LOCAL/log/apt.log" as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

need_command() { # command package what-for: installs or says how
  have "$1" && return 0
  if may_apt; then
    step "Installing $2 with apt"
    apt_install "$2"
    have "$1" && return 0
  fi
  die "$1 is missing ($3)." "Debian, Ubuntu:  sudo apt-get install $2"
}

# The two that are expected on a fresh machine, and what they need themselves.
need_toolchains() {
  have cargo || die "cargo is missing: Rust 1.95 or newer is needed." "How to get it: https://rustup.rs"
  local rust; rust=$(rustc --version | sed -n 's/^rustc \([0-9]*\.[0-9]*\).*/\1/p')
  printf '1.95\n%s\n' "$rust" | sort -VC || die "Rust $rust is too old: 1.95 or newer is needed." "How to get it: rustup update stable"
  have node || die "node is missing: Node.js 20 or newer is needed." "How to get it: https://nodejs.org"
  local node; node=$(node -p 'process.versions.node.split(".")[0]')
  [ "$node" -ge 20 ] || die "Node.js $node is too old: 20 or newer is needed." "How to get it: https://nodejs.org"
  have npm || die "npm is missing (it comes with Node.js)." "How to get it: https://nodejs.org"
  need_command cc build-essential "some Rust packages contain C"
  need_command curl curl "asks the parts whether they are ready"
  need_command setpriv util-linux "starts the parts"
}

# `npm ci` in a folder, unless it was done for this very lock file.
need_npm() { # folder [npm options…]
  local dir=$1; shift
  local mark; mark="$(hash_of "$dir/package.json" "$dir/package-lock.json") $* $(node -p process.versions.modules)"
  stamped "$dir/node_modules/.stamp" "$mark" && return 0
  step "Installing the npm packages of ${dir#"$ROOT"/}"
  quietly "$LOCAL/log/npm-$(basename "$dir").log" npm --prefix "$dir" ci --no-audit --no-fund "$@"
  echo "$mark" >"$dir/node_modules/.stamp"
}

# The SPA, built into frontend/dist unless nothing it is made of has changed.
need_spa() {
  need_npm "$ROOT/frontend"
  local mark; mark=$(cd "$ROOT/frontend" && find . \( -name node_modules -o -name 'dist*' -o -name e2e -o -name test-results \) -prune -o -type f -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)
  stamped "$LOCAL/stamp/spa" "$mark" && [ -f "$ROOT/frontend/dist/index.html" ] && [ -f "$ROOT/frontend/dist-operator/operator.html" ] && return 0
  step "Building the SPA"
  quietly "$LOCAL/log/spa-build.log" npm --prefix "$ROOT/frontend" run build
  mkdir -p "$LOCAL/stamp"
  echo "$mark" >"$LOCAL/stamp/spa"
}

# A Rust tool of the list above: one that is installed in the right version is
# used, otherwise it is built into .local/bin.
need_cargo_tool() { # name
  local spec version
  for spec in "${CARGO_TOOLS[@]}"; do [ "${spec%@*}" = "$1" ] && version=${spec#*@}; done
  local stamp="$LOCAL/stamp/tool-$1"
  stamped "$stamp" "$version" && return 0
  case $1 in
    cargo-nextest) if cargo nextest --version 2>/dev/null | grep "nextest " >/dev/null; then return 0; fi ;;
  esac
  step "Building $1 $version into .local (once)"
  local options=()
  [ "$1" = diesel_cli ] && options=(--no-default-features --features postgres)
  quietly "$LOCAL/log/cargo-$1.log" env CARGO_TARGET_DIR="$LOCAL/cargo-tools" \
    cargo install --locked --root "$LOCAL" "$1@$version" "${options[@]}"
  rm -rf "$LOCAL/cargo-tools"
  mkdir -p "$LOCAL/stamp"
  echo "$version" >"$stamp"
}

# Python tools in a virtual environment under .local.
need_venv() { # [folder-in-.local requirements-file]
  local venv="$LOCAL/${1:-venv}" requirements="${2:-$ROOT/scripts/requirements.txt}" log mark
  log="$LOCAL/log/pip-$(basename "$venv").log"
  mark=$(hash_of "$requirements")
  stamped "$venv/.stamp" "$mark" && return 0
  need_command python3 python3 "contract tests, the attack suite and the DKIM check are Python"
  step "Installing Python tools into .local/$(basename "$venv")"
  mkdir -p "$LOCAL/log"
  rm -rf "$venv"
  if ! python3 -m venv "$venv" >"$log" 2>&1; then
    may_apt || die "python3 can't make virtual environments." "Debian, Ubuntu:  sudo apt-get install python3-venv"
    apt_install python3-venv
    quietly "$log" python3 -m venv "$venv"
  fi
  quietly "$log" "$venv/bin/pip" install --disable-pip-version-check -r "$requirements"
  echo "$mark" >"$venv/.stamp"
}

need_chromium() { # sets CHROMIUM_PATH
  if [ -z "${CHROMIUM_PATH:-}" ]; then
    need_command chromium chromium "the browser tests drive it; or set CHROMIUM_PATH"
    CHROMIUM_PATH=$(command -v chromium)
  fi
  [ -x "$CHROMIUM_PATH" ] || die "CHROMIUM_PATH=$CHROMIUM_PATH can't be run."
  export CHROMIUM_PATH
  # Read to its end: a list that is cut short (grep -q) is a failure of the pipe, whatever stood in it.
  if ! fc-list 2>/dev/null | grep -i 'cjk' >/dev/null; then
    may_apt || die "no font with Japanese glyphs was found." "Debian, Ubuntu:  sudo apt-get install fonts-noto-cjk"
    step "Installing Japanese fonts with apt"
    apt_install fonts-noto-cjk fontconfig
  fi
}

# A Debian package, unpacked into .local/NAME and not installed.
need_deb() { # package file-it-brings
  [ -x "$LOCAL/$1/$2" ] && return 0
  have apt-get && have dpkg || die "$(basename "$2") comes from Debian's package $1, and apt-get was not found."
  step "Unpacking Debian's $1 into .local/$1 (not installed)"
  local tmp log="$LOCAL/log/deb-$1.log"; tmp=$(mktemp -d); chmod 755 "$tmp"
  if ! (cd "$tmp" && apt-get download "$1") >"$log" 2>&1; then
    may_apt || die "apt-get could not download $1." "Its lists may be missing:  sudo apt-get update"
    quietly "$LOCAL/log/apt.log" as_root apt-get update
    (cd "$tmp" && quietly "$log" apt-get download "$1")
  fi
  dpkg -x "$tmp/$1"_*.deb "$LOCAL/$1"
  rm -rf "$tmp"
}

# smtp-source and smtp-sink are the reference of the benchmarks, postconf reads
# our configuration of the relay.
need_postfix() { # sets POSTFIX_DIR
  need_deb postfix usr/sbin/smtp-sink
  export POSTFIX_DIR="$LOCAL/postfix"
  export LD_LIBRARY_PATH="$POSTFIX_DIR/usr/lib/postfix${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
}
