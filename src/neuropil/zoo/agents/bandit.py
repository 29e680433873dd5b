"""A bandit whose good arm changes, solved by spiking basal ganglia: dopamine, δ = r - V, teaches the striatum.

The circuit is `zoo/circuits/basal_ganglia.py` with a channel for each arm. One cortical group, which fires in every trial,
reaches the STN of all channels by fixed synapses and their striatum by plastic ones (`zoo/synapses/td_stdp.py`): what an arm is
worth is its salience.

    dopamine    δ > 0 strengthens tagged synapses onto D1 cells and weakens those onto D2 cells, δ < 0 does the opposite
                (Frank 2005, J Cogn Neurosci 17:51; Shen et al. 2008, Science 321:848; both from memory)
    tag         presynaptic trace times (rate of the cell - THETA), a fixed threshold between the rates of striatal cells whose
                channel was chosen and of those whose channel was not
    choice      the channel whose thalamic cells fire most while the agent decides. The only randomness is that of spikes, except
                where channels tie
    efference   excites the thalamic cells of what was chosen and silences the others; thalamus projects to the striatum (Redgrave &
                Gurney 2006, Nat Rev Neurosci 7:967, from memory)
    critic      its rate is V, the reward expected, as in `actor_critic`; it receives the same cortex

A covariance with each cell's own mean, as in `actor_critic`, fails here: the mean of a channel that is always chosen approaches its
activity, so its tag vanishes and it is not unlearned. The critic is slow: its value must not fall before the channel that brought no
reward has lost. Constants of learning are ours, chosen by hand on other seeds than those
of verification/basal_ganglia.py; tests/agents uses some of the worlds on which they were chosen.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from neuropil.model import (
    Agent,
    Critic,
    Edges,
    Efference,
    Network,
    Noise,
    OneHot,
    Population,
    Rates,
    Sense,
    Step,
    TemporalDifference,
    Uniform,
    WinnerTakesAll,
)
from neuropil.units import Hz, ms, mV, pA
from neuropil.zoo.agents.actor_critic import spread
from neuropil.zoo.circuits.basal_ganglia import DELAY_MS, NOISE, Pathway, connect, nuclei, weight
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.sensor import Sensor
from neuropil.zoo.synapses.td_stdp import TDSTDP

CORTEX, CRITICS = 20, 32
HEARD = 40 * Hz  # cortical cells in a trial
HYPERDIRECT, FEEDBACK = 2.5, 2.0  # cortex → STN, thalamus → D1 and D2, pA/Hz
LEAST, START, MOST = 1.5, {"D1": 3.75, "D2": 2.5}, 6.0  # cortex → striatum; the start is 3.125 (1 ± λ), λ = 0.2
TAG, THETA = dict(rise=10 * ms, tau_e=200 * ms), 65 * Hz
FIXED = 1e9 * ms  # the time constant of a mean that stays what it is
ETA, ETA_CRITIC = 0.1 * pA, 0.01 * pA
EXPECTED = 80 * pA  # weights onto the critic at the start
VALUE = (60.0, 200.0)  # its rates at V = 0 and 1
CHOSEN, OTHERS = 600 * pA, -550 * pA


def bandit(arms: int = 3, copies: int = 1, without: Collection[str] = ()) -> Agent:
    """Choose among arms by basal ganglia, and choose anew when the good one changes; dopamine is r - V.

    Args:
        arms: their number.
        copies: agents in the network.
        without: nuclei of the basal ganglia whose output is cut.

    Returns:
        The agent.
    """
    net = Network("bandit", citation="Gurney, Prescott & Redgrave (2001) Biol Cybern 84:401")
    cortex = net.population("cortex", Sensor(), copies * CORTEX, initial={"rate": 0 * Hz})
    made = nuclei(net, arms, copies, without)
    thalamus = made["thalamus"]
    net.stimulate(thalamus, Step(np.zeros(thalamus.size) * pA), input="current", name="efference")
    for name in START:
        connect(net, Pathway("thalamus", name, FEEDBACK), thalamus, made[name], arms)
    critic = net.population(
        "critic", LIFExp(tau_exc=10 * ms, i_e=spread((300.0, 450.0), CRITICS, copies)), copies * CRITICS, initial={"v": Uniform(-65 * mV, -50 * mV)}
    )
    net.stimulate(critic, Noise(0 * pA, NOISE), input="current")
    learning = [_cortical(net, cortex, made, critic, copies, copy) for copy in range(copies)]
    return Agent(
        "bandit", net, "neuropil/Bandit", Sense(OneHot(1, each=CORTEX), Rates(HEARD), population="cortex"), "thalamus", WinnerTakesAll(arms),
        Critic("critic", *VALUE), tuple(learning), TemporalDifference(horizon=0 * ms, bound=1.0), Efference("efference", CHOSEN, OTHERS),
        decide=80 * ms, act=40 * ms, rest=120 * ms, copies=copies, citation=net.citation,
    )  # fmt: skip


def _cortical(net: Network, cortex: Population, made: dict[str, Population], critic: Population, copies: int, copy: int) -> tuple[str, ...]:
    """What cortex sends to the nuclei and the critic of a copy; the names of the projections that learn."""
    delay, learning = DELAY_MS * ms, []
    to_stn = Edges.blocks([copy], CORTEX, made["STN"].size // copies)
    net.project(cortex, made["STN"], to_stn, weight=weight(HYPERDIRECT, CORTEX), delay=delay, port="exc", name=f"cortex→STN of {copy}")
    rules = {
        name: TDSTDP(eta=sign * ETA, covariance=1.0, start=THETA, tau_mean=FIXED, low=weight(LEAST, CORTEX), high=weight(MOST, CORTEX), **TAG)
        for name, sign in (("D1", 1.0), ("D2", -1.0))
    }
    for target, rule, first in (
        (made["D1"], rules["D1"], weight(START["D1"], CORTEX)), (made["D2"], rules["D2"], weight(START["D2"], CORTEX)),
        (critic, TDSTDP(eta=ETA_CRITIC, **TAG), EXPECTED),
    ):  # fmt: skip
        edges = Edges.blocks([copy], CORTEX, target.size // copies)
        learning += net.project(cortex, target, edges, weight=first, delay=delay, port="exc", synapse=rule, name=f"cortex→{target.name} of {copy}")
    return tuple(p.name for p in learning)
