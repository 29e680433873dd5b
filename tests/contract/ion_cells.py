"""Cells whose point processes use ions, whose channels have kinetic schemes, and which differ from each other."""

from __future__ import annotations

from functools import cache

import numpy as np

from contract.contract_networks import Run, by_engine, by_oracle
from neuropil.maths import exp, sigmoid
from neuropil.model import (
    STEADY,
    Channel,
    FixedCount,
    Input,
    Morphology,
    Network,
    Normal,
    PointProcess,
    Port,
    SpikeList,
    State,
    Step,
)
from neuropil.model.cell.cell import Cell
from neuropil.units import Concentration, Conductance, ConductanceDensity, Time, Voltage, cm, mM, mS, ms, mV, nS, pA, um
from neuropil.zoo.channels.calcium_pool import CalciumPool
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane
from neuropil.zoo.electrodes.current_clamp import CurrentClamp
from neuropil.zoo.physics import FARADAY

DT, STEPS, CELLS = 0.025 * ms, 400, 5


class PotassiumShell(Channel):
    """Potassium outside, in a shell of a tenth of a micrometre."""

    i_k = Input(pA / um**2)
    c_k = State(5 * mM)

    def derivative(self, s, x):
        return {"c_k": x.i_k / (FARADAY * 0.1 * um) - (s.c_k - 5 * mM) / (20 * ms)}


class Markov(Channel):
    """c1 ⇌ c2 ⇌ o → d → c1, every occupancy written down; it starts at rest."""

    g: ConductanceDensity = 0.2 * mS / cm**2
    e: Voltage = -70 * mV
    speed: float = 1.0

    v = Input(mV)
    c1 = State(STEADY)
    c2 = State(STEADY)
    o = State(STEADY)
    d = State(STEADY)

    def current(self, s, x):
        return self.g * s.o * (x.v - self.e)

    def derivative(self, s, x):
        a, b = self.speed * 2 * exp(x.v / (50 * mV)) / ms, self.speed * exp(-x.v / (50 * mV)) / ms
        sleep, wake = 0.3 / ms, 0.1 / ms
        return {
            "c1": -a * s.c1 + b * s.c2 + wake * s.d, "c2": a * s.c1 - (a + b) * s.c2 + b * s.o,
            "o": a * s.c2 - (b + sleep) * s.o, "d": sleep * s.o - wake * s.d,
        }  # fmt: skip


class TwoOfThree(Channel):
    """The same without d, the first occupancy following from the others."""

    g: ConductanceDensity = 0.1 * mS / cm**2

    v = Input(mV)
    c2 = State(STEADY)
    o = State(STEADY)

    def current(self, s, x):
        return self.g * s.o * (x.v + 70 * mV)

    def derivative(self, s, x):
        a, b = 2 * sigmoid((x.v + 30 * mV) / (8 * mV)) / ms, 40 * exp(-x.v / (40 * mV)) / ms
        return {"c2": a * (1 - s.o - s.c2) - (a + b) * s.c2 + b * s.o, "o": a * s.c2 - b * s.o}


class CalciumSynapse(PointProcess):
    """A receptor of three states whose current is to a tenth calcium, which also closes it; q follows the calcium current around."""

    g: Conductance = 1 * nS
    half: Concentration = 0.01 * mM
    tau: Time = 2 * ms

    v = Input(mV)
    e_ca = Input(mV)
    c_ca = Input(mM)
    i_ca = Input(pA / um**2)
    glutamate = State(0.0)
    shut = State(1.0)
    open = State(0.0)
    q = State(0 * pA / um**2)
    exc = Port(1.0)

    def currents(self, s, x):
        g = self.g * s.open / (1 + x.c_ca / self.half)
        return {"ca": 0.1 * g * (x.v - x.e_ca), "": 0.9 * g * x.v}

    def derivative(self, s, x):
        bind, leave, sleep = s.glutamate / ms, (0.2 + 0.1 * sigmoid(x.v / (20 * mV))) / ms, 0.05 * (1 + x.c_ca / self.half) / ms
        return {
            "glutamate": -s.glutamate / self.tau, "q": (x.i_ca - s.q) / (0.5 * ms),
            "shut": -bind * s.shut + leave * s.open, "open": bind * s.shut - (leave + sleep) * s.open,
        }  # fmt: skip

    def receive(self, s, w):
        return {"glutamate": w.exc}


def cell_of_ions() -> Cell:
    cell = Cell(Morphology.ball_and_stick(), discretisation=FixedCount(3), initial=-66 * mV)
    cell.paint("all", Leak(g=Normal(0.1 * mS / cm**2, 0.02 * mS / cm**2, low=0 * mS / cm**2), e=-68 * mV))
    cell.paint("soma", HodgkinHuxleyMembrane(g_k=np.linspace(30, 40, CELLS) * mS / cm**2)).paint("soma", PotassiumShell())
    cell.paint("dend", Leak(g=[0.1, 0.2, 0.1, 0.3, 0.1] * mS / cm**2), name="more")
    cell.paint("all", CalciumPool(gamma=0.05, start=1e-4 * mM, decay=80 * ms)).paint("all", Markov(), speed=lambda x: 1 + x / 10)
    cell.paint("dend", TwoOfThree())
    cell.place("syn", CalciumSynapse(g=np.linspace(0.5, 2, CELLS).repeat(3) * nS), at=["soma", "dend(0.5)", "dend(0.5)"])
    return cell.place("clamp", CurrentClamp(), at="soma")


def ions() -> Network:
    net = Network("ions")
    made = cell_of_ions()
    cells = net.population("cells", made, CELLS, initial={"v": Normal(-66 * mV, 3 * mV), "syn.glutamate": np.linspace(0, 0.1, 3 * CELLS)})
    net.stimulate(cells, Step(np.linspace(50, 400, CELLS) * pA, start=1 * ms), input="clamp.amplitude")
    for site in range(3):
        net.stimulate(cells, SpikeList([2, 2.5, 4 + site] * ms, neurons=[0, 2, 4]), port=f"syn.exc[{site}]", weight=2.0)
    for state in cells.neuron.spec.states:
        net.probe(cells, state, interval=0.1 * ms)
    return net


@cache
def oracle_ions() -> Run:
    return by_oracle(ions(), DT, STEPS)


@cache
def engine_ions(threads: int = 1) -> Run:
    return by_engine(ions(), DT, "float64", threads, STEPS)
