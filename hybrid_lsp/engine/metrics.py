"""What the engine counts, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_lsp.engine.service import Engine


def exposition(engine: Engine) -> str:
    """The body of `/metrics`."""
    return "".join(_lines(engine))


def _lines(engine: Engine) -> Iterator[str]:
    counters, rates = engine.counters, engine.rates
    yield from _metric("generations_started_total", "counter", "Generations begun.", counters.generations_started)
    yield from _metric(
        "generations_cancelled_total", "counter", "Generations whose client went away.", counters.generations_cancelled
    )
    yield from _metric(
        "requests_dropped_total", "counter", "Requests whose client went away before.", counters.requests_dropped
    )
    yield from _metric("prompt_tokens_total", "counter", "Tokens of prompts.", counters.prompt_tokens)
    yield from _metric("tokens_decoded_total", "counter", "Tokens generated.", counters.tokens_decoded)
    yield from _metric(
        "tokens_after_cancel_total", "counter", "Tokens generated for nobody.", counters.tokens_after_cancel
    )
    yield from _metric("generating_seconds_total", "counter", "Time spent generating.", counters.seconds_generating)
    yield from _metric("requests_waiting", "gauge", "Requests that wait for their turn.", engine.scheduler.waiting)
    yield from _metric("requests_running", "gauge", "Requests being generated.", int(engine.scheduler.busy))
    yield from _metric("prefill_tokens_per_second", "gauge", "Measured when the model was loaded.", rates.prefill)
    yield from _metric("decode_tokens_per_second", "gauge", "Measured when the model was loaded.", rates.decode)


def _metric(name: str, kind: str, text: str, value: float) -> Iterator[str]:
    yield f"# HELP hybrid_lsp_{name} {text}\n# TYPE hybrid_lsp_{name} {kind}\nhybrid_lsp_{name} {value}\n"
