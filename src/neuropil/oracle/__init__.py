"""The oracle: a slow, obvious simulator that every fast executor must match.

It reads the description directly and shares nothing with the code that lowers it. Read `simulate` for the order of a
time step, `integrate` for how states advance within it, `events` for what arrives.
"""

from neuropil.oracle.simulate import OracleResult, simulate

__all__ = ["OracleResult", "simulate"]
