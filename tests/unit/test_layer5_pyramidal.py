"""The layer-5 pyramidal cell: what its table says lies where it says, and all of it can be lowered."""

from __future__ import annotations

import numpy as np
import pytest

from neuropil.lower.membrane import Membrane
from neuropil.lower.membrane_program import MembraneProgram
from neuropil.model import Morphology
from neuropil.model.cell.discretise import MaxLength
from neuropil.units import cm, mS, ms, mV, um
from neuropil.zoo.cells.layer5_pyramidal import DENSITIES, layer5_pyramidal


@pytest.fixture(scope="module")
def cell():  # type: ignore[no-untyped-def]
    build = Morphology.builder("toy pyramid")
    soma = build.section("soma", kind="soma", length=22 * um, diameter=20 * um)
    build.section("apical", kind="apical", length=990 * um, diameter=3 * um, parent=soma)
    build.section("basal", kind="basal", length=200 * um, diameter=1 * um, parent=soma)
    return layer5_pyramidal(build.build(), discretisation=MaxLength(10 * um))


def conductance(cell, name: str, kind: str) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[no-untyped-def]
    """Distance (µm) and conductance (mS/cm²) in the compartments of a kind."""
    where = np.flatnonzero((cell.compartments.kind == kind) & cell.compartments.has_membrane)
    _, values = cell.parameters(name, where)
    return cell.compartments.distance[where], values["g"] * np.ones(len(where)) / (mS / cm**2).value


def test_uniform_densities_are_the_table(cell) -> None:  # type: ignore[no-untyped-def]
    for kind in ("soma", "apical", "basal"):
        for channel, density in DENSITIES[kind].items():
            if kind != "apical" or channel.__name__ not in ("HCurrent", "HighVoltageCalcium", "LowVoltageCalcium"):
                np.testing.assert_allclose(conductance(cell, channel.__name__, kind)[1], density, rtol=1e-12)
        absent = {c.__name__ for d in DENSITIES.values() for c in d} - {c.__name__ for c in DENSITIES[kind]}
        for name in absent:
            assert not np.any(cell.channels.get(name, np.zeros(1, bool)) & (cell.compartments.kind == kind)), name


def test_h_current_grows_along_the_apical_dendrite(cell) -> None:  # type: ignore[no-untyped-def]
    x, g = conductance(cell, "HCurrent", "apical")
    np.testing.assert_allclose(g, 0.2 * (-0.8696 + 2.087 * np.exp(3.6161 * x / 1001)), rtol=1e-12)
    assert x[-1] == pytest.approx(996) and g[-1] / g[0] > 50


@pytest.mark.parametrize(("name", "inside", "share"), [("HighVoltageCalcium", 0.555, 0.1), ("LowVoltageCalcium", 18.7, 0.01)])
def test_calcium_hot_zone(cell, name: str, inside: float, share: float) -> None:  # type: ignore[no-untyped-def]
    x, g = conductance(cell, name, "apical")
    hot = (x > 685) & (x < 885)
    assert hot.sum() == 20
    np.testing.assert_allclose(g, np.where(hot, inside, inside * share), rtol=1e-12)


def test_pools_differ_by_region(cell) -> None:  # type: ignore[no-untyped-def]
    for kind, gamma, decay in (("soma", 0.000501, 460), ("apical", 0.000509, 122)):
        _, values = cell.parameters("CalciumPool", np.flatnonzero(cell.compartments.kind == kind)[:1])
        assert (values["gamma"], values["decay"]) == (gamma, (decay * ms).value)


def test_membrane_of_the_soma_lowers_and_starts_at_rest_of_its_gates(cell) -> None:  # type: ignore[no-untyped-def]
    channels = {name: cell.parameters(name, np.array([0]))[0] for name, there in cell.channels.items() if there[0]}
    assert len(channels) == 11
    membrane = Membrane(channels)
    assert membrane.pools == ("CalciumPool",)
    program = MembraneProgram.of(membrane, "float64")
    assert program.flops() > 0
    constants = membrane.constants({n: {q: getattr(c, q).value for q in c.spec.parameters} for n, c in channels.items()}, 0.025)
    start = membrane.initial(constants, (-80 * mV).value)
    assert start["CalciumPool.c_ca"] == 5e-5
    gates = {n: float(value) for n, value in start.items() if n != "CalciumPool.c_ca"}
    assert all(0 <= value <= 1 for value in gates.values()), gates
    assert gates["FastSodium.h"] == pytest.approx(1 / (1 + np.exp(-14 / 6)), rel=1e-9)
