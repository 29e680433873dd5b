"""An animal that chooses between a small reward soon and a large one late, as patient as its serotonin makes it.

Serotonin is a modulator of the network, and the occupancy of its receptor the horizon of the reward that dopamine teaches (Doya 2002,
Neural Networks 15:495): δ = r + γV' - V with γ = 1 - 1/τ, τ from 1 step of the world at no occupancy to 100 at full
(`zoo.modulators.serotonin.discount`). The network is `actor_critic`, one group of cells for each moment of
`neuropil/DelayedChoice`; the critic learns what waiting is worth moment by moment, the actor what to choose. The tag of a
coincidence lasts three moments and decays during a rest of ten.

`level` is the occupancy at rest, which sets the concentration of each copy; in use, a signal to the nucleus shifts it:
`loop.simulation.modulators["serotonin of 0"].set_signal(2.0)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from neuropil.errors import ModelError
from neuropil.model import Agent, Horizon, OneHot, TemporalDifference
from neuropil.units import ms
from neuropil.zoo.agents.actor_critic import Body, actor_critic
from neuropil.zoo.modulators.serotonin import EC50, Serotonin, discount, receptors

BODY = Body(peak=500.0, critic_rate=0.03, actor_rate=0.03, tau_e=60.0)
SCALE = 0.4  # the large reward, 2, is near the largest value that the critic's rate can represent


def patience(level: float | Sequence[float] = 0.4, moments: int = 7, copies: int = 1) -> Agent:
    """Choose between soon and late by spikes; serotonin, a `level` from 0 to 1, is the horizon of reward.

    Args:
        level: of all copies, or one for each.
        moments: observations of the world.
        copies: agents in the network.

    Returns:
        The agent.

    Raises:
        ModelError: a level that is not an occupancy.
    """
    levels = np.broadcast_to(np.asarray(level, float), (copies,)) if np.ndim(level) == 0 or np.size(level) == copies else None
    if levels is None or not ((levels >= 0) & (levels < 1)).all():
        raise ModelError("patience: the level must be an occupancy, one for all or one for each copy", got=level, expected="from 0 to below 1")
    teacher = TemporalDifference(scale=SCALE, bound=1.0, mean=False)
    agent = actor_critic("patience", "neuropil/DelayedChoice", OneHot(moments, each=4), 2, copies=copies, teacher=teacher, body=BODY)
    horizons = []
    for copy, occupied in enumerate(levels.tolist()):
        rest = EC50 * (occupied / (1.0 - occupied))
        modulator = agent.network.modulator(f"serotonin of {copy}", Serotonin(baseline=rest), volume=agent.network["critic"], tick=100 * ms)
        receptors(modulator)
        horizons.append(Horizon(modulator.name, "5-HT2A", discount))
    return replace(agent, horizons=tuple(horizons), settle=20 * ms, rest=200 * ms)
