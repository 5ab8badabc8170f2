"""How long something takes, as people say it."""

from __future__ import annotations


def span(seconds: float | None) -> str:
    """A duration as people say it: `40 s`, `12 min`, `3 h 20 min`; `?` where it is not known."""
    if seconds is None:
        return "?"
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{max(1, round(seconds))} s"  # nobody waits for nothing
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
