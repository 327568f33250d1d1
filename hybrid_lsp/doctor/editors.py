"""The editors on this machine, and whether they are set up for hybrid-lsp."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator

from hybrid_lsp.doctor.findings import Finding, doubtful, fine

_SAYS_WITHIN_S = 20
_OLDEST_NEOVIM, _BEST_NEOVIM = (0, 10), (0, 12)
_EXTENSION = "hybrid-lsp.hybrid-lsp"
_VSCODES = ("code", "codium", "code-insiders", "cursor")


def editors() -> Iterator[Finding]:
    """Each editor that is found; those without a set-up of their own are named."""
    found = [*_neovim(), *(each for program in _VSCODES for each in _vscode(program))]
    found += [
        fine("editors", f"{name}: settings for it are in docs/clients.md")
        for name, program in (("Helix", "hx"), ("Emacs", "emacs"))
        if shutil.which(program)
    ]
    yield from found or [fine("editors", "none of Neovim, VS Code, Helix, Emacs is on the PATH here")]


def _neovim() -> Iterator[Finding]:
    program = shutil.which("nvim")
    said = _output(program, "--version") if program else None
    version = re.search(r"NVIM v(\d+)\.(\d+)", said or "")
    if program is None:
        return
    if version is None:
        yield doubtful("editors", f"{program} does not say its version.", "Run: nvim --version")
        return
    number = (int(version[1]), int(version[2]))
    if number < _OLDEST_NEOVIM:
        text = f"Neovim {version[1]}.{version[2]} is too old for ghost text."
        yield doubtful("editors", text, "Install Neovim 0.12: https://github.com/neovim/neovim/releases")
    elif "yes" not in (
        _output(program, "--headless", "+lua io.write(pcall(require,'hybrid_lsp') and 'yes' or 'no')", "+qa!") or "yes"
    ):
        text = f"Neovim {version[1]}.{version[2]} does not have the plugin."
        yield doubtful("editors", text, "Add it as editors/nvim/README.md says, then: nvim +'checkhealth hybrid_lsp'")
    else:
        own = "" if number >= _BEST_NEOVIM else " (0.12 has ghost text of its own)"
        yield fine("editors", f"Neovim {version[1]}.{version[2]} with the plugin{own}")


def _vscode(name: str) -> Iterator[Finding]:
    program = shutil.which(name)
    listed = _output(program, "--list-extensions") if program else None
    if program is None or listed is None:
        return
    if _EXTENSION in listed.split():
        yield fine("editors", f"{name} with the extension")
    else:
        remedy = f"Run: make vsix && {name} --install-extension build/hybrid-lsp-*.vsix"
        yield doubtful("editors", f"{name} does not have the extension.", remedy)


def _output(program: str | None, *arguments: str) -> str | None:
    """What a program prints; None where it does not run."""
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=_SAYS_WITHIN_S, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout + done.stderr
