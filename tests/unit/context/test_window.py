from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.context.window import around
from hybrid_lsp.document import Document


@given(st.text(alphabet="ab \n", max_size=300), st.integers(0, 300), st.integers(4, 400))
def test_a_window_is_what_stands_around_the_cursor(text: str, offset: int, limit: int) -> None:
    offset = min(offset, len(text))
    window = around(Document("file:///a", text), offset, limit)
    assert text[:offset].endswith(window.prefix)
    assert text[offset:].startswith(window.suffix)
    assert len(window.prefix) + len(window.suffix) <= limit
    if len(text) <= limit:
        assert window.prefix + window.suffix == text


def test_the_prefix_begins_at_a_line_and_gets_most_of_the_room() -> None:
    text = "".join(f"line {n}\n" for n in range(100))
    window = around(Document("file:///a", text), 400, 100)
    assert window.prefix.startswith("line")
    assert window.suffix.endswith("\n")
    assert len(window.prefix) > len(window.suffix)
