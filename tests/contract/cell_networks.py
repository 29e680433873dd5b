"""A network in which cells with every registered channel and point process, branched and point neurons hear each other."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from contract.contract_networks import Run, by_engine, by_oracle
from neuropil.model import (
    AllToAll,
    Edges,
    FixedCount,
    Input,
    Morphology,
    Network,
    Noise,
    Normal,
    Poisson,
    Port,
    SpikeList,
    State,
    Step,
)
from neuropil.model.cell.cell import Cell
from neuropil.model.neuron.branched import Branch, Branched
from neuropil.units import Conductance, Hz, MOhm, Time, mS, ms, mV, nS, pA, um
from neuropil.units import cm as cm_
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.registry import CHANNELS, POINT_PROCESSES, channel, point_process

DT, STEPS = 0.025 * ms, 800
CELLS = 5

REGIONS = {"hodgkin_huxley_membrane": "left", "squid_sodium": "right", "squid_potassium": "right", "noisy_squid_sodium": "right", "noisy_squid_potassium": "right", "leak": "all"}
"""Where a channel is painted; one that is not named here joins the others, and the calcium pool, on soma and trunk."""

DENSITIES = {"fast_sodium": 200, "kv3_potassium": 100, "transient_potassium": 20, "sk_potassium": 20, "noisy_squid_sodium": 12, "noisy_squid_potassium": 3.6}
"""mS/cm², of channels that would drown the others at the densities of a soma."""

SITES: list[Any] = ["twig(0.9)", "left(0.3)", "left(0.3)", "left(0)", "right(1)"]
"""Where every point process sits: two sites share a compartment, one is where sections meet, one a free end."""

CURRENTS: dict[str, Any] = {
    "current_clamp": ("amplitude", Step(np.linspace(100, 300, CELLS) * pA, start=1 * ms)),
    "voltage_clamp": ("command", Step(-20 * mV, start=3 * ms, stop=14 * ms)),
    "dynamic_clamp": ("conductance", Noise(0.5 * nS, 0.1 * nS, interval=0.5 * ms)),
    "gap_junction": ("v_partner", Step(-60 * mV)),
}
"""What an electrode is told."""

OPTIONS: dict[str, dict[str, Any]] = {
    "voltage_clamp": {"r_series": 500 * MOhm}, "gap_junction": {"g": 1 * nS}, "noisy_squid_sodium": {"celsius": -4.0},
    "fluctuating_conductances": {"g_exc_0": 0.1 * nS, "g_inh_0": 0.2 * nS, "sd_exc": 0.03 * nS, "sd_inh": 0.05 * nS},
}  # fmt: skip
"""Of what would be too strong, or too fast for the step, as it is."""


def small_tree() -> Morphology:
    build = Morphology.builder("small tree")
    build.section("soma", kind="soma", length=20 * um, diameter=18 * um)
    build.section("trunk", kind="apical", length=120 * um, diameter=[3, 2, 1.5] * um, parent="soma")
    build.section("left", kind="apical", length=80 * um, diameter=1 * um, parent="trunk", direction=(1, 1, 0), labels=["left"])
    build.section("right", kind="apical", length=60 * um, diameter=[1, 0.6] * um, parent="trunk", direction=(1, -1, 0))
    build.section("twig", kind="apical", length=40 * um, diameter=0.8 * um, parent="left", at=0.4, direction=(0, 1, 0), labels=["left"])
    return build.build()


def cell_with_everything() -> Cell:
    cell = Cell(small_tree(), discretisation=FixedCount(2), initial=-70 * mV)
    for name in CHANNELS:
        model = channel(name)(**OPTIONS.get(name, {}))
        if name in DENSITIES:
            model = model.with_(g=DENSITIES[name] * mS / cm_**2)
        for region in [REGIONS[name]] if name in REGIONS else ["soma", "trunk"]:
            cell.paint(region, model, name=name)
    cell.paint("trunk", Leak(e=-68 * mV), name="leak", g=lambda x: (0.05 + 0.001 * x) * mS / cm_**2)
    for name in POINT_PROCESSES:
        cell.place(name, point_process(name)(**OPTIONS.get(name, {})), at=SITES)
    return cell


class Twig(Branch):
    """A leaky conductance that saturates."""

    tau: Time = 10 * ms
    g_c: Conductance = 3 * nS
    v = State(-70 * mV)
    v_soma = Input(mV)
    exc = Port(mV)

    def derivative(self, s, x):
        return {"v": (-70 * mV - s.v) / self.tau}

    def receive(self, s, w):
        return {"v": w.exc}

    def output(self, s, x):
        return self.g_c * (s.v - x.v_soma)


def everything() -> Network:
    """Cells, branched and point neurons, each projecting to the two others and to itself."""
    net = Network("everything")
    made = cell_with_everything()
    cells = net.population("cells", made, CELLS, initial={"v": Normal(-70 * mV, 1 * mV), "ampa_exponential.g": np.linspace(0, 0.2, len(SITES) * CELLS) * nS})
    points = net.population("points", LIFExp(), 4, initial={"v": -52 * mV})
    branched = net.population("branched", Branched(LIFExp(), Twig(), 2, reads={"v_soma": "v"}), 3)
    for name, (entry, stimulus) in CURRENTS.items():
        net.stimulate(cells, stimulus, input=f"{name}.{entry}")
    for name in POINT_PROCESSES:
        for port, dimension in point_process(name).spec.ports.items():
            unit = nS if dimension == nS.dimension else 1.0
            net.stimulate(cells, Poisson(150 * Hz), port=f"{name}.{port}", weight=0.5 * unit)
    net.stimulate(cells, SpikeList([2, 3.5, 3.5] * ms, neurons=[1, 0, 4]), port="ampa.exc[2]", weight=2 * nS)
    net.stimulate(points + branched, Step(500 * pA), input="current")
    net.stimulate(branched, Poisson(300 * Hz), port="branch.exc", weight=4 * mV)
    net.project(cells, cells, Edges([0, 1, 4, 4, 2], [1, 0, 0, 3, 2]), weight=1 * nS, delay=[1, 0.5, 2, 1, 1] * ms, port="nmda.exc", site=[0, 1, 2, 0, 1])
    net.project(cells, points, AllToAll(), weight=400 * pA, delay=0.5 * ms, port="exc")
    net.project(cells, branched, AllToAll(), weight=5 * mV, delay=0.7 * ms, port="branch.exc[1]")
    net.project(points, cells, AllToAll(), weight=0.3 * nS, delay=1.5 * ms, port="ampa_nmda.exc")
    net.project(points, cells, AllToAll(), weight=1.0, delay=0.8 * ms, port="gaba_b.inh[1]")
    net.project(branched, cells, AllToAll(), weight=1.5 * nS, delay=1 * ms, port="gaba_a.inh")
    net.project(branched, points, AllToAll(), weight=-50 * pA, delay=1 * ms, port="inh")
    net.project(points, branched, AllToAll(), weight=3 * mV, delay=1 * ms, port="branch.exc")
    for population in (cells, points, branched):
        for state in population.neuron.spec.states:
            net.probe(population, state, interval=0.1 * ms)
    return net


@cache
def oracle_everything() -> Run:
    return by_oracle(everything(), DT, STEPS)


@cache
def engine_everything(threads: int = 1) -> Run:
    return by_engine(everything(), DT, "float64", threads, STEPS)


