"""Published circuits, one per file; each function returns a `Network`."""
