"""The static tier: what ruff, bandit and the syntax tree say, with no model at all."""
