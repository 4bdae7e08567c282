"""The hooks, run by the real pre-commit in a scratch repository: as a wheel that maturin builds, and built by cargo."""

import os
import pathlib
import shutil
import subprocess
import sys

from common import FOLDER, ROOT

home = FOLDER / "projects" / "hooks"
shutil.rmtree(home, ignore_errors=True)
scratch = home / "scratch"
scratch.mkdir(parents=True)
target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "hooks"
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    **{f"GIT_{who}_{what}": "x@example.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "PRE_COMMIT_HOME": str(home / "cache"),
    # As fast as it can be built.
    "CARGO_TARGET_DIR": str(target),
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
    "CARGO_PROFILE_RELEASE_DEBUG": "false",
}


def run(command, folder=scratch, code=0):
    ran = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert ran.returncode == code, f"{command}: {ran.returncode}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


# What is in the tree now, as a repository of its own.
source = home / "source"
listed = run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], ROOT).splitlines()
for name in listed:
    if (ROOT / name).is_file():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
for folder in (source, scratch):
    run(["git", "init", "--quiet", "--initial-branch=main"], folder)
run(["git", "add", "--all"], source)
run(["git", "commit", "--quiet", "--message", "all"], source)

(scratch / "tasks.py").write_text("import asyncio\n\n\ndef spawn(work):\n    return asyncio.create_task(work)\n")
MAIN = "from tasks import spawn\n\n\nasync def work():\n    ...\n\n\nasync def main():\n    await spawn(work())\n"
(scratch / "pyproject.toml").write_text("")
revision = run(["git", "rev-parse", "HEAD"], source).strip()
precommit = [pathlib.Path(sys.executable).parent / "pre-commit", "run"]


def try_out(hook):
    (scratch / "main.py").write_text(MAIN)
    config = f"repos:\n  - repo: {source}\n    rev: {revision}\n    hooks:\n      - id: {hook}\n"
    (scratch / ".pre-commit-config.yaml").write_text(config)
    run(["git", "add", "--all"])
    run(["git", "commit", "--quiet", "--message", hook])
    said = run([*precommit, "--all-files"])
    assert "Passed" in said, said

    # The hook is handed the changed file alone, and sees what its cause in another file makes of it.
    (scratch / "main.py").write_text(MAIN.replace("await spawn", "spawn"))
    run(["git", "add", "main.py"])
    said = run(precommit, code=1)
    assert "main.py:9:5" in said and "tasks.py:5:12" in said and "fire-and-forget" in said, said

    # What is not staged is not judged.
    (scratch / "main.py").write_text(MAIN)
    said = run(precommit, code=1)
    assert "main.py:9:5" in said, said
    assert (scratch / "main.py").read_text() == MAIN
    run(["git", "reset", "--quiet", "--hard"])


for hook in ("unleak", "unleak-rust"):
    try_out(hook)
print("both hooks run by pre-commit")
