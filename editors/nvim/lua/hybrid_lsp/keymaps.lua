--- The keys that the user wanted, in the files that the server is attached to.
local options = require('hybrid_lsp.options')

local M = {}

local DOES = {
  accept = { 'Accept the suggestion', 'accept', 'all' },
  accept_word = { 'Accept a word of the suggestion', 'accept', 'word' },
  accept_line = { 'Accept a line of the suggestion', 'accept', 'line' },
  dismiss = { 'Take the suggestion away', 'dismiss' },
  suggest = { 'Ask for a suggestion', 'suggest' },
}

---@param keys string
---@return string
local function coded(keys)
  return vim.api.nvim_replace_termcodes(keys, true, true, true)
end

--- What a key did before it was ours, as the keys that an <expr> mapping returns.
---@param before table what `maparg` says
---@param key string
---@return string
local function otherwise(before, key)
  if vim.tbl_isempty(before) then
    return coded(key)
  elseif before.expr == 1 then
    local keys = before.callback and before.callback() or vim.api.nvim_eval(before.rhs)
    keys = type(keys) == 'string' and keys or ''
    return before.replace_keycodes == 1 and coded(keys) or keys
  elseif before.callback then
    vim.schedule(before.callback)
    return ''
  end
  return coded(before.rhs or '')
end

---@param bufnr integer
---@param name string
---@param key string
local function map(bufnr, name, key)
  local label, action, argument = unpack(DOES[name])
  local before = vim.fn.maparg(key, 'i', false, true)
  if before.desc == label then
    return
  end
  vim.keymap.set('i', key, function()
    return require('hybrid_lsp')[action](argument) and '' or otherwise(before, key)
  end, { buffer = bufnr, expr = true, replace_keycodes = false, desc = label, remap = before.noremap == 0 })
end

---@param bufnr integer
function M.attach(bufnr)
  vim.api.nvim_buf_call(bufnr, function()
    for name, key in pairs(options.keys()) do
      if DOES[name] then
        map(bufnr, name, key)
      end
    end
  end)
end

return M
