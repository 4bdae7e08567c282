"""Published packages, fetched from their registries with the ordinary clients and never run (where there is no wheel,
pip asks the build of the source archive for its name and version).

Which ones stands in `packages.txt`. They are kept in a cache folder, so that each is fetched once.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "unleak-packages"


@dataclass(frozen=True)
class Package:
    """One release of a package."""

    language: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def listed(name: str = "packages.txt") -> list[Package]:
    """Those of a list in this folder, in its order."""
    lines = (ROOT / "benches" / name).read_text().splitlines()
    return [Package(*line.split()) for line in lines if line.strip() and not line.startswith("#")]


def fetched(package: Package) -> pathlib.Path:
    """The folder with its files."""
    home = CACHE / package.language / f"{package.name}-{package.version}"
    if not home.exists():
        part = home.with_name(f"{home.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        (fetch_crate if package.language == "rust" else fetch_wheel)(package, part)
        part.rename(home)
    return home


def fetch_wheel(package: Package, to: pathlib.Path) -> None:
    """As a wheel, so that nothing of it is run; as a source archive where there is no wheel."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    wanted = ["--dest", to, f"{package.name}=={package.version}"]
    if subprocess.run([*pip, "--only-binary", ":all:", *wanted], capture_output=True, check=False).returncode != 0:
        subprocess.run([*pip, "--no-binary", ":all:", *wanted], check=True)
    for archive in list(to.iterdir()):
        if archive.suffix == ".whl":
            zipfile.ZipFile(archive).extractall(to)
        else:
            tarfile.open(archive).extractall(to, filter="data")
        archive.unlink()


def fetch_crate(package: Package, to: pathlib.Path) -> None:
    """cargo unpacks what it shows."""
    subprocess.run(["cargo", "info", "--quiet", f"{package.name}@{package.version}"], cwd=to, check=True, capture_output=True)
    cargo = pathlib.Path(os.environ.get("CARGO_HOME", "~/.cargo")).expanduser()
    source = next((cargo / "registry/src").glob(f"*/{package.name}-{package.version}"))
    shutil.copytree(source, to, dirs_exist_ok=True)


def release_build() -> pathlib.Path:
    """The binary of a release build of this tree."""
    build = ["cargo", "build", "--release", "--locked", "--quiet", "--package", "unleak"]
    subprocess.run([*build, "--manifest-path", ROOT / "Cargo.toml"], check=True)
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/unleak"
