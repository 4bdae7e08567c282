#!/usr/bin/env python3
"""Wall and CPU time of `unleak check` beside `ruff check`, on one package, in one run.

    benches/against_ruff.py [FOLDER | PACKAGE==VERSION] [--runs 5] [--unleak BINARY] [--ruff BINARY]

The two take turns, so that a busy moment of the machine meets both. Printed are the medians, their ratio and the
versions. ruff is asked its nearest rules (RUF006 and ASYNC) without its cache; it answers a smaller question, one file
at a time, so the ratio says what the difference costs and no more. A package is downloaded as a wheel and never run;
ruff is installed into a temporary environment unless one is named.
"""

import argparse
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import venv
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def quiet(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


def install_ruff(home: pathlib.Path) -> pathlib.Path:
    venv.create(home, with_pip=True)
    quiet(home / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "ruff")
    return home / "bin/ruff"


def download(package: str, home: pathlib.Path) -> pathlib.Path:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    quiet(*pip, "--no-deps", "--only-binary", ":all:", "--dest", home, package)
    code = home / "code"
    for wheel in home.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(code)
    return code


def build() -> pathlib.Path:
    manifest = ROOT / "Cargo.toml"
    quiet("cargo", "build", "--release", "--locked", "--quiet", "--package", "unleak", "--manifest-path", manifest)
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/unleak"


def version(binary: pathlib.Path) -> str:
    return subprocess.run([str(binary), "--version"], check=True, capture_output=True, text=True).stdout.strip()


def timed(command: list[str], folder: pathlib.Path) -> tuple[float, float]:
    """Wall and CPU seconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        sys.exit(f"{command[0]} ended with {done.returncode}: {done.stderr[-400:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="homeassistant", help="a folder, or a package to download")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--unleak", type=pathlib.Path, help="default: a release build of this tree")
    parser.add_argument("--ruff", type=pathlib.Path, help="default: the newest, in a temporary environment")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = pathlib.Path(temporary)
        folder = pathlib.Path(args.what)
        if not folder.is_dir():
            folder = download(args.what, home)
        unleak = (args.unleak or build()).absolute()
        ruff = (args.ruff or install_ruff(home / "venv")).absolute()
        ruff_check = ["check", "--no-cache", "--isolated", "--select", "RUF006,ASYNC", "--output-format", "json", "."]
        commands = {
            "unleak": [str(unleak), "check", ".", "--format", "json", "--allow-problems"],
            "ruff": [str(ruff), *ruff_check],
        }
        files = list(folder.rglob("*.py"))
        lines = sum(path.read_bytes().count(b"\n") for path in files)
        print(f"{args.what}: {len(files)} files, {lines} lines; {os.cpu_count()} cores; {args.runs} runs each, in turns")
        print(f"{version(unleak)}; {version(ruff)} (RUF006, ASYNC)")
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for name, command in commands.items():
            timed(command, folder)  # not counted: it warms the disk
        for _ in range(args.runs):
            for name, command in commands.items():
                times[name].append(timed(command, folder))
        medians = {}
        for name, rows in times.items():
            wall, cpu = medians[name] = [statistics.median(column) for column in zip(*rows)]
            walls = [row[0] for row in rows]
            print(f"{name:7} wall {wall:8.3f} s ({min(walls):.3f} to {max(walls):.3f})  cpu {cpu:8.3f} s")
        wall, cpu = (ours / theirs for ours, theirs in zip(medians["unleak"], medians["ruff"]))
        print(f"ratio   wall {wall:8.2f}  cpu {cpu:8.2f}")


main()
