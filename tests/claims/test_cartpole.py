"""Our CartPole against Gymnasium's, and the yardsticks of claim D8: chance and linear TD(λ)."""

from __future__ import annotations

import gymnasium
import jax.numpy as jnp
import numpy as np

from neuropil.claims.cartpole import PLACES, _places, cartpole_step, chance, lengths_of_episodes
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
    np.testing.assert_allclose([_places(jnp.array(s)) for s in seen], PLACES.activity(seen), atol=2e-6)


def test_a_median_of_what_was_never_reached() -> None:
    found = _median("m", [100.0, 120.0, 130.0, 140.0, 150.0, 160.0, np.inf, np.inf, np.inf, np.inf], control=False)
    assert found.value == 155.0 and (found.low, found.high) == (120.0, np.inf)
