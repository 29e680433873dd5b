"""An animal that forages in a gridworld where a lever stimulates its own dopamine (Olds & Milner 1954, J. Comp. Physiol.
Psychol. 47:419; Frémaux, Sprekeler & Gerstner 2013 for the network, see `actor_critic`).

One group of place cells for every tile; four actions. What the lever's tile adds to δ is beyond any critic: δ = r + γV' - V
+ stimulation, which is Redish's (2004, Science 306:1944) account of addiction, where learning cannot compensate it. With
`bound` dopamine is capped at what food can release.
"""

from __future__ import annotations

from dataclasses import replace

from neuropil.model import Agent, OneHot, TemporalDifference
from neuropil.units import ms
from neuropil.zoo.agents.actor_critic import Body, actor_critic

BODY = Body(peak=500.0, critic_rate=0.003, actor_rate=0.005)


def forager(side: int = 5, bound: float = 1.0, copies: int = 1) -> Agent:
    """Forage by spikes where one tile stimulates dopamine; `bound` caps it."""
    teacher = TemporalDifference(horizon=200 * ms, scale=3.0, bound=bound)
    agent = actor_critic("forager", "neuropil/Foraging", OneHot(side * side, each=4), 4, copies=copies, teacher=teacher, body=BODY)
    return replace(agent, stimulation="stimulation")
