"""What makes a step fast on this machine, found out by trying: bf16 or fp32, compiled or not, how many rows at once."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from hybrid_lsp.training import network

WORTH_COMPILING = 600.0  # seconds of training; compiling takes about 20

CPU_ROWS = 8  # at once: what fits the caches

Loss = Callable[[Any, torch.Tensor, torch.Tensor], torch.Tensor]
Tensors = tuple[torch.Tensor, torch.Tensor]


def autocast(device: str, bf16: bool) -> AbstractContextManager[Any]:
    """bf16 for what gains by it, or nothing."""
    return torch.autocast(device, torch.bfloat16) if bf16 else nullcontext()


def backward(loss: torch.Tensor) -> None:
    """Gradients of a loss."""
    loss.backward()  # type: ignore[no-untyped-call]


def wants_bf16(model: Any, rows: Tensors, device: str, say: Callable[[str], None]) -> bool:
    """Whether bf16 is faster: CPUs without its instructions are some 30 times slower with it, so measure."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    seconds = {bf16: _seconds(model, rows, device, bf16) for bf16 in (False, True)}
    say(f"measured: fp32 {seconds[False]:.2f} s, bf16 {seconds[True]:.2f} s for {len(rows[0])} rows")
    return seconds[True] < seconds[False]


def fitting(model: Any, rows: Tensors, device: str, bf16: bool, say: Callable[[str], None]) -> int:
    """How many of these rows fit the memory of a GPU at once; halved until they do."""
    count = len(rows[0])
    while device == "cuda" and count > 1:
        try:
            with autocast(device, bf16):
                backward(network.weighted_loss(model, *(each[:count] for each in rows)))
            break
        except torch.OutOfMemoryError:
            count //= 2
            say(f"too little memory; going on with {count} rows at once")
        finally:
            model.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()
    return count


def _seconds(model: Any, rows: Tensors, device: str, bf16: bool) -> float:
    """The faster of two steps."""
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        with autocast(device, bf16):
            backward(network.weighted_loss(model, *rows))
        seconds.append(time.perf_counter() - start)
    model.zero_grad(set_to_none=True)
    return min(seconds)


def compiled(model: Any, rows: Tensors, device: str, bf16: bool, say: Callable[[str], None]) -> Loss:
    """The loss through torch.compile; where that does not work, the plain one."""
    start = time.perf_counter()
    try:
        loss: Loss = torch.compile(network.weighted_loss)
        with autocast(device, bf16):
            backward(loss(model, *rows))
        model.zero_grad(set_to_none=True)
    except Exception as error:  # a missing compiler, an unsupported system: many classes
        say(f"torch.compile does not work here ({type(error).__name__}); going on without it")
        torch.compiler.reset()
        return network.weighted_loss
    say(f"compiled in {time.perf_counter() - start:.0f} s")
    return loss
