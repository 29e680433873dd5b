"""NIR files that snnTorch 1.0.0 wrote, with what its layers fired: the same spikes here, bit for bit.

Why to believe it: files and spikes come from snnTorch itself (`tests/peer/snntorch_nir.py`, in an environment of its own).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import neuropil as npl
from neuropil.units import ms

STORED = Path(__file__).with_name("snntorch")
RESET = {"subtract": "subtract late"}


def fired(net: npl.Network, x: np.ndarray, populations: list[str], **options) -> np.ndarray:
    """bool[steps, neurons of the populations], without the steps that layers take: the one of depth d is read d steps later."""
    step, neuron = np.nonzero(x)
    net.stimulate(net["input"], npl.SpikeList((step + 1) * 0.1 * ms, neuron), port="pulses", weight=1.0)
    result = npl.run(net, (len(x) + 8) * 0.1 * ms, **options)
    layers = []
    for depth, name in enumerate(populations, 1):
        spikes = result.spikes.of(name)
        layer = np.zeros((len(x) + 10, net[name].size), bool)
        layer[spikes.step, spikes.neuron] = True
        layers.append(layer[1 + depth : 1 + depth + len(x)])
    return np.concatenate(layers, axis=1)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("name", ["feedforward", "synaptic", "convolution", "recurrent", "subtract"])
def test_a_file_of_snntorch_fires_what_snntorch_fires(name, precision):
    net = npl.from_nir(STORED / f"{name}.nir", reset=RESET.get(name, "value"))
    layers = [n for n in net.populations if n != "input"]
    with np.load(STORED / f"{name}.npz") as stored:
        assert stored["spikes"].sum() > 80
        np.testing.assert_array_equal(fired(net, stored["x"], layers, precision=precision, threads=2), stored["spikes"])


def test_what_nir_cannot_say_must_be_given():
    """snnTorch's default subtracts the threshold, which its file does not say: read as NIR defines it, other spikes."""
    with np.load(STORED / "subtract.npz") as stored:
        net = npl.from_nir(STORED / "subtract.nir")
        assert not np.array_equal(fired(net, stored["x"], ["n1", "n3"]), stored["spikes"])
