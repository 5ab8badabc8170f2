"""What is printed: text that fits a terminal and can do nothing to it."""
