"""Local metrics: typed events kept in SQLite on this machine, never with source text in them."""
