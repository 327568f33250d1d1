--- An edit shown as a diff, and applied when the user says so and the text is still the one it was made for.
local window = require('hybrid_lsp.window')

local M = {}

---@class hybrid_lsp.Change
---@field uri string
---@field version integer|nil
---@field edits lsp.TextEdit[]
---@field tick integer|nil The text's own count of changes when the edit came.

---@param uri string
---@return integer|nil
local function buffer_of(uri)
  local bufnr = vim.fn.bufnr(vim.uri_to_fname(uri))
  return bufnr > 0 and vim.api.nvim_buf_is_loaded(bufnr) and bufnr or nil
end

--- An edit's changes, one for each file.
---@param edit lsp.WorkspaceEdit
---@return hybrid_lsp.Change[]
local function changes_of(edit)
  local found = {}
  for _, change in ipairs(edit.documentChanges or {}) do
    if not change.kind then
      local version = change.textDocument.version
      version = version ~= vim.NIL and version or nil
      table.insert(found, { uri = change.textDocument.uri, version = version, edits = change.edits })
    end
  end
  for uri, edits in pairs(edit.changes or {}) do
    table.insert(found, { uri = uri, edits = edits })
  end
  for _, change in ipairs(found) do
    local bufnr = buffer_of(change.uri)
    change.tick = bufnr and vim.api.nvim_buf_get_changedtick(bufnr)
  end
  return found
end

---@param uri string
---@return string[]
local function lines_of(uri)
  local bufnr = buffer_of(uri)
  if bufnr then
    return vim.api.nvim_buf_get_lines(bufnr, 0, -1, false)
  end
  local path = vim.uri_to_fname(uri)
  return vim.fn.filereadable(path) == 1 and vim.fn.readfile(path) or {}
end

---@param edits lsp.TextEdit[]
---@return lsp.TextEdit[]
local function plain(edits)
  return vim.tbl_map(function(edit)
    return { range = vim.deepcopy(edit.range), newText = edit.newText }
  end, edits)
end

---@param lines string[]
---@return string
local function joined(lines)
  return #lines == 0 and '' or table.concat(lines, '\n') .. '\n'
end

---@param change hybrid_lsp.Change
---@param encoding string
---@return string
local function diff_of(change, encoding)
  local before = lines_of(change.uri)
  local copy = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(copy, 0, -1, false, before)
  vim.lsp.util.apply_text_edits(plain(change.edits), copy, encoding)
  local after = vim.api.nvim_buf_get_lines(copy, 0, -1, false)
  vim.api.nvim_buf_delete(copy, { force = true })
  local diff = require('hybrid_lsp.compat').diff(joined(before), joined(after))
  local name = vim.fn.fnamemodify(vim.uri_to_fname(change.uri), ':.')
  return ('--- %s\n+++ %s\n%s'):format(#before > 0 and name or '/dev/null', name, diff)
end

--- Who made the edit and what they want said, from its annotations.
---@param edit lsp.WorkspaceEdit
---@return string[]
local function notes_of(edit)
  local notes = {}
  for _, annotation in pairs(edit.changeAnnotations or {}) do
    local text = annotation.description or annotation.label
    if type(text) == 'string' and text ~= '' then
      vim.list_extend(notes, { text, '' })
    end
  end
  return notes
end

--- Why an edit may not be applied any more, or nil.
---@param changes hybrid_lsp.Change[]
---@return string|nil
local function outdated(changes)
  for _, change in ipairs(changes) do
    local bufnr = buffer_of(change.uri)
    local is_other = change.version and bufnr and vim.lsp.util.buf_versions[bufnr] ~= change.version
    if is_other or (bufnr and vim.api.nvim_buf_get_changedtick(bufnr) ~= change.tick) then
      return ('%s has changed since: nothing was applied. Run the action again.'):format(
        vim.fn.fnamemodify(vim.uri_to_fname(change.uri), ':t')
      )
    end
  end
end

--- The user has seen the notes and has confirmed the edit: Neovim need not do the same again.
---@param edit lsp.WorkspaceEdit
---@return lsp.WorkspaceEdit
local function without_annotations(edit)
  edit = vim.deepcopy(edit)
  edit.changeAnnotations = nil
  for _, change in ipairs(edit.documentChanges or {}) do
    change.annotationId = nil
    for _, each in ipairs(change.edits or {}) do
      each.annotationId = nil
    end
  end
  return edit
end

--- Apply an edit that the user has seen, unless the text has changed, which they are told.
---@param edit lsp.WorkspaceEdit
---@param changes hybrid_lsp.Change[]
---@param encoding string
local function apply(edit, changes, encoding)
  local problem = outdated(changes)
  if problem then
    return vim.notify('hybrid-lsp: ' .. problem, vim.log.levels.WARN)
  end
  vim.lsp.util.apply_workspace_edit(without_annotations(edit), encoding)
  for _, change in ipairs(edit.documentChanges or {}) do
    if change.kind == 'create' then
      vim.cmd.split(vim.fn.fnameescape(vim.uri_to_fname(change.uri)))
    end
  end
end

--- Show an edit as a unified diff: Enter applies it, `q` leaves the text as it is.
---@param edit lsp.WorkspaceEdit
---@param encoding string
---@param title string
function M.open(edit, encoding, title)
  local changes = changes_of(edit)
  local diffs = vim.tbl_map(function(change)
    return diff_of(change, encoding)
  end, changes)
  local shown = window.open(title, 'diff', function() end)
  window.write(shown, vim.trim(table.concat(vim.list_extend(notes_of(edit), diffs), '\n')))
  window.head(shown, title .. '   <Enter> applies, q leaves it')
  vim.keymap.set('n', '<CR>', function()
    window.close(shown)
    apply(edit, changes, encoding)
  end, { buffer = shown.buf, nowait = true, desc = 'Apply the edit' })
end

return M
