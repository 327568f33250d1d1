"""Builds the VS Code extension with the server's wheel in it (`make vsix`): build/hybrid-lsp-VERSION.vsix.

The package is put together in a folder of its own, so that nothing gets into it but what is named here.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "editors" / "vscode"
IMAGES = ROOT / "docs" / "images"
BUILD = ROOT / "build"
STAGE = BUILD / "vscode"
FILES = ("package.json", "CHANGELOG.md", "LICENSE", "dist/extension.js")
README_IMAGES = "../../docs/images/"
"""How the README names the screenshots, which lie in `images/` once packaged."""


def main() -> None:
    bundle()
    stage()
    wheel()
    print(pack())


def bundle() -> None:
    """Install the build's tools where the lock says they have changed, and bundle the extension."""
    lock, installed = SOURCE / "package-lock.json", SOURCE / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        run("npm", "ci", "--ignore-scripts", folder=SOURCE)
        installed.touch()
    run("npm", "run", "--silent", "build", folder=SOURCE)


def stage() -> None:
    """The files of the package, without the wheel."""
    shutil.rmtree(STAGE, ignore_errors=True)
    for name in FILES:
        (STAGE / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SOURCE / name, STAGE / name)
    shutil.copytree(SOURCE / "media", STAGE / "media")
    (STAGE / "images").mkdir()
    for image in IMAGES.glob("vscode-*.png"):
        shutil.copy(image, STAGE / "images")
    readme = (SOURCE / "README.md").read_text(encoding="utf-8").replace(README_IMAGES, "images/")
    (STAGE / "README.md").write_text(readme, encoding="utf-8")
    # What builds the package is of no use in it.
    package = json.loads((SOURCE / "package.json").read_text(encoding="utf-8"))
    for name in ("scripts", "devDependencies", "private"):
        del package[name]
    package["files"] = ["**"]
    (STAGE / "package.json").write_text(json.dumps(package, indent=2, ensure_ascii=False), encoding="utf-8")


def wheel() -> None:
    """The server, and the versions of its dependencies that it was tested with."""
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(STAGE / "server"), folder=ROOT)
    # Built twice from the same sources it is the same file, so that the same package needs no new environment.
    shutil.copy(ROOT / "constraints.txt", STAGE / "server")


def pack() -> Path:
    version = json.loads((STAGE / "package.json").read_text(encoding="utf-8"))["version"]
    target = BUILD / f"hybrid-lsp-{version}.vsix"
    vsce = SOURCE / "node_modules" / "@vscode" / "vsce" / "vsce"
    options = ["--no-dependencies", "--no-rewrite-relative-links", "--allow-missing-repository", "--out", str(target)]
    run("node", str(vsce), "package", *options, folder=STAGE)
    return target


def run(program: str, *arguments: str, folder: Path) -> None:
    """Run a tool; its failure is this script's."""
    found = shutil.which(program)
    if found is None:
        sys.exit(f"{program} is missing: building the extension needs Node 20 or newer (nodejs.org).")
    environ = os.environ | {"SOURCE_DATE_EPOCH": "1577836800"}
    done = subprocess.run([found, *arguments], cwd=folder, env=environ, check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
