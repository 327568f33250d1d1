"""Every error that hybrid-lsp raises on purpose, one class for each thing a caller can act on.

HybridLspError
├── ConfigError             a setting is wrong: correct it
├── ModelError              a model cannot be used
│   ├── ModelMissing        it is not where the settings say
│   ├── ModelBroken         it is there and does not load
│   ├── HubUnreachable      the hub, or the way to it, does not answer
│   ├── DiskFull            there is no room to make it
│   └── ModelStopped        whoever asked for it has stopped its making
├── EngineError             the model process cannot be had
│   ├── SocketUnavailable   its socket cannot be made
│   └── EngineStartFailed   it was started and died, or is backing off
├── BackendError            a request to a model did not work: the router tries the next
│   ├── BackendUnavailable  nobody answers there
│   ├── BackendFailed       it answered with an error or died in the middle
│   ├── BackendRefused      it is well and gives no answer to this request
│   └── BackendTimeout      it answers too slowly
├── ActionError             an action has nothing it may apply
│   ├── ReplyRejected       the model's reply did not pass verification
│   └── StaleDocument       the text changed since the action was computed
├── DocumentRejected        a text that is not served (binary, huge)
├── MetricsUnreadable       the local metrics cannot be read
├── AnalysisError           a static analyser failed on this text
└── TrainingError           a corpus or a checkpoint cannot be used

Each carries a `remedy`: what the reader can do about it, in one sentence.
"""

from __future__ import annotations


class HybridLspError(Exception):
    """Base of all. `str()` gives the message and the remedy, as a user should read them."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class ConfigError(HybridLspError):
    """A setting is wrong."""


class ModelError(HybridLspError):
    """A model cannot be used."""


class ModelMissing(ModelError):
    """The model is not where the settings say."""


class ModelBroken(ModelError):
    """The model's files are there and do not load."""


class HubUnreachable(ModelError):
    """The hub does not answer, or is not to be asked."""


class DiskFull(ModelError):
    """There is no room on the disk for a model that is being made."""


class ModelStopped(ModelError):
    """A model was being made, and whoever asked for it has stopped that; nothing is left of it."""


class EngineError(HybridLspError):
    """The model process cannot be had."""


class SocketUnavailable(EngineError):
    """The engine's socket cannot be made or is somebody else's."""


class EngineStartFailed(EngineError):
    """The engine was started and died, or is waiting out its back-off."""


class BackendError(HybridLspError):
    """A request to a model did not work."""


class BackendUnavailable(BackendError):
    """Nobody answers at the backend's address."""


class BackendFailed(BackendError):
    """The backend answered with an error, or died in the middle of an answer."""


class BackendRefused(BackendError):
    """The backend is well and gives no answer to this request; it may answer the next one."""


class BackendTimeout(BackendError):
    """The backend answers too slowly."""


class ActionError(HybridLspError):
    """An action has nothing that it may apply."""


class ReplyRejected(ActionError):
    """The model's reply did not pass verification; `raw` keeps it for the curious."""

    def __init__(self, message: str, remedy: str = "", raw: str = "") -> None:
        super().__init__(message, remedy)
        self.raw = raw


class StaleDocument(ActionError):
    """The document changed since the action was computed."""


class DocumentRejected(HybridLspError):
    """A text that is not served (binary, huge)."""


class MetricsUnreadable(HybridLspError):
    """The local metrics cannot be read."""


class AnalysisError(HybridLspError):
    """A static analyser failed on this text."""


class TrainingError(HybridLspError):
    """A corpus or a checkpoint cannot be used."""
