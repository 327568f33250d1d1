"""What the client can do, asked once in one place."""

from __future__ import annotations

import attrs
from lsprotocol import types as lsp

_MODAL = ("neovim", "eglot", "emacs", "helix")
"""Clients whose user must answer a question before anything else: none comes up while they type."""
_BLOCKING = ("eglot", "helix")
"""Clients that stand still while they wait for a code action to be resolved, and give up after 10 or 20 seconds."""


@attrs.frozen
class Abilities:
    """The client's abilities that our answers depend on."""

    resolves_edits: bool
    """A code action's edit may be computed when it is chosen (`codeAction/resolve`), however long that takes."""
    versioned_edits: bool
    annotated_edits: bool
    applies_edits: bool
    creates_files: bool
    """An edit may make a new file."""
    shows_documents: bool
    asks: bool
    """A message with a button stands aside until it is pressed."""
    progress: bool
    pulls_settings: bool
    pulls_diagnostics: bool
    """Diagnostics may wait to be asked for: the client asks, and asks again when it is told to."""

    markdown_items: bool
    """The documentation of a completion item may be Markdown."""
    keeps_indentation: bool
    """A completion item may say that its text is indented already."""
    completes_inline: bool
    """It asks for inline completions."""

    @classmethod
    def of(cls, client: lsp.ClientCapabilities, name: str = "") -> Abilities:
        """What a client says that it can do; `name` is what it calls itself."""
        workspace = client.workspace or lsp.WorkspaceClientCapabilities()
        edits = workspace.workspace_edit or lsp.WorkspaceEditClientCapabilities()
        made = edits.resource_operations or ()
        window = client.window or lsp.WindowClientCapabilities()
        problems = workspace.diagnostics or lsp.DiagnosticWorkspaceClientCapabilities()
        pulls = client.text_document is not None and client.text_document.diagnostic is not None
        action = (client.text_document and client.text_document.code_action) or lsp.CodeActionClientCapabilities()
        resolves = action.resolve_support is not None and "edit" in action.resolve_support.properties
        listed = (client.text_document and client.text_document.completion) or lsp.CompletionClientCapabilities()
        item = listed.completion_item or lsp.ClientCompletionItemOptions()
        modes = item.insert_text_mode_support.value_set if item.insert_text_mode_support else ()
        return cls(
            resolves_edits=resolves and bool(action.data_support) and not name.casefold().startswith(_BLOCKING),
            versioned_edits=bool(edits.document_changes),
            annotated_edits=bool(edits.document_changes and edits.change_annotation_support),
            applies_edits=bool(workspace.apply_edit),
            creates_files=bool(edits.document_changes and lsp.ResourceOperationKind.Create in made),
            shows_documents=bool(window.show_document and window.show_document.support),
            asks=not name.casefold().startswith(_MODAL),
            progress=bool(window.work_done_progress),
            pulls_settings=bool(workspace.configuration),
            markdown_items=lsp.MarkupKind.Markdown in (item.documentation_format or ()),
            keeps_indentation=lsp.InsertTextMode.AsIs in modes,
            completes_inline=client.text_document is not None and client.text_document.inline_completion is not None,
            pulls_diagnostics=pulls and bool(problems.refresh_support),
        )
