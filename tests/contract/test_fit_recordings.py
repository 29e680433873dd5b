"""Several starts of a training.

Why to believe it: the loss of a start is measured again from the values that are reported of it. That hidden conductances of a neuron are found is shown by
docs/training.md, which is executed.
"""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from neuropil.errors import ModelError
from neuropil.units import ms, mV, pA
from neuropil.zoo.neurons.lif import LIFDelta

CURRENT = np.zeros((1, 40, 1))
CURRENT[:, 5:25] = 150.0
RECORDED = np.cumsum(np.ones((1, 40, 1)), axis=1) - 70.0


def cell(tau: float) -> npl.Network:
    net = npl.Network("cell")
    net.population("cell", LIFDelta(tau_m=tau * ms, v_th=0 * mV), 1)
    return net


def fitted(net: npl.Network, trainable=None, **options) -> npl.Fit:
    chosen = trainable or npl.Trainable(net["cell"], "tau_m", bounds=(4 * ms, 60 * ms))
    given = {"loss": "trace_error", "input": "cell.current", "trainable": chosen, "checks": False, "backend": "jax", "epochs": 4}
    return npl.fit(net, (CURRENT * pA, RECORDED), **{**given, **options})


def test_the_best_of_several_starts_is_returned(tmp_path):
    net = cell(8.0)
    made = fitted(net, starts=3, out=tmp_path / "a")
    starts = made.facts["starts"]
    assert len({s["values"]["cell.tau_m"] for s in starts}) == 3
    for one in starts:  # 4 steps of Adam have moved it, and its loss is that of its values
        again = fitted(cell(one["values"]["cell.tau_m"]), epochs=0).evaluate((CURRENT * pA, RECORDED)).loss
        assert again == pytest.approx(one["loss"], rel=1e-5)
    best = min(starts, key=lambda s: s["loss"])
    assert made.network["cell"].neuron.tau_m.value == pytest.approx(best["values"]["cell.tau_m"], rel=1e-6)
    alone = fitted(net)
    assert alone.network["cell"].neuron.tau_m.value == pytest.approx(starts[0]["values"]["cell.tau_m"], rel=1e-6)
    resumed = fitted(net, starts=3, out=tmp_path / "a")  # each start has a checkpoint of its own
    assert resumed.facts["starts"] == starts and "starts" in npl.load_fit(tmp_path / "a" / "fit.h5").facts


def test_starts_need_bounds_and_a_number():
    with pytest.raises(ModelError, match="drawn between bounds"):
        fitted(cell(8.0), trainable="cell.tau_m", starts=2)
    for wrong in (0, 1.5, True, "3"):
        with pytest.raises(ModelError, match="starts must be"):
            fitted(cell(8.0), starts=wrong)
