"""The life of a run: its folder, its parts, what is trained, and what comes of it."""
