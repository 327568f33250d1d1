"""The selection path: offer, route, generate, verify, edit. One file an action."""
