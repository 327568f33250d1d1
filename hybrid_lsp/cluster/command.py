"""`hybrid-lsp engine --ray`: one model for a team, on this machine or on a Ray cluster."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hybrid_lsp.cluster import team
from hybrid_lsp.engine.listening import PORT
from hybrid_lsp.engine.process import EngineOptions
from hybrid_lsp.engine.threads import default_threads
from hybrid_lsp.errors import ConfigError
from hybrid_lsp.models.store import EMBEDDED, locate

_LOG = logging.getLogger(__name__)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LOOK_S = 2.0
"""So often the team's file is looked at."""


def main(argv: Sequence[str]) -> int:
    """Deploy, and stay until told to end; returns the exit status. Raises ConfigError, ModelError."""
    options = _parser().parse_args(argv)
    if options.new_user is not None:
        _tell_new_user(options.new_user)
        return 0
    text, engine = _team_text(options), _engine(options)
    deploy = _ray_at(options)
    most = options.most or options.least
    deploy.deploy(deploy.Plan(engine, options.least, most, options.ongoing, options.gpus, text))
    scheme = "https" if options.tls_key else "http"
    print(f"{options.model} is served at {scheme}://{options.host}:{options.port}", flush=True)
    try:
        _follow(options, text, deploy)
    finally:
        deploy.stop()
    return 0


def _tell_new_user(name: str) -> None:
    token, lines = team.new_user(name)
    print(f"The token, which is shown this once: {token}\n\nAdd to the team's file:\n\n{lines}", end="")


def _team_text(options: argparse.Namespace) -> str:
    """The team's file as it is. Raises ConfigError: it is wrong, or missing where others can ask."""
    if options.team is None:
        if options.host not in _LOOPBACK:
            raise ConfigError(
                f"On {options.host} everybody could ask.", "Name the users who may with `--team FILE`, see --help."
            )
        return ""
    team.Team.read(options.team)
    return team.text_of(options.team)


def _ray_at(options: argparse.Namespace) -> Any:
    """Connect to a cluster, or start one here; the module that deploys there. Raises ConfigError."""
    if bool(options.tls_key) != bool(options.tls_certificate):
        raise ConfigError("TLS needs a key and a certificate.", "Give both --tls-key and --tls-certificate.")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves this machine that nobody asked for
    try:
        import ray
        from ray import serve
    except ImportError as error:
        raise ConfigError("This needs Ray Serve.", "pip install 'hybrid-lsp[cluster]'") from error
    from hybrid_lsp.cluster import deploy

    try:
        # Ray's dashboard runs code for whoever reaches it.
        local = {} if options.address else {"include_dashboard": False}
        ray.init(
            options.address or "local",
            namespace=deploy.APP,
            logging_level=logging.WARNING,
            log_to_driver=False,
            **local,
        )
    except ConnectionError as error:
        raise ConfigError(f"There is no Ray cluster at {options.address}.", "Start it: ray start --head") from error
    http = {"host": options.host, "port": options.port}
    if options.tls_key:
        http |= {"ssl_keyfile": str(options.tls_key), "ssl_certfile": str(options.tls_certificate)}
    serve.start(http_options=http)
    return deploy


def _engine(options: argparse.Namespace) -> EngineOptions:
    """What each replica runs. Raises ConfigError, ModelMissing."""
    if options.most is not None and options.most < options.least:
        raise ConfigError("--most is below --least.", "Raise it.")
    return EngineOptions(
        # Workers run in folders of their own.
        model=options.model if options.model == EMBEDDED else str(locate(options.model).absolute()),
        role=options.role,
        family=options.family,
        compute_type=options.compute_type,
        threads=options.threads or default_threads(),
        library=options.library,
        reuse_mb=options.reuse_mb,
        device=options.device,
    )


def _follow(options: argparse.Namespace, text: str, deploy: Any) -> None:
    """Stay until a signal comes; a changed team's file is taken over."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    while not ended.wait(_LOOK_S):
        try:
            text = _team_text(options)
        except ConfigError as error:
            _LOG.warning("%s The users stay as they were.", error)
        try:
            deploy.give_team(text)
        except Exception as error:  # Ray's many: the door is being started again
            _LOG.warning("The door does not answer: %s", error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hybrid-lsp engine --ray", description="Serve one model to a team.")
    parser.add_argument("--model", default="embedded", help="as for `hybrid-lsp engine`; each node must have it")
    parser.add_argument("--team", type=Path, help="TOML with the users' tokens and limits; re-read when it changes")
    parser.add_argument("--new-user", metavar="NAME", help="print a new token, and the lines for the team's file")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; all but the loopback need --team")
    parser.add_argument("--port", type=int, default=PORT, help=f"default {PORT}")
    parser.add_argument("--tls-key", type=Path, help="file of a private key: serve https")
    parser.add_argument("--tls-certificate", type=Path, help="file of its certificate")
    parser.add_argument("--address", help="a Ray cluster that runs (`auto`: on this machine); default: start one here")
    parser.add_argument("--least", type=_count, default=1, help="replicas at rest (default 1)")
    parser.add_argument("--most", type=_count, help="replicas under load (default: as many as at rest)")
    parser.add_argument("--ongoing", type=float, default=2.0, help="open requests a replica that add one (default 2)")
    parser.add_argument("--threads", type=int, default=0, help="CPUs of each replica; 0: chosen for this machine")
    parser.add_argument("--role", choices=("small", "large"), default="small", help="what /props says it is")
    parser.add_argument("--family", default="auto", help="prompt format")
    parser.add_argument("--compute-type", default="auto", help="number format")
    parser.add_argument("--library", choices=("auto", "ctranslate2", "onnxruntime", "torch"), default="auto")
    parser.add_argument("--device", default="auto", help="for torch: `auto`, `balanced`, `cpu`, `cuda:1`, ...")
    parser.add_argument("--gpus", type=float, default=0.0, help="GPUs of each replica, for torch")
    parser.add_argument("--reuse-mb", type=float, default=-1.0, help="memory of each replica for kept prompts")
    return parser


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value
