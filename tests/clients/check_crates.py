"""The crates, packed and built as cargo would publish them."""

import subprocess

from common import ROOT

publish = ["cargo", "publish", "--dry-run", "--workspace", "--exclude", "unleak-pipeline", "--locked", "--allow-dirty"]
ran = subprocess.run(publish, cwd=ROOT, capture_output=True, text=True, check=False)
assert ran.returncode == 0, ran.stderr
packed = ran.stderr.count("Packaged ")
assert packed == 4, ran.stderr
print(f"{packed} crates packed and built")
