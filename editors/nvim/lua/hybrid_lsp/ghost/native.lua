--- Neovim 0.12's own inline completion, kept from showing what does not belong at the cursor.
---
--- It asks 200 ms after a pause, draws the answer, and lets it stand while typing goes on, whatever is typed: so each
--- answer is looked at on its way in, and the drawing is done again by `hybrid_lsp.ghost`.
local METHOD = 'textDocument/inlineCompletion'

local M = {}

--- Neovim's, by its name.
M.namespace = vim.api.nvim_create_namespace('nvim.lsp.inline_completion')

--- The suggestions of other servers are drawn in the same name space.
M.shared = true

---@type table<integer, boolean>
local watched = {}

--- Neovim gives no hook on an answer but the request itself.
---@param client vim.lsp.Client
local function watch(client)
  if watched[client.id] then
    return
  end
  watched[client.id] = true
  local request = client.request
  client.request = function(self, method, params, handler, bufnr)
    -- Ours know what to do with an answer; Neovim's are told by the kind, which is always Automatic.
    if method == METHOD and handler and bufnr and params.context.triggerKind ~= 1 then
      handler = require('hybrid_lsp.ghost').answer_to_now(bufnr, handler)
    end
    return request(self, method, params, handler, bufnr)
  end
end

---@param client vim.lsp.Client
---@param bufnr integer
function M.attach(client, bufnr)
  watch(client)
  vim.lsp.inline_completion.enable(true, { bufnr = bufnr })
end

--- Have Neovim let go of its suggestion, then do something.
---@param done fun()
function M.release(done)
  local had_one = vim.lsp.inline_completion.get({
    on_accept = function()
      done()
      return nil
    end,
  })
  if not had_one then
    vim.schedule(done)
  end
end

function M.detach() end

return M
