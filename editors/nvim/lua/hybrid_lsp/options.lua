--- What `require('hybrid_lsp').setup` takes, with the defaults: the one place where they stand.
local M = {}

---@class hybrid_lsp.GhostText
---@field enabled boolean Show suggestions while you type.
---@field native boolean|nil Use `vim.lsp.inline_completion`; nil: where Neovim has it (0.12).
---@field debounce_ms integer Pause in typing before our own ghost text asks (the native one waits 200 ms).

---@class hybrid_lsp.Keymaps
---@field accept string|false
---@field accept_word string|false
---@field accept_line string|false
---@field dismiss string|false
---@field suggest string|false

---@class hybrid_lsp.Options
---@field enable boolean Start the server for the files you open.
---@field cmd string[]|nil How the server is started; nil: found by itself.
---@field filetypes string[]|nil Where it is started; nil: in every file.
---@field root_markers string[] What marks the root of a project.
---@field settings table Settings of the server, as they are: { completion = { debounce_ms = 50 } }
---@field ghost_text hybrid_lsp.GhostText
---@field keymaps boolean|hybrid_lsp.Keymaps true: those suggested; a table: these; false: none.
---@field window 'split'|'float' Where explanations and previews open.
---@field progress boolean Show what a running action does in the message line.
---@field icons table<string, string>
local DEFAULTS = {
  enable = true,
  cmd = nil,
  filetypes = nil,
  root_markers = { '.hybrid-lsp.toml', '.git', 'pyproject.toml', 'package.json', 'Cargo.toml', 'go.mod' },
  settings = {},
  ghost_text = { enabled = true, native = nil, debounce_ms = 75 },
  keymaps = false,
  window = 'split',
  progress = true,
  icons = { ready = '◆', busy = '◌', off = '○', problem = '✗' },
}

---@type hybrid_lsp.Keymaps
M.SUGGESTED_KEYS =
  { accept = '<Tab>', accept_word = '<M-Right>', accept_line = '<M-l>', dismiss = '<C-e>', suggest = '<M-Bslash>' }

local KINDS = {
  enable = { 'boolean' },
  cmd = { 'table' },
  filetypes = { 'table' },
  root_markers = { 'table' },
  settings = { 'table' },
  ghost_text = { enabled = { 'boolean' }, native = { 'boolean' }, debounce_ms = { 'number' } },
  keymaps = { 'boolean', 'table' },
  window = { 'string' },
  progress = { 'boolean' },
  icons = { ready = { 'string' }, busy = { 'string' }, off = { 'string' }, problem = { 'string' } },
}

---@type hybrid_lsp.Options
M.current = vim.deepcopy(DEFAULTS)

--- What was wrong with the options, in words; a wrong one keeps its default.
---@type string[]
M.problems = {}

---@param kinds table
---@param given table
---@param into table
---@param prefix string
local function take(kinds, given, into, prefix)
  for name, value in pairs(given) do
    local kind, full = kinds[name], prefix .. tostring(name)
    if not kind then
      table.insert(M.problems, ('there is no option `%s`'):format(full))
    elseif not kind[1] and type(value) == 'table' then
      take(kind, value, into[name], full .. '.')
    elseif not vim.tbl_contains(kind, type(value)) then
      local wanted = kind[1] and table.concat(kind, ' or ') or 'table'
      table.insert(M.problems, ('option `%s` must be a %s, not a %s'):format(full, wanted, type(value)))
    else
      into[name] = value
    end
  end
end

--- Take the user's options; returns what was wrong with them.
---@param given table|nil
---@return string[]
function M.set(given)
  M.problems = {}
  M.current = vim.deepcopy(DEFAULTS)
  take(KINDS, given or {}, M.current, '')
  if not vim.tbl_contains({ 'split', 'float' }, M.current.window) then
    table.insert(M.problems, ('option `window` must be `split` or `float`, not `%s`'):format(M.current.window))
    M.current.window = DEFAULTS.window
  end
  for name in pairs(type(M.current.keymaps) == 'table' and M.current.keymaps or {}) do
    if not M.SUGGESTED_KEYS[name] then
      table.insert(M.problems, ('there is no option `keymaps.%s`'):format(name))
    end
  end
  return M.problems
end

--- The keys to map, none where the user wants none.
---@return table<string, string>
function M.keys()
  local keymaps = M.current.keymaps
  if keymaps == true then
    return M.SUGGESTED_KEYS
  end
  local keys = {}
  for name, key in pairs(type(keymaps) == 'table' and keymaps or {}) do
    keys[name] = key or nil
  end
  return keys
end

return M
