"""The crates as cargo would publish them: what is packed is all that they are built from.

cargo's own verification is left out: it takes crates of the same version from an earlier run.
"""

import json
import shutil
import subprocess
import tarfile

from common import FOLDER, ROOT


def cargo(*command, folder=ROOT):
    ran = subprocess.run(["cargo", *command], cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran


options = ["--workspace", "--exclude", "unleak-pipeline", "--locked", "--allow-dirty", "--no-verify"]
cargo("publish", "--dry-run", *options)
cargo("package", *options)

home = FOLDER / "crates"
shutil.rmtree(home, ignore_errors=True)
home.mkdir()
known = json.loads(cargo("metadata", "--format-version=1", "--no-deps", "--locked").stdout)
packed = [f"{package['name']}-{package['version']}" for package in known["packages"] if package["name"] != "unleak-pipeline"]
for name in packed:
    with tarfile.open(f"{known['target_directory']}/package/{name}.crate") as crate:
        crate.extractall(home, filter="data")
patches = "".join(f'{name.rpartition("-")[0]} = {{ path = "{name}" }}\n' for name in packed)
# With the profiles of the workspace, so that what was built of other crates is good for this too.
written = (ROOT / "Cargo.toml").read_text()
profiles = written[written.index("[profile.") :]
members = ", ".join(f'"{name}"' for name in packed)
workspace = f'[workspace]\nresolver = "3"\nmembers = [{members}]\n'
(home / "Cargo.toml").write_text(f"{workspace}\n[patch.crates-io]\n{patches}\n{profiles}")
shutil.copy(ROOT / "Cargo.lock", home)
cargo("check", folder=home)
assert len(packed) == 5, packed
print(f"{len(packed)} crates packed, and built from what was packed")
