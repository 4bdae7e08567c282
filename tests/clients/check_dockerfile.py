"""The Dockerfile, by hadolint. No image is built: that needs a container engine."""

import pathlib
import subprocess
import sys

from common import ROOT

hadolint = pathlib.Path(sys.executable).parent / "hadolint"
subprocess.run([hadolint, ROOT / "Dockerfile"], check=True)
print("the Dockerfile read by hadolint")
