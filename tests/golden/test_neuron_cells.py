"""Potentials and spikes of cells with morphology are NEURON's, at equal discretisation and step.

NEURON's side was run once (``verification/cells/compare.py --golden``): 100 ms at the soma and at the farthest compartment of
each kind of section. Both simulators do the same arithmetic but for NEURON's numerical derivatives and its lengths in single
precision, whence the bound: ten times less than the 0.01 mV that users are promised.
"""

from __future__ import annotations

import numpy as np
import pytest

from verification_cells import cases, compare

BOUND = 1e-3  # mV


@pytest.mark.parametrize("k", range(len(cases.SMALL)), ids=[case.name for case in cases.SMALL])
def test_potentials_and_spikes(k: int) -> None:
    v, spikes = compare.in_neuropil(cases.SMALL[k])
    with np.load(compare.GOLDEN) as stored:
        theirs, their_spikes = stored[f"v_{k}"], stored[f"spikes_{k}"]
    ours = v[:, compare.EVERY - 1 :: compare.EVERY]
    assert ours.shape == theirs.shape
    assert len(their_spikes) >= 4
    assert np.abs(ours - theirs).max() < BOUND
    np.testing.assert_allclose(spikes, their_spikes, rtol=0, atol=1e-6)
