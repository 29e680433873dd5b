"""A neuron of independent branches around a passive soma, many at once on the engine: the model of A3 and A5.

    branch:  C dV/dt = -g_L (V - E_L) - [g_A + g_N B(V)] V - g_c (V - V_soma)
    soma:    C_s dV_soma/dt = -g_s (V_soma - E_L) + sum over branches of g_c (V - V_soma)

They are the zoo's branch neuron with constants of a thin branch and a soma that does not fire. Each sees the other's
potential as of the start of the step, which makes the whole first order: at 0.1 ms the peaks at the soma are within 1 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuropil.engine import Simulation
from neuropil.model import Edges, Network, SpikeList
from neuropil.units import Capacitance, Conductance, Time, mM, ms, mV, nS, pF
from neuropil.zoo.neurons.branch_neuron import BranchNeuron, NMDADendrite
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.relay import Relay

REST_MV = -70.0
COUPLING_NS = 3.0  # along a branch of 150 µm by 0.8 µm; 0.5 nS through its own membrane
SOMA_NS, SOMA_PF = 10.0, 200.0  # 100 MΩ and 20 ms without the branches
AMPA_NS, NMDA_NS = 0.5, 1.0  # of one synapse; orders of what models of single spines use
WEIGHT_CV, JITTER_MS = 0.3, 5.0  # of synaptic strength (lognormal) and of arrival (uniform)
STEP_MS, DURATION_MS = 0.1, 60.0


class ThinBranch(NMDADendrite):
    """A branch with the constants of this file."""

    c_m: Capacitance = 7.5 * pF
    g_l: Conductance = 0.5 * nS
    g_c: Conductance = COUPLING_NS * nS
    tau_ampa: Time = 2 * ms
    tau_nmda: Time = 50 * ms
    integrator = "rk4"  # AMPA decays within a few membrane time constants; first order would lose charge


@dataclass(frozen=True)
class Synapses:
    """One activated synapse per row.

    Attributes:
        cell: int64[n]; branch: int64[n], of the cell.
        strength: float64[n], 1 is the mean.
        arrival: float64[n], ms.
    """

    cell: NDArray[np.int64]
    branch: NDArray[np.int64]
    strength: NDArray[np.float64]
    arrival: NDArray[np.float64]

    @classmethod
    def drawn(cls, counts: NDArray[np.int64], g: np.random.Generator) -> Synapses:
        """Synapses for `counts` [cells, branches], with random strengths and arrivals.

        Args:
            g: generator of random numbers.
        """
        cell, branch = np.nonzero(counts)
        cell, branch = (np.repeat(index, counts[cell, branch]) for index in (cell, branch))
        sigma = np.sqrt(np.log1p(WEIGHT_CV**2))
        return cls(cell, branch, np.exp(sigma * g.normal(size=cell.size) - sigma**2 / 2), g.uniform(0.0, JITTER_MS, cell.size))


def responses(
    synapses: Synapses, cells: int, branches: int, *, mg: float = 1.0, nmda: float = NMDA_NS, ampa: float = AMPA_NS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Peak depolarisations above rest (mV) when each synapse is active once: of the soma [cells], of the branches [cells, branches].

    Args:
        mg: magnesium outside, mM; 0 removes the block.
        nmda, ampa: conductances of a synapse of mean strength, nS.
        cells: their number.
    """
    net = Network("dendrite")
    start = net.population("start", Relay(), 1)
    branch = ThinBranch(mg=mg * mM, nmda_ratio=nmda / ampa)
    passive = LIFExp(c_m=SOMA_PF * pF, tau_m=SOMA_PF / SOMA_NS * ms, e_l=REST_MV * mV, v_th=1000 * mV)
    neurons = net.population("neurons", BranchNeuron(branches, passive, branch), cells)
    rule, delay = Edges(np.zeros_like(synapses.cell), synapses.cell), (STEP_MS + synapses.arrival) * ms
    net.stimulate(start, SpikeList(np.array([STEP_MS]) * ms), port="spikes", weight=1.0)
    net.project(start, neurons, rule, weight=ampa * synapses.strength * nS, delay=delay, port="branch.exc", site=synapses.branch)
    # One thread: two would wait for each other 600 times, which on a loaded machine takes longer than it saves.
    simulation = Simulation(net, dt=STEP_MS * ms, precision="float64", threads=1, record_spikes=False)
    soma_peak, branch_peak = np.zeros(cells), np.zeros((cells, branches))
    try:
        for _ in range(round(DURATION_MS / STEP_MS)):
            simulation.step(1)
            soma, tree = (np.asarray(simulation.state(neurons, name).value) - REST_MV for name in ("v", "branch.v"))
            np.maximum(soma_peak, soma, out=soma_peak)
            np.maximum(branch_peak, tree.reshape(cells, branches), out=branch_peak)
    finally:
        simulation.close()
    return soma_peak, branch_peak
