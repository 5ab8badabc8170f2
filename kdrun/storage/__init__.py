"""What runs and caches take of a disk, and what of it may go."""
