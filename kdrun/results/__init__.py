"""What runs leave and what is read from it: record.json, tables, their columns, pictures."""
