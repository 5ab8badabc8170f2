"""What a file from anybody may name, hold and take."""
