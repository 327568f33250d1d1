"""Known weaknesses in the pinned versions that the project runs on, from pip-audit; status 1 where there is one.

Where the advisory service cannot be reached, or does not know a package, that is said and is no failure: a build
without a network is not for that an unsafe one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PINS = Path(__file__).parent.parent / "constraints.txt"
TIMEOUT_S = 300


def main() -> int:
    """Ask for every pin; prints what was found and what could not be asked."""
    argv = [sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps", "--progress-spinner=off", "--format=json"]
    try:
        done = subprocess.run([*argv, "-r", str(PINS)], capture_output=True, text=True, timeout=TIMEOUT_S)
        packages = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError) as error:
        print(f"NOT AUDITED: the advisory service cannot be asked ({type(error).__name__}). This is no failure.")
        return 0
    lines, weak = report(packages)
    print("\n".join(lines))
    return 1 if weak else 0


def report(packages: list[dict[str, Any]]) -> tuple[list[str], int]:
    """Lines for the user, and how many packages have a known weakness."""
    weak = [each for each in packages if each.get("vulns")]
    unknown = [each["name"] for each in packages if "skip_reason" in each]
    lines = [
        f"WEAK: {each['name']} {each['version']}: {one['id']}, mended in {', '.join(one['fix_versions']) or 'none yet'}"
        for each in weak
        for one in each["vulns"]
    ]
    if unknown:
        lines.append(f"NOT AUDITED: of {len(unknown)} packages nothing could be learned: {', '.join(unknown)}.")
    lines.append(f"{len(packages) - len(unknown)} packages audited, {len(weak)} with a known weakness.")
    return lines, len(weak)


if __name__ == "__main__":
    sys.exit(main())
