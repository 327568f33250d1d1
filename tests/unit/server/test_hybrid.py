"""What the server does with its own defects."""

from __future__ import annotations

import logging
import sys

import pytest
from pygls.exceptions import (
    FeatureNotificationError,
    FeatureRequestError,
    JsonRpcInternalError,
    JsonRpcInvalidParams,
)

from hybrid_lsp.server.app import create_server

Caplog = pytest.LogCaptureFixture


def defect() -> Exception:
    raise KeyError("password = 'hunter2'")


@pytest.mark.parametrize("source", [FeatureRequestError, FeatureNotificationError])
def test_a_defect_is_logged_with_its_trace_and_without_its_text(caplog: Caplog, source: type[Exception]) -> None:
    """The text may hold source code."""
    try:
        defect()
    except KeyError as error:
        wrapped = JsonRpcInternalError.of(sys.exc_info())
        create_server().report_server_error(wrapped, source)
        create_server().report_server_error(error, source)
    assert len(caplog.records) == 2
    for record in caplog.records:
        assert record.levelno == logging.ERROR
        assert "KeyError in the server:" in record.getMessage()
        assert "in defect" in record.getMessage()
        assert "hunter2" not in record.getMessage().replace("raise KeyError(\"password = 'hunter2'\")", "")


def test_what_the_client_did_wrong_is_no_defect(caplog: Caplog) -> None:
    create_server().report_server_error(JsonRpcInvalidParams("no"), FeatureRequestError)
    create_server().protocol.read(b"{{{")
    ours = [record.levelno for record in caplog.records if record.name.startswith("hybrid_lsp")]
    assert ours == [logging.WARNING]


def test_a_server_that_was_not_shut_down_ends_with_1() -> None:
    server = create_server()
    assert server.exit_code == 1
    server.protocol._shutdown = True
    assert server.exit_code == 0
