"""The formula of a brain's cost: its ends, its directions, its units; and the energies and trends behind it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuropil.cost import energy
from neuropil.cost.brain import BRAINS, NAMES, assumptions
from neuropil.cost.energy import ENERGIES, break_even_activity, efficiency_gap, flop_per_joule, joules_per_item, watts
from neuropil.cost.estimate import DECREASING, best_values, draws, estimate, tornado, totals
from neuropil.cost.interval import Interval
from neuropil.cost.machines import H100, H100_FP16_TENSOR, year_interval, year_reached
from neuropil.errors import CommandError, NeuropilError

positive = st.floats(1e-6, 1e6)
intervals = st.lists(positive, min_size=3, max_size=3).map(lambda x: Interval(*sorted(x)))


@pytest.fixture(scope="module")
def human():
    return assumptions(BRAINS["human"])


@pytest.fixture(scope="module")
def clocked():
    return assumptions(BRAINS["human"], event_driven=False)


# --- intervals -----------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(intervals, intervals, st.floats(0, 1), st.floats(0, 1))
def test_an_interval_holds_what_its_operands_can_give(a, b, s, t):
    x, y = a.low + s * (a.high - a.low), b.low + t * (b.high - b.low)
    for result, value in ((a + b, x + y), (a * b, x * y), (a / b, x / y), (a.widest(b), max(x, y))):
        assert result.low * (1 - 1e-12) <= value <= result.high * (1 + 1e-12)


@settings(deadline=None)
@given(intervals, intervals)
def test_a_wider_operand_never_narrows_a_result(a, b):
    wider = Interval(a.low / 2, a.value, a.high * 2)
    for narrow, wide in ((a * b, wider * b), (a + b, wider + b), (b / a, b / wider)):
        assert wide.low <= narrow.low
        assert wide.high >= narrow.high


def test_what_is_no_interval_is_refused():
    with pytest.raises(NeuropilError, match="not an interval"):
        Interval(2.0, 1.0, 3.0)


# --- the formula ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(NAMES))
@pytest.mark.parametrize("event_driven", [True, False])
def test_more_of_an_assumption_never_lessens_a_total(name, event_driven, human, clocked):
    a = human if event_driven else clocked
    base = best_values(a)
    more = totals({**base, name: 1.5 * base[name]}, a.event_driven, a.precision)
    here = totals(base, a.event_driven, a.precision)
    sign = -1 if name in DECREASING else 1
    for quantity in ("flops", "bandwidth", "memory", "h100"):
        assert sign * (more[quantity] - here[quantity]) >= 0
    assert any(more[q] != here[q] for q in here), "an assumption that changes nothing is none"


@settings(deadline=None)
@given(st.data())
def test_random_assumptions_stay_within_the_ends(data):
    a = _HUMAN
    v = {}
    for name, interval in a.intervals().items():
        v[name] = data.draw(st.floats(interval.low, interval.high), name)
    here, found = totals(v, a.event_driven, a.precision), estimate(a)
    for name, value in here.items():
        assert found[name].low * (1 - 1e-9) <= value <= found[name].high * (1 + 1e-9)


_HUMAN = assumptions(BRAINS["human"])


def test_fixing_an_assumption_takes_its_range_away(human):
    bars = {b.name for b in tornado(human)}
    fixed = human.fixed(compartments=5)
    assert "compartments" in bars
    assert "compartments" not in {b.name for b in tornado(fixed)}
    assert fixed.sources["compartments"] == "given"
    everything = human.fixed(**best_values(human))
    assert all(i.low == i.high for i in estimate(everything).totals.values())
    with pytest.raises(CommandError, match="compartmints"):
        human.fixed(compartmints=3)


def test_a_tornados_bars_are_totals_and_the_longest_comes_first(human):
    bars = tornado(human, "flops")
    factors = [b.factor for b in bars]
    assert factors == sorted(factors, reverse=True)
    bar = next(b for b in bars if b.name == "dt")
    assert bar.low == estimate(human.fixed(dt=human.dt.low))["flops"].value


def test_clock_driven_at_a_rate_of_one_per_step_costs_what_event_driven_does(human, clocked):
    """At 1000/dt spikes a second both touch every synapse once a step."""
    shared = {n: best_values(clocked)[n] for n in ("flops_per_synapse", "bytes_per_synapse", "memory_per_synapse")}
    event = estimate(human.fixed(rate=1000.0 / human.dt.value, **shared))
    clock = estimate(clocked.fixed(**shared))
    for name in ("flops", "bandwidth", "memory"):
        assert event[name].value == pytest.approx(clock[name].value)


def test_draws_are_reproducible_and_within_the_ends(human):
    sample, found = draws(human, "flops", 2000), estimate(human)["flops"]
    assert np.array_equal(sample, draws(human, "flops", 2000))
    assert found.low <= sample.min() <= found.value <= sample.max() <= found.high


def test_float64_doubles_bytes_and_halves_the_peak(human):
    double = assumptions(BRAINS["human"], precision="float64")
    assert double.bytes_per_synapse.value == 2 * human.bytes_per_synapse.value
    ratio = estimate(double)["h100_by_flops"].value / estimate(human)["h100_by_flops"].value
    assert ratio == pytest.approx(H100.fp32 / H100.fp64)


@pytest.mark.parametrize("name", BRAINS)
def test_every_number_of_a_brain_has_a_source(name):
    a = assumptions(BRAINS[name])
    assert set(a.intervals()) == set(a.sources) == set(NAMES)
    assert all(a.sources.values())


# --- energy: units --------------------------------------------------------------------------------------------------


def event_joules(platform: str) -> Interval:
    return next(e.joules for e in ENERGIES[platform] if e.per == "synaptic event")


def test_a_synaptic_event_takes_picojoules_not_millijoules():
    """CLAIMS D7: the article's "sub-millijoule" is 10⁷ to 10⁸ times what the chips' papers report."""
    for platform in ("Loihi", "TrueNorth"):
        assert 1e7 < 1e-3 / event_joules(platform).value < 1e8
    assert event_joules("Loihi").value == pytest.approx(23.6e-12)
    assert event_joules("TrueNorth").value == pytest.approx(26e-12)


def test_the_brain_and_the_h100_in_flop_per_joule():
    """CLAIMS E13: 500,000 times is not within what its own inputs allow without 10¹⁸ operations a second."""
    assert flop_per_joule(H100_FP16_TENSOR, H100.watts) == pytest.approx(1.41e12, rel=0.01)
    assert joules_per_item(H100.watts, H100_FP16_TENSOR) == pytest.approx(0.71e-12, rel=0.01)
    assert joules_per_item(20.0, 1e18) == pytest.approx(0.02e-15)  # J per operation: below its own 1 to 10 fJ
    gap = efficiency_gap(Interval(1e13, 1e15, 1e17), Interval.exact(20.0), H100_FP16_TENSOR, H100.watts)
    assert (gap.low, gap.value, gap.high) == pytest.approx((0.35, 35, 3500), rel=0.02)
    assert 5e5 not in gap
    assert efficiency_gap(Interval.exact(1e18), Interval.exact(20.0), H100_FP16_TENSOR, H100.watts).value == pytest.approx(35_000, rel=0.02)


def test_a_vesicle_in_joules():
    assert pytest.approx(14e-15, rel=0.03) == 1.64e5 * energy.ATP_JOULES
    assert event_joules("biology").low == pytest.approx(14e-15)


def test_picojoules_and_femtojoules_in_order():
    """CLAIMS E14: "sub-pJ: 1.8 pJ to 1.23 fJ" has its ends apart by 1500 and its first end above 1 pJ."""
    assert 1.8 * energy.pJ > 1 * energy.pJ
    assert 1.8 * energy.pJ / (1.23 * energy.fJ) == pytest.approx(1463, rel=1e-3)


def test_loihi_breaks_even_below_six_events_in_a_hundred():
    """CLAIMS C4."""
    per_mac = 2 * H100.watts / H100_FP16_TENSOR
    assert per_mac == pytest.approx(1.4e-12, rel=0.02)
    assert break_even_activity("Loihi", per_mac).value == pytest.approx(0.06, abs=0.002)


@pytest.mark.parametrize("platform", ENERGIES)
def test_energies_are_intervals_with_sources(platform):
    for entry in ENERGIES[platform]:
        assert entry.joules.low < entry.joules.high or platform == "worm"
        assert entry.source
        assert any(word in entry.status for word in ("published", "derived", "reported"))
    one = watts(platform, {e.per: 1.0 for e in ENERGIES[platform]})
    assert one.value == pytest.approx(sum(e.joules.value for e in ENERGIES[platform]))


def test_watts_of_nothing_are_none():
    assert watts("CPU", {"FLOP": 0.0}) == Interval.exact(0.0)


# --- trends --------------------------------------------------------------------------------------------------------


def test_years():
    assert year_reached(100, 2.3) == pytest.approx(2025 + 2.3 * math.log2(100))
    assert year_reached(0.5, 2.3) == 2025  # enough already
    found = year_interval(Interval(1e4, 1e5, 2e5), 2.3)
    assert (found.low, found.value, found.high) == (2025, 2025, pytest.approx(2027.3))


def test_ends_of_the_fly_hold_the_seeds_rule():
    """CLAIMS F8: the article's rule gives 7.4e12 FLOP/s for the fly, within our ends."""
    seed = 139e3 * 20_000 * 1000 + 54.5e6 * 85 * 1000
    assert seed == pytest.approx(7.4e12, rel=0.01)
    assert seed in estimate(assumptions(BRAINS["fly"], event_driven=False))["flops"]


def test_a_share_of_peak_moves_processors_and_not_work(human):
    half = replace(human, utilisation=Interval.exact(0.5))
    assert estimate(half)["flops"] == estimate(human)["flops"]
    assert estimate(half)["h100_by_flops"].value == pytest.approx(2 * estimate(human)["h100_by_flops"].value)
