"""A spiking actor and a spiking critic that learn by one TD error: dopamine (Frémaux, Sprekeler & Gerstner 2013,
PLoS Comput Biol 9:e1003024).

Place cells, each tuned to a region of the observation, drive a critic and an actor through plastic synapses
(`zoo/synapses/td_stdp.py`, dw/dt = η·δ·e):

    place cells   integrate-and-fire, firing at f_i = F·φ_i(o), φ Gaussian with Σφ = 1
    critic        N cells with equal input; the value is V = (rate - zero)/(one - zero)
    actor         a group of cells for each action; an action is drawn by softmax over the groups' rates, and its
                  efference copy excites the group of the action and silences the others, so that the synapses of the chosen action are tagged
    dopamine      δ = (1 - γ)·r + γ·V' - V, γ = exp(-20 ms / 1 s), into all plastic synapses

The neurons are `LIFExp` with c_m 250 pF, tau_m 10 ms, t_ref 1 ms. Cells of a population differ by an evenly spread bias
around the rheobase (375 pA) and by noise, so that they do not fire together. The paper's actor chooses by competition on
a ring and the action is continuous in strength; here actions are few, as Gymnasium's are. The constants below were chosen
for this file, on seeds other than those of claim D8.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.model import (
    Agent,
    Code,
    Critic,
    Currents,
    Edges,
    Efference,
    Network,
    Noise,
    PlaceCode,
    Sense,
    Softmax,
    Step,
    TemporalDifference,
    Uniform,
)
from neuropil.units import kHz, ms, mV, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.synapses.td_stdp import TDSTDP


@dataclass(frozen=True)
class Body:
    """Sizes and constants of the network; currents and weights in pA, rates in Hz, times in ms.

    Attributes:
        critics: neurons of the critic; actors: of each action.
        peak: F, rate of a place cell at its centre.
        weight: at the start.
        bias: lowest and highest bias current.
        noise: standard deviation of the current noise.
        critic_rate: η of the critic; actor_rate: of the actor.
        tau_e: time constant of the eligibility; rise: of its rise.
        temperature: of the softmax over actions.
        value: rates of the critic that stand for 0 and 1.
        chosen: current of the efference copy into the chosen group; others: into the other groups.
    """

    critics: int = 32
    actors: int = 10  # for each action
    peak: float = 2000.0  # F
    weight: float = 20.0
    bias: tuple[float, float] = (300.0, 450.0)
    noise: float = 100.0
    critic_rate: float = 0.012  # η
    actor_rate: float = 0.02
    tau_e: float = 290.0
    rise: float = 10.0
    temperature: float = 10.0
    value: tuple[float, float] = (60.0, 200.0)
    chosen: float = 400.0
    others: float = -550.0


def spread(bias: tuple[float, float], each: int, groups: int) -> Any:
    """Bias currents, evenly spread within each group.

    Args:
        bias: lowest and highest, pA.
        each: neurons of a group.
        groups: their number.
    """
    values: NDArray[np.float64] = np.tile(np.linspace(*bias, each), groups)
    return values * pA


def actor_critic(
    name: str, world: str, code: Code, actions: int, *, copies: int = 1, body: Body | None = None, teacher: TemporalDifference | None = None
) -> Agent:
    """A spiking actor-critic for an environment with few actions.

    Args:
        code: place cells over its observation.
        copies: how many agents, each with its own slice of every population.
        name: of the agent.
        world: id of the environment.
        actions: their number.
        teacher: from reward and values to dopamine; None: the default one.
    """
    b = body or Body()
    net = Network(name, citation="Frémaux, Sprekeler & Gerstner (2013) PLoS Comput Biol 9:e1003024")
    cell = LIFExp(t_ref=1 * ms, tau_exc=10 * ms, tau_inh=5 * ms)
    start = {"v": Uniform(-65 * mV, -50 * mV)}
    place = net.population("place", cell, copies * code.cells)
    critic = net.population("critic", cell.with_(i_e=spread(b.bias, b.critics, copies)), copies * b.critics, initial=start)
    actor = net.population("actor", cell.with_(i_e=spread(b.bias, b.actors, copies * actions)), copies * actions * b.actors, initial=start)
    net.stimulate(place, Step(np.zeros(place.size) * pA), input="current", name="sense")
    net.stimulate(actor, Step(np.zeros(actor.size) * pA), input="current", name="efference")
    net.stimulate(critic + actor, Noise(0 * pA, b.noise * pA), input="current")
    learning = []
    for copy in range(copies):
        made = []
        for population, rate, covariance in ((critic, b.critic_rate, 0.0), (actor, b.actor_rate, 1.0)):
            rule = TDSTDP(eta=rate * pA, rise=b.rise * ms, tau_e=b.tau_e * ms, covariance=covariance)
            made += net.project(
                place, population, Edges.blocks([copy], code.cells, population.size // copies), weight=Uniform(0.5 * b.weight * pA, 1.5 * b.weight * pA),
                delay=1 * ms, port="exc", synapse=rule, name=f"place→{population.name} of {copy}",
            )  # fmt: skip
        learning.append(tuple(p.name for p in made))
    return Agent(
        name, net, world, Sense(code, Currents(b.peak * 1e-3 * kHz), drive="sense"), "actor", Softmax(actions, b.temperature), Critic("critic", *b.value),
        tuple(learning), teacher or TemporalDifference(bound=1.0), Efference("efference", b.chosen * pA, b.others * pA), settle=40 * ms, rest=600 * ms,
        copies=copies, citation=net.citation,
    )  # fmt: skip


def cartpole(copies: int = 1) -> Agent:
    """Balance a pole on a cart by spikes: place cells over position, speed, angle and its speed; TD dopamine.

    Args:
        copies: agents in the network.
    """
    return actor_critic("cartpole", "CartPole-v1", PlaceCode((-2.4, -2.0, -0.21, -2.0), (2.4, 2.0, 0.21, 2.0), (2, 3, 5, 5)), 2, copies=copies)


def acrobot(copies: int = 1) -> Agent:
    """Swing two links up by spikes: place cells over both angles, as cosine and sine, and their speeds; TD dopamine.

    An action lasts four steps of the environment: with a new choice at each step the links hardly ever begin to swing by chance.

    Args:
        copies: agents in the network.
    """
    code = PlaceCode((-1.0, -1.0, -1.0, -1.0, -6.0, -9.0), (1.0, 1.0, 1.0, 1.0, 6.0, 9.0), (2, 3, 2, 3, 3, 3))
    body = Body(actors=20, critic_rate=0.03, actor_rate=0.1, value=(200.0, 340.0))
    agent = actor_critic("acrobot", "Acrobot-v1", code, 3, copies=copies, body=body, teacher=TemporalDifference(scale=0.25, bound=1.0))
    return replace(agent, repeat=4)
