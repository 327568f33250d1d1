"""What the user reads of the metrics: in the terminal, as JSON, and as a page with plots."""
