"""CartPole in JAX, and the learners that spikes are compared with: a small DQN, linear TD(λ), chance.

The physics and limits are those of Gymnasium's CartPole-v1 (Barto, Sutton & Anderson 1983, IEEE SMC 13:834): a step of
20 ms by Euler's rule, an end beyond 2.4 m or 12°, 500 steps at most, reward 1 for each. World and learner of all seeds
advance together in one compiled scan.

    DQN           Mnih et al. 2015, Nature 518:529: replay, ε-greedy, Huber loss; here double (van Hasselt, Guez & Silver
                  2016, AAAI 30:2094), with Adam, and a target that follows slowly (Lillicrap et al. 2016), as is usual for
                  small networks. 4-64-64-2.
    linear TD(λ)  actor and critic, linear in Gaussian place cells, with traces (Sutton & Barto 2018, section 13.6)

Args:
    action: 0 or 1.
    seeds: of the episodes.
    gamma: discount; lam: λ; critic_rate, actor_rate: of learning.
    width: units of a hidden layer; batch: transitions of a step of learning; replay: transitions kept.
    rate: of learning; follow: of the target network; wait: steps before learning begins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax, random
from numpy.typing import NDArray

from neuropil.model import PlaceCode

LIMIT = 500
GRAVITY, POLE, CART, HALF, FORCE, DT = 9.8, 0.1, 1.0, 0.5, 10.0, 0.02
CODE = PlaceCode((-2.4, -2.0, -0.21, -2.0), (2.4, 2.0, 0.21, 2.0), (2, 3, 5, 5))


def cartpole_step(state: Any, action: Any) -> tuple[Any, Any]:
    """The state (position, speed, angle, its speed) after a push to the left (0) or right (1), and whether it fell."""
    x, speed, angle, turning = state
    force, cosine, sine = jnp.where(action == 1, FORCE, -FORCE), jnp.cos(angle), jnp.sin(angle)
    total = CART + POLE
    pushed = (force + POLE * HALF * turning**2 * sine) / total
    bending = (GRAVITY * sine - cosine * pushed) / (HALF * (4.0 / 3.0 - POLE * cosine**2 / total))
    moving = pushed - POLE * HALF * bending * cosine / total
    after = jnp.stack([x + DT * speed, speed + DT * moving, angle + DT * turning, turning + DT * bending])
    return after, (jnp.abs(after[0]) > 2.4) | (jnp.abs(after[2]) > 12 * jnp.pi / 180)


class Learner(NamedTuple):
    """A learner as functions: start(key) -> memory; act(memory, seen, key) -> action; learn(memory, …) -> memory.

    Attributes:
        start: key -> memory.
        act: (memory, seen, key) -> action.
        learn: (memory, …) -> memory.
    """

    start: Callable[..., Any]
    act: Callable[..., Any]
    learn: Callable[..., Any]


def lengths_of_episodes(learner: Learner, seeds: tuple[int, ...], steps: int) -> list[NDArray[np.int64]]:
    """Lengths of the episodes that each seed finishes within so many steps."""

    def begin(key: Any) -> Any:
        return random.uniform(key, (4,), minval=-0.05, maxval=0.05)

    def turn(carry: Any, key: Any) -> tuple[Any, Any]:
        memory, seen, count = carry
        for_action, for_learning, for_reset = random.split(key, 3)
        action = learner.act(memory, seen, for_action)
        after, fell = cartpole_step(seen, action)
        over = fell | (count + 1 >= LIMIT)
        memory = learner.learn(memory, seen, action, after, fell, over, for_learning)
        return (memory, jnp.where(over, begin(for_reset), after), jnp.where(over, 0, count + 1)), jnp.where(over, count + 1, 0)

    def life(key: Any) -> Any:
        born, first, rest = random.split(key, 3)
        return lax.scan(turn, (learner.start(born), begin(first), 0), random.split(rest, steps))[1]

    found = np.asarray(jax.jit(jax.vmap(life))(jnp.stack([random.key(s) for s in seeds])))
    return [row[row > 0].astype(np.int64) for row in found]


# --- learners ----------------------------------------------------------------------------------------------------------

chance = Learner(lambda key: 0, lambda memory, seen, key: random.randint(key, (), 0, 2), lambda memory, *step: memory)
"""Pushes at random."""


def _activity(seen: Any) -> Any:
    """The activity of `CODE`, as JAX."""
    product = jnp.ones(1)
    for k, (low, high, count) in enumerate(zip(CODE.low, CODE.high, CODE.count, strict=True)):
        width = CODE.width * (high - low) / (count - 1)
        curve = jnp.exp(-0.5 * ((jnp.clip(seen[k], low, high) - jnp.linspace(low, high, count)) / width) ** 2)
        product = jnp.outer(product, curve / curve.sum()).ravel()
    return product


def linear(gamma: float = 0.98, lam: float = 0.95, critic_rate: float = 0.5, actor_rate: float = 5.0) -> Learner:
    """Linear actor-critic with traces: δ = (1 - γ) + γ·V' - V, V' = 0 after a fall."""

    def start(key: Any) -> Any:
        n = CODE.cells
        return jnp.zeros(n), jnp.zeros((2, n)), jnp.zeros(n), jnp.zeros((2, n))

    def act(memory: Any, seen: Any, key: Any) -> Any:
        return random.categorical(key, memory[1] @ _activity(seen))

    def learn(memory: Any, seen: Any, action: Any, after: Any, fell: Any, over: Any, key: Any) -> Any:
        value, actor, trace, tag = memory
        here = _activity(seen)
        trace = gamma * lam * trace + here
        tag = gamma * lam * tag + jnp.outer(jax.nn.one_hot(action, 2) - jax.nn.softmax(actor @ here), here)
        delta = (1.0 - gamma) + jnp.where(fell, 0.0, gamma * (value @ _activity(after))) - value @ here
        return value + critic_rate * delta * trace, actor + actor_rate * delta * tag, jnp.where(over, 0.0, trace), jnp.where(over, 0.0, tag)

    return Learner(start, act, learn)


def dqn(
    width: int = 64, batch: int = 128, replay: int = 100_000, rate: float = 5e-4, gamma: float = 0.99, follow: float = 0.01,
    explore: float = 2000.0, least: float = 0.01, wait: int = 500,
) -> Learner:  # fmt: skip
    """A small deep Q-network; ε falls from 1 to `least` with time constant `explore` steps."""
    sizes = (4, width, width, 2)
    optimiser = optax.adam(rate)

    def start(key: Any) -> Any:
        keys = random.split(key, 3)
        net = [(random.normal(k, (a, b)) * jnp.sqrt(2.0 / a), jnp.zeros(b)) for k, a, b in zip(keys, sizes, sizes[1:], strict=False)]
        return net, net, optimiser.init(net), jnp.zeros((replay, 11)), 0

    def act(memory: Any, seen: Any, key: Any) -> Any:
        chance_, which = random.split(key)
        epsilon = least + (1.0 - least) * jnp.exp(-memory[4] / explore)
        return jnp.where(random.uniform(chance_) < epsilon, random.randint(which, (), 0, 2), jnp.argmax(_forward(memory[0], seen)))

    def learn(memory: Any, seen: Any, action: Any, after: Any, fell: Any, over: Any, key: Any) -> Any:
        net, target, state, stored, n = memory
        stored = stored.at[n % replay].set(jnp.concatenate([seen, after, jnp.array([action, fell, 1.0])]))
        rows = stored[random.randint(key, (batch,), 0, jnp.minimum(n + 1, replay))]
        moves, state = optimiser.update(jax.grad(_huber)(net, target, rows, gamma), state)
        net = jax.tree.map(lambda p, move: p + jnp.where(n >= wait, move, 0.0), net, moves)
        target = jax.tree.map(lambda slow, p: slow + follow * (p - slow), target, net)
        return net, target, state, stored, n + 1

    return Learner(start, act, learn)


def _forward(net: Any, x: Any) -> Any:
    """Outputs of the network for one state [4] or several [n, 4]."""
    for layer, (w, b) in enumerate(net):
        x = x @ w
        x = x + jnp.broadcast_to(b, x.shape)
        x = jax.nn.relu(x) if layer < len(net) - 1 else x
    return x


def _huber(net: Any, target: Any, rows: Any, gamma: float) -> Any:
    """Huber loss of Q(s, a) against (1 - γ) + γ·Q'(s', the best by Q), nothing after a fall; the 500th step is not one.

    With a reward of 1 the loss would be absolute for most errors: the few falls weigh too little, and Q diverges beyond 100.
    """
    best = jnp.argmax(_forward(net, rows[:, 4:8]), axis=1)
    following = jnp.take_along_axis(_forward(target, rows[:, 4:8]), best[:, None], axis=1)[:, 0]
    goal = (1.0 - gamma) + gamma * (1.0 - rows[:, 9]) * following
    mine = jnp.take_along_axis(_forward(net, rows[:, :4]), rows[:, 8:9].astype(int), axis=1)[:, 0]
    away = jnp.abs(mine - lax.stop_gradient(goal))
    return jnp.where(away < 1.0, 0.5 * away**2, away - 0.5).mean()
