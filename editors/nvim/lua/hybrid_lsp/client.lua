--- Talking to the running server, and what is kept of what it said.
local call = require('hybrid_lsp.compat').call

local M = {}

---@class hybrid_lsp.State
---@field status table|nil The last `didChangeStatus`.
---@field working string|nil What the action that runs last said of its progress.
---@field warnings string[] What the user must act on: settings that were not taken, and the like.

---@type table<integer, hybrid_lsp.State>
local states = {}

local WARNING = 2

--- The client that serves a buffer.
---@param bufnr integer|nil
---@return vim.lsp.Client|nil
function M.get(bufnr)
  return vim.lsp.get_clients({ name = 'hybrid_lsp', bufnr = bufnr or vim.api.nvim_get_current_buf() })[1]
end

--- The client that serves a buffer, or any; the user is told where there is none.
---@param bufnr integer|nil
---@return vim.lsp.Client|nil
function M.get_or_tell(bufnr)
  local client = M.get(bufnr)
  if not client then
    vim.notify('hybrid-lsp is not running for this file; `:checkhealth hybrid_lsp` says why.', vim.log.levels.WARN)
  end
  return client
end

---@param client_id integer
---@return hybrid_lsp.State
function M.state(client_id)
  states[client_id] = states[client_id] or { warnings = {} }
  return states[client_id]
end

---@param params lsp.ShowMessageParams
---@param client_id integer
function M.remember_message(params, client_id)
  local warnings = M.state(client_id).warnings
  if params.type <= WARNING and not vim.tbl_contains(warnings, params.message) then
    table.insert(warnings, params.message)
  end
end

--- Send a request. `done` gets its result, or nil and what went wrong, which the user is told. It is not called for
--- a request that was cancelled: Neovim keeps that answer to itself.
---@param client vim.lsp.Client
---@param method string
---@param params table
---@param bufnr integer
---@param done fun(result: any, problem: string|nil)
---@return integer|nil id for `cancel_request`
function M.request(client, method, params, bufnr, done)
  local function answered(err, result)
    if not err then
      return done(result, nil)
    end
    local problem = err.message or tostring(err)
    vim.notify('hybrid-lsp: ' .. problem, vim.log.levels.ERROR)
    done(nil, problem)
  end
  local sent, id = call(client, 'request', method, params, answered, bufnr)
  return sent and id or nil
end

--- Run one of the server's commands.
---@param client vim.lsp.Client
---@param command string
---@param argument any
---@param bufnr integer
---@param done fun(result: any, problem: string|nil)|nil
---@return integer|nil id
function M.execute(client, command, argument, bufnr, done)
  local params = { command = command, arguments = argument ~= nil and { argument } or nil }
  return M.request(client, 'workspace/executeCommand', params, bufnr, done or function() end)
end

--- Ask the server how it is, and wait a moment for the answer.
---@param client vim.lsp.Client
---@return table|nil status
---@return string|nil problem
function M.ask_status(client)
  local answer, problem =
    call(client, 'request_sync', 'workspace/executeCommand', { command = 'hybrid-lsp.status' }, 2000, 0)
  if answer and answer.result then
    return answer.result, nil
  end
  return nil, problem or (answer and answer.err and answer.err.message) or 'no answer'
end

local CANCELLABLE = { ['workspace/executeCommand'] = true, ['codeAction/resolve'] = true }

--- Cancel the actions that run; returns how many.
---@param client vim.lsp.Client
---@return integer
function M.cancel_actions(client)
  local count = 0
  for id, request in pairs(client.requests) do
    if request.type == 'pending' and CANCELLABLE[request.method] then
      call(client, 'cancel_request', id)
      count = count + 1
    end
  end
  return count
end

--- Call `done` when none of the clients runs any more.
---@param clients vim.lsp.Client[]
---@param done fun()
function M.when_stopped(clients, done)
  local timer = assert(vim.uv.new_timer())
  local check = vim.schedule_wrap(function()
    local all = vim.iter(clients):all(function(client)
      return call(client, 'is_stopped')
    end)
    if all and not timer:is_closing() then
      timer:close()
      done()
    end
  end)
  timer:start(0, 50, check)
end

return M
