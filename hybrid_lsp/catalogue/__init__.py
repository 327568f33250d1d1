"""The models one can have: what lies on this machine, what a hub offers, and how one of them comes to serve a tier."""
