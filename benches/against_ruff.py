#!/usr/bin/env python3
"""Wall and CPU time and memory of `unleak check` beside `ruff check`, on each of some packages, in one run.

    benches/against_ruff.py [FOLDER | PACKAGE==VERSION ...] [--runs 5] [--unleak BINARY] [--ruff BINARY]

The two take turns, so that a busy moment of the machine meets both. Printed are the medians, their ratios and the
versions. ruff is asked its nearest rules (RUF006 and ASYNC) without its cache; it answers a smaller question, one file
at a time, so the ratio says what the difference costs and no more. "one file" is what a hook does: one file is named, and
the project around it is read as context. A package is downloaded as a wheel and never run;
ruff is installed into a temporary environment unless one is named.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import venv
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
ONE_FILE = "<a file of the folder>"


def quiet(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


def install_ruff(home: pathlib.Path) -> pathlib.Path:
    venv.create(home, with_pip=True)
    quiet(home / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "ruff")
    return home / "bin/ruff"


def download(package: str, home: pathlib.Path) -> pathlib.Path:
    home.mkdir()
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    quiet(*pip, "--no-deps", "--only-binary", ":all:", "--dest", home, package)
    code = home / "code"
    code.mkdir()
    (code / "pyproject.toml").write_text("")  # it is a project: what is in it belongs together
    for wheel in home.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(code)
    return code


def build() -> pathlib.Path:
    manifest = ROOT / "Cargo.toml"
    profile = ["--profile", "dist"]
    quiet("cargo", "build", *profile, "--locked", "--quiet", "--package", "unleak", "--manifest-path", manifest)
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "dist/unleak"


def version(binary: pathlib.Path) -> str:
    return subprocess.run([str(binary), "--version"], check=True, capture_output=True, text=True).stdout.strip()


def timed(command: list[str], folder: pathlib.Path) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak megabytes of one run."""
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=said)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in (0, 1):
            said.seek(0)
            sys.exit(f"{command[0]} ended with {child.returncode}: {said.read()[-400:].decode(errors='replace')}")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def compare(what: str, folder: pathlib.Path, commands: dict[str, list[str]], runs: int) -> None:
    """Runs all in turns on one folder and prints the medians and their ratios."""
    files = sorted(path for path in folder.rglob("*.py") if path.is_file())
    middle = str(files[len(files) // 2].relative_to(folder))
    commands = {name: [middle if part == ONE_FILE else part for part in parts] for name, parts in commands.items()}
    lines = sum(path.read_bytes().count(b"\n") for path in files)
    print(f"{what}: {len(files)} files, {lines} lines")
    times: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    for command in commands.values():
        timed(command, folder)  # not counted: it warms the disk
    for _ in range(runs):
        for name, command in commands.items():
            times[name].append(timed(command, folder))
    medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in times.items()}
    for name, (wall, cpu, memory) in medians.items():
        walls = [row[0] for row in times[name]]
        spread = f"({min(walls):.3f} to {max(walls):.3f})"
        print(f"{name:8} wall {wall:8.3f} s {spread}  cpu {cpu:8.3f} s  memory {memory:6.0f} MB")
    wall, cpu, memory = (ours / theirs for ours, theirs in zip(medians["unleak"], medians["ruff"]))
    print(f"ratio    wall {wall:8.2f}  cpu {cpu:8.2f}  memory {memory:6.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="folders, or packages to download; default: django and homeassistant")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--unleak", type=pathlib.Path, help="default: a release build of this tree")
    parser.add_argument("--ruff", type=pathlib.Path, help="default: the newest, in a temporary environment")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = pathlib.Path(temporary)
        unleak = (args.unleak or build()).absolute()
        ruff = (args.ruff or install_ruff(home / "venv")).absolute()
        ruff_check = ["check", "--no-cache", "--isolated", "--select", "RUF006,ASYNC", "--output-format", "json", "."]
        commands = {
            "unleak": [str(unleak), "check", ".", "--format", "json", "--allow-problems"],
            "ruff": [str(ruff), *ruff_check],
            "one file": [str(unleak), "check", ONE_FILE, "--format", "json", "--allow-problems"],
        }
        print(f"{version(unleak)}; {version(ruff)} (RUF006, ASYNC); {os.cpu_count()} cores; {args.runs} runs, in turns")
        for number, what in enumerate(args.what or ["django", "homeassistant"]):
            folder = pathlib.Path(what)
            compare(what, folder if folder.is_dir() else download(what, home / str(number)), commands, args.runs)


main()
