# Recipes of Kikubari. On a fresh machine: npx --yes rust-just up
# What each does and needs stands in docs/operations.md.

set positional-arguments

# List the recipes
default:
    @just --list --unsorted

# Start the product on this machine: database, mail sink, api, mailer, SPA, demo tenant
up:
    @scripts/up

# Every check that CI runs, on a throw-away database (or only the named steps: `just test rust spa`)
test *steps:
    @scripts/test "$@"

# Kill mailers, databases and relays in the middle of large campaigns; prints what came of each
kill:
    @KIKUBARI_KILL_PEOPLE=${KIKUBARI_KILL_PEOPLE:-50000} KIKUBARI_KILL_AWAY_SECONDS=${KIKUBARI_KILL_AWAY_SECONDS:-30} scripts/test kill

# Attack a throw-away installation over TLS: whole, `just security quick`, `just security nightly`, or named items
security *what:
    @scripts/security "$@"

# Give the readers of files, mails, templates, JSON and tokens hostile bytes for so many seconds each (`just fuzz 3600`)
fuzz seconds="300":
    @KIKUBARI_FUZZ_SECONDS={{seconds}} cargo test --quiet --all-features -p domain --test hostile -- --nocapture
    @KIKUBARI_FUZZ_SECONDS={{seconds}} cargo test --quiet --all-features -p mailer --test inbound hostile::whatever -- --nocapture

# The quick checks while working: format, lints, boundaries
check:
    @scripts/test format lints boundaries

# Bring Rust and TypeScript into the one format
fmt:
    cargo fmt --all
    npm --prefix frontend run format

# Make the generated files again: openapi.json, schema.gen.ts, schema.rs
generate:
    @scripts/generate

# Measure: all benchmarks, or the named one (`just bench send`)
bench *names:
    @scripts/bench "$@"

# A throw-away installation on free ports; prints its environment
stack:
    @scripts/stack

# What the bounces in a folder of .eml files say: a JSON line for each
bounces dir:
    @cargo run --quiet --bin kikubari-mailer -- parse-bounce "$1"/*.eml

# Accounts of the operator's console of `up` (`just operator add --login-id you --name "Your Name"`)
operator *arguments:
    @scripts/operator "$@"

# Open psql on the database of `up` (as the owner)
psql:
    @scripts/psql

# Delete what `up` and `test` made: data, logs, own tools (asks first)
clean:
    @scripts/clean
