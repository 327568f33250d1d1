"""What the engine counts, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_lsp.engine.service import Engine


def kept(engine: Engine) -> dict[str, int]:
    """What is kept of earlier prompts, for `/props`."""
    reuse = engine.model.reuse
    return {
        "entries": reuse.entries,
        "bytes": reuse.bytes,
        "budget_bytes": reuse.budget,
        "hits": reuse.hits,
        "misses": reuse.misses,
        "reused_tokens": reuse.reused_tokens,
        "resets": reuse.resets,
        "chores": engine.idle.done,
    }


def exposition(engine: Engine) -> str:
    """The body of `/metrics`."""
    return "".join(_lines(engine))


def _lines(engine: Engine) -> Iterator[str]:
    counters, rates, reuse = engine.counters, engine.rates, engine.model.reuse
    yield from _metric("generations_started_total", "counter", "Generations begun.", counters.generations_started)
    yield from _metric(
        "generations_cancelled_total", "counter", "Generations whose client went away.", counters.generations_cancelled
    )
    yield from _metric(
        "generations_preempted_total",
        "counter",
        "Background generations that made way for a request.",
        counters.generations_preempted,
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
    yield from _metric("kv_entries", "gauge", "Beginnings of prompts that are kept computed.", reuse.entries)
    yield from _metric("kv_bytes", "gauge", "Memory that they take, estimated.", reuse.bytes)
    yield from _metric("kv_hits_total", "counter", "Prompts whose beginning was kept.", reuse.hits)
    yield from _metric("kv_misses_total", "counter", "Prompts whose beginning was not.", reuse.misses)
    yield from _metric("kv_reused_tokens_total", "counter", "Prompts' tokens not computed again.", reuse.reused_tokens)
    yield from _metric("kv_resets_total", "counter", "Times that all that was kept was dropped.", reuse.resets)
    yield from _metric("idle_chores_total", "counter", "Chores done while nobody asked.", engine.idle.done)
    yield from _metric("prefill_tokens_per_second", "gauge", "Measured at load, and followed since.", rates.prefill)
    yield from _metric("decode_tokens_per_second", "gauge", "Measured at load, and followed since.", rates.decode)


def _metric(name: str, kind: str, text: str, value: float) -> Iterator[str]:
    yield f"# HELP hybrid_lsp_{name} {text}\n# TYPE hybrid_lsp_{name} {kind}\nhybrid_lsp_{name} {value}\n"
