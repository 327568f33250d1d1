--- Windows with text that is nobody's file.
local options = require('hybrid_lsp.options')

local M = {}

---@class hybrid_lsp.Window
---@field buf integer
---@field win integer
---@field float boolean

---@return vim.api.keyset.win_config
local function floating(title)
  local width, height = math.floor(vim.o.columns * 0.8), math.floor((vim.o.lines - 2) * 0.7)
  return {
    relative = 'editor',
    width = width,
    height = height,
    row = math.floor((vim.o.lines - height) / 2) - 1,
    col = math.floor((vim.o.columns - width) / 2),
    border = 'rounded',
    style = 'minimal',
    title = ' ' .. title .. ' ',
  }
end

---@param buf integer
---@param title string
---@return integer win
local function open_window(buf, title)
  local win
  if options.current.window == 'float' then
    win = vim.api.nvim_open_win(buf, true, floating(title))
  else
    -- Beside the code where the screen is wide.
    local beside = vim.o.columns >= 140
    vim.cmd(beside and 'botright vsplit' or ('botright %dsplit'):format(vim.o.lines * 0.55))
    win = vim.api.nvim_get_current_win()
    vim.api.nvim_win_set_buf(win, buf)
  end
  local local_options = { wrap = true, linebreak = true, number = false, relativenumber = false, signcolumn = 'no' }
  for name, value in pairs(local_options) do
    vim.api.nvim_set_option_value(name, value, { win = win, scope = 'local' })
  end
  return win
end

--- Some systems package Neovim without the parser that it then needs for Markdown.
---@param buf integer
---@param filetype string
local function set_filetype(buf, filetype)
  if filetype == 'markdown' and #vim.api.nvim_get_runtime_file('parser/markdown.*', false) == 0 then
    vim.bo[buf].syntax = filetype
  else
    vim.bo[buf].filetype = filetype
  end
end

--- Open a window with a buffer that vanishes with it; `q` closes it. The cursor goes there, but not while typing.
---@param title string
---@param filetype string
---@param on_close fun()
---@return hybrid_lsp.Window
function M.open(title, filetype, on_close)
  local from, typing = vim.api.nvim_get_current_win(), vim.api.nvim_get_mode().mode:match('^[iR]') ~= nil
  local buf = vim.api.nvim_create_buf(false, true)
  vim.bo[buf].bufhidden = 'wipe'
  -- For the statusline; another window may have the name.
  pcall(vim.api.nvim_buf_set_name, buf, 'hybrid-lsp: ' .. title)
  local win = open_window(buf, title)
  set_filetype(buf, filetype)
  vim.bo[buf].modifiable = false
  vim.keymap.set('n', 'q', '<Cmd>close<CR>', { buffer = buf, nowait = true, desc = 'Close this window' })
  vim.api.nvim_create_autocmd('BufWipeout', {
    buffer = buf,
    once = true,
    callback = function()
      vim.schedule(on_close)
    end,
  })
  if typing then
    vim.api.nvim_set_current_win(from)
  end
  return { buf = buf, win = win, float = options.current.window == 'float' }
end

---@param window hybrid_lsp.Window
---@return boolean
function M.is_open(window)
  return vim.api.nvim_buf_is_valid(window.buf) and vim.api.nvim_win_is_valid(window.win)
end

---@param window hybrid_lsp.Window
---@param text string
function M.write(window, text)
  vim.bo[window.buf].modifiable = true
  vim.api.nvim_buf_set_lines(window.buf, 0, -1, false, vim.split(text, '\n', { plain = true }))
  vim.bo[window.buf].modifiable = false
end

--- A line above the text.
---@param window hybrid_lsp.Window
---@param text string
function M.head(window, text)
  if window.float then
    vim.api.nvim_win_set_config(window.win, { title = ' ' .. text .. ' ' })
  else
    local line = '%#Title#' .. text:gsub('%%', '%%%%') .. '%<'
    vim.api.nvim_set_option_value('winbar', line, { win = window.win, scope = 'local' })
  end
end

---@param window hybrid_lsp.Window
function M.close(window)
  if M.is_open(window) then
    vim.api.nvim_win_close(window.win, true)
  end
end

return M
