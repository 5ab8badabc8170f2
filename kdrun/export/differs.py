"""What is raised where a file and its student disagree; a word that needs no torch."""

from __future__ import annotations


class DiffersError(RuntimeError):
    """A file says something else than the student that it was made of."""
