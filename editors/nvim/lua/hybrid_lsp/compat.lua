--- What older versions of Neovim spell differently. What is here goes when they are no longer supported.
local M = {}

local NEW = vim.fn.has('nvim-0.11') == 1

--- Call a method of a client, which took no `self` before 0.11.
---@param client vim.lsp.Client
---@param method string
---@param ... any
---@return any ...
function M.call(client, method, ...)
  if NEW then
    return client[method](client, ...)
  end
  return client[method](...)
end

--- The byte column of a character counted as LSP does in an encoding; past the end it is the end.
---@param line string
---@param character integer
---@param encoding string
---@return integer
function M.byte_of(line, character, encoding)
  if encoding == 'utf-8' then
    return math.min(character, #line)
  elseif NEW then
    return vim.str_byteindex(line, encoding, character, false)
  end
  local utf32, utf16 = vim.str_utfindex(line)
  local length = encoding == 'utf-16' and utf16 or utf32
  return vim.str_byteindex(line, math.min(character, length), encoding == 'utf-16')
end

--- How long a text is in an encoding.
---@param text string
---@param encoding string
---@return integer
function M.length(text, encoding)
  if encoding == 'utf-8' then
    return #text
  elseif NEW then
    return vim.str_utfindex(text, encoding)
  end
  local utf32, utf16 = vim.str_utfindex(text)
  return encoding == 'utf-16' and utf16 or utf32
end

---@param before string
---@param after string
---@return string
function M.diff(before, after)
  return (vim.text and vim.text.diff or vim.diff)(before, after, { ctxlen = 3 })
end

return M
