--- Explanations: one window of Markdown that grows while the server writes, whoever asked for it.
local window = require('hybrid_lsp.window')

local M = {}

---@class hybrid_lsp.Run
---@field title string
---@field prefix string What the server's token for it begins with.
---@field token string|nil Known from the first text on.
---@field closed boolean The user closed the window: what still comes is not shown.
---@field done boolean
---@field cancel fun()

--- The newest run, which has the window.
---@type hybrid_lsp.Run|nil
local current

---@type hybrid_lsp.Window|nil
local shown

local function on_close()
  shown = nil
  if current and not current.done then
    current.closed, current.done = true, true
    current.cancel()
    require('hybrid_lsp.message').tell('Cancelled.')
  end
end

---@param run hybrid_lsp.Run
---@param markdown string
local function show(run, markdown)
  if run.closed then
    return
  elseif not shown or not window.is_open(shown) then
    shown = window.open(run.title, 'markdown', on_close)
    vim.api.nvim_set_option_value('conceallevel', 2, { win = shown.win, scope = 'local' })
  end
  window.write(shown, markdown)
  window.head(shown, run.done and run.title or run.title .. ' (being written; q cancels)')
end

--- The run that a text belongs to; nil for one that has to wait until the newest is done.
---@param token string
---@param client_id integer
---@return hybrid_lsp.Run|nil
local function run_of(token, client_id)
  if current and (current.token == token or (not current.token and vim.startswith(token, current.prefix))) then
    return current
  elseif current and not current.done then
    return nil
  end
  -- One that was begun from Neovim's own menu of actions.
  return M.begin('Explanation', token, function()
    local client = vim.lsp.get_client_by_id(client_id)
    return client and require('hybrid_lsp.client').cancel_actions(client)
  end)
end

--- A `hybridLsp/explanation` notification: the whole text so far. When it is done the title says who wrote it.
---@param params { token: string, title: string, markdown: string, done: boolean }
---@param client_id integer
function M.on_text(params, client_id)
  local run = run_of(params.token, client_id)
  if not run or run.closed then
    return
  end
  run.token, run.done = params.token, params.done
  local by = params.done and params.title ~= '' and ('\n\n_%s_'):format(params.title) or ''
  show(run, vim.trim(params.markdown) .. by)
end

--- A run begins, and takes the place of an older one; closing the window calls `cancel`.
---@param title string
---@param prefix string
---@param cancel fun()
---@return hybrid_lsp.Run
function M.begin(title, prefix, cancel)
  if current and not current.done then
    current.done = true
    current.cancel()
  end
  current = { title = title, prefix = prefix, closed = false, done = false, cancel = cancel }
  return current
end

--- A run has ended with a text, or with none; the text may have been streamed before.
---@param run hybrid_lsp.Run
---@param markdown string|nil
function M.finish(run, markdown)
  local streamed = run.done
  run.done = true
  if run == current and not streamed and markdown then
    show(run, markdown)
  elseif run == current and not streamed then
    M.ended()
  end
end

--- The newest run has ended without a text, or was cancelled.
function M.ended()
  if current then
    current.done = true
    if shown and window.is_open(shown) then
      window.head(shown, current.title .. ' (ended)')
    end
  end
end

return M
