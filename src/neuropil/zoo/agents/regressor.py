"""A population that learns to predict a number, at a rate set by acetylcholine.

Place cells over x drive integrate-and-fire cells whose mean rate is the guess, (rate - zero)/unit; each synapse moves by the signed
error that follows the sample (`zoo/synapses/td_stdp.py`, dw/dt = η·δ·e, the tag e of the sample before):

    acetylcholine    dC/dt = C_rest·(1 + gate·|δ|)/τ - C/τ, |δ| held from one error to the next
    receptor         occupied to C²/(C² + EC50²): two sites, of which both must be taken
    rate             η = rate · occupied/occupied at rest

so that C/C_rest - 1 is a running mean of gate·|δ|, the expected uncertainty of Yu & Dayan 2005 (Neuron 46:681) with κ = 1 - exp(-T/τ) for
samples T apart: clearance does the averaging. Growing errors raise the learning rate, shrinking errors lower it. The receptor's
saturation bounds η at 101 times its rest; without a bound, errors caused by a learning rate that is too high would raise it further.
`gate=0` is a fixed rate.

Here T is 300 ms and κ = 0.14 at τ = 2 s. These, the receptor and the sizes below are choices of this file, made on seeds 101 and 102.
"""

from __future__ import annotations

import numpy as np

from neuropil.model import (
    Agent,
    Currents,
    Edges,
    Network,
    Noise,
    PlaceCode,
    RateCode,
    Sense,
    Signalling,
    Step,
    TemporalDifference,
    Uniform,
)
from neuropil.units import kHz, ms, mV, nM, pA
from neuropil.zoo.agents.actor_critic import spread
from neuropil.zoo.modulators.acetylcholine import Acetylcholine, gates_plasticity
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.synapses.td_stdp import TDSTDP

CODE = PlaceCode((-1.0,), (1.0,), (13,), width=1.0)
CELLS = 64
PEAK = 1.0 * kHz  # of all place cells together
REST = 10 * nM  # acetylcholine without errors
EC50, HILL = 10 * REST, 2.0
SHARE = 1.0 / (1.0 + float(EC50 / REST) ** HILL)  # of the receptors that is occupied at rest
ZERO, UNIT = 130.0, 60.0  # Hz


def regressor(rate: float = 0.00035, gate: float = 40.0, copies: int = 1) -> Agent:
    """Predict a number by spikes while its law changes; acetylcholine, expected uncertainty, is the rate of learning.

    Args:
        rate: η at rest, pA for 1 ms of δ = e = 1.
        gate: the signal to acetylcholine for an error of 1.
        copies: agents in the network.
    """
    net = Network("regressor", citation="Yu & Dayan (2005) Neuron 46:681")
    cell = LIFExp(t_ref=1 * ms, tau_exc=10 * ms, tau_inh=5 * ms)
    place = net.population("place", cell, copies * CODE.cells)
    guess = net.population("guess", cell.with_(i_e=spread((300.0, 450.0), CELLS, copies)), copies * CELLS, initial={"v": Uniform(-65 * mV, -50 * mV)})
    net.stimulate(place, Step(np.zeros(place.size) * pA), input="current", name="sense")
    net.stimulate(guess, Noise(0 * pA, 100 * pA), input="current")
    learning, signals = [], []
    for copy in range(copies):
        made = net.project(
            place, guess, Edges.blocks([copy], CODE.cells, CELLS), weight=Uniform(30 * pA, 50 * pA), delay=1 * ms, port="exc",
            synapse=TDSTDP(eta=rate * pA, rise=10 * ms, tau_e=100 * ms), name=f"place→guess of {copy}",
        )  # fmt: skip
        ach = net.modulator(f"acetylcholine of {copy}", Acetylcholine(baseline=REST, tau=2000 * ms), volume=made, tick=60 * ms)
        gates_plasticity(ach.receptor("nicotinic", ec50=EC50, hill=HILL), made, by=1 / SHARE, at=SHARE, receptor="nicotinic")
        learning.append(tuple(p.name for p in made))
        signals.append((Signalling(ach.name, lambda error: gate * abs(error)),))
    return Agent(
        "regressor", net, "neuropil/Regression", Sense(CODE, Currents(PEAK), drive="sense"), "guess", RateCode(1 / UNIT, ZERO), learning=tuple(learning),
        teacher=TemporalDifference(horizon=0 * ms, scale=0.0, bound=2.0), stimulation="error", signals=tuple(signals), decide=40 * ms, act=20 * ms,
        settle=60 * ms, rest=180 * ms, copies=copies, citation=net.citation,
    )  # fmt: skip
