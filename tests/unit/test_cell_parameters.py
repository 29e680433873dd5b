"""Temperature of a cell, time steps that are too coarse for its gates, and ions and signs of mechanisms."""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from contract.cell_models import cable
from neuropil.errors import ModelError, NeuropilError
from neuropil.lower.cable import CablePlan
from neuropil.lower.coarse import too_coarse
from neuropil.model import Channel, FixedCount, Input, Morphology, PointProcess, State
from neuropil.model.cell.cell import Cell
from neuropil.plan import make_plan
from neuropil.units import mM, ms, mV, pA, um
from neuropil.zoo.channels.calcium_pool import CalciumPool
from neuropil.zoo.channels.h_current import HCurrent
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane


def cell(**options) -> Cell:
    return Cell(Morphology.ball_and_stick(), discretisation=FixedCount(2), **options)


def test_a_cell_has_one_temperature():
    warm = cell(temperature=16.3).paint("all", HodgkinHuxleyMembrane()).paint("all", HCurrent())
    assert warm.parameters("HodgkinHuxleyMembrane", np.array([0]))[1]["celsius"] == 16.3
    text = npl.explain(warm, dt=0.01 * ms)
    assert "at 16.3 °C; without a parameter celsius, hence as they are: HCurrent" in text
    cell(temperature=20).paint("all", HodgkinHuxleyMembrane(celsius=20))
    for wrong in (HodgkinHuxleyMembrane(celsius=18), HodgkinHuxleyMembrane(celsius=[18, 19])):
        with pytest.raises(ModelError, match="temperature of its own"):
            cell(temperature=20).paint("all", wrong)
    with pytest.raises(ModelError, match="°C"):
        cell(temperature=310)
    with pytest.raises(ModelError, match="temperature"):
        warm.temperature = 20


def test_a_pool_that_nothing_fills_is_told():
    lonely = cell().paint("all", Leak()).paint("all", CalciumPool())
    assert "CalciumPool reads i_ca, which nothing in the cell carries" in npl.explain(lonely, dt=0.025 * ms)


def test_a_coarse_step_is_told_once_and_an_ordinary_one_is_not():
    assert too_coarse(CablePlan.of(cable(), 0.025)) is None
    assert too_coarse(CablePlan.of(cell().paint("all", Leak()), 1.0)) is None
    net = npl.Network("coarse")
    net.population("axons", cable(), 1)
    with pytest.warns(UserWarning, match=r"'axons': dt = 0.1 ms is coarse for HodgkinHuxleyMembrane.m.*0.05 \* ms or less") as told:
        npl.Simulation(net, dt=0.1 * ms)
    assert len(told) == 1


class Early(Channel):
    """Reads a sum that is not there yet."""

    i_ca = Input(pA / um**2)

    def current(self, s, x):
        return x.i_ca


class Twice(Channel):
    """Says its current twice."""

    v = Input(mV)

    def current(self, s, x):
        return 0 * pA / um**2

    def currents(self, s, x):
        return {"na": 0 * pA / um**2}


class Two(Channel):
    """Two ions, one current."""

    carries = ("na", "ca")


class NoDict(Channel):
    """Not by ion."""

    def currents(self, s, x):
        return 0 * pA / um**2


class Reader(PointProcess):
    """Reads calcium."""

    c_ca = Input(mM)
    q = State(0 * mM)

    def derivative(self, s, x):
        return {"q": (x.c_ca - s.q) / (1 * ms)}


def planned(made: Cell):
    net = npl.Network("one")
    net.population("c", made, 1)
    return make_plan(net, dt=0.025 * ms)


@pytest.mark.parametrize(
    ("call", "culprit"),
    [
        (lambda: planned(cell().paint("all", CalciumPool()).paint("all", Early())), "Early reads i_ca"),
        (lambda: Twice(), "Twice defines currents"),
        (lambda: Two(), "Two.carries must name one ion"),
        (lambda: planned(cell().paint("all", NoDict())), "NoDict.currents"),
        (lambda: planned(cell().paint("all", Leak()).place("r", Reader(), at="soma")), "the location of 'r': r needs 'c_ca'"),
        (lambda: planned(cell().paint("soma", CalciumPool()).place("r", Reader(), at=["soma(0.2)", "dend(0.9)"])), "needs 'c_ca'"),
        (lambda: planned(cell().paint("all", CalciumPool()).place("r", Reader(), at="dend(1)")), "needs 'c_ca'"),
        (lambda: type("Pool", (PointProcess,), {"provides": lambda self, s, x: {}, "__module__": __name__}), "cannot define provides"),
    ],
)
def test_what_cannot_be_is_refused(call, culprit):
    with pytest.raises(NeuropilError, match=culprit):
        call()
