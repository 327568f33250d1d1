"""One engine for many people: the same application on Ray Serve, in replicas, behind a door that knows its users.

Read `deploy.py` first (what runs where), then `door.py` (what happens to one request).
"""
