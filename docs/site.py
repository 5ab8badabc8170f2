"""What the site is made of: every page of the repository, where it lies there.

A hook of mkdocs, which would take the folder docs/ alone; the links between README, docs and
examples are relative, and hold in the site as in the repository.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PAGES = (
    *("*.md", "docs/*.md", "docs/images/*"),
    *("examples/*.md", "examples/*/*.md", "examples/*.ipynb"),
)


def on_files(files: Files, config: Any) -> Files:
    """The pages of the repository instead of those in docs/; the theme's own files stay."""
    kept = [one for one in files if not one.is_documentation_page() and "assets/" in one.src_uri]
    found = [
        File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path))
        for pattern in PAGES
        for path in sorted(ROOT.glob(pattern))
    ]
    return Files([*kept, *found])


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """A folder of examples is its page; what the site does not have is named, not linked."""

    def mend(link: re.Match[str]) -> str:
        text, target = link.groups()
        place = ((ROOT / page.file.src_uri).parent / target.partition("#")[0]).resolve()
        if not place.is_dir():
            return link[0]
        if (place / "README.md").is_file():
            return f"[{text}]({target.rstrip('/')}/README.md)"
        return text

    return re.sub(r"(?<!!)\[([^\]]+)\]\(([^)#:\s][^):\s]*)\)", mend, markdown)
