--- The verbs of `hybrid-lsp models`: the server runs them, shows how far they are, and tells what came of them.
local M = {}

local VERBS = { 'bench', 'calibrate', 'list', 'pull', 'remove', 'use' }
local TIERS = { 'small', 'large' }

--- Names that the last list had, for completion.
---@type { here: string[], all: string[] }
local known = { here = {}, all = {} }

---@param result any
local function learn(result)
  if type(result) ~= 'table' or type(result.models) ~= 'table' then
    return
  end
  known = { here = {}, all = {} }
  for _, model in ipairs(result.models) do
    table.insert(known.all, model.name)
    if model.here then
      table.insert(known.here, model.name)
    end
  end
end

--- What `:HybridLsp models` is followed by: a verb, a model, for `use` and `pull` a tier, for `calibrate` a folder
--- of code and how many places in it are asked about.
---@param text string
---@return table|nil argument of the server's command
---@return string|nil problem
local function parse(text)
  local words = vim.split(vim.trim(text), '%s+', { trimempty = true })
  local verb = table.remove(words, 1) or 'list'
  if not vim.tbl_contains(VERBS, verb) then
    return nil, 'choose one of ' .. table.concat(VERBS, ', ')
  end
  local tier
  if (verb == 'use' or verb == 'pull') and vim.tbl_contains(TIERS, words[#words]) then
    tier = table.remove(words)
  end
  local corpus, positions
  if verb == 'calibrate' then
    positions = #words > 1 and tonumber(words[#words]:match('^%d+$'))
    if positions then
      table.remove(words)
    end
    corpus = table.concat(words, ' ', 2)
    words = { words[1] }
  end
  -- A file's name may have spaces.
  local model = table.concat(words, ' ')
  if verb ~= 'list' and model == '' then
    return nil, ('name a model: `:HybridLsp models %s NAME`'):format(verb)
  end
  return {
    verb = verb,
    model = model ~= '' and model or nil,
    tier = tier,
    corpus = corpus and corpus ~= '' and vim.fn.fnamemodify(corpus, ':p') or nil,
    positions = positions or nil,
  },
    nil
end

--- `:HybridLsp models ...`
---@param text string
function M.run(text)
  local clients = require('hybrid_lsp.client')
  local argument, problem = parse(text)
  if not argument then
    return vim.notify('hybrid-lsp: ' .. problem, vim.log.levels.ERROR)
  end
  local client = clients.get_or_tell()
  if client then
    clients.execute(client, 'hybrid-lsp.models', argument, vim.api.nvim_get_current_buf(), learn)
  end
end

---@param before string What stands behind `:HybridLsp`, as far as it is typed.
---@return string[]
function M.complete(before)
  local words = vim.split(before, '%s+', { trimempty = true })
  local done = before:match('%s$') and #words or #words - 1
  if done <= 1 then
    return VERBS
  end
  local verb = words[2]
  if done == 2 then
    return verb == 'pull' and known.all or verb == 'list' and {} or known.here
  end
  if verb == 'calibrate' and done == 3 then
    return vim.fn.getcompletion(before:match('%S*$'), 'dir')
  end
  return (verb == 'use' or verb == 'pull') and TIERS or {}
end

return M
