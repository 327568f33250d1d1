"""The LSP edge: the only place that imports pygls and lsprotocol."""
