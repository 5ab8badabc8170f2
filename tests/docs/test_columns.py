"""docs/columns.md says what the glossary says."""

from __future__ import annotations

from docs import columns


def test_the_page_is_current() -> None:
    assert columns.PAGE.read_text("utf-8") == columns.render(), "run make docs"
