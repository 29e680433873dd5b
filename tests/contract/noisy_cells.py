"""Cells whose channels and point processes have white noise of their own."""

from __future__ import annotations

from contract.cell_networks import small_tree
from neuropil.maths import exp, maximum, sqrt
from neuropil.model import Channel, FixedCount, Input, Network, PointProcess, Poisson, Port, State
from neuropil.model.cell.cell import Cell
from neuropil.units import Conductance, Hz, Rate, Time, kHz, mS, ms, mV, nS
from neuropil.units import cm as cm_
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane


class Langevin(Channel):
    """A number of channels with one gate each: dx = (α (1 - x) - β x) dt + √((α (1 - x) + β x) / N) dW (Fox & Lu 1994); multiplicative noise."""

    g: object = 0.2 * mS / cm_**2
    channels: float = 400.0
    opening: Rate = 0.2 * kHz
    x = State(0.3)
    v = Input(mV)
    noise = Input(1.0)

    def rates(self, v):
        return self.opening * exp((v + 60 * mV) / (20 * mV)), 0.5 * kHz

    def current(self, s, x):
        return self.g * s.x * (x.v + 77 * mV)

    def derivative(self, s, x):
        a, b = self.rates(x.v)
        return {"x": a * (1 - s.x) - b * s.x + sqrt(maximum(a * (1 - s.x) + b * s.x, 0 * kHz) / (self.channels * ms)) * x.noise}


class Restless(Channel):
    """A conductance that fluctuates by an Ornstein-Uhlenbeck process of deviation 1, and another that follows the first."""

    g: object = 0.02 * mS / cm_**2
    tau: Time = 3 * ms
    y, z = State(0.0), State(0.0)
    v = Input(mV)
    noise_y = Input(1.0)
    noise_z = Input(1.0)

    def current(self, s, x):
        return self.g * (1 + 0.2 * s.y + 0.1 * s.z) * (x.v + 60 * mV)

    def derivative(self, s, x):
        return {"y": -s.y / self.tau + sqrt(2 / (self.tau * ms)) * x.noise_y, "z": (s.y - s.z) / (10 * ms) + 0.1 * x.noise_z / ms}


class Fluctuating(PointProcess):
    """A synapse with background: a conductance that fluctuates, to which events add."""

    tau: Time = 2.7 * ms
    deviation: Conductance = 0.3 * nS
    g = State(1 * nS)
    v = Input(mV)
    noise = Input(1.0)
    exc = Port(nS)

    def current(self, s, x):
        return s.g * x.v

    def derivative(self, s, x):
        return {"g": (1 * nS - s.g) / self.tau + self.deviation * sqrt(2 / (self.tau * ms)) * x.noise}

    def receive(self, s, w):
        return {"g": w.exc}


CELLS = 6


def noisy_cell():
    """Compartments of three membranes, two of which have noise; a point process with three sites, two in one compartment."""
    cell = Cell(small_tree(), discretisation=FixedCount(2), initial=-65 * mV)
    cell.paint("all", Leak(g=0.05 * mS / cm_**2, e=-65 * mV))
    cell.paint("soma", HodgkinHuxleyMembrane())
    cell.paint("left", Langevin())
    cell.paint("trunk", Langevin(channels=80.0))
    cell.paint("trunk", Restless())
    return cell.place("tuft", Fluctuating(), at=["twig(0.9)", "left(0.3)", "left(0.3)"])


def noisy_network(size=CELLS):
    """Such cells, with events besides."""
    net = Network("noisy cells")
    cells = net.population("cells", noisy_cell(), size)
    net.stimulate(cells, Poisson(200 * Hz), port="tuft.exc", weight=0.5 * nS)
    net.probe(cells, "v")
    for name in ("Langevin.x", "Restless.y", "Restless.z", "tuft.g", "Restless.noise_y"):
        net.probe(cells, name)
    return net
