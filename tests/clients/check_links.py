"""The links between the pages, and to headings in them, by remark. Those that leave the repository are not followed."""

import subprocess

from common import FOLDER, ROOT

modules = FOLDER / "npm" / "node_modules"
plugin = f"{modules / 'remark-validate-links' / 'index.js'}=repository:false"
pages = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "pipeline").rglob("*.md")])
command = [modules / ".bin" / "remark", "--no-config", "--no-ignore", "--quiet", "--frail", "--use", plugin, *pages]
ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
assert ran.returncode == 0, ran.stderr
print(f"the links of {len(pages)} pages")
