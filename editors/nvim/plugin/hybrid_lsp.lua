if vim.g.loaded_hybrid_lsp then
  return
end
vim.g.loaded_hybrid_lsp = true

require('hybrid_lsp.command').create()
