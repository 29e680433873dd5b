"""What differs over a cell: numbers of compartments, capacitance and resistivity by section; distances wherever the soma is."""

from __future__ import annotations

import numpy as np
import pytest

from morphologies import parse_swc
from neuropil import DLambda, FixedCount, MaxLength, ModelError, Morphology, MorphologyError, Network, discretise
from neuropil.model.cell.cell import Cell
from neuropil.model.cell.locations import Distance, location
from neuropil.units import Ohm, cm, mS, mV, uF, um
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.neurons.branch_neuron import BranchNeuron

RA, CM = 100 * Ohm * cm, 1 * uF / cm**2  # 1e-3 GΩ·µm, 0.01 pF/µm²


def fork() -> Morphology:
    build = Morphology.builder("fork")
    build.section("soma", kind="soma", length=20 * um, diameter=20 * um)
    build.section("trunk", kind="apical", length=120 * um, diameter=4 * um, parent="soma")
    build.section("dend", kind="basal", length=90 * um, diameter=1.5 * um, parent="soma", at=0.0)
    build.section("left", kind="apical", length=100 * um, diameter=2 * um, parent="trunk", labels=["tuft"])
    build.section("right", kind="apical", length=60 * um, diameter=1 * um, parent="trunk", labels=["tuft", "thin"])
    return build.build()


def test_counts_by_region():
    """Name before label before kind before "all"."""
    c = discretise(fork(), FixedCount({"all": 1, "apical": 3, "tuft": 5, "right": 2}))
    assert c.counts.tolist() == [1, 3, 1, 5, 2]
    with pytest.raises(MorphologyError, match="no value for sections of kind 'basal'"):
        discretise(fork(), FixedCount({"soma": 1, "apical": 3}))
    with pytest.raises(MorphologyError, match="no value for section 'left'"):
        discretise(fork(), FixedCount({"soma": 1, "basal": 1, "trunk": 3, "right": 1}))
    with pytest.raises(MorphologyError, match="did you mean 'apical'"):
        discretise(fork(), FixedCount({"all": 1, "aplical": 3}))
    with pytest.raises(MorphologyError, match="two values"):
        discretise(fork(), FixedCount({"all": 1, "tuft": 3, "thin": 2}))
    with pytest.raises(MorphologyError, match="not a number of compartments"):
        FixedCount({"soma": 0})


def test_capacitance_and_resistivity_by_section():
    """The half of a cylinder of length l and diameter d has R · 2 l/(π d²); area π d l."""
    c = discretise(fork(), FixedCount(1), {"all": RA, "left": 3 * RA}, {"soma": CM, "trunk": 2 * CM, "tuft": 4 * CM, "basal": CM})
    own = c.numbers  # section after section
    np.testing.assert_allclose(c.capacitance[own] / c.area[own], [0.01, 0.02, 0.01, 0.04, 0.04], rtol=1e-13)
    np.testing.assert_allclose(c.tips[[1, 3], 0], [1e-3 * 2 * 120 / np.pi / 16, 3e-3 * 2 * 100 / np.pi / 4], rtol=1e-13)


def test_functions_of_distance_and_arrays():
    rule = FixedCount(4)
    plain = discretise(fork(), rule)
    own = np.arange(20)
    bent = discretise(fork(), rule, RA, {"all": CM, "apical": lambda d: (1 + d / 100) * CM})
    apical = plain.kind[own] == "apical"
    np.testing.assert_allclose((bent.capacitance[own] / plain.capacitance[own])[apical], 1 + plain.distance[own][apical] / 100, rtol=1e-13)
    assert (bent.capacitance == plain.capacitance)[own][~apical].all()
    # One value for each compartment, in their order, which is not that of the sections here: "dend" comes last.
    factor = np.linspace(1, 2, 20)
    listed = discretise(fork(), rule, factor * RA, factor * CM)
    np.testing.assert_allclose(listed.capacitance[own], factor * plain.capacitance[own], rtol=1e-13)
    left = plain.of_section("left")
    half = 1e-3 * 4 / np.pi * 12.5 / 4
    np.testing.assert_allclose(listed.resistance[left[1:]], half * (factor[left[:-1]] + factor[left[1:]]), rtol=1e-13)
    assert (np.diff(plain.numbers) != 1).any()
    with pytest.raises(ModelError, match="wrong shape"):
        discretise(fork(), rule, RA, factor[1:] * CM)
    with pytest.raises(MorphologyError, match="before it divides"):
        discretise(fork(), DLambda(), RA, factor * CM)
    with pytest.raises(MorphologyError, match=r"positive and finite\n.*at (left|right), 1"):
        discretise(fork(), MaxLength(10 * um), RA, lambda d: (1 - d / 150) * CM)
    with pytest.raises(ModelError, match="the function fails"):
        discretise(fork(), rule, RA, lambda d: CM if d > 3 else 2 * CM)


def test_d_lambda_divides_by_each_sections_own_values():
    """Four times the resistivity halves the length constant: (2 E/0.1 + 0.9)/2 twice as many, to the next odd number."""
    once, twice = (discretise(fork(), DLambda(), {"all": RA, "left": k * RA}) for k in (1, 4))
    assert twice.electrotonic[3] == pytest.approx(2 * once.electrotonic[3], rel=1e-12)
    assert (twice.electrotonic / once.electrotonic)[[0, 1, 2, 4]] == pytest.approx(1.0)
    assert twice.counts[3] > once.counts[3]


# --- distances -------------------------------------------------------------------------------------------------------


def test_distances_are_from_the_soma_wherever_it_is_in_the_file():
    """A cell read from the tip of a dendrite, against the same cell read from its soma."""
    points = {1: (3, -110, 1), 2: (3, -60, 1), 3: (3, -10, 1), 4: (1, -10, 10), 5: (1, 10, 10), 6: (2, 60, 0.5), 7: (2, 510, 0.5)}
    line = lambda i, parent: f"{i} {points[i][0]} {points[i][1]} 0 0 {points[i][2]} {parent}\n"  # noqa: E731
    tip = parse_swc("".join(line(i, i - 1 if i > 1 else -1) for i in points))
    assert [s.kind for s in tip.sections] == ["basal", "soma", "axon"] and tip.soma == 1
    np.testing.assert_allclose(tip.distances(), [110, 10, 10])
    c = discretise(tip, FixedCount(4))
    truth = {"basal": 110 - 100 * c.position, "soma": 20 * abs(c.position - 0.5), "axon": 10 + 500 * c.position}
    for kind, distance in truth.items():
        np.testing.assert_allclose(c.distance[c.kind == kind], distance[c.kind == kind])
    assert set(c.name[Distance(0 * um, 12 * um).compartments(c)]) == {"soma"}
    assert c.name[location("soma").compartments(c)[0]] == "soma"


def test_what_sprouts_between_root_and_soma():
    build = Morphology.builder()
    build.section("root", kind="basal", length=100 * um, diameter=1 * um)
    build.section("soma", kind="soma", length=20 * um, diameter=20 * um, parent="root", at=0.6)
    build.section("twig", kind="basal", length=50 * um, diameter=1 * um, parent="root", at=0.9)
    build.section("other", kind="soma", length=10 * um, diameter=20 * um, parent="soma")
    cell = build.build()
    np.testing.assert_allclose(cell.distances(), [70, 10, 40, 10])
    np.testing.assert_allclose(cell.distance_at(0, np.array([0, 0.6, 1.0])), [70, 10, 50])
    assert location("soma").compartments(discretise(cell, FixedCount(1)))[0] == discretise(cell, FixedCount(1)).at("soma")


# --- assignments -------------------------------------------------------------------------------------------------------


def test_a_made_cell_refuses_what_would_be_ignored():
    cell = Cell(fork(), discretisation=FixedCount(1))
    for name in ("capacitance", "resistivity", "discretisation", "morphology"):
        with pytest.raises(ModelError, match=rf"Cell\.{name} cannot be set(.|\n)*Cell\(morphology, {name}=\.\.\.\)"):
            setattr(cell, name, 1)
    with pytest.raises(ModelError, match=r"no attribute 'inital'(.|\n)*initial"):
        cell.inital = -80 * mV
    for name in ("compartments", "painted", "trigger", "paint"):
        with pytest.raises(ModelError, match=r"paint\(\), place\(\) and detect\(\)"):
            setattr(cell, name, None)
    cell.initial = -80 * mV
    assert cell.initial == -80.0
    with pytest.raises(ModelError, match="one number"):
        cell.initial = [1, 2] * mV
    with pytest.raises(ModelError, match="in a population"):
        cell.frozen().initial = -70 * mV
    cell.paint("all", Leak(g=0.1 * mS / cm**2)).detect("left(1)")


@pytest.mark.parametrize(
    "thing", [fork, lambda: fork()["trunk"], lambda: FixedCount(2), lambda: discretise(fork(), FixedCount(1)), lambda: BranchNeuron(2), Leak],
    ids=["Morphology", "Section", "FixedCount", "Compartments", "Branched", "Leak"],
)  # fmt: skip
def test_descriptions_refuse_assignment(thing):
    with pytest.raises(ModelError):
        thing().nmae = 3


# --- painted values ----------------------------------------------------------------------------------------------------


def test_a_density_for_each_compartment():
    cell = Cell(fork(), discretisation=FixedCount(3)).paint("all", Leak())
    cell.paint("left", Leak(), g=np.array([0.1, 0.2, 0.3]) * mS / cm**2)
    where = cell.compartments.of_section("left")
    np.testing.assert_allclose(cell.parameters("Leak", where)[1]["g"], [0.001, 0.002, 0.003])  # nS/µm²
    every = np.arange(len(cell))
    np.testing.assert_array_equal(np.isnan(cell.parameters("Leak", every)[1]["g"]), ~cell.compartments.has_membrane)
    with pytest.raises(ModelError, match="wrong shape"):
        cell.paint("left", Leak(), g=np.array([0.1, 0.2]) * mS / cm**2)
    with pytest.raises(ModelError, match="a value for all belongs to the channel"):
        cell.paint("left", Leak(), g=0.1 * mS / cm**2)
    with pytest.raises(ModelError, match=r"Leak\.g at left\(0\.833\), 213\.3 µm from the soma"):
        cell.paint("left", Leak(), g=lambda d: (1 - d / 200) * mS / cm**2)
    with pytest.raises(ModelError, match="in none of these"):
        Cell(fork(), discretisation=FixedCount(1)).paint("soma", Leak()).parameters("Leak", np.array([2]))


def test_where_compartments_lie():
    c = discretise(fork(), FixedCount(2))
    np.testing.assert_allclose(c.xyz[c.at("trunk", 0.25)], [20 + 30, 0, 0])
    np.testing.assert_allclose(c.xyz[c.at("trunk", 1.0)], [140, 0, 0])


def test_potentials_start_by_cell_or_by_compartment():
    cell = Cell(fork(), discretisation=FixedCount(2)).paint("all", Leak())
    own = cell.compartments
    net = Network("n")
    by_cell = net.population("a", cell, 2, initial={"v": [-80.0, -60.0] * mV}).initial["v"].reshape(2, -1)
    assert (by_cell == [[-80], [-60]]).all() and by_cell.shape == (2, len(own))
    given = np.linspace(-80, -60, 2 * len(own.numbers))
    by_membrane = net.population("b", cell, 2, initial={"v": given * mV}).initial["v"].reshape(2, -1)
    np.testing.assert_array_equal(by_membrane[:, own.has_membrane].ravel(), given)
    np.testing.assert_array_equal(by_membrane, by_membrane[:, own.beside])
    with pytest.raises(ModelError, match="wrong shape"):
        net.population("c", cell, 2, initial={"v": given[1:] * mV})
