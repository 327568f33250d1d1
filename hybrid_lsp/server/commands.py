"""Names of the commands that clients run through `workspace/executeCommand`."""

from __future__ import annotations

ACCEPT = "hybrid-lsp.accept"
"""A suggestion was accepted; argument: its id."""
PAUSE = "hybrid-lsp.pause"
"""Pauses inline completion, or goes on; argument: {paused: bool, language?: string}; returns the status."""
STATUS = "hybrid-lsp.status"
"""Returns the status: tier, busy, last reason for an empty answer, models."""
DISCARDED = "you discarded it"
"""What our own clients answer to an edit that their user has looked at and did not want: no news to anybody."""
RUN_ACTION = "hybrid-lsp.runAction"
"""Runs a code action; argument: {action, uri, range, instruction?, diagnostic?}."""
ANSWER_NOW = "hybrid-lsp.answerNow"
"""Waits no longer for silent models: actions that run on a document answer without; argument: {uri}; returns
{answered: how many}."""
DISMISS = "hybrid-lsp.dismiss"
"""Drops a finding for good; argument: {uri, range, code}, or {reset: true} to forget the workspace's dismissals."""
STATISTICS = "hybrid-lsp.statistics"
"""Writes the page of statistics, and has it opened; argument: {since?, show?}; returns {kind, file}."""
MODELS = "hybrid-lsp.models"
"""Runs a verb of `hybrid-lsp models`; argument: {verb, model?, tier?, name?, corpus?, show?}; returns its result."""
