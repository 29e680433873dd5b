"""The circuit of Gurney, Prescott & Redgrave (2001) in spikes: it selects, and its lesions do what theirs do.

Saliences are shown to circuits side by side, one simulation for each lesion; the same seed gives the same spikes, and each bound is
far from what is measured (docs/verification/basal_ganglia.md has finer grids).
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest

import neuropil as npl
from neuropil.errors import NeuropilError
from neuropil.units import ms
from neuropil.zoo.circuits.basal_ganglia import CELLS, PATHWAYS, RESTING, basal_ganglia, weight

LEVELS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
GRID = np.array([(a, b, 0.0) for a, b in itertools.product(LEVELS, LEVELS)])
BEST = np.argmax(GRID, axis=1)
APART = np.abs(GRID[:, 0] - GRID[:, 1])
CLEAR = (GRID.max(axis=1) >= 0.6) & (APART >= 0.39)
STRONG = GRID[:, :2].min(axis=1) >= 0.8


@functools.cache
def rates(without: tuple[str, ...] = (), dopamine: float = 0.2) -> dict[str, np.ndarray]:
    """[pairs of saliences, channels] in Hz, from 200 to 600 ms."""
    net = basal_ganglia(GRID, dopamine, without)
    simulation = npl.Simulation(net, dt=1 * ms, threads=1, record_spikes=False)
    simulation.step(200)
    before = simulation.counts.copy()
    simulation.step(400)
    spikes = (simulation.counts - before) / 0.4
    simulation.close()
    return {name: spikes[p.first : p.first + p.size].reshape(*GRID.shape, CELLS).mean(axis=2) for name, p in net.populations.items()}


def selected(without: tuple[str, ...] = (), dopamine: float = 0.2) -> np.ndarray:
    """Channels whose GPi fires at less than half its rate at rest."""
    return rates(without, dopamine)["GPi"] < RESTING["GPi"] / 2


def test_rates_at_rest_are_those_that_biases_were_made_for() -> None:
    for name, expected in RESTING.items():
        assert rates()[name][0].mean() == pytest.approx(expected, rel=0.1, abs=1.5), name


def test_the_most_salient_channel_alone_is_let_through() -> None:
    """Only its GPi falls silent, and its thalamus fires most; the others are held back harder than at rest."""
    chosen = selected()[CLEAR]
    assert (chosen.sum(axis=1) == 1).all() and (np.argmax(chosen, axis=1) == BEST[CLEAR]).all()
    assert (np.argmax(rates()["thalamus"], axis=1) == BEST)[APART >= 0.19].all()
    assert (rates()["GPi"][CLEAR, 2] > RESTING["GPi"] + 3).all()
    assert rates()["thalamus"][CLEAR, 2].max() < 5


def test_weak_channels_are_not_let_through_and_equally_strong_ones_may_both_be() -> None:
    assert not selected()[GRID.max(axis=1) <= 0.4].any()
    assert (selected()[GRID[:, :2].min(axis=1) == 1.0].sum(axis=1) == 2).all()


def test_without_the_subthalamic_nucleus_nothing_holds_the_others_back() -> None:
    several = selected(("STN",)).sum(axis=1) > 1
    both = GRID[:, :2].min(axis=1) > 0
    assert several[both].mean() > 0.9
    assert rates(("STN",))["GPi"][CLEAR, 2].max() < RESTING["GPi"]


def test_without_pallidal_feedback_the_subthalamic_nucleus_lets_nothing_through() -> None:
    assert not selected(("GPe",)).any()
    assert rates(("GPe",))["STN"].mean() > 2 * RESTING["STN"]


def test_without_the_indirect_pathway_more_channels_are_let_through_at_once() -> None:
    assert (selected(("D2",)).sum(axis=1) > 1)[STRONG].sum() >= (selected().sum(axis=1) > 1)[STRONG].sum()
    assert (selected(("D2",)).sum(axis=1) > 1).sum() > (selected().sum(axis=1) > 1).sum()


def test_without_the_direct_pathway_nothing_is_let_through() -> None:
    assert not selected(("D1",)).any()


def test_dopamine_makes_selection_easier_and_then_promiscuous() -> None:
    """Gurney et al. (2001), second paper: with less dopamine fewer channels are let through, with more of it several at once."""
    number = [selected(dopamine=level).sum() for level in (0.0, 0.2, 0.6)]
    assert number[0] < number[1] < number[2]
    several = [(selected(dopamine=level).sum(axis=1) > 1).sum() for level in (0.0, 0.2, 0.6)]
    assert several[0] < several[1] < several[2]


def test_pathways_have_the_papers_ratios() -> None:
    strength = {(p.source, p.target): p.strength for p in PATHWAYS}
    unit = -strength["GPe", "STN"]
    found = [strength[pair] / unit for pair in (("STN", "GPe"), ("STN", "GPi"), ("GPe", "GPi"))]
    np.testing.assert_allclose(found, [0.9, 0.9, -0.3])


def test_blocks_keep_groups_apart_and_weights_give_their_strength() -> None:
    """A hundred hertz from 20 cells through weights of strength 2 is a mean current of 200 pA: cells · weight · tau · rate."""
    edges = npl.Edges.blocks(range(3), 2, 4)
    assert edges.pre.size == 3 * 2 * 4 and (np.asarray(edges.pre) // 2 == np.asarray(edges.post) // 4).all()
    assert len(set(zip(edges.pre, edges.post, strict=True))) == 24
    assert 20 * weight(2.0).value * 5.0 * 0.1 == pytest.approx(200.0)


def test_what_cannot_be_is_refused() -> None:
    for wrong in (dict(salience=(0.5, 1.2)), dict(salience=()), dict(salience=(float("nan"), 0.0)), dict(dopamine=-0.1)):
        with pytest.raises(NeuropilError, match="between 0 and 1"):
            basal_ganglia(**wrong)  # type: ignore[arg-type]
    with pytest.raises(NeuropilError, match="did you mean 'STN'"):
        basal_ganglia(without=("STM",))
