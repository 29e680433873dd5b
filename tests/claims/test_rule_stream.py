"""The modulated circuit and its stream: by hand, by closed forms, by playing a run's own signals again, and over threads."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from neuropil import Simulation
from neuropil.claims.m1_all_modulators import resting, shuffled
from neuropil.claims.rule_stream import (
    BLUR,
    LATE,
    SOON,
    VALID,
    Brain,
    History,
    Stream,
    observer,
    parameters,
    run_stream,
)
from neuropil.model import Becomes, Network, OneToOne, Signal, SpikeList
from neuropil.units import kHz, mM, ms, nM, pA
from neuropil.view import render_report
from neuropil.zoo.circuits.modulated_choice import (
    ACTIONS,
    MODULATORS,
    STIMULI,
    ActionNeuron,
    ValueSynapse,
)
from neuropil.zoo.neurons.relay import Relay

SEED = 5


@pytest.fixture(scope="module")
def stream() -> Stream:
    return Stream.of(SEED, 4)


@pytest.fixture(scope="module")
def history(stream) -> History:
    return run_stream(stream, SEED, keep=True)


def test_a_stream_changes_what_it_says_and_nothing_else():
    stream = Stream.of(SEED, 60)
    assert [kind for _, kind in stream.changes] == ["map", "cue", "map", "delay", "map", "map", "cue", "map", "delay", "map"]
    bounds = [0, *(at for at, _ in stream.changes), stream.stimulus.size]
    maps, valid, patient = [], [], []
    for low, high in itertools.pairwise(bounds):
        block = slice(low, high)
        maps.append({(s, a, b) for s, a, b in zip(stream.stimulus[block], stream.soon[block], stream.late[block], strict=True)})
        valid.append(np.mean(stream.cue[block] == stream.stimulus[block]))
        patient.append(set(stream.patient[block].tolist()))
        assert len(maps[-1]) == len({s for s, _, _ in maps[-1]}), "one map in a block"
    assert all(v == 1.0 or v < 0.4 for v in valid), "48 cues or more of validity 0.1: a false alarm in 10⁸"
    for j, (_, kind) in enumerate(stream.changes):
        before, after = ({s: (a, b) for s, a, b in maps[k]} for k in (j, j + 1))
        both = before.keys() & after.keys()
        if kind == "map":
            assert all(before[s][0] != after[s][0] and before[s][1] != after[s][1] for s in both)
        else:
            assert all(before[s] == after[s] for s in both)
        assert ((valid[j] == 1.0) != (valid[j + 1] == 1.0)) == (kind == "cue")
        assert (patient[j] != patient[j + 1]) == (kind == "delay") and len(patient[j]) == 1


def test_what_is_seen_is_the_stimulus_and_blur():
    stream = Stream.of(SEED, 300)
    blur = stream.seen - np.eye(STIMULI)[stream.stimulus]
    few = blur.size**-0.5
    assert abs(blur.mean()) < 5 * BLUR * few and abs(blur.std() - BLUR) < 5 * BLUR * few, "a false alarm in 10⁶"


def test_what_a_trial_pays(stream):
    for t in range(stream.stimulus.size):
        paid = [stream.pays(t, a) for a in range(ACTIONS)]
        soon, late, patient = int(stream.soon[t]), int(stream.late[t]), int(stream.patient[t])
        neither = 3 - soon - late
        assert paid[soon] == (SOON[patient], 0.0) and paid[late] == (0.0, LATE[patient]) and paid[neither] == (0.0, 0.0)
        assert int(np.argmax([sum(p) for p in paid])) == stream.best[t]


def test_an_observer_gains_by_following_the_cue():
    """Without the cue, P(right) = ∫ φ(x - 1/BLUR) Φ(x)³ dx; with all trust in it, its validity."""
    x = np.linspace(-8.0, 12.0, 4001)
    normal = np.array([0.5 * (1.0 + math.erf(v / math.sqrt(2.0))) for v in x])
    alone = np.trapezoid(np.exp(-0.5 * (x - 1.0 / BLUR) ** 2) / math.sqrt(2.0 * math.pi) * normal ** (STIMULI - 1), x)
    assert observer(0.0) == pytest.approx((alone, alone), abs=5 * (0.25 / 50_000) ** 0.5), "a false alarm in 10⁶"
    assert observer(50.0) == pytest.approx(VALID, abs=5 * (0.25 / 50_000) ** 0.5)
    fixed = max(sum(observer(weight)) / 2 for weight in np.linspace(0.0, 3.0, 13))
    assert (alone + VALID[0]) / 2 > fixed + 0.05


def test_a_pair_of_spikes_marks_and_dopamine_teaches():
    """c₀ = mark·exp(-5 ms/tau); under dopamine d for T: q = rate·d·c·tau_c·(1 - exp(-T/tau_c)); then forget."""
    net = Network("pair")
    pre, post = net.population("pre", Relay(), 1), net.population("post", ActionNeuron(), 1)
    net.stimulate(pre, SpikeList([10.0] * ms), port="spikes", weight=1.0)
    net.stimulate(post, SpikeList([16.0] * ms), port="exc", weight=60_000 * pA)
    synapse = ValueSynapse()
    (loop,) = net.project(pre, post, OneToOne(), weight=1e-3 * pA, delay=1 * ms, port="exc", synapse=synapse)
    net.modulator("dopamine", Signal(), volume=loop, tick=100 * ms).modulates(loop, "dopamine", Becomes())
    simulation = Simulation(net, dt=1 * ms, threads=1)
    stamps, neurons = simulation.step(100)
    fired = stamps[neurons == 1]
    marked = synapse.mark.value * sum(math.exp(-(t - 11) / 20.0 - (100 - t) / 150.0) for t in fired)
    assert fired.size >= 1 and simulation.synapses(loop)["eligibility"][0] == pytest.approx(marked, rel=1e-5)
    assert simulation.synapses(loop)["value"][0] == 0.0
    simulation.modulators["dopamine"].set_signal(-0.5)
    simulation.step(100)
    rate = synapse.rate.to(kHz)
    assert simulation.synapses(loop)["value"][0] == pytest.approx(-0.5 * rate * marked * 150 * (1 - math.exp(-100 / 150)), rel=1e-5)


def test_what_modulators_make_of_parameters():
    """By hand, at half occupancy of both of acetylcholine's, of the receptors of reset and of rate, and of 5-HT2A; a third of α1."""
    level = {name: np.zeros(1) for name in MODULATORS} | {
        "dopamine dorsal": np.array([0.3]), "acetylcholine": np.array([100e-6]), "norepinephrine": np.array([150e-6]), "serotonin": np.array([50e-6]),
    }  # fmt: skip
    made = {name: float(v[0]) for name, v in parameters(level).items()}
    for loop, rate in (("ventral", 0.016), ("dorsal", 0.031)):
        assert made[f"{loop}.rate"] == pytest.approx(rate * (1 + 2.0 * 0.5))
        assert made[f"{loop}.scale"] == pytest.approx(0.5)
        assert made[f"{loop}.forget"] == pytest.approx(0.012 * 0.5)
    assert made["expectation.scale"] == made["echo.scale"] == pytest.approx(1 - 0.5)
    assert made["afferent.scale"] == pytest.approx(1 + 1.2 * 0.5)
    assert made["action.gain"] == pytest.approx(1 + 0.3 / 3)
    assert made["ventral.dopamine"] == 0.0 and made["dorsal.dopamine"] == pytest.approx(0.3)


def test_a_clamped_modulator_rests_and_a_played_one_repeats(stream, history):
    held = resting(history, ("norepinephrine", "dopamine ventral"))
    rest = run_stream(stream, SEED, held)
    assert rest.level["norepinephrine"] == pytest.approx(np.full(rest.level["norepinephrine"].size, held["norepinephrine"].to(mM)), rel=1e-5)
    assert np.all(rest.level["dopamine ventral"] == held["dopamine ventral"]) and rest.level["acetylcholine"].std() > 0
    again = run_stream(stream, SEED, None, history.signal)
    assert again.digest == history.digest and np.array_equal(again.reward, history.reward), "its own signals, played, are its own history"
    other = run_stream(stream, SEED, None, shuffled(history, MODULATORS[2:], stream.stimulus.size))
    assert other.digest != history.digest


def test_the_same_run_on_two_threads(stream, history):
    assert run_stream(stream, SEED, threads=2).digest == history.digest


def test_acetylcholine_turns_perception_from_what_is_expected_to_what_is_seen():
    """A plain stimulus under a cue for another: little of it, and the cue is perceived; much of it, and the stimulus is."""
    for level, perceived in ((10 * nM, 2), (300 * nM, 1)):
        brain = Brain(1, {"acetylcholine": level})
        assert [brain.choose(np.eye(STIMULI)[1], cue, np.zeros(ACTIONS))[0] for cue in (2, 1)] == [perceived, 1]


def test_nuclei_say_what_they_should():
    brain = Brain(1)
    assert brain.value("ventral", 0, 0) == 0.0
    brain.choose(np.eye(STIMULI)[0], 0, np.zeros(ACTIONS))
    brain.learn(0, 1, 0.7, 0.0, stimulus=0, cue=3)
    assert brain.sent["dopamine ventral"][0] == [0.0, 0.7, 0.0] and brain.sent["dopamine dorsal"][0] == [0.0, 0.0, 0.0]
    assert brain.now["acetylcholine"] == pytest.approx(30.0 * 0.2), "the cue has misled once"
    assert brain.now["norepinephrine"] == 0.0, "more than expected is no disappointment"
    assert brain.h == 0.0 == brain.now["serotonin"], "reward at once: patience falls"
    brain.choose(np.eye(STIMULI)[0], 0, np.zeros(ACTIONS))
    brain.learn(0, 2, 0.0, 1.0, stimulus=0, cue=0)
    assert brain.now["acetylcholine"] == pytest.approx(30.0 * 0.2 * 0.8)
    assert brain.h > 0.5 and brain.now["serotonin"] > 5.0, "later reward: patience"


def test_a_mistaken_stimulus_explains_the_outcome():
    brain = Brain(1)
    brain.choose(np.eye(STIMULI)[0], 0, np.zeros(ACTIONS))
    brain.learn(0, 1, 0.7, 0.0, stimulus=2, cue=0)
    assert brain.sent["dopamine ventral"][0] == [0.0, 0.0, 0.0] and brain.value("ventral", 0, 1) == 0.0
    assert brain.now["norepinephrine"] == 0.0 and brain.h == 0.5 and brain.now["acetylcholine"] > 0.0


def test_the_report_shows_them_under_the_raster(history):
    page = render_report(history.result)
    assert all(name in page for name in MODULATORS)
    assert history.result.spikes.populations["cortex"][1] % STIMULI == 0
