"""`kdrun show`: what a network really sees of some data."""
