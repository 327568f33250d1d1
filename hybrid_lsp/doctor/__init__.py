"""`hybrid-lsp doctor`: looks at all that hybrid-lsp needs, says what is wrong, and the command that mends it."""
