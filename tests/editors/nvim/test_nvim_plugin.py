"""The plugin as a whole: how it is started and installed, what it says of itself, and its help."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import GHOSTLY, NO_MODELS, PLUGIN, REPEATING, REST, START, TYPED, Edit, Opening


@pytest.fixture
def file(bare: Opening) -> Path:
    path = bare.folder / "shop.py"
    path.write_text(REPEATING, encoding="utf-8")
    return path


def initialised(bare: Opening, lines: str) -> None:
    """Have Neovim read this as its configuration."""
    config = Path(bare.env["XDG_CONFIG_HOME"]) / "nvim"
    config.mkdir(parents=True)
    (config / "init.lua").write_text(lines, encoding="utf-8")


# -- starting --------------------------------------------------------------------------------------------------------


async def test_enabling_it_is_enough(bare: Opening, file: Path) -> None:
    async with bare("--cmd", f"set rtp^={PLUGIN}") as neovim:
        await neovim.lua("vim.lsp.enable('hybrid_lsp')")
        await neovim.command(GHOSTLY)
        await neovim.command(f"edit {file}")
        await neovim.until(START)
        await neovim.keys("Go")
        await neovim.type(TYPED)
        await neovim.until_screen(lambda screen: screen.ghost.startswith(REST))
        # Neovim's own call works as well as ours.
        await neovim.lua("vim.lsp.inline_completion.get()")
        await neovim.until_screen(lambda screen: screen.before_cursor.endswith(TYPED + REST))


async def test_a_configuration_of_the_users_own_counts(bare: Opening, file: Path) -> None:
    """Also an `on_attach` of theirs, and settings from `vim.lsp.config`."""
    async with bare("--cmd", f"set rtp^={PLUGIN}") as neovim:
        await neovim.lua(
            "vim.lsp.config('hybrid_lsp', { on_attach = function() Attached = true end, "
            "settings = { ['hybrid-lsp'] = { completion = { enabled = false } } } })"
        )
        await neovim.lua("require('hybrid_lsp').setup { keymaps = true }")
        await neovim.command(f"edit {file}")
        await neovim.until("Attached")
        await neovim.until(START)
        await neovim.keys("Go")
        await neovim.type(TYPED)
        await neovim.until("require('hybrid_lsp').status():find('disabled')")


async def test_no_server_is_told_once_with_what_to_do(bare: Opening, file: Path) -> None:
    async with bare("--cmd", f"set rtp^={PLUGIN}") as neovim:
        await neovim.lua("require('hybrid_lsp').setup { cmd = { '/nowhere/hybrid-lsp', 'serve' } }")
        await neovim.until_screen(lambda screen: "`/nowhere/hybrid-lsp` was not found" in screen.text)
        assert "require(" in neovim.screen.text
        await neovim.keys("<CR>")
        await neovim.command(f"edit {file}")
        await neovim.command("HybridLsp explain")
        await neovim.until_screen(lambda screen: "is not running for this file" in screen.text)


async def test_a_wrong_option_is_told_by_name_and_kept_at_its_default(bare: Opening) -> None:
    async with bare("--cmd", f"set rtp^={PLUGIN}") as neovim:
        await neovim.lua(
            "vim.notify = function(text) Told = (Told or '') .. text .. '\\n' end; require('hybrid_lsp').setup "
            "{ enable = false, windw = 'float', window = 'tab', ghost_text = { debounce_ms = 'long' }, keymaps = 1, "
            "icons = { busy = '~' } }"
        )
        told = await neovim.lua("return Told")
        assert "there is no option `windw`" in told
        assert "option `window` must be `split` or `float`, not `tab`" in told
        assert "option `ghost_text.debounce_ms` must be a number, not a string" in told
        assert "option `keymaps` must be a boolean or table, not a number" in told
        assert await neovim.lua("return require('hybrid_lsp.options').current.window") == "split"
        icons = await neovim.lua("return require('hybrid_lsp.options').current.icons")
        assert (icons["busy"], icons["ready"]) == ("~", "◆")
        await neovim.lua("require('hybrid_lsp').setup { enable = false, keymaps = { acept = '<Tab>' } }")
        assert "there is no option `keymaps.acept`" in await neovim.lua("return Told")


async def test_nothing_is_loaded_before_it_is_needed(bare: Opening) -> None:
    async with bare("--cmd", f"set rtp^={PLUGIN}", "-c", "runtime plugin/hybrid_lsp.lua") as neovim:
        loaded = "vim.iter(vim.tbl_keys(package.loaded)):filter(function(n) return n:find('hybrid_lsp') end):totable()"
        assert await neovim.lua(f"return {loaded}") == ["hybrid_lsp.command"]
        # And nothing of ours is global.
        assert (
            await neovim.lua("return vim.iter(vim.tbl_keys(_G)):any(function(n) return n:lower():find('hybrid') end)")
            is False
        )


# -- installing ------------------------------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the plugin where ours has it."""
    folder = tmp_path / "hybrid-lsp"
    shutil.copytree(PLUGIN, folder / "editors" / "nvim")
    git = ["git", "-C", str(folder), "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "All"]):
        subprocess.run([*git, *command], check=True, timeout=60)
    return folder


async def test_neovims_own_package_manager_installs_it_as_the_readme_says(
    bare: Opening, file: Path, repository: Path
) -> None:
    readme = (PLUGIN / "README.md").read_text(encoding="utf-8")
    lines = readme.partition("<!-- vim.pack -->\n```lua\n")[2].partition("```")[0]
    assert "vim.pack.add" in lines
    initialised(
        bare,
        # Not from the network, and without asking.
        lines.replace(
            "{ 'https://github.com/hybrid-lsp/hybrid-lsp' }", f"{{ 'file://{repository}' }}, {{ confirm = false }}"
        ),
    )
    async with bare(clean=False) as neovim:
        await neovim.command(f"edit {file}")
        await neovim.until(START)
        assert await neovim.lua("return vim.fn.exists(':HybridLsp')") == 2
        await neovim.command("help hybrid-lsp")
        await neovim.until_screen(lambda screen: "*hybrid-lsp.txt*" in screen.text or "hybrid-lsp.txt" in screen.text)


async def test_lazy_loading_by_folder_works(bare: Opening, file: Path, repository: Path) -> None:
    """What plugin managers do with the whole repository: its root comes to the runtimepath, then our line runs."""
    async with bare("--cmd", f"set rtp^={repository}") as neovim:
        await neovim.lua(
            "vim.opt.runtimepath:append(... .. '/editors/nvim'); require('hybrid_lsp').setup()", str(repository)
        )
        await neovim.command(f"edit {file}")
        await neovim.until(START)
        assert await neovim.lua("return vim.fn.exists(':HybridLsp')") == 2


async def test_the_server_of_a_clone_is_found(bare: Opening, repository: Path) -> None:
    program = repository / ".venv" / "bin" / "hybrid-lsp"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    env = bare.env | {"PATH": "/usr/bin:/bin"}
    async with bare("--cmd", f"set rtp^={repository}/editors/nvim", env=env) as neovim:
        assert await neovim.lua("return require('hybrid_lsp.server').cmd()") == [str(program), "serve"]


# -- status ----------------------------------------------------------------------------------------------------------


async def test_the_statusline_says_who_answers_and_why_there_is_nothing(edit: Edit) -> None:
    async with edit(REPEATING) as neovim:
        await neovim.command("set statusline=%{v:lua.require'hybrid_lsp'.status()} laststatus=2")
        await neovim.until_screen(lambda screen: "◆" in screen.text)
        await neovim.keys("Go")
        await neovim.type(TYPED)
        await neovim.until_screen(lambda screen: screen.ghost)
        await neovim.until_screen(lambda screen: "◆ static" in screen.text or "◆ small" in screen.text)
        await neovim.keys("<Esc>gg0i")
        await neovim.keys("<Right>")
        await neovim.until_screen(lambda screen: "◆ mid word" in screen.text)
        await neovim.command("enew")
        assert await neovim.lua("return require('hybrid_lsp').status()") == ""


async def test_status_log_pause_and_restart(edit: Edit) -> None:
    async with edit(REPEATING) as neovim:
        await neovim.keys(":HybridLsp status<CR>")
        await neovim.until_screen(lambda screen: "models: small: engine:embedded" in screen.text)
        await neovim.keys("<CR>")
        await neovim.command("HybridLsp pause")
        await neovim.until("require('hybrid_lsp').status() == '○ paused'")
        await neovim.keys("Go")
        await neovim.type(TYPED)
        await neovim.until("require('hybrid_lsp').suggestion() == nil")
        await neovim.keys("<Esc>")
        await neovim.command("HybridLsp resume")
        await neovim.until("require('hybrid_lsp').status():find('◆')")
        await neovim.keys("S")
        await neovim.type(TYPED)
        await neovim.until_screen(lambda screen: screen.ghost.startswith(REST))
        await neovim.keys("<Esc>")
        await neovim.command("HybridLsp pause python")
        await neovim.keys(":HybridLsp status<CR>")
        await neovim.until_screen(lambda screen: "paused: python" in screen.text)
        await neovim.keys("<CR>")
        await neovim.command("HybridLsp log")
        await neovim.until("vim.api.nvim_buf_get_name(0):match('server%.log$') and vim.bo.readonly")
        await neovim.command("close")
        old = await neovim.lua("return vim.lsp.get_clients({ name = 'hybrid_lsp' })[1].id")
        await neovim.command("HybridLsp restart")
        await neovim.until(
            "(vim.lsp.get_clients({ name = 'hybrid_lsp', bufnr = 0 })[1] or { id = wanted }).id > wanted", old
        )


async def test_a_long_message_asks_for_no_key_and_is_kept(bare: Opening) -> None:
    async with bare("--cmd", f"set rtp^={PLUGIN}") as neovim:
        message = "One finding in 'shop' | 100 %s.\nSecond line. " + "word " * 100
        show = "require('hybrid_lsp.message').on_show(nil, { type = 3, message = ... }, { client_id = 1 })"
        await neovim.lua(show, message)
        await neovim.until_screen(lambda screen: "One finding in 'shop' | 100 %s. Second line." in screen.text)
        assert "…" in neovim.screen.text
        assert "Press ENTER" not in neovim.screen.text
        kept = await neovim.lua("return vim.fn.execute('messages')")
        assert [line.rstrip() for line in kept.splitlines()[-2:]] == [
            line.rstrip() for line in f"hybrid-lsp: {message}".splitlines()
        ]
        # A plugin that shows messages in its own way gets them whole, as do warnings.
        await neovim.lua("vim.notify = function(text) Told = text end")
        await neovim.lua(show, "short")
        assert "short" in await neovim.lua("return Told")


async def test_the_command_completes(bare: Opening) -> None:
    async with bare("--cmd", f"set rtp^={PLUGIN}", "-c", "runtime plugin/hybrid_lsp.lua") as neovim:
        complete = "return vim.fn.getcompletion(..., 'cmdline')"
        assert await neovim.lua(complete, "HybridLsp re") == ["restart", "resume", "review"]
        assert await neovim.lua(complete, "1,2HybridLsp ex") == ["explain"]
        await neovim.command("setfiletype python")
        assert await neovim.lua(complete, "HybridLsp pause ") == ["python"]
        await neovim.lua("vim.notify = function(text) Told = text end")
        await neovim.command("HybridLsp nonsense")
        assert "choose one of actions, ask" in await neovim.lua("return Told")


# -- health and help -------------------------------------------------------------------------------------------------


async def test_health_of_a_running_server(edit: Edit) -> None:
    wrong = {"settings": NO_MODELS | {"completion": {"debounce": 1}}, "windw": 1}
    async with edit(REPEATING, wrong, arguments=("--cmd", "lua vim.notify = function() end")) as neovim:
        await neovim.command("checkhealth hybrid_lsp")
        text = await neovim.text()
        assert "OK 0.12" in text
        assert "ghost text by `vim.lsp.inline_completion`" in text
        assert "OK " + shutil.which("hybrid-lsp", path=f"{Path(sys.executable).parent}") in text
        assert "attached to shop.py" in text
        assert "models: none" in text
        assert "server.log" in text
        assert "WARNING there is no option `windw`" in text
        assert "completion.debounce: there is no such setting" in text


async def test_health_without_a_server(bare: Opening, repository: Path) -> None:
    arguments = ("--cmd", f"set rtp^={repository}/editors/nvim", "--cmd", "lua vim.notify = function() end")
    async with bare(*arguments, env=bare.env | {"PATH": "/usr/bin:/bin"}) as neovim:
        await neovim.command("checkhealth hybrid_lsp")
        text = await neovim.text()
        assert "ERROR `hybrid-lsp` was not found" in text
        assert "Install it" in text
        assert "Open a file that has a file type" in text


async def test_the_help_has_all_its_tags(bare: Opening, tmp_path: Path) -> None:
    folder = tmp_path / "doc"
    shutil.copytree(PLUGIN / "doc", folder)
    async with bare() as neovim:
        await neovim.command(f"helptags {folder}")
    tags = {line.split("\t")[0] for line in (folder / "tags").read_text(encoding="utf-8").splitlines()}
    text = (folder / "hybrid-lsp.txt").read_text(encoding="utf-8")
    assert {"hybrid-lsp", "hybrid-lsp-options", "hybrid-lsp-settings", ":HybridLsp"} <= tags
    linked = {word.strip("|") for word in text.split() if word.startswith("|hybrid-lsp") and word.endswith("|")}
    assert linked <= tags
    for name in await _subcommands(bare):
        assert f":HybridLsp-{name}" in tags


async def _subcommands(bare: Opening) -> list[str]:
    async with bare("--cmd", f"set rtp^={PLUGIN}", "-c", "runtime plugin/hybrid_lsp.lua") as neovim:
        return list(await neovim.lua("return vim.fn.getcompletion('HybridLsp ', 'cmdline')"))
