--- Ghost text: which suggestion is shown, whether it still belongs where the cursor is, and taking it.
---
--- Two drivers ask for suggestions and show them: `native`, Neovim 0.12's own, and `own`, for what is older.
local compat = require('hybrid_lsp.compat')
local options = require('hybrid_lsp.options')
local suggestions = require('hybrid_lsp.suggestion')

local M = {}

---@class hybrid_lsp.Shown
---@field client_id integer
---@field driver table
---@field suggestion hybrid_lsp.Suggestion|nil
---@field latest integer Number of the newest request.
---@field told table|nil The last item of which the server knows that it was on the screen.

---@type table<integer, hybrid_lsp.Shown>
local buffers = {}

local METHOD = 'textDocument/inlineCompletion'
local INVOKED = 1

---@return hybrid_lsp.Place
local function here()
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  return { row = row - 1, line = vim.api.nvim_get_current_line(), col = col }
end

---@return boolean
local function inserting()
  return vim.startswith(vim.api.nvim_get_mode().mode, 'i')
end

local function marks(bufnr, namespace)
  return vim.api.nvim_buf_get_extmarks(bufnr, namespace, 0, -1, {})
end

local function clear(bufnr)
  vim.api.nvim_buf_clear_namespace(bufnr, buffers[bufnr].driver.namespace, 0, -1)
end

---@param bufnr integer
---@param rest string
local function draw(bufnr, rest)
  local shown, place = buffers[bufnr], here()
  clear(bufnr)
  local lines = vim.tbl_map(function(line)
    return { { line, 'HybridLspGhost' } }
  end, vim.split(rest, '\n', { plain = true }))
  vim.api.nvim_buf_set_extmark(bufnr, shown.driver.namespace, place.row, place.col, {
    virt_text = lines[1],
    virt_lines = { unpack(lines, 2) },
    virt_text_pos = shown.suggestion.covered > 0 and 'overlay' or 'inline',
    -- With `combine` the look of a matched parenthesis before it would go on through it.
    hl_mode = 'replace',
  })
  local client, item = vim.lsp.get_client_by_id(shown.client_id), shown.suggestion.item
  if client and shown.told ~= item then
    shown.told = item
    -- Copilot's name for it; what was never seen is not counted as ignored.
    compat.call(client, 'notify', 'textDocument/didShowCompletion', { item = item })
  end
end

--- Neovim draws the suggestions of all servers in one place: where there are others, all is left to it.
local function has_company(bufnr)
  return buffers[bufnr].driver.shared and #vim.lsp.get_clients({ bufnr = bufnr, method = METHOD }) > 1
end

--- What can be accepted at the cursor.
---@return string|nil
function M.visible()
  local bufnr = vim.api.nvim_get_current_buf()
  local shown = buffers[bufnr]
  local rest = shown and suggestions.rest(shown.suggestion, here())
  return rest and #marks(bufnr, shown.driver.namespace) > 0 and rest or nil
end

--- Show what belongs at the cursor and nothing else: called whenever text or cursor moved, before the screen is drawn.
---@param bufnr integer
function M.refresh(bufnr)
  local shown = buffers[bufnr]
  if not shown or vim.api.nvim_get_current_buf() ~= bufnr or has_company(bufnr) then
    return
  end
  local rest = inserting() and suggestions.rest(shown.suggestion, here())
  if rest then
    draw(bufnr, rest)
  else
    clear(bufnr)
  end
end

---@param bufnr integer
function M.forget(bufnr)
  if buffers[bufnr] then
    buffers[bufnr].suggestion = nil
    clear(bufnr)
  end
end

--- A handler for the answer to a request sent now: an answer that a newer request has overtaken, or that does not
--- belong to what has been typed since, goes nowhere.
---@param bufnr integer
---@param handler function|nil called with answers that count
---@return function
function M.answer_to_now(bufnr, handler)
  local shown, place = buffers[bufnr], here()
  if not shown then
    return handler or function() end
  end
  shown.latest = shown.latest + 1
  local number = shown.latest
  return function(err, result, ctx)
    local client = vim.lsp.get_client_by_id(shown.client_id)
    if err or not result or buffers[bufnr] ~= shown or number ~= shown.latest or not client then
      return
    end
    local item = (result.items or result)[1]
    local suggestion = item and suggestions.of(item, place, client.offset_encoding)
    if vim.api.nvim_get_current_buf() ~= bufnr or (suggestion and not suggestions.rest(suggestion, here())) then
      return
    end
    shown.suggestion = suggestion
    if handler then
      handler(err, result, ctx)
    end
    M.refresh(bufnr)
  end
end

--- Send a request for the cursor's place; returns its id.
---@param bufnr integer
---@param kind integer
---@return integer|nil
function M.ask(bufnr, kind)
  local client = vim.lsp.get_client_by_id(buffers[bufnr].client_id)
  if not client then
    return nil
  end
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = kind }
  local sent, id = compat.call(client, 'request', METHOD, params, M.answer_to_now(bufnr), bufnr)
  return sent and id or nil
end

--- Tell the server what was accepted of an item.
---@param shown hybrid_lsp.Shown
---@param suggestion hybrid_lsp.Suggestion
---@param remaining hybrid_lsp.Suggestion|nil
---@param bufnr integer
local function report(shown, suggestion, remaining, bufnr)
  local client, command = vim.lsp.get_client_by_id(shown.client_id), suggestion.item.command
  if not client or not command then
    return
  elseif remaining then
    local length = compat.length(remaining.taken, 'utf-16')
    local params = { item = suggestion.item, acceptedLength = length }
    compat.call(client, 'notify', 'textDocument/didPartiallyAcceptCompletion', params)
  else
    local params = { command = command.command, arguments = command.arguments }
    compat.call(client, 'request', 'workspace/executeCommand', params, function() end, bufnr)
  end
end

--- Put a part of the suggestion in. What remains is shown at once; the next answer of the server takes its place.
---@param bufnr integer
---@param part 'all'|'word'|'line'
local function take(bufnr, part)
  local shown = buffers[bufnr]
  local place = here()
  local suggestion = shown and shown.suggestion
  local rest = suggestions.rest(suggestion, place)
  if not suggestion or not rest or vim.api.nvim_get_current_buf() ~= bufnr then
    return
  end
  local accepted = suggestions.part(rest, part)
  local remaining = suggestions.after(suggestion, accepted, place)
  local last = place.col + (remaining and 0 or suggestion.covered)
  local lines = vim.split(accepted, '\n', { plain = true })
  vim.api.nvim_buf_set_text(bufnr, place.row, place.col, place.row, last, lines)
  local col = (#lines == 1 and place.col or 0) + #lines[#lines]
  vim.api.nvim_win_set_cursor(0, { place.row + #lines, col })
  shown.suggestion = remaining
  report(shown, suggestion, remaining, bufnr)
  M.refresh(bufnr)
end

--- Accept what is shown, or its next word or line.
---@param part 'all'|'word'|'line'
---@return boolean
function M.accept(part)
  local bufnr = vim.api.nvim_get_current_buf()
  if buffers[bufnr] and has_company(bufnr) then
    return vim.lsp.inline_completion.get()
  elseif not M.visible() then
    return false
  end
  -- Later, since text may not be changed while an <expr> mapping is evaluated.
  buffers[bufnr].driver.release(function()
    take(bufnr, part)
  end)
  return true
end

---@return boolean
function M.dismiss()
  if not M.visible() then
    return false
  end
  local bufnr = vim.api.nvim_get_current_buf()
  buffers[bufnr].driver.release(function() end)
  M.forget(bufnr)
  return true
end

---@return boolean
function M.suggest()
  local bufnr = vim.api.nvim_get_current_buf()
  if not buffers[bufnr] then
    return false
  end
  M.ask(bufnr, INVOKED)
  return true
end

---@return boolean
local function has_native()
  local wanted = options.current.ghost_text.native
  return vim.lsp.inline_completion ~= nil and wanted ~= false
end

---@param client vim.lsp.Client
---@param bufnr integer
function M.attach(client, bufnr)
  if not options.current.ghost_text.enabled or (buffers[bufnr] and buffers[bufnr].client_id == client.id) then
    return
  end
  local driver = has_native() and require('hybrid_lsp.ghost.native') or require('hybrid_lsp.ghost.own')
  local link = vim.fn.hlexists('ComplHint') == 1 and 'ComplHint' or 'NonText'
  vim.api.nvim_set_hl(0, 'HybridLspGhost', { default = true, link = link })
  buffers[bufnr] = { client_id = client.id, driver = driver, latest = 0 }
  driver.attach(client, bufnr)
  local group = vim.api.nvim_create_augroup('hybrid_lsp_ghost_' .. bufnr, { clear = true })
  -- After the driver's own, so that this has the last word before the screen is drawn.
  vim.api.nvim_create_autocmd({ 'InsertEnter', 'CursorMovedI', 'TextChangedI', 'TextChangedP' }, {
    group = group,
    buffer = bufnr,
    callback = function()
      M.refresh(bufnr)
    end,
  })
  vim.api.nvim_create_autocmd('InsertLeave', {
    group = group,
    buffer = bufnr,
    callback = function()
      M.forget(bufnr)
    end,
  })
end

---@param client_id integer
---@param bufnr integer
function M.detach(client_id, bufnr)
  local shown = buffers[bufnr]
  if shown and shown.client_id == client_id then
    pcall(clear, bufnr)
    shown.driver.detach(bufnr)
    pcall(vim.api.nvim_del_augroup_by_name, 'hybrid_lsp_ghost_' .. bufnr)
    buffers[bufnr] = nil
  end
end

return M
