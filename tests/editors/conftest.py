"""Tests in real editors: `make test-editors` installs these and runs the tests, `make test` does without."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import leftovers
import pytest

HERE = Path(__file__).parent
sys.path += [str(HERE.parent / "lsp"), str(HERE.parent.parent / "tools" / "editors")]

from scripted import Script, scripted_server  # noqa: E402


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("editors")


@pytest.fixture(scope="session")
def engine_folder() -> Iterator[str]:
    """The runtime folder of all tests of an editor: their engine is started once, and ends with them."""
    with leftovers.engine_folder() as folder:
        yield folder


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    """A large model with scripted replies."""
    async with scripted_server(Script()) as script:
        yield script
