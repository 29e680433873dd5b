"""Kernels compiled by a second process: they come through the cache, count, and cost nothing but time where it fails.

The truth is what Python computes; who compiled a kernel is read from Numba's own counts of cache hits.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys, time
import numpy as np
from numba import types
from neuropil.codegen import ahead
from neuropil.codegen.kernel_cache import Compilations
from neuropil.engine.exchange.exchange import alarmed
from neuropil.engine.exchange.spikes import log_spikes
from neuropil.engine.program import entry_of

ahead._cores = lambda: 2
arguments = (types.int64[::1], types.int64, types.int64)
task, counted = ahead.Task.of(alarmed, arguments), Compilations()
assert task.missing
if sys.argv[1] == "killed":
    start = ahead.Helper.__init__
    ahead.Helper.__init__ = lambda self: (start(self), self._process.kill())[0]
if sys.argv[1] == "refused":
    ahead.subprocess.Popen = lambda *a, **k: open("/nowhere/at/all")
ahead.begin([task], worth=2)
assert not ahead._HELPER
ahead.begin([task], worth=1)
if sys.argv[1] == "waited":
    while not ahead.busy_with(task):
        time.sleep(0.01)
with counted:
    assert entry_of(alarmed, arguments)
assert not task.missing
alarm = np.zeros(16, np.int64)
alarm[8] = 7
print(counted.count, alarmed.stats.cache_hits.total(), alarmed(alarm, 5, 8), alarmed(alarm, 8, 9))
"""


@pytest.mark.parametrize("case", ["waited", "killed", "refused"])
def test_a_kernel_is_compiled_once_by_whoever_comes_first(case, tmp_path):
    """Waited for, it comes from the cache; where the helper dies or is refused, from here. It counts as compiled in any case."""
    environment = {**os.environ, "NEUROPIL_CACHE": str(tmp_path / "cache"), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-W", "error", "-c", SCRIPT, case], env=environment, text=True, capture_output=True, check=False)
    assert not done.stderr
    assert done.stdout.split() == ["1", "1" if case == "waited" else "0", "True", "False"]
    assert len(list((tmp_path / "cache" / "__pycache__").glob("alarmed*.nbc"))) == 1
