#!/usr/bin/env bash
# Builds what the bench needs, and runs a part of it:
#   bench/bench.sh PART [ARGUMENT]...     all, quick, growth, limited, turns or commits; --help shows the arguments
# FastAPI and nginx are compared only by `all` and `quick`.
set -euo pipefail
cd "$(dirname "$0")/.."
part=${1:?a part, such as all}
venv=target/bench-venv

# In one command, so that both share what they are built from.
cargo build --release --locked --quiet -p llm-classroom --bin llm-classroom -p bench --bin bench
bin=${CARGO_TARGET_DIR:-target}/release
arguments=()
[[ $part == commits ]] || arguments+=(--binary "$bin/llm-classroom")

if [[ $part == all || $part == quick ]]; then
    if ! cmp -s bench/fastapi/requirements.txt "$venv/installed"; then
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check -r bench/fastapi/requirements.txt
        cp bench/fastapi/requirements.txt "$venv/installed"
    fi
fi
if [[ $part == all ]]; then
    cargo build --release --locked --quiet -p markdown --example render_speed -p coach --example coach_speed
fi
exec "$bin/bench" "$part" "${arguments[@]}" "${@:2}"
