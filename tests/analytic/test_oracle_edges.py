"""The oracle at its edges: nothing to send, nothing left to come, one step, empty windows.

Believed because each expected value is counted by hand from the description.
"""

from __future__ import annotations

import numpy as np
import pytest

from neuropil.model import (
    AllToAll,
    Edges,
    FixedProbability,
    Network,
    Regular,
    Rewiring,
    SpikeList,
    State,
    Step,
    Synapse,
    TimeArray,
    Uniform,
)
from neuropil.oracle import simulate
from neuropil.units import Hz, ms, mV, pA
from neuropil.zoo.neurons.lif import LIFDelta, LIFExp
from neuropil.zoo.neurons.relay import Relay

DT = 0.1 * ms


def counted(stimulus, duration=10 * ms, size=1):
    """The steps at whose end a stimulus's events arrive: a relay repeats them."""
    net = Network()
    p = net.population("p", Relay(), size)
    net.stimulate(p, stimulus, port="spikes", weight=1.0)
    return simulate(net, duration, dt=DT).spikes.step.tolist()


@pytest.mark.parametrize(
    "start, stop, interval, expected",
    [
        (None, None, 3.0, [30, 60, 90]),
        (None, 1.0, 3.0, []),  # the first event would come after the end
        (None, 2.9, 3.0, []),
        (None, 3.0, 3.0, [30]),
        (5.0, 5.0, 3.0, [50]),
        (20.0, None, 3.0, []),  # after the run
        (None, 500.0, 3.0, [30, 60, 90]),
        (0.1, 0.5, 0.1, [1, 2, 3, 4, 5]),
        (None, None, 10.0, [100]),  # at the end of the last step
    ],
)
def test_regular_trains_begin_and_end(start, stop, interval, expected):
    given = {n: v * ms for n, v in (("start", start), ("stop", stop)) if v is not None}
    assert counted(Regular(interval * ms, **given)) == expected


def test_spike_lists():
    assert counted(SpikeList([0.1, 10.0, 10.1, 50.0] * ms)) == [1, 100]
    assert counted(SpikeList(np.zeros(0) * ms)) == []
    assert counted(SpikeList([3.0, 3.0, 2.0] * ms, [1, 1, 0]), size=2) == [20, 30]


def test_steps_of_current_begin_and_end():
    net = Network()
    p = net.population("p", LIFExp(), 1)
    for start, stop in ((2.0, 5.0), (9.9, None), (50.0, None)):
        net.stimulate(p, Step(1 * pA, start=start * ms, stop=None if stop is None else stop * ms), input="current")
    net.stimulate(p, TimeArray([1.0, 2.0] * pA, interval=1 * ms), input="current")
    from neuropil.oracle.stimuli import Source

    def total(k):
        return sum(float(Source(d, 0.1, 100, 1).current(k)[0]) for d in net.drives)

    assert [total(k) for k in (0, 9, 10, 19, 20, 49, 50, 98, 99)] == [1, 1, 2, 2, 1, 1, 0, 0, 1]


class Counting(Synapse):
    """Counts the spikes that arrive."""

    heard = State(0.0)

    def arrive(self, s, w):
        return {"heard": s.heard + 1.0}


@pytest.mark.parametrize("delay", [0.1 * ms, 0.3 * ms, 2.0 * ms, Uniform(0.3 * ms, 1.0 * ms)])
def test_synapses_that_form_later_hear_spikes_through_their_whole_delay(delay):
    """At first there is none; at 5 ms some form. Each hears those of its source's spikes (one a step) that arrive from then on."""
    net = Network()
    a, b = net.population("a", Relay(), 2), net.population("b", LIFDelta(), 3)
    net.stimulate(a, Regular(0.1 * ms), port="spikes", weight=1.0)
    made = net.project(
        a, b, FixedProbability(0.0), weight=0.0 * mV, delay=delay, port="syn", synapse=Counting(), structure=Rewiring(5 * ms, eliminate=0 * Hz, form=2000 * Hz)
    )
    result = simulate(net, 9.9 * ms, dt=DT, seed=3, edges={0: tuple(np.zeros(0, int) for _ in range(4))})
    heard = result.synapses[made[0].name]["heard"]
    assert heard.size > 3
    # A spike of step 1 to 99 is stamped so; of those that arrive after step 50 up to 99 there is one in each step.
    assert set(heard) == {49.0}


def test_no_synapses_no_spikes_no_neighbours():
    net = Network()
    a, b = net.population("a", Relay(), 2), net.population("b", LIFDelta(), 3)
    none = np.zeros(0, np.int64)
    net.project(a, b, Edges(none, none), weight=1 * mV, delay=1 * ms, port="syn")
    net.project(a, b, Edges(none, none), weight=1 * mV, delay=1 * ms, port="syn", synapse=Counting())
    net.project(b, b, AllToAll(allow_self=False), weight=1 * mV, delay=30 * ms, port="syn")
    result = simulate(net, 2 * ms, dt=DT)
    assert result.spikes.step.size == 0 and result.synapses[net.projections[1].name]["heard"].size == 0
    np.testing.assert_array_equal(result.states["b"]["v"], np.full(3, -65.0))


def test_a_delay_longer_than_the_run_delivers_nothing_and_one_that_just_fits_delivers():
    net = Network()
    a, b = net.population("a", Relay(), 1), net.population("b", LIFDelta(v_th=100 * mV), 3)
    net.stimulate(a, SpikeList([1.0] * ms), port="spikes", weight=1.0)
    net.project(a, b, Edges([0, 0, 0], [0, 1, 2]), weight=10 * mV, delay=[1.0, 1.1, 30.0] * ms, port="syn")
    v = simulate(net, 2 * ms, dt=DT).states["b"]["v"]
    np.testing.assert_allclose(v, [-55.0, -65.0, -65.0], atol=1e-12)


def test_one_step_and_none():
    net = Network()
    p = net.population("p", LIFExp(), 2)
    net.probe(p, "v")
    assert simulate(net, 0 * ms, dt=DT).traces["p.v"].shape == (0, 2)
    assert simulate(net, 0.1 * ms, dt=DT).traces["p.v"].shape == (1, 2)


def test_what_is_recorded_of_no_synapses_has_no_columns():
    net = Network()
    a, b = net.population("a", Relay(), 2), net.population("b", LIFDelta(), 3)
    none = np.zeros(0, np.int64)
    made = net.project(a, b, Edges(none, none), weight=1 * mV, delay=1 * ms, port="syn", synapse=Counting(), name="none")
    net.probe(made[0], "heard", interval=1 * ms, name="heard")
    assert simulate(net, 5 * ms, dt=DT).traces["heard"].shape == (5, 0)
    assert simulate(net, 0.5 * ms, dt=DT).traces["heard"].shape == (0, 0)
