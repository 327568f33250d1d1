"""Names of the commands that clients run through `workspace/executeCommand`."""

from __future__ import annotations

ACCEPT = "hybrid-lsp.accept"
"""A suggestion was accepted; argument: its id."""
STATUS = "hybrid-lsp.status"
"""Returns the status: tier, busy, last reason for an empty answer, models."""
RUN_ACTION = "hybrid-lsp.runAction"
"""Runs a code action; argument: {action, uri, range}."""
