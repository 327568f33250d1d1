"""The commands. Each is a few lines over a function below; heavy imports are inside the command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from hybrid_lsp import __version__
from hybrid_lsp.errors import ConfigError, HybridLspError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status. Errors that a user can act on are one line on stderr."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in _HANDED_ON:
        return _guarded(lambda: _HANDED_ON[arguments[0]](arguments[1:]))
    options = _parser().parse_args(arguments)
    return _guarded(lambda: int(options.run(options) or 0))


def _guarded(command: Callable[[], int]) -> int:
    try:
        return command()
    except HybridLspError as error:
        print(f"hybrid-lsp: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _engine(arguments: list[str]) -> int:
    if "--ray" in arguments:
        from hybrid_lsp.cluster.command import main as ray_main

        return ray_main([each for each in arguments if each != "--ray"])
    from hybrid_lsp.engine.process import main as engine_main

    return engine_main(arguments)


def _train(arguments: list[str]) -> int:
    try:
        from hybrid_lsp.training.train import main as train_main
    except ImportError as error:
        raise _needs_training_extra(error) from error
    return train_main(arguments)


def _evaluate(arguments: list[str]) -> int:
    from hybrid_lsp.training.evaluate import main as evaluate_main

    return evaluate_main(arguments)


def _models(arguments: list[str]) -> int:
    from hybrid_lsp.models_command import main as models_main

    return models_main(arguments)


def _doctor(arguments: list[str]) -> int:
    from hybrid_lsp.doctor.report import main as doctor_main

    return doctor_main(arguments)


def _needs_training_extra(error: ImportError) -> HybridLspError:
    return ConfigError(
        f"Training needs packages that are not installed ({error.name}).", "Run: pip install 'hybrid-lsp[train]'"
    )


# These have many options of their own, described where they are read.
_HANDED_ON: dict[str, Callable[[list[str]], int]] = {
    "models": _models,
    "doctor": _doctor,
    "engine": _engine,
    "train": _train,
    "evaluate": _evaluate,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hybrid-lsp", description="Local AI for your editor: ghost text and actions.")
    parser.add_argument("--version", action="version", version=f"hybrid-lsp {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="the language server, over stdio unless told otherwise")
    serve.add_argument("--tcp", metavar="HOST:PORT", help="listen there instead of speaking over stdio")
    serve.add_argument("--stdio", action="store_true", help="the default; taken because some clients add it")
    serve.add_argument("--allow-remote", action="store_true", help="let --tcp serve other machines and users")
    serve.set_defaults(run=_serve)

    complete = commands.add_parser("complete", help="print the suggestion at one place of a file")
    complete.add_argument("place", metavar="FILE:LINE:COL", help="LINE from 1, COL in characters from 1")
    complete.set_defaults(run=_complete)

    demo = commands.add_parser("demo", help="watch it work on a file, in this terminal")
    demo.add_argument("--record", type=Path, metavar="FILE", help="also write what was shown, as text")
    demo.add_argument("--fast", action="store_true", help="do not pause for reading")
    demo.set_defaults(run=_demo)

    stats = commands.add_parser("stats", help="local metrics: what was shown, taken and kept, how fast, at what cost")
    stats.add_argument("--since", metavar="WHEN", help="only what is newer: 7d, 24h, 2w, or a date such as 2026-11-01")
    stats.add_argument("--json", action="store_true", help="all figures as one JSON object")
    stats.add_argument("--html", type=Path, metavar="FILE", help="write a page with plots, which needs no network")
    stats.set_defaults(run=_stats)

    audit = commands.add_parser("audit", help="which of your tasks light models do well, and what to set by that")
    audit.add_argument("--since", metavar="WHEN", help="by what is newer only: 7d, 24h, 2w, or a date")
    audit.add_argument("--json", action="store_true", help="one JSON object")
    one = audit.add_mutually_exclusive_group()
    one.add_argument("--apply", action="store_true", help="write the advised thresholds into your settings")
    one.add_argument("--undo", action="store_true", help="take back what --apply wrote")
    audit.set_defaults(run=_audit)

    commands.add_parser("settings", help="every setting, as a Markdown table").set_defaults(run=_settings)
    for name, text in _HELP_ONLY.items():
        commands.add_parser(name, help=text, add_help=False)
    return parser


_HELP_ONLY = {
    "models": "see, get, choose and measure models",
    "doctor": "say what is wrong here, and how to mend it",
    "engine": "one model's process (the server starts it by itself)",
    "train": "make a small model, or adapt the embedded one to your code",
    "evaluate": "measure a model on code that it has not seen",
}


def _serve(options: argparse.Namespace) -> int:
    from hybrid_lsp.server.app import serve

    return serve(options.tcp, allow_remote=options.allow_remote)


def _complete(options: argparse.Namespace) -> int:
    from hybrid_lsp.oneshot import complete

    return complete(options.place)


def _demo(options: argparse.Namespace) -> int:
    from hybrid_lsp.demo import run

    return run(record=options.record, pause=not options.fast)


def _stats(options: argparse.Namespace) -> int:
    from hybrid_lsp.reports.terminal import run

    return run(options.since, as_json=options.json, html=options.html)


def _audit(options: argparse.Namespace) -> int:
    from hybrid_lsp.audit.command import run

    return run(options.since, as_json=options.json, apply=options.apply, undo=options.undo)


def _settings(options: argparse.Namespace) -> int:
    from hybrid_lsp.tables import settings_table

    print(settings_table())
    return 0
