"""What can be got wrong with cells: each ends in a neuropil error that names the culprit, where it is made or at the latest in the plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from neuropil.errors import NeuropilError
from neuropil.model import AllToAll, FixedCount, Morphology, Network, Normal, PointProcess, Poisson, Step
from neuropil.model.cell.cell import Cell
from neuropil.plan import make_plan
from neuropil.units import Hz, MOhm, Ohm, cm, mS, ms, mV, nS, pA
from neuropil.zoo.channels.calcium_pool import CalciumPool
from neuropil.zoo.channels.h_current import HCurrent
from neuropil.zoo.channels.high_voltage_calcium import HighVoltageCalcium
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.channels.sk_potassium import SKPotassium
from neuropil.zoo.electrodes.current_clamp import CurrentClamp
from neuropil.zoo.electrodes.voltage_clamp import VoltageClamp
from neuropil.zoo.synapses.ampa import AMPA
from neuropil.zoo.synapses.gap_junction import GapJunction

SHAPE = Morphology.ball_and_stick()


def cell(**options: Any) -> Cell:
    return Cell(SHAPE, **{"discretisation": FixedCount(2), **options})


def complete() -> Cell:
    """A cell with two synapses of a kind and a clamp."""
    made = cell().paint("all", Leak()).paint("soma", HCurrent(), name="Ih")
    return made.place("syn", AMPA(), at=["dend(0.1)", "dend(0.9)"]).place("clamp", CurrentClamp(), at="soma")


class CalciumEntry(PointProcess):
    """A steady current of calcium."""

    carries = "ca"

    def current(self, s, x):
        return -1 * pA


def network(made: Cell | None = None, **options: Any) -> tuple[Network, Any]:
    net = Network("misused")
    return net, net.population("c", complete() if made is None else made, 3, **options)


def planned(made: Cell) -> Any:
    return make_plan(network(made)[0], dt=0.025 * ms)


def along(function: Callable[[np.ndarray], Any]) -> Any:
    return cell().paint("dend", HCurrent(), g=function)


def project(**change: Any) -> Any:
    net, p = network()
    return net.project(p, p, AllToAll(), **{"weight": 1 * nS, "delay": 1 * ms, "port": "syn.exc", **change})


def stimulate(stimulus: Any, **where: Any) -> Any:
    net, p = network()
    return net.stimulate(p, stimulus, **where)


def probe(*name: Any, **options: Any) -> Any:
    net, p = network()
    net.probe(p, *name, **options)
    return net


G = mS / cm**2

CASES: dict[str, tuple[Callable[[], Any], str]] = {
    # The cell itself
    "no shape": (lambda: Cell("cell.swc"), "cell.swc"),
    "a rule of a number": (lambda: cell(discretisation=3), "3"),
    "initial without a unit": (lambda: cell(initial=-65.0), "initial"),
    "initial nan": (lambda: cell(initial=np.nan * mV), "initial"),
    "initial of an array": (lambda: cell(initial=[-65, -60] * mV), "initial"),
    "initial drawn": (lambda: cell(initial=Normal(-65 * mV, 1 * mV)), "initial"),
    "resistivity zero": (lambda: cell(resistivity=0 * Ohm * cm), "resistivity"),
    # paint
    "a point process painted": (lambda: cell().paint("all", AMPA()), "painted"),
    "a class painted": (lambda: cell().paint("all", Leak), "painted"),
    "unknown region": (lambda: cell().paint("apical", Leak()), "apical"),
    "region of a number": (lambda: cell().paint(3, Leak()), "3"),
    "empty region": (lambda: cell().paint(~_all(), Leak()), "nothing to paint"),
    "channel named badly": (lambda: cell().paint("all", Leak(), name="a.b"), "a.b"),
    "channel named like code": (lambda: cell().paint("all", Leak(), name="x; import os"), "import os"),
    "channel without a name": (lambda: cell().paint("all", Leak(), name=""), "name"),
    "channel named by a number": (lambda: cell().paint("all", Leak(), name=3), "name"),
    "one name, two channels": (lambda: cell().paint("all", Leak(), name="x").paint("soma", HCurrent(), name="x"), "'x'"),
    "an array for other cells": (lambda: network(cell().paint("all", Leak(g=[1, 2] * G))), "Leak.g"),
    "an array and a function": (lambda: cell().paint("all", HCurrent(g=[1, 2, 3] * G), g=lambda x: x * G), "HCurrent.g is given twice"),
    "a draw below zero": (lambda: planned(cell().paint("all", Leak(g=Normal(0.1 * G, 1 * G)))), "Leak.g of cell"),
    "an array without a population": (lambda: cell().paint("all", Leak(g=[1, 2] * G)).parameters("Leak", np.array([0])), "Leak.g differs"),
    "a negative density": (lambda: Leak(g=-1 * G), "Leak.g: a conductance density"),
    "a negative density of a cell": (lambda: Leak(g=[1, -1] * G), "Leak.g"),
    "a density that turns negative": (lambda: along(lambda x: (1 - x / 200) * G), "HCurrent.g at dend("),
    "a negative conductance": (lambda: GapJunction(g=-1 * nS), "GapJunction.g"),
    "no series resistance": (lambda: VoltageClamp(r_series=0 * MOhm), "r_series: a resistance must be more than 0"),
    "a negative series resistance": (lambda: VoltageClamp(r_series=-1 * MOhm), "r_series"),
    "a negative time": (lambda: CalciumPool(decay=-1 * ms), "decay"),
    "parameter nan": (lambda: cell().paint("all", Leak(e=np.nan * mV)), "Leak.e"),
    "parameter endless": (lambda: cell().paint("all", Leak(g=np.inf * G)), "Leak.g"),
    "function of no parameter": (lambda: cell().paint("all", Leak(), gg=lambda x: x), "gg"),
    "a number for a function": (lambda: cell().paint("dend", HCurrent(), g=1 * G), "Ih.g|HCurrent.g"),
    "function of a wrong shape": (lambda: along(lambda x: np.ones(x.size + 1) * G), "HCurrent.g"),
    "function of a wrong unit": (lambda: along(lambda x: x * mV), "HCurrent.g"),
    "function without a unit": (lambda: along(lambda x: 1 + x), "HCurrent.g"),
    "function to nan": (lambda: along(lambda x: x * np.nan * G), "HCurrent.g"),
    "function to a distribution": (lambda: along(lambda x: Normal(1 * G, 0.1 * G)), "HCurrent.g"),
    "function to text": (lambda: along(lambda x: "no"), "HCurrent.g"),
    "function of one number": (lambda: along(lambda x: 1 * G if x > 3 else 2 * G), "HCurrent.g"),
    # place
    "a channel placed": (lambda: cell().place("leak", Leak(), at="soma"), "placed"),
    "place without a name": (lambda: cell().place("", AMPA(), at="soma"), "name"),
    "place named twice": (lambda: complete().place("syn", AMPA(), at="soma"), "syn"),
    "place named like a channel": (lambda: complete().place("Ih", AMPA(), at="soma"), "Ih"),
    "channel named like a place": (lambda: complete().paint("all", Leak(), name="syn"), "syn"),
    "place nowhere": (lambda: cell().place("s", AMPA(), at=[]), "s: no location"),
    "place off the section": (lambda: cell().place("s", AMPA(), at="dend(1.5)"), "1.5"),
    "place on no section": (lambda: cell().place("s", AMPA(), at="dent(0.5)"), "dend"),
    "place by a number": (lambda: cell().place("s", AMPA(), at=[0.5]), "0.5"),
    "synapse with a parameter nan": (lambda: cell().place("s", AMPA(e=np.nan * mV), at="soma"), "AMPA.e"),
    "synapse with an array for others": (lambda: network(cell().place("s", AMPA(e=[0, 1] * mV), at="soma")), "c.s.e"),
    "an ion fed into the end of a section": (
        lambda: planned(cell().paint("all", Leak()).paint("all", CalciumPool()).place("ca_in", CalciumEntry(), at="dend(1)")), "adds to an ion",
    ),
    # detect
    "detect nowhere": (lambda: cell().detect("axon"), "axon"),
    "detect by a number": (lambda: cell().detect(0), "location"),
    "threshold nan": (lambda: cell().detect("soma", threshold=np.nan * mV), "threshold"),
    "threshold of two": (lambda: cell().detect("soma", threshold=[0, 1] * mV), "threshold"),
    "threshold in volts per nothing": (lambda: cell().detect("soma", threshold=-20), "threshold"),
    # what only the whole cell shows
    "no pool": (lambda: planned(cell().paint("all", Leak()).paint("dend", SKPotassium())), "membrane of dend: SKPotassium needs 'c_ca'"),
    "two pools": (
        lambda: planned(cell().paint("all", CalciumPool()).paint("dend", CalciumPool(), name="b").paint("all", HighVoltageCalcium())), "c_ca comes from"
    ),
    "time constant zero": (lambda: planned(cell().paint("all", CalciumPool(decay=0 * ms)).paint("all", HighVoltageCalcium())), "decay|finite"),
    "time constant zero of a synapse": (lambda: planned(cell().place("s", AMPA(tau_rise=0 * ms), at="soma")), "tau_rise|finite"),
    # populations
    "initial of no state": (lambda: network(initial={"Ih.n": 0.5}), "Ih.n"),
    "initial of a wrong length": (lambda: network(initial={"v": np.zeros(4) * mV}), "c.v"),
    "initial in no unit": (lambda: network(initial={"v": -65.0}), "c.v"),
    "a cell changed in a population": (lambda: network()[1].neuron.paint("all", Leak()), "in a population"),
    "a synapse added in a population": (lambda: network()[1].neuron.place("late", AMPA(), at="soma"), "in a population"),
    "detection moved in a population": (lambda: network()[1].neuron.detect("dend(0.5)"), "in a population"),
    "parameters changed from outside": (lambda: network()[1].neuron.with_(g=1), "g"),
    # project, stimulate, probe
    "unknown port": (lambda: project(port="syn.inh"), "syn.inh"),
    "port of no point process": (lambda: project(port="tuft.exc"), "tuft.exc"),
    "port without its point process": (lambda: project(port="exc"), "syn.exc"),
    "site out of range": (lambda: project(port="syn.exc[2]"), "syn.exc"),
    "site of no number": (lambda: project(port="syn.exc[-1]"), "-1"),
    "weight in the wrong unit": (lambda: project(weight=1 * pA), "weight"),
    "events at no point process": (lambda: stimulate(Poisson(1 * Hz), port="syn2.exc", weight=1 * nS), "syn2.exc"),
    "events at no site": (lambda: stimulate(Poisson(1 * Hz), port="syn.exc[9]", weight=1 * nS), "9"),
    "current into a synapse": (lambda: stimulate(Step(1 * pA), input="syn.exc"), "syn.exc"),
    "current in the wrong unit": (lambda: stimulate(Step(1 * mV), input="clamp.amplitude"), "unit"),
    "current into the potential": (lambda: stimulate(Step(1 * mV), input="syn.v"), "syn.v"),
    "probe of no state": (lambda: probe("Ih.n"), "Ih.n"),
    "probe of no channel": (lambda: probe("m"), "'m'"),
    "probe beyond the cell": (lambda: probe("v", sites=[99]), "99"),
    "probe of fractions": (lambda: probe("v", sites=[0.5]), "sites"),
}  # fmt: skip


def _all() -> Any:
    from neuropil.model.cell.locations import Everywhere

    return Everywhere()


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_named(name):
    call, culprit = CASES[name]
    with pytest.raises(NeuropilError, match=culprit.replace("[", r"\[").replace("(", r"\(")):
        call()


def test_a_population_keeps_the_cell_it_was_given():
    made = complete()
    net = Network("kept")
    first = net.population("first", made, 2)
    made.paint("soma", HCurrent(), name="Ih2").place("late", AMPA(), at="soma").detect("dend(1)")
    second = net.population("second", made, 2)
    assert "late.exc" not in first.neuron.spec.ports and "late.exc" in second.neuron.spec.ports
    assert "Ih2.m" not in first.neuron.spec.states and first.neuron.trigger != second.neuron.trigger
    assert len(make_plan(net, dt=0.025 * ms).cells) == 2


def test_membrane_may_be_bare():
    """Capacitance alone: no channel is painted on the dendrite."""
    made = cell().paint("soma", Leak())
    cable = make_plan(network(made)[0], dt=0.025 * ms).cells["c"].cable
    assert sorted(p.size for p in cable.membranes) == [2, 2]
    assert min(p.flops for p in cable.membranes) == 0
