#!/usr/bin/env bash
# Brings the real engines of the pipeline, which run on this machine: espeak-ng, and sherpa-onnx with Moonshine models
# for English. Needs Python 3 with venv, and apt-get, as root or with sudo, if espeak-ng is missing.
#
# usage: setup.sh [FOLDER]
#
# What it brings goes into FOLDER, `pipeline/engines` unless told otherwise, with settings that name it. The pipeline
# reads those of the default folder by itself.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
folder="${1:-$root/pipeline/engines}"

stop() {
    echo "setup: $1" >&2
    exit 1
}

if ! command -v espeak-ng >/dev/null; then
    install=(apt-get install --yes --no-install-recommends espeak-ng)
    by_hand="as root, run \`apt-get update && ${install[*]}\`"
    command -v apt-get >/dev/null || stop "espeak-ng is missing: install it with the packages of this system"
    update=(apt-get update)
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || stop "espeak-ng is missing: $by_hand"
        install=(sudo "${install[@]}")
        update=(sudo "${update[@]}")
    fi
    echo "setup: espeak-ng is missing; ${install[*]}"
    if ! "${install[@]}" >/dev/null; then
        echo "setup: the list of packages may be old; ${update[*]}"
        { "${update[@]}" >/dev/null && "${install[@]}" >/dev/null; } || stop "espeak-ng cannot be installed: $by_hand"
    fi
fi

mkdir -p "$folder"
folder="$(cd "$folder" && pwd)"
# What an earlier run left when it was broken off.
rm -rf "$folder/packages"
python3 -m venv "$folder/python" || stop "Python 3 with venv is missing"
fetch() {
    # The hashes make it the packages that were tried, and no others.
    "$folder/python/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --require-hashes --dest "$folder/packages" "$@" ||
        stop "the packages cannot be downloaded, have no room, or are not what they were"
}
cat >"$folder/library.txt" <<'PACKAGES'
sherpa-onnx-core==2.0.1 \
    --hash=sha256:f4ee0ab91c4ae596e0e49d7de32522a946295e038a652f1c1884d89014ee4ec2 \
    --hash=sha256:4a855a5c89c89885111e4e9c570e5da1aed63373c031b757d8046792d95fe8fe
PACKAGES
# Only its models are used, so it fits every machine.
cat >"$folder/models.txt" <<'PACKAGES'
moonshine_cpp==0.1.4 --hash=sha256:f7afc662bdd3ef98815ee3b940438b456e77d5a77cea5396ed9c572785412ebd
PACKAGES
fetch -r "$folder/library.txt"
fetch --platform manylinux2014_x86_64 -r "$folder/models.txt"

"$folder/python/bin/python" - "$folder" <<'PYTHON'
import base64
import json
import shutil
import sys
import zipfile
from pathlib import Path

folder = Path(sys.argv[1])


def unpack(package: str, inside: str, to: str) -> Path:
    """The files in one folder of a package."""
    (wheel,) = (folder / "packages").glob(package)
    (folder / to).mkdir(exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            path = Path(name)
            if path.parent.as_posix().endswith(inside) and not name.endswith("/"):
                with archive.open(name) as source, open(folder / to / path.name, "wb") as target:
                    shutil.copyfileobj(source, target)
    return folder / to


def tokens(binary: bytes) -> list[bytes]:
    """Each is its length, in one byte or two, and then itself."""
    found, at = [], 0
    while at < len(binary):
        length, at = binary[at], at + 1
        if length >= 128:
            length, at = length - 128 + 128 * binary[at], at + 1
        found.append(binary[at : at + length])
        at += length
    assert at == len(binary), "the tokens do not end where their file does"
    return found


library = unpack("sherpa_onnx_core-*.whl", "sherpa_onnx/lib", "library") / "libsherpa-onnx-c-api.so"
models = unpack("moonshine_cpp-*.whl", "models/base-en", "models")
lines = [f"{base64.b64encode(token).decode()} {at}\n" for at, token in enumerate(tokens((models / "tokenizer.bin").read_bytes()))]
(models / "tokens.txt").write_text("".join(lines))
assert library.is_file(), "the package has no library"
settings = f"""# Written by setup.sh.
[engines]
speech_to_text = "sherpa-onnx"
sherpa_library = {json.dumps(str(library))}
sherpa_models = {json.dumps(str(models))}
text_to_speech = "espeak-ng"
"""
(folder / "settings.toml").write_text(settings)
PYTHON

rm -r "$folder/packages" "$folder/library.txt" "$folder/models.txt"
echo "setup: the engines are in $folder"
if [ "$folder" -ef "$root/pipeline/engines" ]; then
    echo "setup: in $root, \`cargo run --release -p unleak-pipeline\` uses them"
else
    printf 'setup: `cargo run --release -p unleak-pipeline -- --settings %q` uses them\n' "$folder/settings.toml"
fi
