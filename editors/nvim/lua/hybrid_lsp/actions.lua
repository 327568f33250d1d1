--- Actions on a range of lines: run by the server, shown here.
local clients = require('hybrid_lsp.client')
local compat = require('hybrid_lsp.compat')

local M = {}

---@class hybrid_lsp.Action
---@field name string The server's name.
---@field title string
---@field edits boolean|nil Its result is an edit, which is shown before it is applied.
---@field findings boolean|nil Its result is diagnostics. The others' is text.
---@field asks string|nil What the user is asked for where they gave no text.
---@field diagnostic boolean|nil It is about a problem at the cursor.

---@type table<string, hybrid_lsp.Action> by the name of the subcommand
M.ACTIONS = {
  explain = { name = 'explain', title = 'Explain this code' },
  review = { name = 'security', title = 'Review security', findings = true },
  ask = { name = 'ask', title = 'Ask about this code', asks = 'Question: ' },
  optimize = { name = 'optimize', title = 'Optimize this code', edits = true },
  simplify = { name = 'simplify', title = 'Simplify this code', edits = true },
  document = { name = 'document', title = 'Document this code', edits = true },
  tests = { name = 'tests', title = 'Write tests', edits = true },
  fix = { name = 'fix', title = 'Fix this problem', edits = true, diagnostic = true },
  edit = { name = 'edit', title = 'Edit this code', edits = true, asks = 'Instruction: ' },
}

---@class hybrid_lsp.Lines
---@field first integer From 1.
---@field last integer

--- Whole lines as LSP's range, or the place of the cursor: the server then takes what is around it.
---@param client vim.lsp.Client
---@param lines hybrid_lsp.Lines|nil
---@return lsp.Range
local function range_of(client, lines)
  if lines then
    return { start = { line = lines.first - 1, character = 0 }, ['end'] = { line = lines.last, character = 0 } }
  end
  local position = vim.lsp.util.make_position_params(0, client.offset_encoding).position
  return { start = position, ['end'] = position }
end

--- A diagnostic of Neovim's as LSP's, which it may be made from.
---@param client vim.lsp.Client
---@param diagnostic vim.Diagnostic
---@return lsp.Diagnostic
local function to_lsp(client, diagnostic)
  local known = vim.tbl_get(diagnostic, 'user_data', 'lsp')
  if known and known.range then
    return known
  end
  local row, last = diagnostic.lnum, diagnostic.end_lnum or diagnostic.lnum
  local function position(line, col)
    local text = vim.api.nvim_buf_get_lines(diagnostic.bufnr or 0, line, line + 1, false)[1] or ''
    return { line = line, character = compat.length(text:sub(1, col), client.offset_encoding) }
  end
  return {
    range = { start = position(row, diagnostic.col), ['end'] = position(last, diagnostic.end_col or diagnostic.col) },
    message = diagnostic.message,
    severity = diagnostic.severity,
    code = diagnostic.code,
    source = diagnostic.source,
  }
end

---@param client vim.lsp.Client
---@param lines hybrid_lsp.Lines|nil
---@param chosen fun(diagnostic: lsp.Diagnostic)
local function choose_diagnostic(client, lines, chosen)
  local row = vim.api.nvim_win_get_cursor(0)[1]
  lines = lines or { first = row, last = row }
  local found = vim.tbl_filter(function(each)
    return each.lnum < lines.last and (each.end_lnum or each.lnum) >= lines.first - 1
  end, vim.diagnostic.get(0))
  if #found == 0 then
    return vim.notify('hybrid-lsp: there is no problem in this line to fix.', vim.log.levels.WARN)
  elseif #found == 1 then
    return chosen(to_lsp(client, found[1]))
  end
  local function label(each)
    return each.message
  end
  vim.ui.select(found, { prompt = 'Fix which problem?', format_item = label }, function(each)
    return each and chosen(to_lsp(client, each))
  end)
end

--- What an edit came to: shown to be confirmed. The server has said why where there is none.
---@param client vim.lsp.Client
---@param bufnr integer
---@param action { title: string, data: table }
local function resolve(client, bufnr, action)
  clients.request(client, 'codeAction/resolve', action, bufnr, function(resolved)
    if resolved and resolved.edit then
      require('hybrid_lsp.preview').open(resolved.edit, client.offset_encoding, action.title)
    end
  end)
end

---@param client vim.lsp.Client
---@param bufnr integer
---@param title string
---@param order table
local function run(client, bufnr, title, order)
  local explanation = require('hybrid_lsp.explanation')
  local id
  -- The server streams the text of this run under a token that begins so.
  local begun = explanation.begin(title, order.action .. ':' .. order.uri, function()
    if id then
      compat.call(client, 'cancel_request', id)
    end
  end)
  id = clients.execute(client, 'hybrid-lsp.runAction', order, bufnr, function(result)
    explanation.finish(begun, result and result.kind == 'text' and result.markdown or nil)
  end)
end

---@param action hybrid_lsp.Action
---@param client vim.lsp.Client
---@param order table
local function start(action, client, order)
  local bufnr = vim.api.nvim_get_current_buf()
  if action.edits then
    resolve(client, bufnr, { title = action.title, kind = 'refactor.rewrite', data = order })
  elseif action.findings then
    -- They come as diagnostics; the server says how many.
    clients.execute(client, 'hybrid-lsp.runAction', order, bufnr)
  else
    run(client, bufnr, action.title, order)
  end
end

--- Run an action on lines of the current file, or on what is around the cursor.
---@param name string one of the keys of `ACTIONS`
---@param lines hybrid_lsp.Lines|nil
---@param text string|nil a question or an instruction
function M.run(name, lines, text)
  local action, client = M.ACTIONS[name], clients.get_or_tell()
  if not client then
    return
  end
  local order = { action = action.name, uri = vim.uri_from_bufnr(0), range = range_of(client, lines) }
  if action.asks and text and text ~= '' then
    order.instruction = text
  elseif action.asks then
    return vim.ui.input({ prompt = action.asks }, function(answer)
      if answer and answer ~= '' then
        start(action, client, vim.tbl_extend('force', order, { instruction = answer }))
      end
    end)
  elseif action.diagnostic then
    return choose_diagnostic(client, lines, function(diagnostic)
      start(action, client, vim.tbl_extend('force', order, { diagnostic = diagnostic }))
    end)
  end
  start(action, client, order)
end

---@param client vim.lsp.Client
---@param bufnr integer
---@param action lsp.CodeAction
local function choose(client, bufnr, action)
  local command = type(action.command) == 'table' and action.command or nil
  if action.edit then
    require('hybrid_lsp.preview').open(action.edit, client.offset_encoding, action.title)
  elseif command and command.command == 'hybrid-lsp.runAction' then
    run(client, bufnr, action.title, command.arguments[1])
  elseif command then
    local params = { command = command.command, arguments = command.arguments }
    clients.request(client, 'workspace/executeCommand', params, bufnr, function() end)
  else
    resolve(client, bufnr, action)
  end
end

--- List what the server offers here, the user's own actions too, and run the one that is chosen.
---@param lines hybrid_lsp.Lines|nil
function M.menu(lines)
  local client, bufnr = clients.get_or_tell(), vim.api.nvim_get_current_buf()
  if not client then
    return
  end
  local row = vim.api.nvim_win_get_cursor(0)[1] - 1
  local diagnostics = vim.tbl_map(function(each)
    return to_lsp(client, each)
  end, vim.diagnostic.get(bufnr, { lnum = row }))
  local params = {
    textDocument = vim.lsp.util.make_text_document_params(bufnr),
    range = range_of(client, lines),
    context = { diagnostics = diagnostics, triggerKind = 1 },
  }
  clients.request(client, 'textDocument/codeAction', params, bufnr, function(found)
    if not found or #found == 0 then
      return vim.notify('hybrid-lsp: nothing is offered here.', vim.log.levels.INFO)
    end
    local function label(action)
      return action.title
    end
    vim.ui.select(found, { prompt = 'hybrid-lsp', kind = 'codeaction', format_item = label }, function(action)
      return action and choose(client, bufnr, action)
    end)
  end)
end

return M
