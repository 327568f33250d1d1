"""Clients of models: everything that turns a `Request` into a stream of `Piece`s."""
