from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types as lsp

from hybrid_lsp.errors import DocumentRejected
from hybrid_lsp.server import convert
from hybrid_lsp.server.documents import Documents, path_of

URI = "file:///a.py"
texts = st.text(alphabet=st.sampled_from(list("ab\n\r\té€\u2028\x0c😋𝔸")), max_size=30)


def opened(text: str, max_bytes: int = 1_000_000, encoding: str = "utf-16") -> Documents:
    documents = Documents(max_bytes, encoding)
    documents.open(lsp.TextDocumentItem(URI, "python", 1, text))
    return documents


def change(documents: Documents, *changes: lsp.TextDocumentContentChangeEvent, version: int = 2) -> None:
    documents.change(lsp.VersionedTextDocumentIdentifier(version, URI), list(changes))


@given(
    texts,
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), texts), max_size=4),
    st.sampled_from(["utf-8", "utf-16", "utf-32"]),
)
def test_incremental_changes_give_the_editors_text(text: str, edits: list[tuple[int, int, str]], encoding: str) -> None:
    documents = opened(text, encoding=encoding)
    expected, changes = text, []
    for first, second, new in edits:
        start, end = sorted((min(first, len(expected)), min(second, len(expected))))
        # An editor has no cursor between CR and LF.
        if "\r\n" in (expected[start - 1 : start + 1], expected[end - 1 : end + 1]):
            continue
        snapshot = convert.Document(URI, expected)
        positions = [convert.position_of(snapshot, offset, encoding) for offset in (start, end)]
        changes.append(lsp.TextDocumentContentChangePartial(lsp.Range(*positions), new))
        expected = expected[:start] + new + expected[end:]
    change(documents, *changes)
    document = documents.get(URI)
    assert document is not None
    assert document.text == expected
    assert document.version == 2


def test_a_whole_change_replaces_the_text() -> None:
    documents = opened("old")
    change(documents, lsp.TextDocumentContentChangeWholeDocument("new"))
    document = documents.get(URI)
    assert document is not None
    assert (document.text, document.language) == ("new", "python")


def test_half_a_surrogate_pair_keeps_positions() -> None:
    documents = opened("a\ud800b")
    document = documents.get(URI)
    assert document is not None
    assert document.text == "a\ufffdb"


def test_a_huge_file_is_refused_with_the_setting_and_the_others_live_on() -> None:
    documents = Documents(1000)
    with pytest.raises(DocumentRejected, match="files.max_bytes"):
        documents.open(lsp.TextDocumentItem(URI, "python", 1, "x" * 2000))
    assert documents.is_too_large(URI)
    assert documents.get(URI) is None
    change(documents, lsp.TextDocumentContentChangePartial(lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0)), "y"))
    assert documents.get(URI) is None
    change(documents, lsp.TextDocumentContentChangeWholeDocument("small"))
    assert documents.get(URI) is not None
    assert not documents.is_too_large(URI)


def test_a_file_that_grows_too_large_is_let_go() -> None:
    documents = opened("x", max_bytes=1000)
    with pytest.raises(DocumentRejected):
        change(documents, lsp.TextDocumentContentChangeWholeDocument("é" * 600))
    assert documents.get(URI) is None
    documents.close(URI)
    assert not documents.is_too_large(URI)


def test_unknown_documents_are_ignored() -> None:
    documents = Documents(1000)
    change(documents, lsp.TextDocumentContentChangeWholeDocument("x"))
    documents.close(URI)
    assert list(documents) == []


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///a/b%20c.py", Path("/a/b c.py")),
        ("file://localhost/a.py", Path("/a.py")),
        ("untitled:Untitled-1", None),
        ("", None),
    ],
)
def test_paths_of_uris(uri: str, path: Path | None) -> None:
    assert path_of(uri) == path
