#!/usr/bin/env bash
# Runs clients that nobody here wrote against the reference pipeline. Needs Rust, and Python 3 with venv and pip;
# Node is used if it is there. With CI=true everything must be there; otherwise what is missing is told and passed over.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target="${CARGO_TARGET_DIR:-$PWD/target}"
tools="$target/services"
mkdir -p "$tools"
folder="$(mktemp -d)"
server=""

finish() {
    if [ -n "$server" ]; then
        kill -TERM "$server" 2>/dev/null || true
        wait "$server" || true
    fi
    rm -rf "$folder"
}
trap finish EXIT

missing() {
    echo "services: $1" >&2
    [ "${CI:-}" != true ] || exit 1
    exit 0
}

python3 -m venv "$tools/python" >"$folder/venv" 2>&1 || missing "Python 3 with venv is missing: $(tail -1 "$folder/venv")"
"$tools/python/bin/pip" install --quiet --disable-pip-version-check -r pipeline/clients/requirements.txt ||
    missing "the Python clients cannot be installed"

cargo build --quiet --locked --package unleak-pipeline
UNLEAK_PIPELINE_LISTEN_HTTP=127.0.0.1:0 UNLEAK_PIPELINE_LISTEN_WYOMING=127.0.0.1:0 UNLEAK_PIPELINE_STORE_FOLDER="$folder/data" \
    "$target/debug/unleak-pipeline" >"$folder/out" 2>"$folder/log" &
server=$!
for _ in $(seq 300); do
    [ "$(wc -l <"$folder/out")" -lt 2 ] || break
    kill -0 "$server" || { cat "$folder/log"; exit 1; }
    sleep 0.1
done
http="$(sed -n 's|.*http://\([0-9.:]*\)/ .*|\1|p' "$folder/out")"
wyoming="$(sed -n 's|.*tcp://\([0-9.:]*\) .*|\1|p' "$folder/out")"
python="$tools/python/bin/python"

"$python" pipeline/clients/openai_realtime.py "ws://$http/v1" any-key || { cat "$folder/log"; exit 1; }
"$python" pipeline/clients/wyoming_client.py "tcp://$wyoming" || { cat "$folder/log"; exit 1; }
"$python" pipeline/clients/operators.py "http://$http" || { cat "$folder/log"; exit 1; }

kill -TERM "$server"
code=0
wait "$server" || code=$?
server=""
[ "$code" -eq 0 ] || { cat "$folder/log"; echo "services: the pipeline ended with $code" >&2; exit 1; }
echo "services: all is well"
