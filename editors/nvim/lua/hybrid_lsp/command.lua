--- The command `:HybridLsp`.
local M = {}

---@class hybrid_lsp.Call
---@field lines hybrid_lsp.Lines|nil
---@field text string What stands behind the subcommand.

---@param paused boolean
---@return fun(call: hybrid_lsp.Call)
local function pause(paused)
  return function(call)
    local clients = require('hybrid_lsp.client')
    local client = clients.get_or_tell()
    if client then
      local argument = { paused = paused, language = call.text ~= '' and call.text or nil }
      clients.execute(client, 'hybrid-lsp.pause', argument, 0)
    end
  end
end

local function log()
  local clients = require('hybrid_lsp.client')
  local client = clients.get_or_tell()
  local path = client and (clients.ask_status(client) or {}).log
  if type(path) == 'string' then
    vim.cmd.split(vim.fn.fnameescape(path))
    vim.bo.readonly, vim.bo.autoread = true, true
    vim.cmd.normal({ 'G', bang = true })
  elseif client then
    vim.notify('hybrid-lsp: no log is kept; `:checkhealth hybrid_lsp` may say more.', vim.log.levels.WARN)
  end
end

local function status()
  local clients = require('hybrid_lsp.client')
  local client = clients.get_or_tell()
  if client then
    local answer, problem = clients.ask_status(client)
    local lines = answer and require('hybrid_lsp.status').lines(answer) or { problem }
    vim.api.nvim_echo({ { table.concat(lines, '\n') } }, true, {})
  end
end

---@param call hybrid_lsp.Call
local function statistics(call)
  local clients = require('hybrid_lsp.client')
  local client = clients.get_or_tell()
  if client then
    clients.execute(client, 'hybrid-lsp.statistics', { since = call.text }, 0)
  end
end

local function cancel()
  local clients = require('hybrid_lsp.client')
  local client = clients.get_or_tell()
  if client then
    local count = clients.cancel_actions(client)
    require('hybrid_lsp.explanation').ended()
    require('hybrid_lsp.message').tell(count > 0 and 'Cancelled.' or 'no action is running.')
  end
end

---@type table<string, fun(call: hybrid_lsp.Call)>
local SUBCOMMANDS = {
  actions = function(call)
    require('hybrid_lsp.actions').menu(call.lines)
  end,
  cancel = cancel,
  log = log,
  models = function(call)
    require('hybrid_lsp.models').run(call.text)
  end,
  pause = pause(true),
  restart = function()
    require('hybrid_lsp.server').restart()
  end,
  resume = pause(false),
  statistics = statistics,
  status = status,
}

local ACTIONS = { 'ask', 'document', 'edit', 'explain', 'fix', 'optimize', 'review', 'simplify', 'tests' }
for _, name in ipairs(ACTIONS) do
  SUBCOMMANDS[name] = function(call)
    require('hybrid_lsp.actions').run(name, call.lines, call.text)
  end
end

---@param lead string
---@param line string
---@return string[]
local function complete(lead, line)
  local before = line:match("^[%s'<>,%d%.%$%%]*HybridLsp!?%s+(.*)$") or ''
  local given = before:match('^(%S+)%s')
  local offered = not given and vim.tbl_keys(SUBCOMMANDS)
    or (given == 'pause' or given == 'resume') and { vim.bo.filetype }
    or given == 'models' and require('hybrid_lsp.models').complete(before)
    or {}
  table.sort(offered)
  return vim.tbl_filter(function(each)
    return vim.startswith(each, lead)
  end, offered)
end

---@param command vim.api.keyset.create_user_command.command_args
local function execute(command)
  local name, text = command.args:match('^%s*(%S+)%s*(.-)%s*$')
  local subcommand = SUBCOMMANDS[name]
  if not subcommand then
    local known = vim.tbl_keys(SUBCOMMANDS)
    table.sort(known)
    return vim.notify('hybrid-lsp: choose one of ' .. table.concat(known, ', '), vim.log.levels.ERROR)
  end
  local lines = command.range > 0 and { first = command.line1, last = command.line2 } or nil
  subcommand({ lines = lines, text = text })
end

function M.create()
  vim.api.nvim_create_user_command('HybridLsp', execute, {
    nargs = '+',
    range = true,
    complete = complete,
    desc = 'Ghost text and actions of hybrid-lsp',
  })
end

return M
