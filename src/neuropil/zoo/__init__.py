"""Published models, one per file with its citation, and the list of their names."""
