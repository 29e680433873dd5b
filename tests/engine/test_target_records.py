"""Target records: which rules have them, and silences and rates at which what they hold is scaled, dropped or brought up to date.

That rules on records do what the oracle does is in `tests/contract/test_synapses.py` and `test_lazy_synapses.py`. Here weights are sums in closed form, and
bits are those of a run in which somebody looks at the synapses again and again, so that each responds early.
"""

from __future__ import annotations

import numpy as np
import pytest

from neuropil.codegen.record_layout import REACH
from neuropil.engine import Simulation
from neuropil.engine.stores.target_record_store import TargetRecordStore
from neuropil.lower.target_records import MANY, records_of
from neuropil.model import Edges, FirstOrder, Gain, Network, Rewiring, SpikeList, Uniform
from neuropil.plan.plan import make_plan
from neuropil.units import Hz, ms, nM
from neuropil.zoo.neurons.relay import Relay
from neuropil.zoo.registry import synapse
from pairings import Listening

RECORDED = {
    **dict.fromkeys(("stdp_additive", "stdp_van_rossum", "stdp_multiplicative", "stdp_nearest_additive", "inhibitory_stdp", "anti_hebbian"), MANY),
    **dict.fromkeys(("triplet_stdp", "oja", "bcm", "covariance", "scaled_stdp", "stdp_power_law"), MANY),
}  # fmt: skip


def pair_of(rule, **how):
    made = Network("few")
    a, b = made.population("a", Relay(), 2), made.population("b", Relay(), 2)
    (projection,) = made.project(a, b, Edges([0, 1], [0, 1]), weight=1.0, delay=1 * ms, port="spikes", synapse=rule, name="p", **how)
    return made, projection


def records(made, projection):
    plan = make_plan(made)
    found = records_of(made, projection, plan.synapses[0])
    assert ("by target records" in plan.reasons[0]) == (not isinstance(found, str))
    return found


@pytest.mark.parametrize("name", list(RECORDED))
def test_rules_that_have_records(name):
    assert records(*pair_of(synapse(name)())).spikes == RECORDED[name]


def test_rules_that_have_none_and_why():
    assert records(*pair_of(synapse("dopamine_stdp")())) == "a state of each synapse changes between spikes"
    assert records(*pair_of(Listening(tau=Uniform(10 * ms, 20 * ms)))) == "a state of each synapse changes between spikes"
    assert "changes between spikes" in records(*pair_of(Listening(), structure=Rewiring(20 * ms, eliminate=5 * Hz)))
    assert "does not decay" in records(*pair_of(Listening(tau=30_000 * ms)))
    made, projection = pair_of(Listening())
    level = made.modulator("level", FirstOrder(tau=10 * ms, baseline=0 * nM), volume=[projection], tick=1 * ms)
    level.modulates(projection, "tau", Gain(0.1 / nM))
    assert records(made, projection) == "tau is modulated"


def silent(tau, spikes, sources=((1.0,), (1.0, 90.0))):
    """Two sources that spike once, or once more, onto one target each that spikes at given times (ms)."""
    made = Network("silence")
    source, driver, target = made.population("source", Relay(), 2), made.population("driver", Relay(), 2), made.population("target", Relay(), 2)
    times, neurons = np.concatenate(sources), np.repeat([0, 1], [len(s) for s in sources])
    made.stimulate(source, SpikeList(times * ms, neurons), port="spikes", weight=1.0)
    made.stimulate(driver, SpikeList(np.asarray(spikes) * ms), port="spikes", weight=1.0)
    made.project(driver, target, Edges([0, 1], [0, 1]), weight=1.0, delay=0.1 * ms, port="spikes")
    made.project(source, target, Edges([0, 1], [0, 1]), weight=0.0, delay=0.5 * ms, port="spikes", synapse=Listening(tau=tau * ms), name="p")
    return made


def weights(made, duration, precision, looks=0):
    """Weights at the end, when spikes of the sources arrived (ms, for each), and when the first target spiked."""
    with Simulation(made, precision=precision, threads=1) as simulation:
        assert any(isinstance(s, TargetRecordStore) for s in simulation.core.per_synapse.values())
        stamps, neurons = [], []
        for part in np.array_split(np.arange(round(10 * duration)), looks + 1):
            for kept, new in zip((stamps, neurons), simulation.step(part.size), strict=True):
                kept.append(new)
            found = simulation.synapses("p")["weight"]
    at, who = 0.1 * np.concatenate(stamps), np.concatenate(neurons)
    return found, [at[who == k] + 0.5 for k in (0, 1)], at[who == 4]


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("first", [2.0, 30.0, 43.0, 47.0, 80.0])
def test_a_source_that_is_silent_for_long(first, precision):
    """The target's first spike comes when the trace has halved 1, 42, 60, 66 or 113 times; it counts up to `REACH` halvings, and the same bits whoever looks."""
    tau, spikes = 1.0, np.round(first + 0.7 * np.arange(40), 1)
    made = silent(tau, spikes)
    found, arrived, at = weights(made, 120.0, precision)
    looked, _, _ = weights(made, 120.0, precision, looks=37)
    np.testing.assert_array_equal(found, looked)
    assert at.size == spikes.size
    counted = at < arrived[0] + (REACH[precision] - 20) * np.log(2.0) * tau
    expected = np.exp(-(at - arrived[0]) / tau)[counted].sum()
    if counted[0]:
        assert found[0] == pytest.approx(expected, rel=1e-5 if precision == "float32" else 1e-11)
    else:
        assert 0.0 <= found[0] <= 2.0 ** (20 - REACH[precision])


def test_more_spikes_than_notes_hold_at_every_rate_of_looking():
    """A record, the history and what is responded to before recorded spikes are lost: Σ exp(-t/τ) for each source, the same bits whoever looks."""
    spikes = np.round(3.0 + 0.4 * np.arange(280), 1)
    made = silent(20.0, spikes)
    found, arrived, at = weights(made, 120.0, "float64")
    for looks in (5, 60):
        np.testing.assert_array_equal(weights(made, 120.0, "float64", looks)[0], found)
    assert at.size == spikes.size
    traces = [sum(np.where(at < t, 0.0, np.exp(-(at - t) / 20.0)).sum() for t in times) for times in arrived]
    np.testing.assert_allclose(found, traces, rtol=1e-11)
