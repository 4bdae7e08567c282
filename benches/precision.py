#!/usr/bin/env python3
"""Draws findings of well-known packages to be judged by hand, and counts the judgements.

    benches/precision.py draw [--list fresh.txt] > drawn.jsonl     a hundred findings and thirty "no" of the census
    benches/precision.py count docs/precision.jsonl                the table of docs/precision.md

The seed stands here, and was committed before anything was read. The packages are the first two hundred and fifty of each
language in the list (in the draws before the eighth, the first twenty). Findings count by root, at warning or error, as
`unleak check` shows them by default; no package gives more than ten of them (twenty before the eighth draw: in the seventh,
one program gave a third), and half of them come from each language where there are enough. A judgement is a line of what was
drawn with the two answers added: `"first"` and `"second"`, each `"real"` or `"wrong"` with a `"why"`. Judges follow judging.md and do not see each
other's answers; a finding on which they differ counts as wrong.
"""

import argparse
import collections
import json
import pathlib
import random
import sys

import packages
from noise import answers

SEED = 20261216
FINDINGS, SILENCES, PACKAGES, OF_ONE = 100, 30, 250, 10


def findings(package: packages.Package, report: dict) -> list[dict]:
    by_root = {}
    for finding in report["findings"]:
        if finding["level"] != "note":
            root = finding["root"]
            by_root.setdefault((finding["lint"], root["path"], root["start"]["line"]), finding)
    return [drawn(package, finding) for finding in by_root.values()]


def drawn(package: packages.Package, finding: dict) -> dict:
    place = finding["location"]
    return {
        "package": str(package),
        "language": package.language,
        "lint": finding["lint"],
        "place": f"{place['path']}:{place['start']['line']}",
        "confidence": finding["confidence"],
        "level": finding["level"],
        "message": finding["message"],
        "evidence": [f"{e['location']['path']}:{e['location']['start']['line']}: {e['label']}" for e in finding["evidence"]],
    }


def silences(package: packages.Package, census: dict) -> list[dict]:
    rows = [row for row in census["resources"] if row["answer"] == "no" and row["kind"] in ("task", "thread", "queue", "gauge", "fanout")]
    return [
        {
            "package": str(package),
            "language": package.language,
            "kind": row["kind"],
            "place": f"{row['location']['path']}:{row['location']['start']['line']}",
            "owner": row["owner"],
            "bound": row["bound"],
            "end": row["end"],
        }
        for row in rows
    ]


def some(rows: list[dict]) -> list[dict]:
    """No more of one package than so many: one that says the same thing often would drown the others."""
    return random.Random(SEED).sample(rows, min(len(rows), OF_ONE))


def halves(pool: dict[str, list[dict]], number: int) -> list[dict]:
    """So many, half of each language; where one has too few, the other gives more."""
    chance = random.Random(SEED)
    short = min(pool, key=lambda language: len(pool[language]))
    other = next(language for language in pool if language != short)
    few = min(len(pool[short]), number // 2)
    chosen = {short: chance.sample(pool[short], few)}
    chosen[other] = chance.sample(pool[other], min(len(pool[other]), number - few))
    return [row for language in sorted(chosen) for row in chosen[language]]


def draw(unleak: pathlib.Path, name: str) -> None:
    pools = {"findings": {"python": [], "rust": []}, "silences": {"python": [], "rust": []}}
    for language in ("python", "rust"):
        for package in [package for package in packages.listed(name) if package.language == language][:PACKAGES]:
            folder = packages.fetched(package)
            pools["findings"][language] += some(findings(package, answers(unleak, folder, "check")))
            pools["silences"][language] += some(silences(package, answers(unleak, folder, "census")))
    for what, number in (("findings", FINDINGS), ("silences", SILENCES)):
        sizes = {language: len(rows) for language, rows in pools[what].items()}
        print(f"{what}: {number} of {sizes}", file=sys.stderr)
        for at, row in enumerate(halves(pools[what], number), 1):
            print(json.dumps({"id": f"{what[0]}{at:03}", **row}))


def count(path: pathlib.Path) -> None:
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    for row in rows:
        row.setdefault("second", row["first"])  # judged once
    real = lambda row: row["first"] == row["second"] == "real"
    for title, of in (("findings", "f"), ("`no` answers of the census", "s")):
        some = [row for row in rows if row["id"].startswith(of)]
        groups = collections.defaultdict(list)
        for row in some:
            groups[row["language"], row.get("lint", row.get("kind"))].append(row)
        print(f"| {title} | judged | real | judges differ |\n|---|---|---|---|")
        for (language, what), group in sorted(groups.items()):
            print(f"| {language}, `{what}` | {len(group)} | {sum(map(real, group))} | {sum(r['first'] != r['second'] for r in group)} |")
        right = sum(map(real, some))
        print(f"| **all** | **{len(some)}** | **{right}** ({100 * right / max(len(some), 1):.0f} %) | {sum(r['first'] != r['second'] for r in some)} |\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_subparsers(dest="what", required=True)
    drawing = what.add_parser("draw")
    drawing.add_argument("--list", default="packages.txt", help="the list of packages in this folder")
    drawing.add_argument("--unleak", type=pathlib.Path, help="default: a release build of this tree")
    counting = what.add_parser("count")
    counting.add_argument("judgements", type=pathlib.Path)
    args = parser.parse_args()
    if args.what == "count":
        count(args.judgements)
    else:
        draw((args.unleak or packages.release_build()).absolute(), args.list)


if __name__ == "__main__":
    main()
