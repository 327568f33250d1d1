"""Facts about the code in a span, in whatever language has a grammar."""

from __future__ import annotations

from hybrid_lsp.analysis import outline, syntax
from hybrid_lsp.analysis.syntax import Facts
from hybrid_lsp.context import grammars, scope, symbols
from hybrid_lsp.document import Document, Span

DESCRIBED = grammars.LANGUAGES - {"json", "jsonc"}
"""Languages whose code can be described."""


def facts_of(document: Document, span: Span) -> Facts | None:
    """What a span defines, or what is around it; None where nothing is, or without a grammar."""
    if nodes := symbols.statements(document, span):
        return syntax.describe(document, nodes)
    if document.language not in DESCRIBED:
        return None
    tree = symbols.tree(document)
    return outline.describe(document, tree.root_node, span, scope.SCOPES) if tree is not None else None
