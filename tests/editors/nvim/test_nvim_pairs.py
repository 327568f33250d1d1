"""The worst five of real typing, with a plug-in that closes pairs: the real server, copying what the file says."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import NO_MODELS, Edit

# What such plug-ins do: close, type over, and delete nothing of it by themselves.
PAIRS = """
for open, close in pairs({ ['('] = ')', ['['] = ']', ['{'] = '}', ['"'] = '"' }) do
  local over = function()
    local col = vim.fn.col('.')
    return vim.fn.getline('.'):sub(col, col) == close
  end
  vim.keymap.set('i', close, function()
    return over() and '<C-g>U<Right>' or (open == close and open .. close .. '<C-g>U<Left>' or close)
  end, { expr = true })
  if open ~= close then
    vim.keymap.set('i', open, open .. close .. '<C-g>U<Left>')
  end
end
"""
# Description, a line that stands there twice, what is typed of it the third time.
WORST = [
    ("a string", 'if state == "idle_and_waiting":', 'if state == "'),
    ("a head", "def compute(alpha_value, beta_value):", "def compute("),
    ("a condition", "if isinstance(alpha_value, BetaValue):", "if isinstance("),
    ("a key", 'registry["alpha_value"] = beta_value', 'registry["'),
    ("a statement", 'with open("inventory.txt") as inventory_file:', 'with open("'),
]


SETTINGS = NO_MODELS | {"completion": {"min_confidence": 0.0}}
"""What the file says is shown, however sure that is: no model has a word in it."""


def file_of(line: str) -> str:
    head = line if line.endswith(":") else f"{line}\nif True:"
    return f"{head}\n    pass\n\n\n{head}\n    pass\n\n\n"


@pytest.mark.parametrize("native", [True, False], ids=["native", "own"])
@pytest.mark.parametrize("format_", ["unix", "dos"])
@pytest.mark.parametrize(("line", "typed"), [case[1:] for case in WORST], ids=[case[0] for case in WORST])
async def test_the_line_is_as_it_was_meant(edit: Edit, native: bool, format_: str, line: str, typed: str) -> None:
    options: dict[str, Any] = {"ghost_text": {"native": native}, "keymaps": True, "settings": SETTINGS}
    async with edit(file_of(line), options) as neovim:
        await neovim.command(f"set fileformat={format_}")
        await neovim.lua(PAIRS)
        await neovim.keys("Go")
        await neovim.type(typed)
        await neovim.until_screen(lambda screen: screen.ghost)
        await neovim.keys("<Tab>")
        await neovim.until("vim.api.nvim_get_current_line() == wanted", line)
        assert "\r" not in await neovim.text()
