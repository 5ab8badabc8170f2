"""How knowledge moves from a source into a model before, or while, it learns the target."""
