-- A server inside Neovim that answers inline requests when the test says so: `answer(number, text)`.
local asked = {}
local M = { sent = {} }

function M.start(name, encoding)
  require('hybrid_lsp.server').config()
  M.encoding = encoding or 'utf-8'
  return vim.lsp.start({
    name = name or 'hybrid_lsp',
    cmd = function(dispatchers)
      local closing, number = false, 0
      local function close()
        closing = true
        dispatchers.on_exit(0, 0)
      end
      return {
        request = function(method, params, callback)
          number = number + 1
          if method == 'initialize' then
            local commands = { commands = { 'hybrid-lsp.accept' } }
            local can = { inlineCompletionProvider = true, executeCommandProvider = commands }
            can.positionEncoding, can.textDocumentSync = M.encoding, 2
            callback(nil, { capabilities = can })
          elseif method == 'textDocument/inlineCompletion' then
            table.insert(asked, { params = params, callback = callback })
          else
            table.insert(M.sent, { method = method, params = params })
            callback(nil, nil)
          end
          return true, number
        end,
        notify = function(method, params)
          table.insert(M.sent, { method = method, params = params })
          if method == 'exit' then
            close()
          end
          return true
        end,
        is_closing = function()
          return closing
        end,
        terminate = close,
      }
    end,
  })
end

-- The number of the newest request if it is for the place where the cursor is now.
function M.asked_here()
  local newest = asked[#asked]
  local here = vim.lsp.util.make_position_params(0, M.encoding).position
  return newest and vim.deep_equal(newest.params.position, here) and #asked or nil
end

-- A suggestion that begins where the cursor was when it was asked for, or `before` characters earlier.
function M.answer(number, text, before, after)
  local place = asked[number].params.position
  local range = {
    start = { line = place.line, character = place.character - (before or 0) },
    ['end'] = { line = place.line, character = place.character + (after or 0) },
  }
  local command = { title = 'Accepted', command = 'hybrid-lsp.accept', arguments = { 'id' .. number } }
  local items = type(text) == 'string' and { { insertText = text, range = range, command = command } } or {}
  asked[number].callback(nil, { items = items })
end

-- What was sent of one method.
function M.of(method)
  return vim
    .iter(M.sent)
    :filter(function(each)
      return each.method == method
    end)
    :totable()
end

return M
