--- How the server is found, configured and started.
local options = require('hybrid_lsp.options')

local M = {}

M.NAME = 'hybrid_lsp'

--- The folder of this plugin, `editors/nvim` of the repository.
M.HERE = vim.fn.fnamemodify(debug.getinfo(1, 'S').source:sub(2), ':p:h:h:h')

--- Where an installed program may be. Never in the workspace: what lies there is not trusted.
---@return string[]
local function candidates()
  local clone = vim.fs.joinpath(M.HERE, '..', '..', '.venv')
  return {
    'hybrid-lsp',
    vim.fs.joinpath(clone, 'bin', 'hybrid-lsp'),
    vim.fs.joinpath(clone, 'Scripts', 'hybrid-lsp.exe'),
  }
end

--- The program, or nil where it is not installed.
---@return string|nil
function M.program()
  for _, candidate in ipairs(candidates()) do
    local found = vim.fn.exepath(candidate)
    if found ~= '' then
      return vim.fs.normalize(found)
    end
  end
end

---@return string[]
function M.cmd()
  return options.current.cmd or { M.program() or 'hybrid-lsp', 'serve' }
end

M.REMEDY = 'Install it (`pip install` in its repository, or `make` there), so that `hybrid-lsp` is on the PATH; '
  .. 'or name it: require("hybrid_lsp").setup { cmd = { "/path/to/hybrid-lsp", "serve" } }'

local function capabilities()
  local ours = {
    experimental = { hybridLsp = { status = true, stream = true, offer = true } },
    textDocument = { inlineCompletion = { dynamicRegistration = false } },
    -- Neovim takes them and does not say so (annotations: before 0.12). With them an edit carries the version of the
    -- text it was made for, and says who made it.
    workspace = { workspaceEdit = { documentChanges = true, changeAnnotationSupport = { groupsOnLabel = true } } },
  }
  return vim.tbl_deep_extend('force', vim.lsp.protocol.make_client_capabilities(), ours)
end

---@return table<string, function>
local function handlers()
  return {
    didChangeStatus = function(_, params, ctx)
      require('hybrid_lsp.status').on_change(params, ctx.client_id)
    end,
    ['hybridLsp/explanation'] = function(_, params, ctx)
      require('hybrid_lsp.explanation').on_text(params, ctx.client_id)
    end,
    ['window/showMessage'] = function(...)
      return require('hybrid_lsp.message').on_show(...)
    end,
  }
end

local looked = false

--- Tell the user where there is no program: Neovim itself only writes that to its log.
local function tell_if_missing()
  if looked then
    return
  end
  looked = true
  local config = vim.lsp.config and vim.lsp.config[M.NAME] or { cmd = M.cmd() }
  if type(config.cmd) == 'table' and vim.fn.executable(config.cmd[1]) == 0 then
    vim.notify_once(('hybrid-lsp: `%s` was not found. %s'):format(config.cmd[1], M.REMEDY), vim.log.levels.WARN)
  end
end

local function on_attach(event)
  local client = vim.lsp.get_client_by_id(event.data.client_id)
  if client and client.name == M.NAME then
    require('hybrid_lsp.ghost').attach(client, event.buf)
    require('hybrid_lsp.keymaps').attach(event.buf)
  end
end

local function listen()
  local group = vim.api.nvim_create_augroup('hybrid_lsp', { clear = true })
  -- An event, so that a user's own `on_attach` takes nothing away.
  vim.api.nvim_create_autocmd('LspAttach', { group = group, callback = on_attach })
  vim.api.nvim_create_autocmd('LspDetach', {
    group = group,
    callback = function(event)
      require('hybrid_lsp.ghost').detach(event.data.client_id, event.buf)
    end,
  })
  vim.api.nvim_create_autocmd('LspProgress', {
    group = group,
    callback = function(event)
      require('hybrid_lsp.status').on_progress(event.data)
    end,
  })
end

--- What `lsp/hybrid_lsp.lua` returns.
---@return table
function M.config()
  listen()
  vim.schedule(tell_if_missing)
  return {
    cmd = M.cmd(),
    filetypes = options.current.filetypes,
    root_markers = options.current.root_markers,
    capabilities = capabilities(),
    handlers = handlers(),
    -- The server then knows them from the first, before it asks for them.
    before_init = function(params, config)
      params.initializationOptions = config.settings['hybrid-lsp']
    end,
    settings = { ['hybrid-lsp'] = options.current.settings },
  }
end

--- Neovim 0.10 has no `vim.lsp.enable`.
local function enable_by_hand()
  local config = vim.tbl_extend('force', M.config(), { name = M.NAME })
  local function start(bufnr)
    local filetype = vim.bo[bufnr].filetype
    local wanted = filetype ~= '' and (not config.filetypes or vim.tbl_contains(config.filetypes, filetype))
    if wanted and vim.bo[bufnr].buftype == '' and vim.fn.executable(config.cmd[1]) == 1 then
      local root = vim.fs.root(bufnr, config.root_markers)
      vim.lsp.start(vim.tbl_extend('force', config, { root_dir = root }), { bufnr = bufnr })
    end
  end
  vim.api.nvim_create_autocmd('FileType', {
    group = vim.api.nvim_create_augroup('hybrid_lsp_start', { clear = true }),
    callback = function(event)
      start(event.buf)
    end,
  })
  vim.iter(vim.api.nvim_list_bufs()):filter(vim.api.nvim_buf_is_loaded):each(start)
end

--- Start the server for the files that are open and those to come.
function M.start()
  if not vim.lsp.enable then
    return enable_by_hand()
  end
  -- Has `lsp/hybrid_lsp.lua` read again, which may have been read before the options were known.
  vim.lsp.config(M.NAME, {})
  vim.lsp.enable(M.NAME)
end

--- Stop the server and start it anew for the same files.
function M.restart()
  local old = vim.lsp.get_clients({ name = M.NAME })
  for _, client in ipairs(old) do
    require('hybrid_lsp.compat').call(client, 'stop')
  end
  -- Only when the old one is gone: a running client would be used again.
  require('hybrid_lsp.client').when_stopped(old, M.start)
end

return M
