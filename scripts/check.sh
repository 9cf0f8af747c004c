#!/usr/bin/env bash
# Runs the checks one after the other and ends with what each runner counted. The first failing step ends the run.
#   check.sh quick   format, lints, types, unit tests
#   check.sh all     what the tests need installed, then the above and every other test
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:?quick or all}
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT

step() { printf '\n== %s\n' "$1"; }

summary() {
    [[ -f $log/rust ]] && awk '
        /^test result:/ { for (i = 1; i <= NF; i++) { if ($i ~ /^passed/) p += $(i - 1); if ($i ~ /^failed/) f += $(i - 1) } }
        END { printf "Rust tests: %d passed, %d failed\n", p, f }' "$log/rust"
    [[ -f $log/browser ]] && awk '
        /^. pass [0-9]+$/ { p = $3 } /^. fail [0-9]+$/ { f = $3 }
        END { printf "Browser tests: %d passed, %d failed\n", p, f }' "$log/browser"
    [[ -f $log/foreign ]] && awk '
        / in [0-9.]+s/ { for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p = $(i - 1); if ($i ~ /^(failed|error)/) f += $(i - 1) } }
        END { printf "Tests with LiteLLM: %d passed, %d failed\n", p, f }' "$log/foreign"
    [[ -f $log/deploy ]] && awk '
        / in [0-9.]+s/ { for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p = $(i - 1); if ($i ~ /^(failed|error)/) f += $(i - 1) } }
        END { printf "Deployment tests: %d passed, %d failed\n", p, f }' "$log/deploy"
    return 0
}
release=
# shellcheck disable=SC2154 # it's assigned in the trap
trap 'status=$?; [[ -z $release ]] || kill "$release" 2>/dev/null; step Summary; summary; rm -rf "$log"; exit $status' EXIT

[[ $what == all ]] && { step "What the tests need"; scripts/install-test-deps.sh; }

step Format
cargo fmt --check

step Lints
cargo clippy --all-targets --locked --quiet -- -D warnings

if [[ $what == all || -x target/venv/bin/ruff ]]; then
    step "Scripts"
    find bench deploy scripts -name '*.sh' -print0 | xargs -0 shellcheck deploy/debian/{postinst,prerm,postrm}
    target/venv/bin/ruff check --quiet deploy scripts tests
    target/venv/bin/ruff format --quiet --check deploy scripts tests
fi

if [[ $what == all || -d node_modules ]]; then
    step "Types of the page scripts"
    npm run --silent types
fi

if [[ $what == quick ]]; then
    step "Unit tests"
    cargo test --locked --lib --quiet 2>&1 | tee "$log/rust"
    exit
fi

# The next steps often wait, so the release build for the last step runs in parallel.
nice -n 19 make --silent dist >"$log/release" 2>&1 &
release=$!

step "Rust tests"
# Without --no-fail-fast the counts of later binaries would be missing from the summary.
cargo test --locked --no-fail-fast 2>&1 | tee "$log/rust"

step "Browser tests"
cargo build --locked --quiet --bin llm-classroom --example fake_openai
npm run --silent e2e 2>&1 | tee "$log/browser"

step "LiteLLM, a model server of others"
target/foreign-venv/bin/pytest -q --color=no tests/foreign 2>&1 | tee "$log/foreign"

step "API by its document"
scripts/schemathesis.sh

step "The release"
wait "$release" || { cat "$log/release"; exit 1; }
release=

step "Deployment tests"
target/venv/bin/pytest -q --color=no tests/deploy 2>&1 | tee "$log/deploy"
