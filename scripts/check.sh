#!/usr/bin/env bash
# Runs the checks and prints at the end what each runner counted and how long each step took. The first failing step ends
# the run. However the run ends, it ends every process it started.
#   check.sh quick   format, lints, types, unit tests
#   check.sh all     what the tests need installed, then the above and every other test
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:?quick or all}
readonly what grace_seconds=10

logs=$(mktemp -d)
declare -A groups     # the process groups of the steps that run, as keys: numbers of ended groups are used again
declare -A background # the process group of each step that runs in the background, and the file with its output
trap finish_run EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

finish_run() {
    local status=$?
    trap '' HUP INT TERM
    end_groups "${!groups[@]}"
    printf '\n== Summary\n'
    cat "$logs/durations" 2>/dev/null || true
    print_counts
    rm -rf "$logs"
    exit "$status"
}

# Ends process groups: SIGTERM, which lets the tests clean up, and SIGKILL for what is left after the grace period.
end_groups() {
    local group tries
    for group in "$@"; do
        kill -TERM -- "-$group" 2>/dev/null || true
    done
    for group in "$@"; do
        for ((tries = grace_seconds * 10; tries > 0; tries--)); do
            kill -0 -- "-$group" 2>/dev/null || continue 2
            sleep 0.1
        done
        kill -KILL -- "-$group" 2>/dev/null || true
    done
}

# start TITLE COMMAND...: starts a step as a process group of its own, and sets `group` to its number.
start() {
    run_step "$@" </dev/null &
    group=$!
    groups[$group]=1
}

run_step() {
    title=$1 began=$SECONDS
    trap record_duration EXIT
    "${@:2}"
}

record_duration() {
    local status=$? result=
    ((status == 0)) || result=' (failed)'
    printf '%5d s  %s%s\n' $((SECONDS - began)) "$title" "$result" >>"$logs/durations"
}

# start_in_background TITLE COMMAND...: starts a step whose output is printed when it ends.
start_in_background() {
    local output
    output=$(mktemp "$logs/output.XXX")
    start "$@" >"$output" 2>&1
    background[$group]=$output
}

# step TITLE COMMAND...: runs a step to its end.
step() {
    printf '\n== %s\n' "$1"
    start "$@"
    await "$group"
}

# Waits for a step and for the steps in the background that end before. The first that fails ends the run. A process that
# a step left behind would disturb others.
await() {
    local ended='' status
    until [[ $ended == "$1" ]]; do
        status=0
        wait -n -p ended "$1" "${!background[@]}" || status=$?
        if [[ -n ${background[$ended]-} ]]; then
            printf '\n== In the background\n'
            cat "${background[$ended]}"
            unset "background[$ended]"
        fi
        end_groups "$ended"
        unset "groups[$ended]"
        ((status == 0)) || exit "$status"
    done
}

await_background() {
    local next
    while ((${#background[@]})); do
        next=("${!background[@]}")
        await "${next[0]}"
    done
}

print_counts() {
    [[ -f $logs/rust ]] && awk '
        /^test result:/ { for (i = 1; i <= NF; i++) { if ($i ~ /^passed/) p += $(i - 1); if ($i ~ /^failed/) f += $(i - 1) } }
        END { printf "Rust tests: %d passed, %d failed\n", p, f }' "$logs/rust"
    [[ -f $logs/browser ]] && awk '
        /^. pass [0-9]+$/ { p = $3 } /^. fail [0-9]+$/ { f = $3 }
        END { printf "Browser tests: %d passed, %d failed\n", p, f }' "$logs/browser"
    print_pytest_counts "Tests with LiteLLM" "$logs"/foreign
    print_pytest_counts "Deployment tests" "$logs"/deploy-*
}

print_pytest_counts() { # print_pytest_counts TITLE LOG...
    [[ -f $2 ]] || return 0
    awk -v title="$1" '
        / in [0-9.]+s/ { for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p += $(i - 1); if ($i ~ /^(failed|error)/) f += $(i - 1) } }
        END { printf "%s: %d passed, %d failed\n", title, p, f }' "${@:2}"
}

check_scripts() {
    find bench deploy scripts -name '*.sh' -print0 | xargs -0 shellcheck deploy/debian/{postinst,prerm,postrm}
    target/venv/bin/ruff check --quiet bench deploy scripts tests
    target/venv/bin/ruff format --quiet --check bench deploy scripts tests
}

# Without --no-fail-fast the counts of later binaries would be missing from the summary.
rust_tests() { cargo test --workspace --locked --no-fail-fast 2>&1 | tee "$logs/rust"; }
unit_tests() { cargo test --locked --lib --quiet 2>&1 | tee "$logs/rust"; }
browser_tests() { npm run --silent e2e 2>&1 | tee "$logs/browser"; }
foreign_tests() { target/foreign-venv/bin/pytest -q --color=no tests/foreign 2>&1 | tee "$logs/foreign"; }
deployment_tests() { # deployment_tests MARKERS
    target/venv/bin/pytest -q --color=no -m "$1" tests/deploy 2>&1 | tee "$logs/deploy-$1"
}
# One after the other.
tests_with_the_debug_build() {
    (run_step "Deployment tests beside others" deployment_tests "not alone")
    (run_step "LiteLLM, a model server of others" foreign_tests)
    (run_step "API by its document" scripts/schemathesis.sh)
}

# In the foreground, because it may ask for a password.
if [[ $what == all ]]; then
    printf '\n== What the tests need\n'
    scripts/install-test-deps.sh
fi

# From here on, every background job is a process group of its own.
set -m
step "Format" cargo fmt --check
[[ $what != all && ! -x node_modules/.bin/prettier ]] || step "Format of the page scripts" npm run --silent format:check
step "Lints" cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
[[ $what != all && ! -x target/venv/bin/ruff ]] || step "Scripts" check_scripts
[[ $what != all && ! -d node_modules ]] || step "Types of the page scripts" npm run --silent types

if [[ $what == quick ]]; then
    step "Unit tests" unit_tests
    exit
fi

# The programs that several of the next steps run. The examples are built as `cargo test` builds them.
step "Debug build" cargo test --workspace --locked --no-run --quiet

# Tests often wait, so these run beside the Rust and the browser tests.
start_in_background "Release build" nice -n 19 scripts/dist.sh
start_in_background "Tests in the background" tests_with_the_debug_build
step "Rust tests" rust_tests
step "Browser tests" browser_tests
await_background
# They install and stop the program within time limits, so nothing else runs.
step "Deployment tests alone" deployment_tests alone
