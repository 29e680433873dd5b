"""An animal that forages in a gridworld where a lever stimulates its own dopamine (Olds & Milner 1954, J. Comp. Physiol.
Psychol. 47:419; Frémaux, Sprekeler & Gerstner 2013 for the network, see `actor_critic`).

One group of place cells for every tile; four actions. The lever's tile adds to δ a reward that does not exist: δ = (1 - γ)·r + γV' - V
+ stimulation, after Redish (2004, Science 306:1944). There no learning can cancel it; here the critic can, within the range of its rate. With
`bound` dopamine is capped from the start. A monitor watches each copy (`Guard`): the first 1000 steps, ten episodes in which
it learns, do not count, the next 2000 say what is usual.
"""

from __future__ import annotations

from dataclasses import replace

from neuropil.model import Agent, Guard, OneHot, TemporalDifference
from neuropil.units import ms
from neuropil.zoo.agents.actor_critic import Body, actor_critic

BODY = Body(peak=500.0, critic_rate=0.003, actor_rate=0.005)


def forager(side: int = 5, bound: float = 1.0, remedy: bool = True, copies: int = 1) -> Agent:
    """Forage by spikes where one tile stimulates dopamine; `bound` caps it.

    Args:
        side: tiles along an edge of the world.
        bound: of dopamine, from the start.
        remedy: whether the dopamine of a flagged copy is capped from then on.
        copies: agents in the network.
    """
    teacher = TemporalDifference(horizon=200 * ms, scale=3.0, bound=bound)
    agent = actor_critic("forager", "neuropil/Foraging", OneHot(side * side, each=4), 4, copies=copies, teacher=teacher, body=BODY)
    return replace(agent, stimulation="stimulation", guard=Guard(after=1000, remedy=remedy))
