"""Branches bind features that no sum of inputs can (verification/feature_binding.py), and the dendritic-branch neuron shows what it must.

Volleys without noise make the point neuron's part exact. The noisy run has a fixed seed; a readout at chance would put 22
of 24 trials right with a probability of 2e-5, and the branched network did so for all of the five seeds of the experiment.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import neuropil as npl
from neuropil.units import mM, ms
from neuropil.zoo.neurons.branch_neuron import BranchNeuron, input_output

_SPEC = importlib.util.spec_from_file_location("feature_binding", Path(__file__).resolve().parents[2] / "verification" / "feature_binding.py")
binding = importlib.util.module_from_spec(_SPEC)


@pytest.fixture(scope="module", autouse=True)
def loaded():
    import sys

    sys.modules["feature_binding"] = binding  # dataclasses look their module up by name
    _SPEC.loader.exec_module(binding)


def volleys(shown, dt, g):
    """Every fibre of a shown group once, 10 ms into its trial."""
    trial, fibre = [], []
    for k, stimulus in enumerate(shown):
        for index, pair in enumerate(binding.STIMULI[stimulus][1]):
            for feature in pair:
                mine = binding.group(feature, index) * binding.FIBRES + np.arange(binding.FIBRES)
                trial, fibre = [*trial, *[k] * mine.size], [*fibre, *mine]
    return npl.SpikeList((np.array(trial) * binding.TRIAL_MS + 10.0) * ms, np.array(fibre))


def test_no_weighted_sum_of_inputs_tells_bound_from_unbound():
    active = np.zeros((len(binding.STIMULI), 8))
    for row, (_, pairs) in zip(active, binding.STIMULI, strict=True):
        for index, pair in enumerate(pairs):
            row[[binding.group(feature, index) for feature in pair]] = 1
    kind = np.array([k for k, _ in binding.STIMULI])
    assert np.array_equal(active[kind == 0].sum(axis=0), active[kind == 1].sum(axis=0))
    for scattered in (False, True):
        pre, post, branch = binding.synapses(6, scattered, np.random.default_rng(1))
        from_group = np.zeros((6, 8), int)
        np.add.at(from_group, (post, pre // binding.FIBRES), 1)
        assert np.all(from_group == from_group[0, 0])
        per_branch = np.zeros((6, binding.WIRED), int)
        np.add.at(per_branch, (post, branch), 1)
        assert np.all(per_branch == 2 * binding.PER_FEATURE)


def test_without_noise_a_point_neuron_answers_all_stimuli_alike(monkeypatch):
    monkeypatch.setattr(binding, "fibre_spikes", volleys)
    fired = 0
    for gain in (1.0, 2.0, 4.0):
        run = binding.simulate("point neuron", 1, neurons=10, count=8, gain=gain)
        settled = run.counts[2:]  # what is left of a trial adds to the next, the same whatever was shown
        assert np.ptp(settled) == 0
        fired += settled.sum()
    assert fired > 0


def test_branches_bind_noisy_features():
    run = binding.simulate("clustered", 1, neurons=300)
    assert binding.readouts(run)["population"].sum() >= 22


def test_clustered_synapses_exceed_their_sum_and_spread_ones_win_in_the_end():
    counts = [1, 8, 24, 80]
    with_block = input_output(BranchNeuron(20), counts, npl.run)
    without = input_output(BranchNeuron(20).with_(branch__mg=0 * mM), counts, npl.run)
    assert with_block["clustered"][2] > 1.2 * 24 * with_block["clustered"][0]
    assert without["clustered"][2] < 24 * without["clustered"][0]
    assert with_block["clustered"][2] > with_block["spread"][2]
    assert with_block["spread"][3] > with_block["clustered"][3]
