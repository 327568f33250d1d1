--- Our own ghost text over the same request, for Neovim 0.10 and 0.11: asks after a short pause, and cancels what a
--- further key has made useless.
local options = require('hybrid_lsp.options')

local M = {}

M.namespace = vim.api.nvim_create_namespace('hybrid_lsp.ghost')

--- Nothing else draws in that name space.
M.shared = false

local AUTOMATIC = 2

---@class hybrid_lsp.Asking
---@field timer uv.uv_timer_t
---@field client_id integer
---@field request integer|nil

---@type table<integer, hybrid_lsp.Asking>
local asking = {}

---@param bufnr integer
local function stop(bufnr)
  local state = asking[bufnr]
  if not state then
    return
  end
  state.timer:stop()
  local client = vim.lsp.get_client_by_id(state.client_id)
  local pending = client and state.request and client.requests[state.request]
  if client and pending and pending.type == 'pending' then
    require('hybrid_lsp.compat').call(client, 'cancel_request', state.request)
  end
  state.request = nil
end

---@param bufnr integer
local function ask_soon(bufnr)
  stop(bufnr)
  local send = vim.schedule_wrap(function()
    local here = vim.api.nvim_get_current_buf() == bufnr and vim.startswith(vim.api.nvim_get_mode().mode, 'i')
    if asking[bufnr] and here then
      asking[bufnr].request = require('hybrid_lsp.ghost').ask(bufnr, AUTOMATIC)
    end
  end)
  asking[bufnr].timer:start(options.current.ghost_text.debounce_ms, 0, send)
end

---@param client vim.lsp.Client
---@param bufnr integer
function M.attach(client, bufnr)
  asking[bufnr] = { timer = assert(vim.uv.new_timer()), client_id = client.id }
  local group = vim.api.nvim_create_augroup('hybrid_lsp_ask_' .. bufnr, { clear = true })
  vim.api.nvim_create_autocmd({ 'InsertEnter', 'CursorMovedI', 'TextChangedP' }, {
    group = group,
    buffer = bufnr,
    callback = function()
      ask_soon(bufnr)
    end,
  })
  vim.api.nvim_create_autocmd('InsertLeave', {
    group = group,
    buffer = bufnr,
    callback = function()
      stop(bufnr)
    end,
  })
end

--- Forget what was asked, then do something.
---@param done fun()
function M.release(done)
  stop(vim.api.nvim_get_current_buf())
  vim.schedule(done)
end

---@param bufnr integer
function M.detach(bufnr)
  stop(bufnr)
  if asking[bufnr] then
    asking[bufnr].timer:close()
    asking[bufnr] = nil
  end
  pcall(vim.api.nvim_del_augroup_by_name, 'hybrid_lsp_ask_' .. bufnr)
end

return M
