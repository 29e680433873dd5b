"""A neuron of independent branches round a passive soma, many at once on the engine: what A3, A5 and E3 experiment on.

    branch:  C dV/dt = -g_L (V - E_L) - [g_A + g_N B(V)] V - g_c (V - V_soma)
    soma:    C_s dV_soma/dt = -g_s (V_soma - E_L) - sum over branches of g_c (V_soma - V)

Branches are a population of `NMDABranch`, somata another of the same equation without synapses. The engine has no
continuous coupling between populations, so this file steps it and hands the currents over once a step; the g_c in front
of a compartment's own V belongs to its leak, so only the neighbour's V is as old as a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuropil.engine import Simulation
from neuropil.model import Edges, Network, SpikeList, Step
from neuropil.units import mM, ms, nS, pA, pF
from neuropil.zoo.neurons.nmda_branch import NMDABranch
from neuropil.zoo.neurons.relay import Relay

REST_MV = -70.0
COUPLING_NS = 3.0  # of the branch's 3.5 nS: what flows along it to the soma
SOMA_NS, SOMA_PF = 10.0, 200.0  # 100 MΩ and 20 ms without the branches
AMPA_NS, NMDA_NS = 0.5, 1.0  # of one synapse; orders of what models of single spines use
WEIGHT_CV, JITTER_MS = 0.3, 5.0  # of synaptic strength (lognormal) and of arrival (uniform)
STEP_MS, DURATION_MS = 0.1, 60.0


@dataclass(frozen=True)
class Synapses:
    """One activated synapse per row: its cell, branch, strength (1 is the mean) and arrival (ms)."""

    cell: NDArray[np.int64]
    branch: NDArray[np.int64]
    strength: NDArray[np.float64]
    arrival: NDArray[np.float64]

    @classmethod
    def drawn(cls, counts: NDArray[np.int64], g: np.random.Generator) -> Synapses:
        """Synapses for `counts` [cells, branches], with random strengths and arrivals."""
        cell, branch = np.nonzero(counts)
        cell, branch = (np.repeat(index, counts[cell, branch]) for index in (cell, branch))
        sigma = np.sqrt(np.log1p(WEIGHT_CV**2))
        return cls(cell, branch, np.exp(sigma * g.normal(size=cell.size) - sigma**2 / 2), g.uniform(0.0, JITTER_MS, cell.size))


def responses(
    synapses: Synapses, cells: int, branches: int, *, mg: float = 1.0, nmda: float = NMDA_NS, ampa: float = AMPA_NS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Peak depolarisations above rest (mV) when each synapse is active once: of the soma [cells], of the branches [cells, branches].

    Args:
        mg: magnesium outside, mM; 0 takes the block away.
        nmda, ampa: conductances of a synapse of mean strength, nS.
    """
    net = Network("dendrite")
    start = net.population("start", Relay(), 1)
    tree = net.population("branches", NMDABranch(mg=mg * mM), cells * branches)
    leak = SOMA_NS + branches * COUPLING_NS
    soma = net.population("somata", NMDABranch(c_m=SOMA_PF * pF, g_l=leak * nS), cells)
    net.stimulate(start, SpikeList(np.array([STEP_MS]) * ms), port="spikes", weight=1.0)
    target = synapses.cell * branches + synapses.branch
    rule, delay = Edges(np.zeros_like(target), target), (STEP_MS + synapses.arrival) * ms
    for port, conductance in (("ampa", ampa), ("nmda", nmda)):
        if conductance:
            net.project(start, tree, rule, weight=conductance * synapses.strength * nS, delay=delay, port=port)
    net.stimulate(tree, Step(0 * pA), input="current", name="from soma")
    net.stimulate(soma, Step(0 * pA), input="current", name="from branches")
    # One thread: two would wait for each other 600 times, which on a busy machine costs more than it gives.
    simulation = Simulation(net, dt=STEP_MS * ms, precision="float64", threads=1, record_spikes=False)
    try:
        return _step_through(simulation, cells, branches)
    finally:
        simulation.close()


def _step_through(simulation: Simulation, cells: int, branches: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    soma_peak, branch_peak = np.zeros(cells), np.zeros((cells, branches))
    for _ in range(round(DURATION_MS / STEP_MS)):
        simulation.step(1)
        soma = np.asarray(simulation.state("somata", "v").value) - REST_MV
        tree = np.asarray(simulation.state("branches", "v").value).reshape(cells, branches) - REST_MV
        np.maximum(soma_peak, soma, out=soma_peak)
        np.maximum(branch_peak, tree, out=branch_peak)
        simulation.set_drive("from soma", COUPLING_NS * np.repeat(soma, branches) * pA)
        simulation.set_drive("from branches", COUPLING_NS * tree.sum(axis=1) * pA)
    return soma_peak, branch_peak
