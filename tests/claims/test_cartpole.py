"""Our CartPole against Gymnasium's, and the yardsticks of claim D8: chance, linear TD(λ), a deep Q-network's loss."""

from __future__ import annotations

import gymnasium
import jax.numpy as jnp
import numpy as np

from neuropil.claims.cartpole import CODE, _activity, _huber, cartpole_step, chance, lengths_of_episodes
from neuropil.claims.d8_cartpole import _median


def test_a_step_is_gymnasiums() -> None:
    """30 episodes of random pushes; float32 against float64, step by step."""
    world, g = gymnasium.make("CartPole-v1").unwrapped, np.random.default_rng(1)
    for seed in range(30):
        seen, fell = world.reset(seed=seed)[0], False
        while not fell:
            action = int(g.integers(2))
            ours, down = cartpole_step(jnp.array(world.state, jnp.float32), action)
            seen, _, fell, _, _ = world.step(action)
            np.testing.assert_allclose(ours, seen, atol=1e-5)
            assert bool(down) == fell


def test_chance_lasts_some_22_steps() -> None:
    """Random pushes last 22.1 ± 0.13 steps with standard deviation 11.7 in 8,000 episodes of Gymnasium's, 22.3 ± 0.07 in
    26,848 of ours; over some 1300 episodes the mean is within 5 standard errors: a false alarm in 10⁶ runs."""
    lengths = np.concatenate(lengths_of_episodes(chance, (1, 2, 3), 10_000))
    assert abs(lengths.mean() - 22.2) < 5 * 12 / np.sqrt(lengths.size)


def test_place_cells_in_jax_are_those_of_the_spiking_agent() -> None:
    g = np.random.default_rng(2)
    seen = g.uniform(-3, 3, (50, 4))
    np.testing.assert_allclose([_activity(jnp.array(s)) for s in seen], CODE.activity(seen), atol=2e-6)


def test_the_deep_networks_loss_is_double_and_ends_at_a_fall_alone() -> None:
    """Networks that say the same of every state: Q = (0.3, 0.5), the target's (0.2, 0.9), so Q' = 0.9 by the choice of Q."""

    def saying(*q: float) -> list[tuple[jnp.ndarray, jnp.ndarray]]:
        return [(jnp.zeros((4, 3)), jnp.zeros(3)), (jnp.zeros((3, 2)), jnp.array(q))]

    def row(action: int, fell: bool) -> jnp.ndarray:
        return jnp.array([[0.0] * 8 + [float(action), float(fell), 1.0]])

    for action, fell, error in ((0, False, 0.01 + 0.99 * 0.9 - 0.3), (1, False, 0.01 + 0.99 * 0.9 - 0.5), (0, True, 0.01 - 0.3)):
        found = _huber(saying(0.3, 0.5), saying(0.2, 0.9), row(action, fell), 0.99)
        np.testing.assert_allclose(found, 0.5 * error**2, rtol=1e-5)


def test_a_median_of_what_was_never_reached() -> None:
    found = _median("m", [100.0, 120.0, 130.0, 140.0, 150.0, 160.0, np.inf, np.inf, np.inf, np.inf], control=False)
    assert found.value == 155.0 and (found.low, found.high) == (120.0, np.inf)
