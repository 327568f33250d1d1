--- A suggestion and the place it was made for: pure functions of texts, all columns in bytes from 0.
local byte_of = require('hybrid_lsp.compat').byte_of

local M = {}

---@class hybrid_lsp.Suggestion
---@field row integer
---@field head string The line up to where the text begins.
---@field tail string The line from where the cursor stood.
---@field covered integer How many bytes of the tail the text takes the place of.
---@field text string
---@field taken string What was accepted of the item before.
---@field item table The server's item.

---@class hybrid_lsp.Place
---@field row integer
---@field line string
---@field col integer

--- An item that was asked for at `place`; nil for one that cannot be shown (a snippet, or other lines).
---@param item table
---@param place hybrid_lsp.Place
---@param encoding string
---@return hybrid_lsp.Suggestion|nil
function M.of(item, place, encoding)
  local first, last = place.col, place.col
  if item.range then
    if item.range.start.line ~= place.row or item.range['end'].line ~= place.row then
      return nil
    end
    first = byte_of(place.line, item.range.start.character, encoding)
    last = byte_of(place.line, item.range['end'].character, encoding)
  end
  if type(item.insertText) ~= 'string' or first > place.col or last < place.col then
    return nil
  end
  return {
    row = place.row,
    head = place.line:sub(1, first),
    tail = place.line:sub(place.col + 1),
    covered = last - place.col,
    text = item.insertText,
    taken = '',
    item = item,
  }
end

--- What is left of a suggestion at a place: nil unless all that was typed since agrees with it.
---@param suggestion hybrid_lsp.Suggestion|nil
---@param place hybrid_lsp.Place
---@return string|nil
function M.rest(suggestion, place)
  if not suggestion or suggestion.row ~= place.row then
    return nil
  end
  local head = suggestion.head
  if not vim.startswith(place.line, head) or place.col < #head or place.line:sub(place.col + 1) ~= suggestion.tail then
    return nil
  end
  local typed = place.line:sub(#head + 1, place.col)
  if not vim.startswith(suggestion.text, typed) or #typed == #suggestion.text then
    return nil
  end
  return suggestion.text:sub(#typed + 1)
end

--- The beginning of a text that is taken by accepting `part` of it.
---@param text string
---@param part 'all'|'word'|'line'
---@return string
function M.part(text, part)
  if part == 'word' then
    -- A word with the white space before it, or the signs up to the next one.
    return text:match('^%s*[%w_\128-\255]+') or text:match('^%s*[^%w_%s\128-\255]+') or text
  elseif part == 'line' then
    return text:match('^\n*[^\n]+') or text
  end
  return text
end

--- The suggestion that remains when `accepted` of its rest has been put in at a place, nil where nothing remains.
---@param suggestion hybrid_lsp.Suggestion
---@param accepted string
---@param place hybrid_lsp.Place the place before
---@return hybrid_lsp.Suggestion|nil
function M.after(suggestion, accepted, place)
  local typed = place.line:sub(#suggestion.head + 1, place.col)
  local remaining = suggestion.text:sub(#typed + #accepted + 1)
  if remaining == '' then
    return nil
  end
  local _, breaks = accepted:gsub('\n', '')
  local before = (place.line:sub(1, place.col) .. accepted):match('[^\n]*$')
  return vim.tbl_extend('force', suggestion, {
    row = suggestion.row + breaks,
    head = before,
    text = remaining,
    taken = suggestion.taken .. typed .. accepted,
  })
end

return M
