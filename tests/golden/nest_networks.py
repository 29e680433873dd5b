"""Networks kept together with NEST's spikes, rebuilt in neuropil. Made by ``tests/peer/nest_reference.py``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuropil.model import Edges, Network, SpikeList
from neuropil.units import Quantity, ms, mV, nS, pA, pF
from neuropil.zoo.registry import neuron

STORED = Path(__file__).with_name("nest_spikes.npz")
DT = 0.1 * ms

# NEST's model -> ours, our ports for excitation and inhibition, and the unit of a weight.
MODELS = {
    "iaf_psc_exp": ("lif_exp", "exc", "inh", pA),
    "iaf_psc_alpha": ("lif_alpha", "exc", "inh", pA),
    "iaf_psc_delta": ("lif_delta", "syn", "syn", mV),
    "iaf_cond_exp": ("lif_cond_exp", "exc", "inh", nS),
    "iaf_cond_alpha": ("lif_cond_alpha", "exc", "inh", nS),
}
PARAMETERS = {
    "C_m": ("c_m", pF), "tau_m": ("tau_m", ms), "g_L": ("g_l", nS), "E_L": ("e_l", mV), "V_th": ("v_th", mV),
    "V_reset": ("v_reset", mV), "t_ref": ("t_ref", ms), "E_ex": ("e_exc", mV), "E_in": ("e_inh", mV),
    "tau_syn_ex": ("tau_exc", ms), "tau_syn_in": ("tau_inh", ms),
}  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """A network and the spikes NEST fired in it.

    Attributes:
        step: (n,) stamps in steps, ascending; neuron: (n,) who fired.
        neurons: how many there are.
    """

    network: Network
    duration: Quantity
    step: np.ndarray
    neuron: np.ndarray
    neurons: int


def names(path: Path = STORED) -> list[str]:
    """The cases in a file."""
    with np.load(path) as data:
        return [str(name) for name in data["cases"]]


def load(case: str, path: Path = STORED) -> Comparison:
    """Rebuild a case."""
    with np.load(path) as data:
        duration = float(data["duration"]) * ms
        events = data["input/neuron"].astype(int), data["input/time"] * DT
        d = {key.split("/")[1]: data[key] for key in data.files if key.startswith(f"{case}/")}
    name, exc, inh, unit = MODELS[str(d["model"])]
    given = {str(key): float(value) for key, value in zip(d["parameters"], d["values"], strict=True)}
    constants = {PARAMETERS[key][0]: value * PARAMETERS[key][1] for key, value in given.items()}
    net = Network(case)
    size = d["start"].size
    cells = net.population(
        "cells", neuron(name)(**constants, i_e=d["current"] * pA), size, initial={"v": d["start"] * mV}
    )
    # NEST tells excitation from inhibition by the sign of the weight, and a conductance has none here.
    weight = np.abs(d["weight"]) if unit is nS else d["weight"]
    for port, chosen in ((exc, ~d["inhibitory"]), (inh, d["inhibitory"])):
        edges = Edges(d["pre"][chosen].astype(int), d["post"][chosen].astype(int))
        net.project(
            cells,
            cells,
            edges,
            weight=weight[chosen] * unit,
            delay=d["delay"][chosen] * DT,
            port=port,
            name=f"{port}{chosen[0]}",
        )
    net.stimulate(cells, SpikeList(events[1], events[0]), port=exc, weight=d["input_weight"] * unit)
    return Comparison(net, duration, d["step"].astype(int), d["neuron"].astype(int), size)
