"""The dendritic-branch neuron: a leaky integrate-and-fire soma with tens of thin branches that make NMDA spikes.

    C dV/dt = -g_L (V - E_L) - [g_A + g_N B(V)] V + g_c (V_s - V),      B(V) = 1 / (1 + [Mg]/3.57 mM exp(-0.062 V/mV))
    dg_A/dt = -g_A / tau_ampa,   dg_N/dt = -g_N / tau_nmda;   an event of weight w adds w to g_A and nmda_ratio w to g_N
    current into the soma: the sum of g_c (V - V_s) over the branches

Each branch has two stable potentials while enough NMDA conductance is open: the block B is removed as the branch
depolarises, and the branch rises to a plateau that outlasts the input by tens of ms. So synapses on one branch have more
effect together than apart, up to its saturation: a layer of units below the soma (Poirazi, Brannon & Mel 2003, Neuron 37:989).

B(V): Jahr & Stevens (1990) J. Neurosci. 10:3178. NMDA spikes: Schiller, Major, Koester & Schiller (2000) Nature 404:285.
Capacitances, couplings, leaks, and the ratio of NMDA to AMPA conductance: fitted, and rounded to two digits, to ten basal
branches of a passive layer-5 pyramidal cell with morphology, its synapses of 0.5 nS with twice that of NMDA; decay times
are those synapses' (zoo/synapses/ampa_nmda.py). Fit and residuals: verification/branch_neuron.py and
docs/verification/branch_neuron.md. They are effective values: single branches differ from them by up to a factor of two,
and the resistance at the soma is 1.6 times the cell's. Threshold, reset and the soma's own synapses: round numbers.

Forward Euler, because it is cheap: a network of 10⁵ such neurons has millions of branches. At 0.1 ms it is stable while less than
2 C / dt = 150 nS are open on a branch, some sixty synapses of 0.5 nS at once; `StiffNMDADendrite` has no such limit.
`input_output` measures what synapses do.

Must show: beyond some ten synapses of 0.5 nS on one branch, more at the soma than their number times that of one, and
never without the magnesium block; the same synapses spread over all branches reach less at first and more in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from neuropil.maths import exp
from neuropil.model import Branch, Branched, Edges, Input, Network, Neuron, Port, SpikeList, State
from neuropil.units import (
    Capacitance,
    Concentration,
    Conductance,
    Quantity,
    Time,
    Voltage,
    mM,
    ms,
    mV,
    nS,
    pF,
)
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.relay import Relay


class NMDADendrite(Branch):
    """A branch with AMPA and NMDA synapses; a weight (nS) is the jump of the AMPA conductance."""

    c_m: Capacitance = 8.1 * pF
    g_l: Conductance = 0.2 * nS
    g_c: Conductance = 3.1 * nS
    e_l: Voltage = -70 * mV
    tau_ampa: Time = 1.7 * ms
    tau_nmda: Time = 43 * ms
    nmda_ratio: float = 1.2
    mg: Concentration = 1 * mM

    v = State("e_l")
    g_a = State(0 * nS)
    g_n = State(0 * nS)
    exc = Port(nS)
    v_soma = Input(mV)

    integrator = "euler"

    def derivative(self, s, x):
        blocked = 1.0 + self.mg / (3.57 * mM) * exp(-0.062 * s.v / mV)  # 1 / B: one operation less than g_N times B
        synaptic = (s.g_a + s.g_n / blocked) * s.v
        return {
            "v": (-self.g_l * (s.v - self.e_l) - synaptic - self.output(s, x)) / self.c_m,
            "g_a": -s.g_a / self.tau_ampa,
            "g_n": -s.g_n / self.tau_nmda,
        }

    def receive(self, s, w):
        return {"g_a": w.exc, "g_n": self.nmda_ratio * w.exc}

    def output(self, s, x):
        return self.g_c * (s.v - x.v_soma)


class StiffNMDADendrite(NMDADendrite):
    """The same by exponential Euler: stable for any conductance, at more than twice the cost."""

    integrator = "exponential_euler"


class BranchNeuron(Branched):
    """A leaky integrate-and-fire soma with NMDA dendrites.

    Args:
        branches: how many.
        dendrite: their model; `NMDADendrite()`, if None.
        soma: any neuron with a potential v and an input "current"; a leaky integrate-and-fire neuron, if None.
        parameters: of the branches, arrays with one value per branch among them.
    """

    def __init__(
        self, branches: int = 20, soma: Neuron | None = None, dendrite: NMDADendrite | None = None, **parameters: Any
    ):
        if soma is None:
            soma = LIFExp(c_m=150 * pF, tau_m=20 * ms, e_l=-70 * mV, v_reset=-60 * mV, tau_exc=2 * ms, tau_inh=8 * ms)
        dendrite = NMDADendrite() if dendrite is None else dendrite
        super().__init__(soma, dendrite, branches, into="current", reads={"v_soma": "v"}, **parameters)


def input_output(
    model: BranchNeuron, counts: Sequence[int], run: Callable[..., Any], *, weight: Quantity = 0.5 * nS,
    duration: Quantity = 100 * ms,
) -> dict[str, np.ndarray]:  # fmt: skip
    """The peak somatic depolarisation against the number of synapses active at once, clustered and spread.

    Args:
        model: a branch neuron; its threshold is set so high that it does not spike.
        counts: numbers of synapses.
        run: runs a network for a duration and returns a Result: `neuropil.run`.
        weight: of one synapse, the jump of its AMPA conductance.
        duration: of each run, a time.

    Returns:
        "counts"; for "clustered" (all on one branch) and "spread" (over all branches in turn) the peak of the soma's
        potential over rest, mV, one value per count; and "branch", mV, the peak of the branch of the clustered ones.
    """
    numbers = np.asarray(counts, np.int64)
    lifted = model.with_(v_th=1000 * mV)
    net = Network("input_output")
    relay = net.population("relay", Relay(), 1)
    net.stimulate(relay, SpikeList(1 * ms), port="spikes", weight=1.0)
    post = np.repeat(np.arange(numbers.size), numbers)
    nth = np.concatenate([np.arange(n) for n in numbers])
    for name, site in (("clustered", np.zeros_like(nth)), ("spread", nth % model.branches)):
        target = net.population(name, lifted, numbers.size)
        rule = Edges(np.zeros_like(post), post)
        net.project(relay, target, rule, weight=weight, delay=1 * ms, port="branch.exc", site=site if model.branches > 1 else None)
        net.probe(target, "v")
    net.probe(net["clustered"], "branch.v", sites=[0])
    traces = run(net, duration).traces
    rest = float(model.soma.e_l.to(mV))  # type: ignore[attr-defined]
    peak = {name: np.max(traces[f"{name}.v"].values, axis=0) - rest for name in ("clustered", "spread")}
    return {"counts": numbers, **peak, "branch": np.max(traces["clustered.branch.v"].values, axis=0) - rest}
