"""Which tier and backend answers, why, and what next when it fails."""
