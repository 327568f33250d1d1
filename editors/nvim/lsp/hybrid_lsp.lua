-- Makes `vim.lsp.enable('hybrid_lsp')` enough, from Neovim 0.11 on.
return require('hybrid_lsp.server').config()
