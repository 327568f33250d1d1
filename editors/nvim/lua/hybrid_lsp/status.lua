--- What the server says of itself, for a statusline and the message line.
local options = require('hybrid_lsp.options')

local M = {}

--- Whether a statusline shows it: only then is it drawn again on a change.
local asked_for = false

---@param params table
---@param client_id integer
function M.on_change(params, client_id)
  require('hybrid_lsp.client').state(client_id).status = params
  vim.api.nvim_exec_autocmds('User', { pattern = 'HybridLspStatus', modeline = false, data = params })
  if asked_for then
    vim.cmd.redrawstatus()
  end
end

--- A reason code in words: `low-confidence` is "low confidence".
---@param reason string|nil
---@return string|nil
function M.in_words(reason)
  return type(reason) == 'string' and reason:gsub('-', ' ') or nil
end

---@param status table
---@return string
local function icon(status)
  local icons = options.current.icons
  if status.kind == 'Error' or status.kind == 'Warning' then
    return icons.problem
  elseif status.kind == 'Inactive' then
    return icons.off
  end
  return status.busy and icons.busy or icons.ready
end

---@param status table
---@return string
local function words(status)
  if status.busy then
    return 'working'
  elseif status.kind == 'Inactive' then
    return 'paused'
  elseif status.kind ~= 'Normal' then
    return status.message ~= '' and status.message or status.kind:lower()
  end
  local tier = type(status.tier) == 'string' and status.tier or nil
  return M.in_words(status.reason) or tier or 'ready'
end

---@param bufnr integer|nil
---@return string
function M.text(bufnr)
  asked_for = true
  local clients = require('hybrid_lsp.client')
  local client = clients.get(bufnr)
  if not client then
    return ''
  end
  local status = clients.state(client.id).status or { kind = 'Normal', message = '', busy = false }
  return icon(status) .. ' ' .. words(status)
end

---@param models table<string, string>
---@return string
local function listed(models)
  local names = {}
  for tier, name in vim.spairs(models) do
    table.insert(names, ('%s: %s'):format(tier, name))
  end
  return #names > 0 and table.concat(names, ', ') or 'none'
end

--- The answer of `hybrid-lsp.status`, for reading.
---@param status table
---@return string[]
function M.lines(status)
  local lines = {
    ('hybrid-lsp %s: %s %s'):format(status.version, icon(status), words(status)),
    'models: ' .. listed(status.models or {}),
  }
  if status.paused == true then
    table.insert(lines, 'paused: everywhere (`:HybridLsp resume`)')
  elseif status.pausedLanguages and #status.pausedLanguages > 0 then
    table.insert(lines, 'paused: ' .. table.concat(status.pausedLanguages, ', '))
  end
  if M.in_words(status.reason) then
    table.insert(
      lines,
      vim.trim(('last time nothing was shown: %s. %s'):format(M.in_words(status.reason), status.message or ''))
    )
  end
  table.insert(lines, 'log: ' .. (type(status.log) == 'string' and status.log or 'none is kept'))
  return lines
end

--- Show in the message line what a running action does.
---@param data { client_id: integer, params: lsp.ProgressParams }
function M.on_progress(data)
  local client = data.client_id and vim.lsp.get_client_by_id(data.client_id)
  if not client or client.name ~= 'hybrid_lsp' or not options.current.progress then
    return
  end
  local value = data.params.value
  local message = require('hybrid_lsp.message')
  if value.kind == 'end' then
    message.progress_ended()
  else
    local share = type(value.percentage) == 'number' and ('%d %%'):format(value.percentage) or nil
    message.progress(vim.iter({ share or value.title, value.message }):join(': '))
  end
end

return M
