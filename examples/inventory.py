"""A small shop's stock: the file that `hybrid-lsp demo` types into."""

import json
import logging
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

logger = logging.getLogger(__name__)


class UnknownItem(KeyError):
    """No item has this number."""


@dataclass
class Item:
    """One kind of thing on the shelf."""

    number: str
    name: str
    price: float
    count: int = 0
    tags: list[str] = field(default_factory=list)

    def total(self) -> float:
        return self.price * self.count


class Inventory:
    """All items, by number."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.items: dict[str, Item] = {}

    def add(self, item: Item) -> None:
        if item.number in self.items:
            raise ValueError(f"item {item.number} is there already")
        self.items[item.number] = item
        logger.info("added %s", item.number)

    def get(self, number: str) -> Item:
        if number not in self.items:
            raise UnknownItem(number)
        return self.items[number]

    def remove(self, number: str) -> Item:
        if number not in self.items:
            raise UnknownItem(number)
        logger.info("removed %s", number)
        return self.items.pop(number)

    def load(self) -> None:
        with open(self.path, encoding="utf-8") as stream:
            for row in json.load(stream):
                self.add(Item(**row))

    def expensive(self, limit: float) -> list[Item]:
        found = []
        for item in self.items.values():
            if item.price > limit:
                found.append(item)
        return found

    def report(self) -> str:
        lines = []
        for item in list(sorted(self.items.values(), key=lambda item: item.name)):
            lines.append("{}: {} at {}".format(item.name, item.count, item.price))
        return "\n".join(lines)

    def print_labels(self, printer: str) -> None:
        for item in self.items.values():
            subprocess.run(f"lp -d {printer} -t '{item.name}'", shell=True)

    def evaluate(self, formula: str) -> float:
        return eval(formula, {"items": self.items})
