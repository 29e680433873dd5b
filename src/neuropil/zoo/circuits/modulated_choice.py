"""A small spiking circuit that perceives and chooses, under four modulators at once.

What is to be seen (*thalamus*, Poisson) and what is expected (*expecting*, Poisson) excite groups of cortical neurons, one
group for each stimulus, which excite themselves (*echo*) and inhibit each other (*contrast*). Cortex excites populations of
actions (leaky integrate-and-fire, with recurrent excitation within an action and inhibition between actions) through two
parallel loops of three-factor synapses: a *ventral* one that learns from reward at once and a *dorsal* one that learns from
reward that comes later (Tanaka et al. 2004, Nat Neurosci 7:887, for the two loops and serotonin's balance between them). A
synapse marks pairs of spikes and learns from them under dopamine (Izhikevich 2007, Cereb Cortex 17:2443),

    dc/dt = -c/tau_c + pairs,    dq/dt = rate · dopamine · c - forget · q,    transmits w · scale · clip(rest + q),

q being the value it holds, in units of reward. What the modulators change, while the circuit works:

    dopamine (ventral, dorsal)  `dopamine` of its loop: the error of predicted reward, soon and late
    acetylcholine               `scale` of expectation and echo falls (M1), that of the afferent synapses rises (nicotinic): input
                                over expectation and recurrence (Hasselmo 2006, Curr Opin Neurobiol 16:710; Gil, Connors &
                                Amitai 1997, Neuron 19:679; Yu & Dayan 2005, Neuron 46:681)
    norepinephrine              `gain` of the actions' neurons rises (α1); so does `rate` of both loops, and, beyond a level,
                                `forget` (network reset, Bouret & Sara 2005, Trends Neurosci 28:574)
    serotonin                   `scale` of the ventral loop falls, that of the dorsal one rises (5-HT2A)

Sizes, weights, rates and the strengths of these effects are chosen, not measured.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuropil.maths import clip
from neuropil.model import Edges, Network, Projection, State, Step, Synapse
from neuropil.model.connection.rules import AllToAll
from neuropil.model.modulation.effects import Becomes, Gain, Shift
from neuropil.model.modulation.kinetics import Signal
from neuropil.model.stimulus.currents import Noise
from neuropil.units import Hz, Quantity, Rate, Time, kHz, ms, nM, pA, second, uM
from neuropil.zoo.modulators.acetylcholine import Acetylcholine, favours_input
from neuropil.zoo.modulators.norepinephrine import Norepinephrine
from neuropil.zoo.modulators.serotonin import Serotonin
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.sensor import Sensor
from neuropil.zoo.synapses.scaled import Scaled

STIMULI, ACTIONS = 4, 3
PER_STIMULUS, PER_ACTION = 16, 12
TICK = 100 * ms
LOOPS = ("ventral", "dorsal")
MODULATORS = ("dopamine ventral", "dopamine dorsal", "acetylcholine", "norepinephrine", "serotonin")

Pairs = tuple[NDArray[np.intp], ...]


class ActionNeuron(LIFExp):
    """Leaky integrate-and-fire; `gain` multiplies all that comes in."""

    gain: float = 1.0
    tau_exc: Time = 5 * ms
    tau_inh: Time = 5 * ms

    def membrane(self, s, x, i_syn):
        """dV/dt of the subthreshold membrane for the synaptic current i_syn (pA), whose effect and that of the input are scaled by `gain`."""
        return LIFExp.membrane(self, s, x, i_syn) + (self.gain - 1.0) * (i_syn + x.current) / self.c_m


class ValueSynapse(Synapse):
    """Pairs of spikes within `tau` mark; under dopamine marked synapses change their value; `forget` takes it back to 0."""

    scale: float = 1.0
    rest: float = 0.4
    mark: float = 0.06
    tau: Time = 20 * ms
    tau_c: Time = 150 * ms
    rate: Rate = 0.01 / ms
    dopamine: float = 0.0
    forget: Rate = 0 * kHz

    pre = State(0.0)
    post = State(0.0)
    eligibility = State(0.0)
    value = State(0.0)

    def derivative(self, s, x):
        return dict(
            pre=-s.pre / self.tau,
            post=-s.post / self.tau,
            eligibility=-s.eligibility / self.tau_c,
            value=self.rate * self.dopamine * s.eligibility - self.forget * s.value,
        )

    def arrive(self, s, w):
        return dict(pre=s.pre + 1.0, eligibility=s.eligibility + self.mark * s.post)

    def respond(self, s, w):
        return dict(post=s.post + 1.0, eligibility=s.eligibility + self.mark * s.pre)

    def transmits(self, s, w):
        return w * self.scale * clip(self.rest + s.value, 0.0, 2.0)


def modulated_choice(clamped: dict[str, Quantity | float] | None = None) -> Network:
    """The circuit, for `neuropil.Simulation(..., dt=1 * ms)`.

    Args:
        clamped: by modulator, the level (a concentration; of dopamine a number) at which its nucleus holds it throughout:
            give such a modulator no signal.

    Returns:
        Populations thalamus, expecting and cortex (each `STIMULI` x `PER_STIMULUS` neurons) and action (`ACTIONS` x `PER_ACTION`),
        in this order; projections afferent, expectation, echo and contrast onto cortex, ventral, dorsal, recurrent and rivalry
        onto the actions; the drive "urge" onto the actions, and the modulators `MODULATORS`.
    """
    net = Network("modulated_choice")
    loops, afferent, expectation, echo = _neurons(net)
    both, action = list(loops.values()), net["action"]
    held = clamped or {}
    for name in LOOPS:
        full = f"dopamine {name}"
        net.modulator(full, Signal(baseline=held.get(full, 0.0)), volume=loops[name], tick=TICK).modulates(loops[name], "dopamine", Becomes())
    within = [expectation, echo]
    ach = net.modulator("acetylcholine", Acetylcholine(baseline=held.get("acetylcholine", 10 * nM)), volume=[*within, afferent], tick=TICK)
    ach.receptor("M1", ec50=100 * nM, hill=2).receptor("nicotinic", ec50=100 * nM, hill=2)
    favours_input(ach, within, 1.0)
    ach.modulates(afferent, "scale", Gain(by=1.2), receptor="nicotinic")
    # Cleared faster than in the zoo: here a trial takes a third of a second. "reset" and "beta" are steeper and fill earlier.
    ne = net.modulator("norepinephrine", Norepinephrine(baseline=held.get("norepinephrine", 10 * nM), vmax=0.8 * uM / second), volume=[action, *both], tick=TICK)
    ne.receptor("alpha1", ec50=300 * nM).receptor("reset", ec50=150 * nM, hill=6).receptor("beta", ec50=150 * nM, hill=2)
    ne.modulates(action, "gain", Gain(by=0.3), receptor="alpha1")
    ne.modulates(both, "forget", Shift(by=0.012 * kHz), receptor="reset")
    ne.modulates(both, "rate", Gain(by=2.0), receptor="beta")
    sero = net.modulator("serotonin", Serotonin(baseline=held.get("serotonin", 10 * nM)), volume=both, tick=TICK)
    sero.receptor("5-HT2A", ec50=50 * nM, hill=2)
    sero.modulates(loops["ventral"], "scale", Gain(by=-1.0), receptor="5-HT2A", low=0)
    sero.modulates(loops["dorsal"], "scale", Gain(by=1.0, at=1.0), receptor="5-HT2A", low=0)
    return net


def _neurons(net: Network) -> tuple[dict[str, Projection], Projection, Projection, Projection]:
    """Populations and projections; returns the loops by name, and the afferent synapses, those of expectation and the echo's."""
    silent = {"rate": 0 * Hz}
    thalamus = net.population("thalamus", Sensor(), STIMULI * PER_STIMULUS, initial=silent)
    expecting = net.population("expecting", Sensor(), STIMULI * PER_STIMULUS, initial=silent)
    cortex = net.population("cortex", LIFExp(i_e=200 * pA, tau_exc=5 * ms, tau_inh=5 * ms), STIMULI * PER_STIMULUS)
    action = net.population("action", ActionNeuron(i_e=320 * pA), ACTIONS * PER_ACTION)
    for population in (cortex, action):
        net.stimulate(population, Noise(0 * pA, 60 * pA, 2 * ms), input="current")
    net.stimulate(action, Step(np.zeros(action.size) * pA), input="current", name="urge")
    same, others = _groups(STIMULI, PER_STIMULUS)
    (afferent,) = net.project(thalamus, cortex, Edges(*same), weight=18 * pA, delay=1 * ms, port="exc", synapse=Scaled(), name="afferent")
    (expectation,) = net.project(expecting, cortex, Edges(*same), weight=25 * pA, delay=1 * ms, port="exc", synapse=Scaled(), name="expectation")
    (echo,) = net.project(cortex, cortex, Edges(*_apart(same)), weight=20 * pA, delay=1 * ms, port="exc", synapse=Scaled(), name="echo")
    net.project(cortex, cortex, Edges(*others), weight=-30 * pA, delay=1 * ms, port="inh", name="contrast")
    loops = {}
    for name, rate in (("ventral", 0.016 / ms), ("dorsal", 0.031 / ms)):
        (loops[name],) = net.project(cortex, action, AllToAll(), weight=35 * pA, delay=1 * ms, port="exc", synapse=ValueSynapse(rate=rate), name=name)
    same, others = _groups(ACTIONS, PER_ACTION)
    net.project(action, action, Edges(*_apart(same)), weight=12 * pA, delay=2 * ms, port="exc", name="recurrent")
    net.project(action, action, Edges(*others), weight=-40 * pA, delay=2 * ms, port="inh", name="rivalry")
    return loops, afferent, expectation, echo


def _groups(number: int, size: int) -> tuple[Pairs, Pairs]:
    """Pairs of neurons of the same group, and of different ones."""
    group = np.arange(number * size) // size
    same = group[:, None] == group[None, :]
    return np.nonzero(same), np.nonzero(~same)


def _apart(pairs: Pairs) -> Pairs:
    """Without pairs of a neuron with itself."""
    apart = pairs[0] != pairs[1]
    return pairs[0][apart], pairs[1][apart]
