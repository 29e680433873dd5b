"""Article 003's figures recomputed: what it prints is hand-copied here from the article and from CLAIMS F1 to F7."""

from __future__ import annotations

import pytest

from neuropil.cost import article, machines
from neuropil.cost.article_equations import NEURON, NEURON_TOTAL, SYNAPSE, SYNAPSE_TOTAL
from neuropil.cost.hodgkin_huxley import spikes
from neuropil.errors import CommandError


def figure(found, what):
    return next(f for f in found if f.what.startswith(what)).ours


def test_the_neurons_table():
    assert [line.total for line in NEURON] == [10, 90, 20, 6]
    assert sum(line.total for line in NEURON) == NEURON_TOTAL == 126
    assert NEURON[1].items_total() == 3 * 26  # two exponentials of ten, four products, two sums: 26, not 30


def test_the_synapses_table_adds_up_to_80_by_its_own_items():
    assert [line.total for line in SYNAPSE] == [6, 12, 18, 5, 15, 8, 5, 14, 2]
    assert sum(line.total for line in SYNAPSE) == SYNAPSE_TOTAL == 85
    items = {line.name: line.items_total() for line in SYNAPSE}
    assert (items["NMDA receptor"], items["CaMKII"], items["weight update"], items["structural plasticity"]) == (17, 14, 6, 13)
    assert sum(items.values()) == 80


def test_transmission_needs_ten():
    assert article.synapse_rows()[0].written == 10


def test_counted_without_euler_the_synapse_is_within_a_tenth_of_85():
    rows = article.synapse_rows()
    assert sum(r.written - r.updates for r in rows) == pytest.approx(85, rel=0.1)


@pytest.mark.parametrize("dt", [0.01, 0.025, 0.05])
def test_euler_holds_at_short_steps(dt):
    assert spikes(dt, "euler") == 7


@pytest.mark.parametrize("dt", [0.1, 0.2, 0.5, 1.0])
def test_euler_diverges_from_a_tenth_of_a_millisecond(dt):
    assert spikes(dt, "euler") is None


def test_exponential_euler_holds_to_half_a_millisecond_and_not_to_one():
    assert [spikes(dt, "exponential_euler_in_turn") for dt in (0.05, 0.1, 0.2, 0.5, 1.0)] == [7, 7, 7, 7, 5]


def test_an_unknown_method_is_refused():
    with pytest.raises(CommandError, match="unknown method"):
        spikes(0.01, "eular")


def test_53_exaflops():
    found = article.f3()
    assert figure(found, "neurons").value == 2e18
    assert figure(found, "synapses").value == pytest.approx(5.1e19)
    assert figure(found, "together").value == pytest.approx(5.3e19)
    assert figure(found, "its neuron per step: low").value == 2360
    assert figure(found, "its neuron per step: high").value == 23_100
    assert figure(found, "synapses at 85 FLOPs per event").value == pytest.approx(5.1e16)
    assert figure(found, "neurons at 0.05 ms").value == pytest.approx(9.1e19, rel=0.01)


def test_its_percentile_does_not_hang_on_the_seed():
    own = sum(article.article_flops())
    assert article.percentile_of(own, article.f3_sample(seed=1)) == pytest.approx(
        article.percentile_of(own, article.f3_sample(seed=2)), abs=3.0
    )


def test_the_articles_inputs_through_our_formula_give_its_figures():
    totals = article.article_estimate()
    assert totals["flops"].value == pytest.approx(5.3e19)
    assert totals["h100_by_flops"].value == pytest.approx(1.559e6, rel=1e-3)


def test_gpt4_h100s_power():
    assert figure(article.f4(), "FLOPs of one week").value == pytest.approx(3.2e25, rel=0.01)
    assert figure(article.f4(), "as many as").value == pytest.approx(4.6, abs=0.05)
    assert figure(article.f5(), "H100s at 34").value == pytest.approx(1.559e6, rel=1e-3)
    assert figure(article.f5(), "H100s at the 67").value == pytest.approx(791e3, rel=1e-3)
    power = figure(article.f5(), "power")
    assert (power.low, power.high) == pytest.approx((1.1e9, 2.3e9), rel=0.02)
    assert figure(article.f5(), "orders").value == pytest.approx(1.2, abs=0.05)


def test_2075_appears_only_with_the_faulty_step():
    found = article.f6()
    assert pytest.approx(7.6, abs=0.05) == machines.FP64_DOUBLING_ARTICLE
    assert int(figure(found, "a hundredfold at the article's FP32 rate").value) == 2040
    assert int(figure(found, "a hundredfold with the faulty step").value) == 2075
    others = [f.ours.value for f in found if f.what.startswith(("a hundredfold", "15.6")) and "faulty" not in f.what]
    assert max(others) < 2045
    sheets = figure(found, "doubling of FP64 by data sheets")
    assert 2.2 < sheets.low < sheets.high < 2.8


def test_memory():
    found = article.f7()
    assert figure(found, "H100s to hold it").value == 7500
    assert figure(found, "H100s to hold them").value == pytest.approx(240e3)
    assert figure(found, "H100s to read and write").value == pytest.approx(11.5e6, rel=0.01)
    assert figure(found, "FLOPs per byte of the synapse").value == pytest.approx(1.3, abs=0.05)
    assert figure(found, "times memory-bound").value == pytest.approx(7, abs=1)


def test_its_synapse_runs_here():
    measured = article.measured_synapse(threads=1, synapses=50_000)
    for where in ("cache", "memory"):
        ns = measured[f"ns per synapse-step, state in {where}"]
        assert ns > 0
        assert measured[f"GFLOP/s, state in {where}"] == pytest.approx(measured["FLOPs per synapse-step"] / ns)
    assert measured["FLOPs per byte"] < measured["FLOPs per byte where this machine is balanced"]
