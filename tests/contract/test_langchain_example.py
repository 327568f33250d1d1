"""The example in docs/langchain.md prints what stands there: LangChain's client, our engine, the embedded model."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from relay import relaying

from hybrid_lsp.backends.engine import EngineBackend
from hybrid_lsp.backends.launcher import EngineSpec, Launcher

PAGE = Path(__file__).parents[2] / "docs" / "langchain.md"
ADDRESS = "http://127.0.0.1:8012"


async def test_the_example_prints_what_the_page_says(no_proxy_variables: None) -> None:
    example = PAGE.read_text(encoding="utf-8").split("<!-- example -->")[1].split("<!-- /example -->")[0]
    code, printed = (re.findall(rf"```{kind}\n(.*?)```", example, re.DOTALL)[0] for kind in ("python", "text"))
    assert ADDRESS in code
    launcher, spec = Launcher(start_timeout_s=60), EngineSpec("embedded", idle_exit_minutes=5)
    engine = EngineBackend(spec, launcher, 60)
    # LangChain's clients know no Unix sockets.
    async with relaying(await launcher.ensure(spec)) as relay:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", code.replace(ADDRESS, relay.endpoint.base_url)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    assert out.decode() == printed
    assert [each.path for each in relay.generations] == ["/v1/completions"] * 3
    assert (await engine.props())["counters"]["generations_started"] == 3
    await engine.aclose()
