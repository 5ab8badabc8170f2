"""What was asked for: the schema, what each key may name, and the faults of a config."""
