"""What holds for all tests."""

import os
from collections import Counter
from typing import Any

# Matrices of tests are small: threads of BLAS only wait for each other, and take most of a processor's time to do so.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before anything imports numpy
# In JAX, arrays of different rank do not broadcast and types do not mix by themselves: either hides a mistake.
os.environ.setdefault("JAX_NUMPY_RANK_PROMOTION", "raise")
os.environ.setdefault("JAX_NUMPY_DTYPE_PROMOTION", "strict")

from hypothesis import settings

# A busy machine makes an example slow, not wrong.
settings.register_profile("neuropil", deadline=None)
settings.load_profile("neuropil")

SHARES = {
    "agents": 3, "analytic": 6, "claims": 8, "contract": 20, "cost": 2, "engine": 12, "fuzz": 7, "golden": 2, "malformed": 2, "peer": 0, "published": 8,
    "statistical": 1, "unit": 6,
}  # fmt: skip
"""Minutes of a core that the tests of each folder may take in a default run, with kernels to compile; together at most 77.

On two cores that is less than 39 minutes, and the whole of .ci/run at most 40.
"""


def minutes(durations: dict[str, float]) -> dict[str, float]:
    """Minutes by folder, from seconds by test; what does not lie in a folder of `SHARES` is left out."""
    found: Counter[str] = Counter()
    for test, seconds in durations.items():
        found[test.removeprefix("tests/").partition("/")[0]] += seconds / 60.0
    return {folder: found[folder] for folder in SHARES if found[folder]}


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What each folder took beside its share, which a busy machine exceeds."""
    durations: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            durations[getattr(report, "nodeid", "")] += getattr(report, "duration", 0.0)
    taken = minutes(durations)
    if sum(taken.values()) > 1.0:
        terminalreporter.section("minutes of a core by folder (and share)")
        for folder, spent in taken.items():
            terminalreporter.line(f"{folder:<12}{spent:6.1f} ({SHARES[folder]})" + (" over its share" if spent > SHARES[folder] else ""))
