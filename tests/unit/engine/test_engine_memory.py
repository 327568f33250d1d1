"""What a container may use, from the system's own files of either version."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybrid_lsp.engine.memory import container_limit


@pytest.mark.parametrize(
    ("own", "files", "limit"),
    [
        ("0::/a/b\n", {"a/b/memory.max": "max", "a/memory.max": "2000", "memory.max": "3000"}, 2000),
        ("0::/\n", {"memory.max": "512"}, 512),
        ("0::/not/seen\n", {"memory.max": "512"}, 512),
        ("4:cpu,memory:/x\n0::/\n", {"memory/x/memory.limit_in_bytes": "700"}, 700),
        ("4:memory:/x\n", {"memory/memory.limit_in_bytes": "9223372036854771712"}, 9223372036854771712),
        ("4:cpu:/x\n0::/x\n", {"x/memory.max": "max"}, None),
        ("", {}, None),
    ],
)
def test_the_least_of_all_limits_counts(tmp_path: Path, own: str, files: dict[str, str], limit: int | None) -> None:
    (tmp_path / "own").write_text(own, encoding="utf-8")
    for name, content in files.items():
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text(content + "\n", encoding="utf-8")
    assert container_limit(tmp_path / "own", tmp_path / "root") == limit


def test_where_there_are_none_nothing_limits(tmp_path: Path) -> None:
    assert container_limit(tmp_path / "own", tmp_path) is None
