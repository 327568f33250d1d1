"""The code that actions work on in many tests, and what becomes of it."""

from __future__ import annotations

CODE = '''\
import os


def slow(items, limit=10):
    """Sorts."""
    out = list(sorted(items))
    return out[:limit]


def run(command):
    os.system("ls " + command)
    return slow([command])
'''
STATIC_BETTER = CODE.replace("list(sorted(items))", "sorted(items)")
"""As static analysis makes it better."""
BETTER = '''\
def slow(items, limit=10):
    """Sorts."""
    return sorted(items)[:limit]
'''
"""What a large model replies about the first function, and the code with that."""
MODEL_BETTER = CODE.replace(
    "    out = list(sorted(items))\n    return out[:limit]\n", "    return sorted(items)[:limit]\n"
)
