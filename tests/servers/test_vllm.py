"""What vLLM does beside what the contract asks of it (`test_real_servers.py`); `make test-vllm` installs it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from clauses import collect
from conftest import VLLM, counted

from hybrid_lsp.backends.endpoint import Endpoint
from hybrid_lsp.backends.http import HttpBackend
from hybrid_lsp.errors import BackendRefused
from hybrid_lsp.types import Chat, Infill, Message, Request

pytestmark = [pytest.mark.timeout(3600), pytest.mark.skipif(not VLLM, reason="`make test-vllm` asks for it")]
TIMEOUT_S = 1200.0


@pytest.fixture
async def vllm(vllm_address: str) -> AsyncIterator[HttpBackend]:
    async with httpx.AsyncClient(timeout=60) as http:
        model = (await http.get(f"{vllm_address}/v1/models")).json()["data"][0]["id"]
    backend = HttpBackend("vllm", Endpoint(f"{vllm_address}/v1"), "openai", model=model, timeout_s=TIMEOUT_S)
    yield backend
    await backend.aclose()


async def test_a_prompts_beginning_is_kept(vllm: HttpBackend, vllm_address: str) -> None:
    typed = "".join(f"value_{number} = compute({number})\n" for number in range(40))
    before = counted(vllm_address, "prefix_cache_hits_total")
    for key in ("", "v", "va"):
        await collect(vllm, Request(Infill(typed + key, ""), max_tokens=1))
    assert counted(vllm_address, "prefix_cache_hits_total") > before


async def test_a_conversation_beyond_its_context_is_told(vllm: HttpBackend) -> None:
    request = Request(Chat((Message("user", "value = 1\n" * 800),)), max_tokens=2)
    with pytest.raises(BackendRefused, match="context"):
        await collect(vllm, request)
