"""Other ways of writing a Python fixture that must not move a verdict.

    variants.py FIXTURE OUT HINTS

Writes each variant as a project of its own, `OUT/<variant>/`, with `expected.json` beside its files: for each finding that
the fixture's own marks ask for, the lint, the file, and the lines on one of which it must now fall. `HINTS` is a file of names that suggest a
type to the catalogue, one a line: they are not renamed, for there the name is the evidence.
"""

import ast
import builtins
import json
import pathlib
import re
import sys
from typing import Callable, Iterator

MARK = re.compile(r"# (expect|expect-wrong): ([a-z, -]+?)\s*(?:#|$)")
SUPPRESSION = "# unleak:"
Simple = ast.Expr | ast.Assign | ast.AnnAssign | ast.Return
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def marked(text: str) -> ast.Module:
    """The tree, whose statements carry the lints that are expected on them."""
    tree = ast.parse(text)
    for line, content in enumerate(text.splitlines(), 1):
        for mark in MARK.finditer(content):
            home = innermost(tree, line)
            home.expected = getattr(home, "expected", set()) | {lint.strip() for lint in mark[2].split(",")}
    return tree


def innermost(tree: ast.Module, line: int) -> ast.stmt:
    around = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and node.lineno <= line <= node.end_lineno]
    return min(around, key=lambda node: node.end_lineno - node.lineno)


def written(tree: ast.Module) -> tuple[str, list[tuple[str, list[int]]]]:
    """The text of a tree, and on which of its lines what is expected."""
    ast.fix_missing_locations(tree)
    text = ast.unparse(tree)
    again = ast.parse(text)
    expected = []
    for old, new in zip(ast.walk(tree), ast.walk(again), strict=True):
        for lint in sorted(getattr(old, "expected", ())):
            # What was named on the line before may be what is born.
            expected.append((lint, [new.lineno - 1, new.lineno] if hasattr(old, "named_before") else [new.lineno]))
    return text, expected


def blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """Every list of statements."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                yield block


def reformatted(tree: ast.Module) -> dict[str, ast.Module] | None:
    return {"case.py": tree}


def reordered(tree: ast.Module) -> dict[str, ast.Module] | None:
    """Functions that nothing decorates, in the opposite order."""
    places = [at for at, node in enumerate(tree.body) if isinstance(node, FUNCTIONS) and not node.decorator_list]
    for at, node in zip(places, [tree.body[at] for at in reversed(places)]):
        tree.body[at] = node
    return {"case.py": tree} if len(places) > 1 else None


def renamed(tree: ast.Module) -> dict[str, ast.Module] | None:
    """Variables, parameters and functions under other names."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    names |= {node.name for node in tree.body if isinstance(node, (*FUNCTIONS, ast.ClassDef))}
    kept = set(dir(builtins)) | HINTS | {"self", "cls", "main", "_", "__name__", "__file__"}
    for node in ast.walk(tree):
        match node:
            case ast.alias():
                kept |= {node.name.split(".")[0], (node.asname or node.name).split(".")[0]}
            case ast.Attribute():
                kept.add(node.attr)
            case ast.keyword() if node.arg:
                kept.add(node.arg)
            case ast.Constant() if isinstance(node.value, str):
                kept |= set(re.findall(r"\w+", node.value))
            case ast.ClassDef():
                # What a class's block binds is an attribute.
                bound = [target for inner in node.body for target in getattr(inner, "targets", [getattr(inner, "target", None)])]
                kept |= {target.id for target in bound if isinstance(target, ast.Name)}
                kept |= {inner.name for inner in node.body if isinstance(inner, FUNCTIONS)}
    change = {name: f"{name}_too" for name in names - kept}
    for node in ast.walk(tree):
        for field in ("id", "arg", "name"):
            if not isinstance(node, (ast.alias, ast.keyword)) and getattr(node, field, None) in change:
                setattr(node, field, change[getattr(node, field)])
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            node.names = [change.get(name, name) for name in node.names]
    return {"case.py": tree} if change else None


def outermost_call(statement: ast.stmt) -> ast.Call | None:
    value = getattr(statement, "value", None)
    while isinstance(value, (ast.Await, ast.NamedExpr)):
        value = value.value
    return value if isinstance(statement, Simple) and isinstance(value, ast.Call) else None


def value_named(tree: ast.Module) -> dict[str, ast.Module] | None:
    """What a marked statement hands on first gets a name on a line of its own."""
    changed = False
    for block in blocks(tree):
        for at in range(len(block) - 1, -1, -1):
            call = outermost_call(block[at]) if hasattr(block[at], "expected") else None
            if call is None or not call.args or not isinstance(call.args[0], (ast.Call, ast.Lambda)):
                continue
            name = f"named_{at}"
            block.insert(at, ast.Assign([ast.Name(name, ast.Store())], call.args[0]))
            call.args[0] = ast.Name(name, ast.Load())
            block[at + 1].named_before = True
            changed = True
    return {"case.py": tree} if changed else None


def called_by_partial(tree: ast.Module) -> dict[str, ast.Module] | None:
    """A marked start of something is bound first and called then."""
    changed = False
    for block in blocks(tree):
        for statement in block:
            call = statement.value if isinstance(statement, ast.Expr) and hasattr(statement, "expected") else None
            if isinstance(call, ast.Call) and statement.expected == {"fire-and-forget"} and call.args:
                bound = ast.Call(ast.Name("bound_partial", ast.Load()), [call.func, *call.args], call.keywords)
                statement.value = ast.Call(bound, [], [])
                changed = True
    tree.body.insert(first_code(tree), ast.parse("from functools import partial as bound_partial").body[0])
    return {"case.py": tree} if changed else None


def starter_extracted(tree: ast.Module) -> dict[str, ast.Module] | None:
    """A marked start of something is moved into a function that returns the handle: who drops it is the caller."""
    helpers = []
    for block in blocks(tree):
        for statement in block:
            call = statement.value if isinstance(statement, ast.Expr) and hasattr(statement, "expected") else None
            plain = isinstance(call, ast.Call) and not any(isinstance(arg, ast.Starred) for arg in call.args)
            if not plain or statement.expected != {"fire-and-forget"} or not is_global(call.func, tree):
                continue
            name, params = f"extracted_{len(helpers)}", [f"given_{at}" for at in range(len(call.args))]
            inner = ast.Call(call.func, [ast.Name(param, ast.Load()) for param in params], call.keywords)
            if any(not isinstance(keyword.value, ast.Constant) for keyword in call.keywords):
                continue
            arguments = ast.arguments([], [ast.arg(param) for param in params], None, [], [], None, [])
            helpers.append(ast.FunctionDef(name, arguments, [ast.Return(inner)], []))
            statement.value = ast.Call(ast.Name(name, ast.Load()), call.args, [])
    tree.body[first_code(tree) : first_code(tree)] = helpers
    return {"case.py": tree} if helpers else None


def is_global(callee: ast.expr, tree: ast.Module) -> bool:
    """Whether a callee is a name of the module's own imports."""
    while isinstance(callee, ast.Attribute):
        callee = callee.value
    imported = {
        (alias.asname or alias.name).split(".")[0]
        for node in tree.body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    return isinstance(callee, ast.Name) and callee.id in imported


def first_code(tree: ast.Module) -> int:
    """The place after the docstring and the imports."""
    head = (ast.Import, ast.ImportFrom)
    last = [at for at, node in enumerate(tree.body) if isinstance(node, head)]
    return last[-1] + 1 if last else 0


def moved_apart(tree: ast.Module) -> dict[str, ast.Module] | None:
    """Top-level functions on which nothing is expected move to another file."""
    clean = lambda node: not any(hasattr(inner, "expected") for inner in ast.walk(node))
    moved = [node for node in tree.body if isinstance(node, FUNCTIONS) and clean(node) and node.name != "main"]
    if not moved:
        return None
    imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom)) or is_for_type_checkers(node)]
    names = {node.name for node in moved}
    rest = [node for node in tree.body if node not in moved]
    defined = {node.name for node in rest if isinstance(node, (*FUNCTIONS, ast.ClassDef))}
    defined |= {
        target.id
        for node in rest
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in getattr(node, "targets", [getattr(node, "target", None)])
        if isinstance(target, ast.Name)
    }
    rebound = {name for node in moved for inner in ast.walk(node) if isinstance(inner, ast.Global) for name in inner.names}
    if rebound:
        return None
    back = [ast.ImportFrom("case", [ast.alias(name) for name in sorted(defined)], 0)] if defined else []
    there = ast.ImportFrom("apart", [ast.alias(name) for name in sorted(names)], 0)
    tree.body = rest
    tree.body.insert(first_code(tree), there)
    plain = [node for node in imports if not (isinstance(node, ast.ImportFrom) and node.module == "__future__")]
    return {"case.py": tree, "apart.py": ast.Module([*plain, *back, *moved], [])}


def is_for_type_checkers(node: ast.stmt) -> bool:
    """Whether a statement is `if TYPE_CHECKING: …`."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def split_over_base(tree: ast.Module) -> dict[str, ast.Module] | None:
    """What a class is made with comes from a base of its own."""
    changed = False
    for block in blocks(tree):
        for at in range(len(block) - 1, -1, -1):
            node = block[at]
            if not isinstance(node, ast.ClassDef) or node.decorator_list or node.keywords or node.bases:
                continue
            makers = [inner for inner in node.body if isinstance(inner, FUNCTIONS) and inner.name == "__init__"]
            rest = [inner for inner in node.body if inner not in makers]
            if makers and any(isinstance(inner, FUNCTIONS) for inner in rest):
                base = ast.ClassDef(f"{node.name}Base", [], [], makers, [])
                node.bases, node.body = [ast.Name(base.name, ast.Load())], rest
                block.insert(at, base)
                changed = True
    return {"case.py": tree} if changed else None


VARIANTS: list[Callable[[ast.Module], dict[str, ast.Module] | None]] = [
    reformatted, reordered, renamed, value_named, called_by_partial, starter_extracted, moved_apart, split_over_base,
]
HINTS: set[str] = set()


def main() -> None:
    fixture, out, hints = map(pathlib.Path, sys.argv[1:])
    HINTS.update(hints.read_text().split())
    text = fixture.read_text()
    if SUPPRESSION in text:
        return  # comments do not survive
    for variant in VARIANTS:
        files = variant(marked(text))
        if files is None:
            continue
        folder = out / variant.__name__
        folder.mkdir(parents=True)
        expected = []
        for name, content in files.items():
            code, lines = written(content)
            (folder / name).write_text(code + "\n")
            expected += [[lint, name, where] for lint, where in lines]
        (folder / "expected.json").write_text(json.dumps(expected))


main()
