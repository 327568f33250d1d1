"""What is known about models without loading one: their prompt formats, and where their files are."""
