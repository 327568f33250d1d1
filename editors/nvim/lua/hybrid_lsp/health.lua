--- `:checkhealth hybrid_lsp`
local clients = require('hybrid_lsp.client')
local options = require('hybrid_lsp.options')
local server = require('hybrid_lsp.server')

local M = {}

local health = vim.health

local function check_neovim()
  health.start('Neovim')
  local version = tostring(vim.version())
  if vim.fn.has('nvim-0.10') == 0 then
    health.error(version .. ' is too old', 'Use Neovim 0.12, or at least 0.10.')
  elseif vim.lsp.inline_completion and options.current.ghost_text.native ~= false then
    health.ok(version .. ': ghost text by `vim.lsp.inline_completion`')
  elseif vim.lsp.inline_completion then
    health.ok(version .. ': ghost text of our own (option `ghost_text.native`)')
  else
    health.ok(version .. ': ghost text of our own, since `vim.lsp.inline_completion` came with 0.12')
  end
  for _, problem in ipairs(options.problems) do
    health.warn(problem, 'See |hybrid-lsp-options|.')
  end
end

---@return string[]|nil
local function configured()
  local config = vim.lsp.config and vim.lsp.config[server.NAME]
  local cmd = config and config.cmd or server.cmd()
  return type(cmd) == 'table' and cmd or nil
end

local function check_program()
  health.start('Server')
  local cmd = configured()
  if not cmd then
    return health.info('started by a function in your configuration')
  elseif vim.fn.executable(cmd[1]) == 0 then
    return health.error(('`%s` was not found'):format(cmd[1]), server.REMEDY)
  end
  local ran, result = pcall(function()
    return vim.system({ cmd[1], '--version' }, { text = true }):wait(10000)
  end)
  if ran and result.code == 0 then
    health.ok(('%s: %s'):format(cmd[1], vim.trim(result.stdout)))
  else
    local said = ran and vim.trim(result.stderr or '') or tostring(result)
    health.error(('`%s --version` failed: %s'):format(cmd[1], said), server.REMEDY)
  end
  if vim.lsp.is_enabled and not vim.lsp.is_enabled(server.NAME) then
    health.warn('not enabled', "Say `vim.lsp.enable('hybrid_lsp')`, or `require('hybrid_lsp').setup()`.")
  end
end

---@param client vim.lsp.Client
local function check_client(client)
  local files = vim.tbl_map(function(bufnr)
    return vim.fn.fnamemodify(vim.api.nvim_buf_get_name(bufnr), ':~:.')
  end, vim.lsp.get_buffers_by_client_id(client.id))
  health.ok(('attached to %s'):format(#files > 0 and table.concat(files, ', ') or 'no file'))
  local status, problem = clients.ask_status(client)
  if not status then
    return health.error('does not say how it is: ' .. problem, 'Try `:HybridLsp restart`.')
  end
  local tell = (status.kind == 'Error' or status.kind == 'Warning') and health.warn or health.info
  for _, line in ipairs(require('hybrid_lsp.status').lines(status)) do
    tell(line)
    tell = health.info
  end
  local warnings = clients.state(client.id).warnings
  for _, warning in ipairs(warnings) do
    health.warn(warning)
  end
  if #warnings == 0 then
    health.ok('no problem with the settings')
  end
end

function M.check()
  check_neovim()
  check_program()
  health.start('Running servers')
  local running = vim.lsp.get_clients({ name = server.NAME })
  for _, client in ipairs(running) do
    check_client(client)
  end
  if #running == 0 then
    health.warn('none', 'Open a file that has a file type, then look again.')
  end
end

return M
