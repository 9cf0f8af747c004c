#!/usr/bin/env bash
# How a whole class that asks at once fares, with SQLite, with PostgreSQL, and with three instances over PostgreSQL and
# Redis, all on this machine and durable:
#   bench/class.sh [STUDENTS]...     30 100 300 unless told
# Each class asks three questions a student, first of a model that writes for 1.2 seconds, then of one that answers at
# once, which shows what the program itself can take. The variants take turns, so that a noisy machine is noisy for all.
# Figures are those of examples/class.rs: milliseconds as median/99th percentile, processor time of all instances.
set -euo pipefail
cd "$(dirname "$0")/.."
classes=("$@")
((${#classes[@]})) || classes=(30 100 300)
rounds=${ROUNDS:-2}

cargo build --release --locked --quiet --bin llm-classroom --example class --example fake_openai
bin=${CARGO_TARGET_DIR:-target}/release
mkdir -p target
folder=$(mktemp -d "$PWD/target/class-XXXXXX")
pids=()
cleanup() {
    ((${#pids[@]})) && kill "${pids[@]}" 2>/dev/null
    [[ -d $folder/pg/data ]] && as_postgres "$pg/pg_ctl" -D "$folder/pg/data" -m immediate stop >/dev/null 2>&1
    wait 2>/dev/null
    rm -rf "$folder"
}
trap cleanup EXIT

# PostgreSQL refuses to run as root.
as_postgres() { if ((EUID == 0)); then runuser -u postgres -- "$@"; else "$@"; fi; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
until_up() { for _ in $(seq 200); do curl -fs "$1" >/dev/null && return; sleep 0.05; done; echo "$1 doesn't answer" >&2; exit 1; }

pg=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
mkdir "$folder/pg"
chmod 755 "$folder"
((EUID == 0)) && chown postgres "$folder/pg"
pg_port=$(free_port)
as_postgres "$pg/initdb" -D "$folder/pg/data" -U postgres --auth trust -E UTF8 --no-locale >/dev/null
as_postgres "$pg/pg_ctl" -D "$folder/pg/data" -w -l "$folder/pg/log" \
    -o "-p $pg_port -k $folder/pg -c listen_addresses=127.0.0.1 -c max_connections=200" start >/dev/null
redis_port=$(free_port)
redis-server --port "$redis_port" --bind 127.0.0.1 --save "" --dir "$folder" >/dev/null &
pids+=($!)
openai_port=$(free_port)
"$bin/examples/fake_openai" --port "$openai_port" >/dev/null &
pids+=($!)
openai=http://127.0.0.1:$openai_port
until_up "$openai/control/stats"

# run VARIANT STUDENTS: starts it fresh, has the class ask, ends it.
run() {
    local variant=$1 students=$2 urls=() own=() port database redis="" instances=1
    case $variant in
        sqlite) database="sqlite://$folder/$RANDOM.db" ;;
        postgres | three)
            local name=d$RANDOM$RANDOM
            as_postgres "$pg/createdb" -h "$folder/pg" -p "$pg_port" -U postgres "$name"
            database="postgres://postgres@127.0.0.1:$pg_port/$name"
            ;;
    esac
    [[ $variant == three ]] && instances=3 redis="redis://127.0.0.1:$redis_port"
    for _ in $(seq "$instances"); do
        port=$(free_port)
        env -i DATABASE_URL="$database" REDIS_URL="$redis" OPENAI_BASE_URL="$openai/v1" OPENAI_API_KEY=none APP_PORT="$port" \
            RATE_LIMIT=off MAX_TURNS=5000 RUST_LOG=warn "$bin/llm-classroom" >/dev/null 2>>"$folder/log" &
        own+=($!)
        pids+=($!)
        urls+=(--url "http://127.0.0.1:$port")
        until_up "http://127.0.0.1:$port/ready"
    done
    "$bin/examples/class" "${urls[@]}" --students "$students" --turns 3 "${own[@]/#/--pid=}"
    kill "${own[@]}"
    wait "${own[@]}" 2>/dev/null || true
}

printf '%-9s %-9s %8s %8s %15s %15s %15s %12s %8s\n' model database students turns/s 'taken in' 'first text' 'all there' 'CPU ms/turn' 'RSS MB'
for pace in 100 0; do
    curl -fs "$openai/control" -H 'content-type: application/json' \
        -d "{\"reset\":true,\"default\":{\"chat\":{\"gap_ms\":$pace},\"tutor\":{\"gap_ms\":$((pace / 4))}}}"
    for students in "${classes[@]}"; do
        for _ in $(seq "$rounds"); do
            for variant in sqlite postgres three; do
                run "$variant" "$students" | python3 -c '
import json, sys
line = json.loads(sys.stdin.readline())
spread = lambda name: "{p50:.0f}/{p99:.0f}".format(**line[name])
model = "1.2 s" if sys.argv[2] != "0" else "instant"
print("%-9s %-9s %8d %8.0f %15s %15s %15s %12.2f %8.0f" % (model, sys.argv[1], line["students"], line["turns_a_second"],
      spread("accepted_ms"), spread("first_text_ms"), spread("whole_ms"), line["processor_ms_a_turn"], line["resident_mb"]))
' "$variant" "$pace"
            done
        done
    done
done
