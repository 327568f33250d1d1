from hybrid_lsp import config
from hybrid_lsp.tables import settings_table


def test_the_settings_table_has_every_setting_with_its_default() -> None:
    lines = settings_table().splitlines()
    assert lines[0] == "| setting | default | what it does |"
    assert len(lines) == 2 + len(list(config.settings()))
    assert any(line.startswith("| `completion.enabled` | `true` | ") for line in lines)
    assert any(line.startswith('| `small.backend` | `"engine"` | ') for line in lines)
    assert all(line.count(" | ") == 2 for line in lines[2:])
