#!/usr/bin/env bash
# Runs clients and servers that nobody here wrote against the reference pipeline, a browser among them, on its doubles and on
# real engines. Needs Rust, Python 3 with venv and pip, and Node with npm; Chromium, PostgreSQL, NATS and espeak-ng are
# installed from Debian's packages where they are missing, with CI=true. Then all of it must be there; otherwise what is missing is told, and the run ends well.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target="${CARGO_TARGET_DIR:-$PWD/target}"
tools="$target/services"
mkdir -p "$tools/node"
folder="$(mktemp -d)"
started=()

finish() {
    for process in "${started[@]}"; do
        kill -TERM "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    rm -rf "$folder"
}
trap finish EXIT

missing() {
    echo "services: $1" >&2
    [ "${CI:-}" != true ] || exit 1
    exit 0
}

# Finds the program $2 of the Debian package $1, which CI installs where it is missing. Sets `found` to its path.
debian() {
    local root=()
    [ "$(id -u)" -eq 0 ] || root=(sudo -n)
    found="$(compgen -G "$2" | sort -V | tail -1 || true)"
    if [ -z "$found" ] && [ "${CI:-}" = true ]; then
        { "${root[@]}" apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq --no-install-recommends "$1"; } \
            >"$folder/apt" 2>&1 </dev/null || missing "the package $1 cannot be installed: $(tail -1 "$folder/apt")"
        found="$(compgen -G "$2" | sort -V | tail -1 || true)"
    fi
    [ -n "$found" ] || missing "the program $2 of the package $1 is missing"
}

python3 -m venv "$tools/python" >"$folder/venv" 2>&1 || missing "Python 3 with venv is missing: $(tail -1 "$folder/venv")"
python="$tools/python/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check -r pipeline/clients/requirements.txt ||
    missing "the Python packages cannot be installed"
command -v npm >"$folder/npm" || missing "Node with npm is missing"
cp pipeline/clients/package.json pipeline/clients/*.mjs pipeline/src/http/page/tones.mjs "$tools/node/"
npm install --prefix "$tools/node" --silent --no-package-lock --no-audit --no-fund ||
    missing "the Node packages cannot be installed"
debian chromium '/usr/bin/chromium'
chromium="$found"
debian espeak-ng '/usr/bin/espeak-ng'
# As the tests build it, so that nothing is built twice.
cargo test --no-run --quiet --workspace --locked
program="$target/debug/unleak-pipeline"
# Settings that say nothing, so that none are looked for.
settings="$folder/nothing.toml"
touch "$settings"

# Starts a pipeline called $1; the rest are settings for its environment. Sets `process`, `http` and `wyoming`.
pipeline() {
    local name="$1"
    shift
    env UNLEAK_PIPELINE_LISTEN_HTTP=127.0.0.1:0 UNLEAK_PIPELINE_LISTEN_WYOMING=127.0.0.1:0 \
        UNLEAK_PIPELINE_STORE_FOLDER="$folder/$name" "$@" \
        "$program" --settings "$settings" >"$folder/$name.out" 2>"$folder/$name.log" &
    process=$!
    started+=("$process")
    for _ in $(seq 300); do
        [ "$(wc -l <"$folder/$name.out")" -lt 2 ] || break
        kill -0 "$process" || { cat "$folder/$name.log"; exit 1; }
        sleep 0.1
    done
    http="$(sed -n 's|.*http://\([0-9.:]*\)/ .*|\1|p' "$folder/$name.out")"
    wyoming="$(sed -n 's|.*tcp://\([0-9.:]*\) .*|\1|p' "$folder/$name.out")"
}

# Ends the pipeline called $1, and expects that it ends well.
end() {
    kill -TERM "$process"
    local code=0
    wait "$process" || code=$?
    [ "$code" -eq 0 ] || { cat "$folder/$1.log"; echo "services: the pipeline ended with $code" >&2; exit 1; }
}

# Runs a client of the pipeline called $1.
client() {
    local name="$1"
    shift
    "$@" || { cat "$folder/$name.log"; exit 1; }
}

pipeline doubles UNLEAK_PIPELINE_DIAGNOSTICS_MEMORY=true
client doubles "$python" pipeline/clients/openai_realtime.py "ws://$http/v1" any-key
client doubles node "$tools/node/agents_realtime.mjs" "ws://$http/v1/realtime" any-key
client doubles "$python" pipeline/clients/wyoming_client.py "tcp://$wyoming"
client doubles "$python" pipeline/clients/operators.py "http://$http"
end doubles

# Slow enough for its answer to be interrupted while it is given.
pipeline page UNLEAK_PIPELINE_ENGINES_WORDS_PER_SECOND=5 UNLEAK_PIPELINE_DIAGNOSTICS_MEMORY=true
client page node "$tools/node/live_page.mjs" "http://$http/" "$chromium"
end page

port="$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
"$tools/python/bin/fakellm" serve --port "$port" --config pipeline/clients/fakellm.yaml >"$folder/fakellm.log" 2>&1 &
started+=("$!")
for _ in $(seq 300); do
    ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    sleep 0.1
done
pipeline model UNLEAK_PIPELINE_ENGINES_LANGUAGE_MODEL_URL="http://127.0.0.1:$port/v1"
client model "$python" pipeline/clients/language_model.py "ws://$http/v1" any-key "$folder/model/store.sqlite"
end model
"$python" pipeline/clients/memories.py "$program" "$folder"

# A PostgreSQL of its own, on a port of its own. Its server refuses to run as root.
debian postgresql '/usr/lib/postgresql/*/bin/initdb'
postgres="$(dirname "$found")"
debian nats-server '/usr/*bin/nats-server'
nats="$found"
as_owner=()
mkdir "$folder/postgres"
if [ "$(id -u)" -eq 0 ]; then
    as_owner=(runuser -u postgres --)
    chmod 755 "$folder"
    chown postgres "$folder/postgres"
fi
port="$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
"${as_owner[@]}" "$postgres/initdb" -D "$folder/postgres/data" -U pipeline -A trust >"$folder/initdb.log" 2>&1 ||
    { cat "$folder/initdb.log"; exit 1; }
(cd "$folder/postgres" && exec "${as_owner[@]}" "$postgres/postgres" -D data -k "$folder/postgres" -h 127.0.0.1 -p "$port") \
    >"$folder/postgres.log" 2>&1 &
started+=("$!")
for _ in $(seq 300); do
    ! "$postgres/pg_isready" -q -h 127.0.0.1 -p "$port" || break
    sleep 0.1
done
"$python" pipeline/clients/production.py "$target/debug/unleak-pipeline" \
    "postgres://pipeline@127.0.0.1:$port/postgres" "$nats" "$folder"

"$python" pipeline/clients/postgres_tls.py "$target/debug/unleak-pipeline" "$postgres" "$folder"

"$python" pipeline/clients/s3_archive.py "$target/debug/unleak-pipeline" "$tools/python/bin/moto_server" "$folder"

pipeline/setup.sh "$tools/engines" || missing "the real engines cannot be brought"
settings="$tools/engines/settings.toml"
pipeline real
head -1 "$folder/real.out"
grep -q "speech to text \`sherpa-onnx\`.*text to speech \`espeak-ng\`" "$folder/real.out"
client real "$python" pipeline/clients/real_engines.py "ws://$http/v1" any-key
bench="$tools/python/bin/wyoming-bench"
client real "$bench" tts "$wyoming" --mode non_streaming --no-unique | tee "$folder/tts"
client real "$bench" generate-corpus "$wyoming" --out "$folder/corpus"
client real "$bench" stt "$wyoming" --mode non_streaming --corpus "$folder/corpus" | tee "$folder/stt"
end real
for figures in tts stt; do
    grep -q "ok=12 fail=0" "$folder/$figures" || { echo "services: $figures failed" >&2; exit 1; }
done
# A voice this plain is not always understood: 8.9 % of the words were wrong when this was written.
wrong="$(sed -n 's/.*WER=\([0-9.]*\)%.*/\1/p' "$folder/stt")"
awk -v wrong="${wrong:-100}" 'BEGIN { exit !(wrong <= 20) }' ||
    { echo "services: ${wrong:-all} % of the words are wrong" >&2; exit 1; }
echo "services: all is well"
