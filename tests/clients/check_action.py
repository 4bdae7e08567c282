"""The GitHub action, by check-jsonschema and zizmor; its script runs as a runner would run it."""

import os
import pathlib
import subprocess
import sys

import yaml

from common import BINARY, ROOT, check, project

scripts = pathlib.Path(sys.executable).parent
action = ROOT / "action.yml"
subprocess.run([scripts / "check-jsonschema", "--builtin-schema", "vendor.github-actions", action], check=True)
subprocess.run([scripts / "zizmor", "--offline", "--quiet", "--strict-collection", action], check=True)

folder = project("action")
steps = yaml.safe_load(action.read_text())["runs"]["steps"]
root = folder / "root"
(root / "bin").mkdir(parents=True)
(root / "bin" / "unleak").symlink_to(BINARY)
inputs = {"ROOT": str(root), "PATHS": "broken.py .", "ARGS": "--allow-problems", "SARIF": "out.sarif"}
command = ["bash", "-e", "-o", "pipefail", "-c", steps[1]["run"]]
ran = subprocess.run(command, cwd=folder, env={**os.environ, **inputs}, capture_output=True, text=True, check=False)
annotations = [line for line in ran.stdout.splitlines() if line.startswith("::")]
report = check(folder)
assert ran.returncode == 1, ran.stderr
shown = [finding for finding in report["findings"] if finding["level"] != "note"]
assert len(annotations) == len(shown) + len(report["problems"])
assert (folder / "out.sarif").exists()
print(f"{len(annotations)} annotations by the action's script")
