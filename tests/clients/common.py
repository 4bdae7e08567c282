"""What the checks share: the binary, run over the fixtures as over a project of somebody else's."""

import json
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY, FOLDER = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])


def project(name):
    """A copy of the fixtures of one lint, with an error, one that a comment silences, and a file that cannot be read."""
    folder = FOLDER / "projects" / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "fixtures" / "fire-and-forget", folder)
    (folder / "pyproject.toml").write_text("")
    (folder / "ünusual name.py").write_text(
        "import asyncio\n\n\nasync def main():\n"
        "    'é'; asyncio.create_task(work())\n"
        "    asyncio.create_task(work())  # unleak: detached(it ends by itself)\n"
    )
    (folder / "door.py").write_text(
        "class Door:\n    def __init__(self):\n        self.guests = 0\n\n"
        "    async def enter(self, guest):\n"
        "        self.guests += 1\n        await guest.leaves()\n        self.guests -= 1\n\n"
        "    def is_full(self):\n        return self.guests > 5\n"
    )
    (folder / "broken.py").write_text("def f(:\n")
    return folder


def unleak(folder, *arguments):
    """What a run prints; findings and problems are what it is run for."""
    ran = subprocess.run([BINARY, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode in (0, 1), ran.stderr
    return ran.stdout


def check(folder, *arguments):
    """The report as JSON."""
    return json.loads(unleak(folder, "check", "--format=json", *arguments))
