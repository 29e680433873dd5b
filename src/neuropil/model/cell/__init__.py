"""Cells with morphology: SWC and ASC files read and written, division into compartments, locations, channels and point processes."""
