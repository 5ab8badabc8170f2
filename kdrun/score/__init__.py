"""How good a model is, what it costs, and what a transfer gained."""
