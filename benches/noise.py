#!/usr/bin/env python3
"""How much unleak says of well-known packages, and how much of them it can decide.

    benches/noise.py [--unleak BINARY] [--only python|rust] [--packages N]

Prints, for each lint, the findings (roots, at warning or error) per 100,000 lines in each language; and for tasks and
queues how many births are decided, with the reasons of the open ones. A lint over 3 in 100,000 lines wants a look.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

import packages


def answers(unleak: pathlib.Path, folder: pathlib.Path, what: str) -> dict:
    command = [unleak, what, ".", "--format", "json", *(["--allow-problems"] if what == "check" else [])]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"unleak {what} ended with {done.returncode} in {folder}: {done.stderr[-400:]}")
    return json.loads(done.stdout)


def lines_of(folder: pathlib.Path, language: str) -> int:
    endings = {".py", ".pyi"} if language == "python" else {".rs"}
    return sum(path.read_bytes().count(b"\n") for path in folder.rglob("*") if path.suffix in endings and path.is_file())


def roots(report: dict) -> collections.Counter:
    shown = (finding for finding in report["findings"] if finding["level"] != "note")
    place = lambda finding: (finding["lint"], finding["root"]["path"], finding["root"]["start"]["line"])
    return collections.Counter(lint for lint, _, _ in {place(finding) for finding in shown})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unleak", type=pathlib.Path, help="default: a release build of this tree")
    parser.add_argument("--only", choices=["python", "rust"])
    parser.add_argument("--packages", type=int, default=30, help="how many of each language")
    args = parser.parse_args()
    unleak = (args.unleak or packages.release_build()).absolute()
    chosen = packages.listed()
    for language in [args.only] if args.only else ["python", "rust"]:
        some = [package for package in chosen if package.language == language][: args.packages]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            folders = list(pool.map(packages.fetched, some))
        report_on(unleak, language, some, folders)


def report_on(unleak: pathlib.Path, language: str, some: list[packages.Package], folders: list[pathlib.Path]) -> None:
    found, lines = collections.Counter(), 0
    born, reasons = collections.defaultdict(collections.Counter), collections.defaultdict(collections.Counter)
    for package, folder in zip(some, folders):
        mine, here = roots(answers(unleak, folder, "check")), lines_of(folder, language)
        print(f"{str(package):32} {here:8} lines  {dict(sorted(mine.items()))}", flush=True)
        found, lines = found + mine, lines + here
        for row in answers(unleak, folder, "census")["resources"]:
            born[row["kind"]][row["answer"]] += 1
            if row["answer"] == "open":
                reasons[row["kind"]][row["reason"]] += 1
    print(f"\n{language}: {len(some)} packages, {lines} lines")
    for lint, number in sorted(found.items()):
        print(f"  {lint:20} {number:5} roots, {100_000 * number / lines:6.2f} in 100,000 lines")
    for kind in ("task", "thread", "queue", "gauge", "fanout"):
        rows = born[kind]
        if all_of_them := sum(rows.values()):
            decided = 100 * (rows["yes"] + rows["no"]) / all_of_them
            print(f"  {kind:20} {all_of_them:5} born, {decided:5.1f} % decided; open: {dict(reasons[kind].most_common(5))}")
    print()


if __name__ == "__main__":
    main()
