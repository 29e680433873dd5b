"""Current, voltage and dynamic clamps."""
