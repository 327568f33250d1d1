"""The copy model: continue a line as the file, or one beside it, continues the longest matching context.

No training, no torch: prediction by partial matching over words (`predict`), kept up to date with each change (`text`,
`index`), over other files of the same language where the file itself does not help (`across`).
"""

from hybrid_lsp.models.copying.index import CopyIndex
from hybrid_lsp.models.copying.predict import Copy, complete
from hybrid_lsp.models.copying.words import first_word, lex

__all__ = ["Copy", "CopyIndex", "complete", "first_word", "lex"]
