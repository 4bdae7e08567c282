#!/usr/bin/env python3
"""Which models of the catalogue real packages meet: for each library one published package that uses it.

    benches/models_met.py [--only LIBRARY] [--unleak BINARY] [--write]

The packages stand in `models_met.tsv`: language, library, package, version. Each is fetched once and never run.
`unleak check --stats` tells how many entries of each library its code calls, by names and types that the code shows (a
variable's name alone does not count). A library whose package calls fewer than two of its entries, or that has no
package, makes the exit code 1. `--write` puts the table into `docs/models.md`.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

import packages

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "benches/models_met.tsv"
PAGE = ROOT / "docs/models.md"
LEAST = 2

Row = tuple[str, str, str, str]


def rows() -> list[Row]:
    lines = LIST.read_text().splitlines()
    return [tuple(line.split("\t")) for line in lines if line and not line.startswith("#")]


def libraries() -> dict[tuple[str, str], int]:
    """Every library of the catalogue, and how many calls it models."""
    found: dict[tuple[str, str], int] = {}
    for file in sorted((ROOT / "catalogue").glob("*/*.toml")):
        text = file.read_text()
        name = re.search(r'^library = "(.*)"', text, re.MULTILINE)
        key = (file.parent.name, name[1])
        found[key] = found.get(key, 0) + len(re.findall(r'^ *\{ path = .* example = "', text, re.MULTILINE))
    return found


def met(binary: str, code: pathlib.Path) -> list[dict]:
    check = [binary, "check", str(code), "--stats", "--format", "json", "--allow-problems"]
    done = subprocess.run(check, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(check)}: {done.stderr}")
    return json.loads(done.stdout)["statistics"].get("libraries", [])


def table(lines: list[tuple]) -> str:
    head = ("language", "library", "calls modelled", "package", "entries met", "calls met")
    texts = [head, ("---",) * len(head), *[tuple(map(str, line)) for line in lines]]
    return "\n".join("| " + " | ".join(text) + " |" for text in texts) + "\n"


def page(lines: list[tuple], binary: str) -> str:
    version = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    return (
        "# The models that real code meets\n\n"
        "For each library of the catalogue one published package that uses it: how many of the library's entries its code\n"
        "calls, as far as names and types show, and how often. Written by `benches/models_met.py --write`"
        f" with {version}.\n\n{table(lines)}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="one library")
    parser.add_argument("--unleak", help="a binary; else a release build of this tree")
    parser.add_argument("--write", action="store_true", help="put the table into docs/models.md")
    asked = parser.parse_args()
    asked.unleak = asked.unleak or str(packages.release_build())
    modelled = libraries()
    given = {(language, library): (package, version) for language, library, package, version in rows()}
    unknown = [key for key in given if key not in modelled]
    for language, library in unknown:
        print(f"{language} {library}: the catalogue has no such library", file=sys.stderr)
    lines, few = [], list(unknown)
    seen: dict[packages.Package, list[dict]] = {}
    for (language, library), calls in modelled.items():
        if asked.only not in (None, library):
            continue
        package = packages.Package(language, *given.get((language, library), ("none", "")))
        if package.version and package not in seen:
            seen[package] = met(asked.unleak, packages.fetched(package))
        found = [it for it in seen.get(package, []) if (it["language"], it["library"]) == (language, library)]
        entries, times = (found[0]["entries"], found[0]["calls"]) if found else (0, 0)
        if entries < LEAST:
            few.append((language, library))
        lines.append((language, library, calls, package, entries, times))
    print(table(lines), end="")
    for language, library in few:
        print(f"{language} {library}: fewer than {LEAST} entries are met", file=sys.stderr)
    if asked.write and asked.only is None:
        PAGE.write_text(page(lines, asked.unleak))
    return 1 if few else 0


if __name__ == "__main__":
    sys.exit(main())
