"""What holds for all tests."""

import os

# Matrices of tests are small: threads of BLAS only wait for each other, and take most of a processor's time to do so.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before anything imports numpy
# In JAX, arrays of different rank do not broadcast and types do not mix by themselves: either hides a mistake.
os.environ.setdefault("JAX_NUMPY_RANK_PROMOTION", "raise")
os.environ.setdefault("JAX_NUMPY_DTYPE_PROMOTION", "strict")

from hypothesis import settings

# A busy machine makes an example slow, not wrong.
settings.register_profile("neuropil", deadline=None)
settings.load_profile("neuropil")
