from __future__ import annotations

from typing import Any

import pytest
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams

from hybrid_lsp.server.perform import Order

ORDER = Order("explain", "file:///a.py", lsp.Range(lsp.Position(1, 2), lsp.Position(3, 4)))


def test_an_order_is_read_as_it_was_written() -> None:
    assert Order.read(ORDER.write()) == ORDER


@pytest.mark.parametrize(
    "data",
    [None, 5, "explain", [], {}, {"action": "explain", "uri": "x"}, ORDER.write() | {"range": {"start": 1, "end": 2}}],
)
def test_what_is_no_order(data: Any) -> None:
    with pytest.raises(JsonRpcInvalidParams, match="one object"):
        Order.read(data)


@pytest.mark.parametrize("number", [-1, 1.0, "1", True, None, 2**31])
def test_what_is_no_position(number: Any) -> None:
    data = ORDER.write()
    data["range"]["end"]["character"] = number
    with pytest.raises(JsonRpcInvalidParams):
        Order.read(data)
