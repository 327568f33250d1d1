"""Secrets within a text: found by what they are called, where they stand and how they look, and taken out of it."""
