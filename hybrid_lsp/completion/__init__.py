"""The typing path: from a cursor to ghost text, one stage a file; `pipeline.py` reads top to bottom."""
