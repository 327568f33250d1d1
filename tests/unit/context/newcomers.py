"""Two sets of canaries, each written before its author had read how secrets are found, in files of many kinds.

`newcomers.txt` and `outsiders.txt` have a heading for each file and a line `--` between canaries. `«…»` is a secret;
`{a32}` within it is made at run time: h and H hexadecimal, a letters and digits, A capitals and digits, l small
letters, d digits, b and B base64 for URLs and of MIME. Nothing there is a secret of anybody's.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterator
from pathlib import Path

_ALPHABETS = {
    "h": "0123456789abcdef",
    "H": "0123456789ABCDEF",
    "a": string.ascii_letters + string.digits,
    "A": string.ascii_uppercase + string.digits,
    "l": string.ascii_lowercase,
    "d": string.digits,
    "b": string.ascii_letters + string.digits + "-_",
    "B": string.ascii_letters + string.digits + "+/",
}


def newcomers(which: str = "newcomers") -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """The file's name, its text, and the pieces of its secrets, none of which may be shown."""
    whole = (Path(__file__).parent / f"{which}.txt").read_text(encoding="utf-8")
    for section in whole.split("## ")[1:]:
        name, _, body = section.partition("\n")
        for number, marked in enumerate(body.removesuffix("\n").split("\n--\n")):
            yield name, *_made(marked, random.Random(f"{name} {number}"))


def _made(marked: str, chance: random.Random) -> tuple[str, tuple[str, ...]]:
    def at_random(found: re.Match[str]) -> str:
        return "".join(chance.choices(_ALPHABETS[found[1]], k=int(found[2])))

    full = re.sub(r"\{([hHaAlbBd])(\d+)\}", at_random, marked)
    secrets = re.findall(r"«(.*?)»", full, re.DOTALL)
    pieces = (line.strip() for secret in secrets for line in secret.split("\n"))
    return full.replace("«", "").replace("»", "") + "\n", tuple(piece for piece in pieces if piece)
