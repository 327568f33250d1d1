"""What a model is told about a file: pure functions over our `Document`."""
