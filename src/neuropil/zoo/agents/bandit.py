"""A bandit whose good arm changes, played by spikes: dopamine, r - V, on the synapses from cortex to striatum.

The network is `actor_critic`: one cortical group, which fires in every trial; a striatal group for each arm, whose plastic
synapses hold the arm's worth; a critic that holds the expected reward. What basal ganglia do after the striatum (Gurney,
Prescott & Redgrave 2001, Biol. Cybern. 84:401), which is to let through the strongest channel, is left to the decoder: a
softmax over the striatal groups. Dopamine on cortico-striatal weights after a choice: Stewart, Bekolay & Eliasmith 2012,
Front. Neurosci. 6:2 (from memory).
"""

from __future__ import annotations

from dataclasses import replace

from neuropil.model import Agent, OneHot, TemporalDifference
from neuropil.units import ms
from neuropil.zoo.agents.actor_critic import Body, actor_critic


def bandit(arms: int = 3, copies: int = 1) -> Agent:
    """Choose among arms by spikes, and choose anew when the good one changes; dopamine is r - V."""
    body = Body(peak=200.0, critic_rate=0.03, actor_rate=0.06)
    teacher = TemporalDifference(horizon=0 * ms, bound=1.0)
    agent = actor_critic("bandit", "neuropil/Bandit", OneHot(1, each=10), arms, copies=copies, body=body, teacher=teacher)
    return replace(agent, settle=20 * ms, rest=200 * ms)
