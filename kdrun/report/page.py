"""The page: a frame, a style, a script, and what they show, in one file."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent
SCRIPTS = ("table.js", "chart.js", "plots.js", "report.js")


def page(title: str, content: Mapping[str, object]) -> str:
    """Put the page together.

    Names, errors and settings come from data, and none of it can become markup or run: all of it
    is in one block of JSON, the script writes it as text nodes only, and the page's own policy
    lets the browser run this script and load nothing.

    Args:
        title: of the page.
        content: what it shows, as `content.content` has it.
    """
    style = "\n" + (FOLDER / "report.css").read_text("utf-8")
    parts = [(FOLDER / name).read_text("utf-8") for name in SCRIPTS]
    script = '\n"use strict";\n' + "\n".join(parts)
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    pieces = {
        "title": html.escape(title),
        "policy": policy,
        "style": style,
        "script": script,
        "content": _embedded({"title": title, **content}),
    }
    frame = (FOLDER / "report.html").read_text("utf-8")
    # In one pass: what was put in is not searched for places again.
    return re.sub(r"\{\{(\w+)\}\}", lambda place: pieces[place[1]], frame)


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _embedded(content: Mapping[str, object]) -> str:
    """JSON that ends no element of HTML: `<`, `>` and `&` stand in its strings only."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")
