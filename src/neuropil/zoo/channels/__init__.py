"""Ion channels and calcium pools for membranes."""
