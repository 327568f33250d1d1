"""Checks the Lua files: their format by StyLua (from npm), their sense by luacheck (from Debian); `--fix` formats them.

Both are installed into the editors' cache folder. Where one cannot be had it is left out and that is said, but not in
CI, where it is an error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import debian
from install_neovim import editors_folder

ROOT = Path(__file__).parent.parent.parent
PLUGIN = ROOT / "editors" / "nvim"
STYLUA = "@johnnymorganz/stylua@2.5.2"
_LUACHECK = ("lua-check", "lua5.1")


class MissingError(Exception):
    """A tool cannot be had here."""


def files() -> list[Path]:
    return sorted([*PLUGIN.rglob("*.lua"), *(ROOT / "tests" / "editors" / "nvim").rglob("*.lua")])


def stylua(paths: Iterable[Path], *, fix: bool) -> bool:
    """Whether the files are formatted. Raises MissingError."""
    folder = editors_folder() / "stylua"
    if not (folder / "node_modules").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _run(["npm", "install", "--silent", "--no-save", "--prefix", folder, STYLUA])
    command = ["node", Path(__file__).with_name("format_lua.mjs"), folder, PLUGIN / ".stylua.toml"]
    return _done([*command, *(["--write"] if fix else []), *paths])


def luacheck(paths: Iterable[Path]) -> bool:
    """Whether luacheck has nothing to say. Raises MissingError and DebianError."""
    options = ["--no-color", "--quiet", "--config", PLUGIN / ".luacheckrc", *paths]
    if program := shutil.which("luacheck"):
        return _done([program, *options])
    root = editors_folder() / "luacheck"
    if not (root / "usr").exists():
        debian.unpack(_LUACHECK, root, debian.own_suite())
    libraries = next(iter(root.glob("usr/lib/*/lua/5.1")), None)
    if libraries is None:
        raise MissingError("the packages hold no Lua libraries where they were expected")
    modules = root / "usr" / "share" / "lua" / "5.1"
    paths_of_lua = {"LUA_PATH": f"{modules}/?.lua;{modules}/?/init.lua", "LUA_CPATH": f"{libraries}/?.so"}
    return _done([root / "usr/bin/lua5.1", root / "usr/bin/luacheck", *options], env=os.environ | paths_of_lua)


def _run(command: list[str | Path]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    except FileNotFoundError:
        raise MissingError(f"there is no {command[0]}") from None
    except subprocess.CalledProcessError as error:
        raise MissingError((error.stderr.strip().splitlines() or [f"{command[0]} failed"])[-1]) from None


def _done(command: list[str | Path], env: dict[str, str] | None = None) -> bool:
    return subprocess.run(command, env=env, timeout=300).returncode == 0


def main() -> int:
    fine = True
    for name, check in {
        "StyLua": lambda: stylua(files(), fix="--fix" in sys.argv),
        "luacheck": lambda: luacheck(files()),
    }.items():
        try:
            fine = check() and fine
        except (MissingError, debian.DebianError) as error:
            print(f"{name} was left out: {error}", file=sys.stderr)
            fine = fine and not os.environ.get("CI")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
