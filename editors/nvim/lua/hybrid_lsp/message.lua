--- Telling the user something without making them press Enter.
local M = {}

local INFO = 3

--- Whether what stands in the message line is progress, which goes when the work ends.
local is_progress = false

--- As much of a text as fits into the message line; more would ask for Enter.
---@param text string
function M.line(text)
  text = text:gsub('%s*\n%s*', ' ')
  local room = vim.v.echospace
  if vim.fn.strdisplaywidth(text) > room then
    text = vim.fn.strcharpart(text, 0, room - 1)
    while vim.fn.strdisplaywidth(text) > room - 1 do
      text = vim.fn.strcharpart(text, 0, vim.fn.strchars(text) - 1)
    end
    text = text .. '…'
  end
  vim.api.nvim_echo({ { text } }, false, {})
end

--- What a running action does.
---@param text string
function M.progress(text)
  is_progress = true
  M.line('hybrid-lsp: ' .. text)
end

--- The work has ended: nothing to see any more, unless something else was said since.
function M.progress_ended()
  if is_progress then
    is_progress = false
    vim.api.nvim_echo({ { '' } }, false, {})
  end
end

--- Tell the user something short.
---@param text string
function M.tell(text)
  is_progress = false
  vim.notify('hybrid-lsp: ' .. text, vim.log.levels.INFO)
end

--- Whether messages go where Neovim itself shows them, and not to a plugin of the user's.
---@return boolean
local function is_plain()
  local source = debug.getinfo(vim.notify, 'S').source
  -- Neovim's own functions are compiled in, since 0.12 without their file's name.
  return source:sub(-1) == '?' or vim.startswith(source, '@vim/')
end

--- A `window/showMessage`: what is long is shown in part and kept whole in `:messages`.
---@param err lsp.ResponseError|nil
---@param params lsp.ShowMessageParams
---@param ctx lsp.HandlerContext
---@param config table|nil
function M.on_show(err, params, ctx, config)
  is_progress = false
  require('hybrid_lsp.client').remember_message(params, ctx.client_id)
  if params.type < INFO or not is_plain() or vim.fn.exists('+messagesopt') == 0 then
    return vim.lsp.handlers['window/showMessage'](err, params, ctx, config)
  end
  local text = 'hybrid-lsp: ' .. params.message
  local before = vim.o.messagesopt
  -- In place of `hit-enter`: it goes into `:messages` and asks for no key.
  vim.o.messagesopt = 'wait:0,history:' .. (before:match('history:(%d+)') or 500)
  vim.api.nvim_echo({ { text } }, true, {})
  vim.cmd.redraw()
  vim.o.messagesopt = before
  M.line(text)
end

return M
