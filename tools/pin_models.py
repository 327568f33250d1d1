"""Writes into the catalogue which commit of each model is fetched: the newest on the hub, as it is now.

Run it where the hub can be reached, try the models whose commit it names as changed, and commit what it wrote.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from hybrid_lsp.catalogue import hub
from hybrid_lsp.errors import HybridLspError

CATALOGUE = Path(__file__).parent.parent / "hybrid_lsp" / "catalogue" / "known.json"


def pinned(text: str) -> tuple[str, list[str]]:
    """The catalogue with the commits in it, and which entries have another one than before. The lines stay as they are.

    Raises HubUnreachable, ModelMissing, ModelError.
    """
    changed = []
    for entry in json.loads(text)["models"]:
        commit, before = hub.look(hub.Reference(entry["repo"])).commit, entry.get("revision", "")
        if commit == before:
            continue
        repo = json.dumps(entry["repo"])
        old = f'"repo": {repo},' + (f' "revision": "{before}",' if before else "")
        text = text.replace(old, f'"repo": {repo}, "revision": "{commit}",')
        changed.append(f"{entry['name']}: {before[:8] or 'none'} -> {commit[:8]}")
    return text, changed


def main() -> int:
    try:
        text, changed = pinned(CATALOGUE.read_text(encoding="utf-8"))
    except HybridLspError as error:
        print(error, file=sys.stderr)
        return 1
    CATALOGUE.write_text(text, encoding="utf-8")
    print("\n".join(changed) or "All commits are the newest.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
