#!/usr/bin/env bash
# Tries every call that the OpenAPI document describes, with what fits it and with what doesn't, on the program without a
# model. Any difference between document and program fails. Wants the program built and target/venv installed.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
program=
trap '[[ -z $program ]] || kill "$program" 2>/dev/null; rm -rf "$folder"' EXIT

# The program may not have printed its banner yet.
: >"$folder/banner"
# No rate limit: the test checks the document, not the limits.
env -i PATH="$PATH" APP_PORT=0 RATE_LIMIT=off DATABASE_URL="sqlite://$folder/classroom.db" RUST_LOG=warn \
    target/debug/llm-classroom >"$folder/banner" 2>"$folder/log" &
program=$!
url=
for _ in {1..300}; do
    url=$(sed -n 's/^ *open *//p' "$folder/banner")
    [[ -n $url ]] && break
    kill -0 "$program" || { cat "$folder/log"; exit 1; }
    sleep 0.1
done

# One learner makes all calls, so that created objects can be found again.
cookie=$(curl --silent --fail --output /dev/null --dump-header - --json '{"topic":"과학 탐구"}' "$url/api/v1/conversations" |
    sed -n 's/^set-cookie: \([^;]*\).*/\1/p')

# Run as a module, which also works if the environment's folder was moved.
if ! target/venv/bin/python -m schemathesis.cli --config-file tests/api/schemathesis.toml run "$url/openapi.json" \
    --checks all --header "Cookie:$cookie" "$@" >"$folder/report" 2>&1; then
    cat "$folder/report"
    exit 1
fi
tail -n 20 "$folder/report"
if grep -E ' (ERROR|WARN) ' "$folder/log"; then
    echo "the program logged errors or warnings, which no request should make"
    exit 1
fi
