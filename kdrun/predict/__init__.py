"""`kdrun predict`: a trained student's answers about new inputs, and about its own data."""
