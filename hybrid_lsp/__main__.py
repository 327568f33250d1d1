"""`python -m hybrid_lsp` is the command `hybrid-lsp`."""

import sys

from hybrid_lsp.cli import main

if __name__ == "__main__":
    sys.exit(main())
