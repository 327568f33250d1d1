"""What is timed. `python -m benchmarks` runs everything and prints one table; see `__main__.py`."""
