"""The workload assessment: which of the user's own tasks lighter models do well, and what the thresholds should be."""
