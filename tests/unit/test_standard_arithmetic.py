"""The mode of arithmetic in which native gradients run within XLA: subnormal numbers are numbers there, and XLA's own mode is back afterwards."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from neuropil.learn.native.arithmetic import can_be_standard, standard
from neuropil.learn.native.foreign import foreign
from neuropil.learn.native.tapes import TapeStore


@pytest.mark.skipif(not can_be_standard(), reason="the C library is not glibc")
def test_subnormal_numbers_are_numbers_within_xla():
    small, found = np.array([1e-40], np.float32), []

    def half():
        found.append(float((small * np.float32(0.5))[0]))

    def product(given, filled):
        half()
        with standard():
            half()
        half()
        filled[0][...] = given[0]

    out = jax.jit(lambda x: foreign(("test of arithmetic",), product, [jax.ShapeDtypeStruct((2,), np.float32)], [x])[0])(np.ones(2, np.float32))
    assert np.array_equal(out, [1.0, 1.0])
    assert found == [0.0, pytest.approx(0.5e-40, rel=1e-4), 0.0]


def test_tapes_are_there_until_another_batch_takes_the_buffer():
    store, shapes = TapeStore(), {"a": ((3, 4), np.dtype("f4")), "b": ((5,), np.dtype("u1"))}
    first = store.take(shapes)
    arrays = first.arrays(shapes)
    arrays["a"][...], arrays["b"][...] = 1.5, 7
    assert store.claim(first.number) is None, "it is in use"
    store.put(first)
    claimed = store.claim(first.number)
    assert np.all(claimed.arrays(shapes)["a"] == 1.5) and np.all(claimed.arrays(shapes)["b"] == 7)
    store.put(claimed)
    second = store.take(shapes)
    assert store.claim(first.number) is None and second.number != first.number
    store.put(second)
    assert store.claim(second.number) is not None
