"""Networks with modulators: every kind of target, of change and of volume, for tests of every executor."""

from __future__ import annotations

import numpy as np

from contract.cell_networks import everything, small_tree
from neuropil.model import (
    AllToAll,
    FixedCount,
    FixedProbability,
    Network,
    Normal,
    Rewiring,
    State,
    Step,
    Synapse,
    Uniform,
)
from neuropil.model.cell.cell import Cell
from neuropil.model.modulation.diffusion import Apart, Diffusion
from neuropil.model.modulation.effects import Becomes, Gain, Shift, Toward
from neuropil.model.modulation.kinetics import FirstOrder, Signal
from neuropil.units import Current, Hz, Time, cm, mM, mS, ms, mV, nM, nS, pA, uM, um
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane
from neuropil.zoo.electrodes.current_clamp import CurrentClamp
from neuropil.zoo.neurons.branch_neuron import BranchNeuron
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP
from neuropil.zoo.plasticity.three_factor import EProp
from neuropil.zoo.synapses.ampa import AMPA
from neuropil.zoo.synapses.full_synapse import FullSynapse
from neuropil.zoo.synapses.scaled import Scaled
from neuropil.zoo.synapses.short_term import TsodyksMarkram


class DopamineSTDP(Synapse):
    """Spike pairs leave an eligibility, which dopamine turns into weight (the form of Izhikevich 2007)."""

    dopamine: float = 0.0
    tau_plus: Time = 20 * ms
    tau_minus: Time = 30 * ms
    tau_e: Time = 50 * ms
    rate: Current = 40 * pA

    weight = State(0 * pA)
    eligibility = State(0.0)
    before = State(0.0)
    after = State(0.0)


    def derivative(self, s, x):
        return {
            "weight": self.rate * self.dopamine * s.eligibility / self.tau_e,
            "eligibility": -s.eligibility / self.tau_e,
            "before": -s.before / self.tau_plus,
            "after": -s.after / self.tau_minus,
        }

    def arrive(self, s, w):
        return {"before": s.before + 1.0, "eligibility": s.eligibility - 0.8 * s.after}

    def respond(self, s, w):
        return {"after": s.after + 1.0, "eligibility": s.eligibility + s.before}


def base(synapse=None, structure=None, neuron=None, positions=False, kinetics=None, diffusion=None, tick=1 * ms):
    """A nucleus of Poisson sources, sources of input, and neurons that a modulator reaches."""
    network = Network("modulated")
    at = np.random.default_rng(5).uniform(0.0, 60.0, (14, 2)) * um if positions else None
    nucleus = network.population("nucleus", PoissonSource(rate=200 * Hz), 5)
    source = network.population("source", PoissonSource(rate=80 * Hz), 9)
    cells = network.population("cells", neuron or LIFExp(), 14, positions=at)
    network.stimulate(cells, Step(360 * pA), input="current")
    how = {"weight": 200 * pA, "delay": Uniform(0.3 * ms, 2 * ms), "port": "exc"}
    network.project(source, cells, FixedProbability(0.4), name="plain", **how)
    (into,) = network.project(source, cells, FixedProbability(0.5), name="in", synapse=synapse or Scaled(), structure=structure, **how)
    network.project(cells, cells, FixedProbability(0.2), weight=-90 * pA, delay=1.5 * ms, port="inh")
    network.probe(cells, "v")
    m = network.modulator("da", kinetics or FirstOrder(baseline=50 * nM, tau=40 * ms), volume=[cells, into], tick=tick, diffusion=diffusion)
    at = network["cells"].positions[:5] * um if positions else np.array([0, 3, 3, 9, 13]) if isinstance(diffusion, Apart) else None
    m.released_by(nucleus, 100 * nM, at=at)
    return network, cells, into, m.receptor("D1", ec50=600 * nM).receptor("D2", ec50=80 * nM, hill=2.0)


def threshold():
    network, cells, _, m = base()
    m.modulates(cells, "v_th", Shift(by=-6 * mV), receptor="D1")
    return network


def time_constants():
    network, cells, _, m = base(neuron=LIFExp(tau_m=Uniform(8 * ms, 14 * ms)))
    m.modulates(cells, "tau_m", Gain(by=0.8), receptor="D1").modulates(cells, "tau_exc", Toward(2 * ms), receptor="D2")
    return network


def refractory():
    network, cells, _, m = base(neuron=LIFExp(t_ref=1 * ms))
    m.modulates(cells, "t_ref", lambda value, level: value + 60 * ms * level, receptor="D1")
    return network


def gain():
    network, _, into, m = base()
    m.modulates(into, "scale", Gain(by=2.0), receptor="D1", high=4.0)
    return network


def synapse_time():
    network, _, into, m = base(TsodyksMarkram())
    name = next(p for p in into.synapse.spec.parameters if p.startswith("tau"))
    return network, m.modulates(into, name, Gain(by=-0.7), receptor="D1")


def short_term():
    return synapse_time()[0]


def clocked_synapse():
    network, cells, into, _ = base(TsodyksMarkram())
    (full,) = network.project(network["source"], cells, FixedProbability(0.3), weight=20.0, delay=1 * ms, input="current", synapse=FullSynapse(), name="full")
    third = network.modulator("third", Signal(), volume=[full, into], tick=2.5 * ms)
    names = [n for n in full.synapse.spec.parameters if n.startswith(("tau", "per_modulator"))]
    third.released_by(network["nucleus"], 0.2)
    for name in names[:2]:
        third.modulates(full, name, Gain(by=0.5, at=0.3))
    return network


def three_factors():
    """Weights that wait for spikes of either side, while what dopamine is worth to them changes every millisecond."""
    network, _, into, m = base(DopamineSTDP())
    m.modulates(into, "dopamine", Becomes(0.8), receptor="D1").modulates(into, "dopamine", Shift(by=-300 / mM))
    return network


def rewired():
    network, _, into, m = base(Scaled(), Rewiring(10 * ms, eliminate=5 * Hz))
    m.modulates(into, "scale", Becomes(2.0), receptor="D2")
    return network


def composed():
    """Two modulators of different ticks on one parameter, in an order that matters."""
    network, cells, _, m = base()
    other = network.modulator("na", FirstOrder(tau=15 * ms, baseline=0 * mM), volume=cells, tick=0.7 * ms).released_by(network["source"], 30 * nM)
    m.modulates(cells, "v_th", Shift(by=-4 * mV), receptor="D1")
    other.modulates(cells, "v_th", Gain(by=-0.05 / uM))
    m.modulates(cells, "v_th", Toward(-55 * mV), receptor="D2")
    return network


def over_positions():
    network, cells, into, m = base(positions=True, diffusion=Diffusion(0.3 * um**2 / ms, spacing=12 * um))
    m.modulates(cells, "v_th", Shift(by=-8 * mV), receptor="D1").modulates(cells, "tau_m", Gain(by=1.0), receptor="D1")
    m.modulates(cells, "t_ref", Gain(by=3.0), receptor="D1").modulates(into, "scale", Gain(by=1.0), receptor="D1")
    return network


def own_third_factors():
    """Every neuron has a concentration of its own: so have its threshold and the third factor of its synapses."""
    network, cells, into, m = base(DopamineSTDP(), diffusion=Apart())
    m.modulates(into, "dopamine", Becomes(0.8), receptor="D1").modulates(cells, "v_th", Shift(by=-6 * mV), receptor="D1")
    m.modulates(into, "tau_minus", Gain(by=-0.5), receptor="D2")  # a trace of the target that can no longer be shared by all
    return network


def own_clocked_factors():
    network, _, into, m = base(EProp(eta=1e-3 / ms**2), diffusion=Apart())
    m.modulates(into, "learning_signal", Becomes(-2.0), receptor="D1")
    return network


def own_factors_rewired():
    network, _, into, m = base(Scaled(), Rewiring(10 * ms, eliminate=5 * Hz), diffusion=Apart())
    m.modulates(into, "scale", Becomes(2.0), receptor="D2")
    return network


def drifting_and_rewired(**how):
    """What vanishes depends on weights that drift by a third factor; a tick is longer than the interval of rewiring."""
    network, _, into, m = base(DopamineSTDP(), Rewiring(10 * ms, eliminate=20 * Hz, below=205 * pA), tick=25 * ms, **how)
    m.modulates(into, "dopamine", Becomes(0.8), receptor="D1").modulates(into, "tau_minus", Gain(by=-0.5), receptor="D1")
    return network


def own_factors_drifting_and_rewired():
    return drifting_and_rewired(diffusion=Apart())


def every_change_of_synapses(diffusion=None):
    """Every registered change, and a function, on parameters of synapses of every kind of store: what is sent, a rate that spikes of a source share, what a
    response reads (on target records), a drift between spikes, and a propagator of states that advance in every step."""
    network, cells, into, m = base(diffusion=diffusion)
    source = network["source"]
    how = {"weight": 60 * pA, "delay": Uniform(0.3 * ms, 2 * ms), "port": "exc"}
    models = {"short": TsodyksMarkram(), "pairs": AdditiveSTDP(a_plus=0.02, a_minus=0.02), "drifting": DopamineSTDP(), "stepped": EProp(eta=1e-3 / ms**2)}
    short, pairs, drifting, stepped = (network.project(source, cells, FixedProbability(0.4), name=name, synapse=model, **how)[0] for name, model in models.items())
    third = network.modulator("third", FirstOrder(baseline=50 * nM, tau=40 * ms), volume=[cells, short, pairs, drifting, stepped], tick=0.7 * ms, diffusion=diffusion)
    third.released_by(network["nucleus"], 100 * nM, at=np.array([0, 3, 3, 9, 13]) if diffusion else None)
    third.receptor("D1", ec50=600 * nM)
    m.modulates(into, "scale", Gain(by=2.0), receptor="D1", high=4.0)
    third.modulates(short, next(n for n in short.synapse.spec.parameters if n.startswith("tau")), Toward(20 * ms), receptor="D1")
    third.modulates(pairs, "a_plus", Shift(by=0.2), receptor="D1").modulates(drifting, "dopamine", Becomes(0.8), receptor="D1")
    third.modulates(stepped, "tau", lambda value, level: value * (1.0 + level), receptor="D1").modulates(stepped, "learning_signal", Becomes(-2.0), receptor="D1")
    return network


def every_own_change_of_synapses():
    return every_change_of_synapses(Apart())


def drawn_factors():
    """A rate drawn for every synapse, changed for all alike and at every target."""
    network, _, into, m = base(DopamineSTDP(rate=Uniform(20 * pA, 60 * pA), dopamine=0.3), positions=True, diffusion=Diffusion(0.3 * um**2 / ms, spacing=12 * um))
    m.modulates(into, "rate", Gain(by=2.0), receptor="D1")
    alike = network.modulator("alike", FirstOrder(tau=15 * ms, baseline=0 * mM), volume=into, tick=0.7 * ms).released_by(network["nucleus"], 30 * nM)
    alike.modulates(into, "rate", Gain(by=-0.1 / uM), low=0 * pA)
    return network


def branches():
    network = Network("branches")
    model = BranchNeuron()
    cells = network.population("cells", model, 6)
    nucleus = network.population("nucleus", PoissonSource(rate=200 * Hz), 5)
    for name in model.spec.inputs:
        network.stimulate(cells, Step(300 * pA), input=name) if model.spec.inputs[name] == pA.dimension else None
    port = next(iter(model.spec.ports))
    network.project(nucleus, cells, AllToAll(), weight=40 * pA, delay=1 * ms, port=f"{port}") if model.spec.ports[port] == pA.dimension else None
    for state in model.spec.states:
        network.probe(cells, state)
    m = network.modulator("da", FirstOrder(tau=40 * ms), volume=cells).released_by(nucleus, 100 * nM).receptor("D1", ec50=600 * nM)
    for part, inner in cells.parts.items():
        name = next(n for n in inner.model.spec.parameters if n.startswith("tau"))
        m.modulates(cells, f"{part}.{name}" if part else name, Gain(by=0.5), receptor="D1")
    return network


def morphologies():
    """A channel whose density differs along the dendrite, one that does not, a point process, all under one modulator."""
    cell = Cell(small_tree(), discretisation=FixedCount(2), initial=-70 * mV)
    cell.paint("all", Leak(e=-68 * mV), name="leak", g=lambda x: (0.05 + 0.001 * x) * mS / cm**2)
    cell.paint("soma", HodgkinHuxleyMembrane(), name="spiking").place("ampa", AMPA(), at=["twig(0.9)", "left(0.3)"]).place("clamp", CurrentClamp(), at="soma(0.5)")
    network = Network("morphologies")
    nucleus, cells = network.population("nucleus", PoissonSource(rate=200 * Hz), 5), network.population("cells", cell, 3)
    network.stimulate(cells, Step(150 * pA), input="clamp.amplitude")
    network.project(nucleus, cells, FixedProbability(0.5), weight=1 * nS, delay=1 * ms, port="ampa.exc")
    network.probe(cells, "v")
    m = network.modulator("da", FirstOrder(tau=40 * ms), volume=cells).released_by(nucleus, 100 * nM).receptor("D1", ec50=600 * nM)
    m.modulates(cells, "leak.g", Gain(by=1.0), receptor="D1").modulates(cells, "leak.e", Shift(by=4 * mV), receptor="D1")
    m.modulates(cells, "spiking.g_na", Gain(by=-0.2), receptor="D1").modulates(cells, "ampa.tau_decay", Gain(by=1.0), receptor="D1")
    return network


def drawn_membranes():
    """Parameters that are drawn for each cell, beside ones that differ along the dendrite and ones that do not differ, in one membrane."""
    cell = Cell(small_tree(), discretisation=FixedCount(2), initial=-70 * mV)
    cell.paint("all", Leak(e=Normal(-68 * mV, 2 * mV)), name="leak", g=lambda x: (0.05 + 0.001 * x) * mS / cm**2)
    cell.place("ampa", AMPA(tau_decay=Uniform(2 * ms, 6 * ms)), at=["twig(0.9)", "left(0.3)"])
    network = Network("drawn membranes")
    nucleus, cells = network.population("nucleus", PoissonSource(rate=200 * Hz), 5), network.population("cells", cell, 5)
    network.project(nucleus, cells, FixedProbability(0.5), weight=1 * nS, delay=1 * ms, port="ampa.exc")
    network.probe(cells, "v")
    m = network.modulator("da", FirstOrder(tau=40 * ms), volume=cells).released_by(nucleus, 100 * nM).receptor("D1", ec50=600 * nM)
    m.modulates(cells, "leak.g", Gain(by=1.0), receptor="D1").modulates(cells, "leak.e", Shift(by=4 * mV), receptor="D1")
    m.modulates(cells, "ampa.tau_decay", Gain(by=1.0), receptor="D1")
    return network


def every_mechanism():
    """The first parameter of every registered channel and point process, beside others that listen."""
    network = everything()
    cells, nucleus = network["cells"], network.population("nucleus", PoissonSource(rate=200 * Hz), 5)
    m = network.modulator("da", FirstOrder(tau=40 * ms), volume=cells).released_by(nucleus, 100 * nM).receptor("D1", ec50=600 * nM)
    for name, model in cells.neuron.models.items():
        for parameter in list(model.spec.parameters)[:1]:
            m.modulates(cells, f"{name}.{parameter}", Gain(by=0.1), receptor="D1")
    return network
