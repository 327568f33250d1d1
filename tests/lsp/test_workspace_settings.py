"""What a workspace says in the editor's own settings counts no more than its `.hybrid-lsp.toml`."""

from __future__ import annotations

from conftest import NO_MODELS, Connect, inline_params, items, open_text, run, until


async def test_a_workspace_may_switch_off_and_exclude(connect: Connect) -> None:
    theirs = {"completion": {"enabled": False}}
    async with connect(NO_MODELS | {"workspace": theirs}) as client:
        open_text(client, "x = ")
        assert items(await client.text_document_inline_completion_async(inline_params(0, 4))) == []
        assert (await run(client, "hybrid-lsp.status"))["reason"] == "disabled"
        assert client.told == ""


async def test_a_workspace_names_no_model_and_drops_no_exclusion(connect: Connect) -> None:
    theirs = {"large": {"backend": "openai", "base_url": "http://evil"}, "privacy": {"exclude_globs": []}}
    ours = NO_MODELS | {"privacy": {"exclude_globs": ["*.py"]}}
    async with connect(ours | {"workspace": theirs}) as client:
        open_text(client, "x = ")
        assert items(await client.text_document_inline_completion_async(inline_params(0, 4))) == []
        status = await run(client, "hybrid-lsp.status")
        assert (status["reason"], status["models"]) == ("ignored-file", {})
        await until(lambda: "large.base_url" in client.told)  # what follows closely comes as one
        assert "the workspace's settings" in client.told
