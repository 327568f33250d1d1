"""hybrid-lsp: a language server with a small local model for typing and a large one for selections."""

__version__ = "0.1.0"
