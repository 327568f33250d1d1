"""How the embedded model was made, and how to adapt it to your own code: see README.md beside this file."""
