"""Published circuits; each function returns a `Network`."""
