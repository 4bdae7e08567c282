"""Other ways of writing a Rust fixture that must not move a verdict: `variants_rust.py FIXTURE OUT HINTS`.

As in `variants.py`, with the text changed line by line, so that the marks move with it. Fixtures are formatted: a line
that begins in the first column begins or ends an item.
"""

import json
import pathlib
import re
import sys

MARK = re.compile(r"// (expect|expect-wrong): ([a-z, -]+?)\s*(?://|$)")
SUPPRESSION = "// unleak:"
# What `let Some(x)` begins with is defined elsewhere.
DEFINED = re.compile(r"(?:(?:^(?:pub )?(?:async )?fn|\bstruct|\benum) |\blet (?:mut )?(?=[a-z_]))([A-Za-z_]\w+)\b", re.MULTILINE)


def items(text: str) -> tuple[list[str], list[str]]:
    """What stands at the head of a file (inner comments, `use`), and its items."""
    head, found, item = [], [], []
    for line in text.splitlines():
        if not found and not item and (line.startswith(("//!", "#![", "use ")) or not line):
            head.append(line)
            continue
        item.append(line)
        if line.startswith(("}", ")")) or (item_is_one_line(line) and len(item_code(item)) == 1):
            found.append("\n".join(item))
            item = []
    if item:
        found.append("\n".join(item))
    return head, found


def item_is_one_line(line: str) -> bool:
    code = line.split("//")[0].rstrip()
    return bool(code) and not line[0].isspace() and code.endswith((";", "}"))


def item_code(item: list[str]) -> list[str]:
    return [line for line in item if line and not line.startswith(("//", "#["))]


def aired(text: str, hints: set[str]) -> dict[str, str] | None:
    """With an empty line and a remark after each statement."""
    lines = []
    for line in text.splitlines():
        lines.append(line)
        if line.split("//")[0].rstrip().endswith((";", "{")):
            lines += ["", "    // so far, so good"]
    return {"case.rs": "\n".join(lines)}


def reordered(text: str, hints: set[str]) -> dict[str, str] | None:
    """Its items in the opposite order."""
    head, found = items(text)
    return {"case.rs": "\n".join([*head, *reversed(found)])} if len(found) > 1 else None


def renamed(text: str, hints: set[str]) -> dict[str, str] | None:
    """Variables, functions and types under other names."""
    code = re.sub(r'"(?:[^"\\]|\\.)*"', "", "\n".join(line.split("//")[0] for line in text.splitlines()))
    kept = hints | {"main", "self", "Self", "new", "_"}
    kept |= set(re.findall(r"\.(\w+)\b", code)) | set(re.findall(r"\b(\w+)\s*:", code))
    kept |= {name for path in re.findall(r"\buse ([^;]+);", code) for name in re.findall(r"\w+", path)}
    kept |= {name for name in re.findall(r"::\s*(\w+)", code)}
    # A literal can name a variable in its braces.
    kept |= {name for literal in re.findall(r'"(?:[^"\\]|\\.)*"', text) for name in re.findall(r"\w+", literal)}
    change = {name for name in DEFINED.findall(code) if name not in kept and not name.startswith("_")}
    if not change:
        return None
    pattern = re.compile(rf"\b({'|'.join(sorted(change))})\b")
    split = [line.partition("//") for line in text.splitlines()]
    return {"case.rs": "\n".join(pattern.sub(r"\1_too", code) + mark + rest for code, mark, rest in split)}


def in_a_module(text: str, hints: set[str]) -> dict[str, str] | None:
    """In a module of its own below the program."""
    inner = re.sub(r"^(async fn|fn) main\b", r"pub \1 main", text, flags=re.MULTILINE)
    return {"src/main.rs": "mod case;\n\nfn main() {\n    let _ = case::main();\n}\n", "src/case.rs": inner}


def expected(files: dict[str, str]) -> list[list]:
    return [
        [lint.strip(), name, [line]]
        for name, text in files.items()
        for line, content in enumerate(text.splitlines(), 1)
        for mark in MARK.finditer(content)
        for lint in mark[2].split(",")
    ]


def main() -> None:
    fixture, out, hints = map(pathlib.Path, sys.argv[1:])
    text = fixture.read_text()
    if SUPPRESSION in text:
        return
    for variant in (aired, reordered, renamed, in_a_module):
        files = variant(text, set(hints.read_text().split()))
        for name, content in (files or {}).items():
            path = out / variant.__name__ / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content + "\n")
        if files:
            (out / variant.__name__ / "expected.json").write_text(json.dumps(expected(files)))


main()
