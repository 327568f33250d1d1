"""The model process: one model behind the ecosystem's own HTTP protocols.

Read `service.py` first (what the engine does with one request), then `app.py` (how it is asked).
"""
