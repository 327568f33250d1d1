"""What makes a reply worth showing: small pure functions of text, each with one idea. `trim.py` puts them in order."""
