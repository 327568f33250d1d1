--- hybrid-lsp for Neovim: what users and other plugins call. Everything behind it is loaded when it is first needed.
local M = {}

--- Package managers do this for a plugin that is a whole repository; ours is a folder of one.
local function write_help_tags()
  local doc = vim.fs.joinpath(require('hybrid_lsp.server').HERE, 'doc')
  if vim.fn.filereadable(doc .. '/tags') == 0 and vim.fn.filewritable(doc) == 2 then
    pcall(vim.cmd.helptags, vim.fn.fnameescape(doc))
  end
end

--- Take options (see |hybrid-lsp-options|) and start the server for the files you open.
---@param options table|nil
function M.setup(options)
  local taken = require('hybrid_lsp.options')
  for _, problem in ipairs(taken.set(options)) do
    vim.notify('hybrid-lsp: ' .. problem, vim.log.levels.WARN)
  end
  -- Where the plugin's folder came to the runtimepath too late for `plugin/` to be read.
  require('hybrid_lsp.command').create()
  vim.schedule(write_help_tags)
  if taken.current.enable then
    require('hybrid_lsp.server').start()
  end
end

--- Accept the suggestion at the cursor, or its next word or line; false where none is shown.
---@param part 'all'|'word'|'line'|nil
---@return boolean
function M.accept(part)
  return require('hybrid_lsp.ghost').accept(part or 'all')
end

--- Take the suggestion away; false where none is shown.
---@return boolean
function M.dismiss()
  return require('hybrid_lsp.ghost').dismiss()
end

--- Ask for a suggestion now, also where none would be offered by itself.
---@return boolean
function M.suggest()
  return require('hybrid_lsp.ghost').suggest()
end

--- The suggestion that is shown, as far as it is not typed yet.
---@return string|nil
function M.suggestion()
  return require('hybrid_lsp.ghost').visible()
end

--- For a statusline: an icon, who answers, and why there is nothing; empty where the server is not attached.
---@param bufnr integer|nil
---@return string
function M.status(bufnr)
  return require('hybrid_lsp.status').text(bufnr)
end

return M
