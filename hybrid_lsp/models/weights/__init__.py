"""From somebody's weights to a folder that the engine serves.

`inspect` says what a file or folder holds, from its headers alone; `convert` makes the CTranslate2 folder, in a process
of its own, tensor by tensor and without torch where the architecture is one of `architectures`.
"""

from hybrid_lsp.models.folders import Kind
from hybrid_lsp.models.weights.conversion import convert
from hybrid_lsp.models.weights.info import WeightsInfo, inspect

__all__ = ["Kind", "WeightsInfo", "convert", "inspect"]
