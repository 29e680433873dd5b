"""Compartments: closed forms of area and resistance, totals that no rule changes, and where positions fall."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morphologies import FOLDER
from neuropil import (
    At,
    Distance,
    DLambda,
    Evenly,
    Everywhere,
    FixedCount,
    Kind,
    MaxLength,
    Morphology,
    MorphologyError,
    Section,
    Sections,
    Spread,
    UnitError,
    discretise,
)
from neuropil.model.cell.locations import location, region
from neuropil.units import Hz, Ohm, cm, mV, uF, um

OHM_CM = Ohm * cm
RA, CM = 100 * OHM_CM, 1 * uF / cm**2  # 1e-3 GΩ·µm, 0.01 pF/µm²
L5 = FOLDER / "l5pc_with_axon.swc"


def divide(cell, rule, ra=RA, cm_=CM):
    return discretise(cell, rule, ra, cm_)


def fork() -> Morphology:
    build = Morphology.builder("fork")
    build.section("soma", kind="soma", length=20 * um, diameter=20 * um)
    build.section("trunk", kind="apical", length=120 * um, diameter=[4 * um, 2 * um], parent="soma")
    build.section("left", kind="apical", length=100 * um, diameter=[2 * um, 1 * um], parent="trunk", labels=["tuft"])
    build.section("right", kind="apical", length=60 * um, diameter=1 * um, parent="trunk", labels=["tuft"])
    build.section("dend", kind="basal", length=90 * um, diameter=1.5 * um, parent="soma", at=0.5)
    return build.build()


@st.composite
def cells(draw) -> Morphology:
    """Trees of 1 to 7 sections with points anywhere, some coinciding, joined anywhere."""
    number = st.floats(-50, 50).map(lambda v: round(v, 1))
    sections = []
    for i in range(draw(st.integers(1, 7))):
        points = draw(st.lists(st.tuples(number, number, number, st.floats(0.2, 9)), min_size=2, max_size=6))
        points.append((points[-1][0] + 1.0, *points[-1][1:]))
        parent = draw(st.integers(0, i - 1)) if i else -1
        at = draw(st.sampled_from([0.0, 0.25, 0.5, 1.0]))
        sections.append(Section(f"s{i}", "soma" if i == 0 else "basal", points, parent, at if i else 1.0))
    return Morphology(tuple(sections))


# --- closed forms ---------------------------------------------------------------------------------------------------


def test_a_cylinder():
    c = divide(Morphology.cable(1000 * um, 2 * um), FixedCount(10))
    np.testing.assert_array_equal(c.parent, np.arange(10) - 1)
    np.testing.assert_allclose(c.area, np.pi * 2 * 100, rtol=1e-13)
    np.testing.assert_allclose(c.resistance, [0] + [1e-3 * 100 / np.pi] * 9, rtol=1e-13)
    np.testing.assert_allclose(c.capacitance, 0.01 * c.area, rtol=1e-13)
    np.testing.assert_allclose(c.distance, 50 + 100 * np.arange(10), rtol=1e-13)
    np.testing.assert_allclose(c.diameter, 2.0, rtol=1e-13)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_cone(n):
    """r from 3 to 1 over h: resistance of the stretch a to b is the integral of R / (pi r²), done by hand."""
    h, first, last = 80.0, 3.0, 1.0
    c = divide(Morphology.cable(h * um, [2 * first * um, 2 * last * um]), FixedCount(n))
    edge = lambda x: first + (last - first) * x  # noqa: E731
    slant = np.hypot(h, first - last)
    x = np.arange(n + 1) / n
    np.testing.assert_allclose(c.area, np.pi * (edge(x[1:]) + edge(x[:-1])) * slant / n, rtol=1e-13)
    middle = (x[1:] + x[:-1]) / 2
    integral = h / (last - first) * (1 / edge(middle[:-1]) - 1 / edge(middle[1:]))
    np.testing.assert_allclose(c.resistance[1:], 1e-3 / np.pi * integral, rtol=1e-13)


def test_where_sections_meet():
    """At an end: a node without membrane. Inside: the compartment's middle."""
    c = divide(fork(), FixedCount(1), {"soma": 2 * RA, "apical": RA, "basal": 3 * RA})
    half = {
        "soma": 2e-3 * 10 * 4 / (np.pi * 20 * 20),
        "trunk 1": 1e-3 * 60 * 4 / (np.pi * 4 * 3),
        "trunk 2": 1e-3 * 60 * 4 / (np.pi * 3 * 2),
        "left": 1e-3 * 50 * 4 / (np.pi * 2 * 1.5),
        "right": 1e-3 * 30 * 4 / (np.pi * 1 * 1),
        "dend": 3e-3 * 45 * 4 / (np.pi * 1.5 * 1.5),
    }
    assert c.name.tolist() == ["soma", "trunk", "left", "right", "dend", "soma(1)", "trunk(1)"]
    assert c.parent.tolist() == [-1, 5, 6, 6, 0, 0, 1]
    assert c.has_membrane.tolist() == [True] * 5 + [False] * 2
    np.testing.assert_allclose(
        c.resistance,
        [0, half["trunk 1"], half["left"], half["right"], half["dend"], half["soma"], half["trunk 2"]],
        rtol=1e-13,
    )
    np.testing.assert_allclose(c.distance, [0, 70, 180, 160, 45, 10, 130])
    assert (c.position[6], c.diameter[6], c.length[6], c.capacitance[6]) == (1.0, 2.0, 0.0, 0.0)
    np.testing.assert_allclose(c.tips[1], [half["trunk 1"], half["trunk 2"]], rtol=1e-13)


def test_ends_of_sections():
    """x = 1 is the end's node, x = 0 what the section sprouts from; a free end gets its node where something is placed."""
    c = divide(fork(), FixedCount(3))
    assert c.at("trunk", 1.0) == c.at("left", 0.0) == c.at("right", 0.0) == 16 and not c.has_membrane[16]
    assert c.at("soma", 1.0) == c.at("trunk", 0.0) == 15
    assert c.at("dend", 0.0) == c.at("soma", 0.5)  # sprouts from a middle
    assert c.at("left", 1.0) == c.of_section("left")[-1] and c.at("soma", 0.0) == 0  # free ends
    more = c.with_nodes([("left", 1.0), ("soma", 0.0), ("dend", 0.0), ("left", 0.0), ("left", 1.0)])
    assert len(more) == len(c) + 2 and (more.at("left", 1.0), more.at("soma", 0.0)) == (17, 18)
    for name in ("parent", "area", "resistance", "distance"):
        np.testing.assert_array_equal(getattr(more, name)[: len(c)], getattr(c, name))
    assert more.parent[17:].tolist() == [c.of_section("left")[-1], 0] and more.area[17:].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(more.resistance[17:], [1e-3 * 4 / np.pi * 100 / 6 / (1 + 1 / 6), 2e-3 / 2 * 4 / np.pi * 20 / 6 / 400], rtol=1e-13)
    np.testing.assert_allclose(more.distance[17:], [230.0, 10.0])
    assert more.diameter[17:].tolist() == [1.0, 20.0]
    assert more.with_nodes([("left", 1.0)]) is more and more.beside[17:].tolist() == more.parent[17:].tolist()


def test_children_at_the_start_of_the_root():
    build = Morphology.builder()
    build.section("soma", kind="soma", length=20 * um, diameter=20 * um)
    for name in ("a", "b"):
        build.section(name, kind="basal", length=90 * um, diameter=1 * um, parent="soma", at=0.0)
    build.section("c", kind="basal", length=90 * um, diameter=1 * um, parent="a", at=0.0)
    c = divide(build.build(), FixedCount(3))
    node = int(np.flatnonzero(~c.has_membrane)[0])
    assert (~c.has_membrane).sum() == 1 and c.parent[node] == 0 and c.position[node] == 0.0
    assert sorted(c.name[c.parent == node].tolist()) == ["a", "b", "c"]
    assert c.distance[node] == pytest.approx(10.0)


@pytest.mark.parametrize(("length", "diameter", "ra", "n"), [(500.0, 2.0, 100.0, 13), (1000.0, 1.0, 150.0, 45), (10.0, 10.0, 35.4, 1)])
def test_d_lambda(length, diameter, ra, n):
    """NEURON's own formula in its own units: lambda = 1e5 sqrt(d / (4 pi f Ra cm)) µm, with f in Hz, Ra in ohm cm, cm in µF/cm²."""
    constant = 1e5 * np.sqrt(diameter / (4 * np.pi * 100.0 * ra * 1.0))
    assert int((length / (0.1 * constant) + 0.9) / 2) * 2 + 1 == n
    c = divide(Morphology.cable(length * um, diameter * um), DLambda(), ra * OHM_CM)
    assert len(c) == n
    assert c.electrotonic[0] == pytest.approx(length / constant, rel=1e-12)
    assert len(divide(Morphology.cable(length * um, diameter * um), DLambda(0.2, 50 * Hz), ra * OHM_CM)) <= n


def test_max_length():
    cell = Morphology.cable(100 * um, 1 * um)
    for longest, n in ((100.0, 1), (99.9, 2), (10.0, 10), (0.1, 1000), (3.0, 34)):
        assert len(divide(cell, MaxLength(longest * um))) == n


# --- properties -----------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(cells(), st.integers(1, 9))
def test_totals_do_not_depend_on_the_rule(cell, n):
    c = divide(cell, FixedCount(n))
    assert c.area.sum() == pytest.approx(cell.area, rel=1e-9)
    assert c.length.sum() == pytest.approx(cell.length, rel=1e-9)
    once, fine = divide(cell, FixedCount(1)), divide(cell, FixedCount(2 * n))
    np.testing.assert_allclose(fine.area[fine.numbers].reshape(-1, 2).sum(axis=1), c.area[c.numbers], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(once.area[once.numbers], [s.area for s in cell.sections], rtol=1e-9)


@settings(deadline=None, max_examples=60)
@given(cells(), st.integers(1, 6))
def test_numbering_is_depth_first(cell, n):
    c = divide(cell, FixedCount(n))
    assert c.parent[0] == -1 and (c.parent[1:] >= 0).all()
    # Those with membrane come first. Depth first: what lies above i + 1 is i or one of its ancestors.
    count = len(c.numbers)
    assert sorted(c.numbers.tolist()) == np.flatnonzero(c.has_membrane).tolist() == list(range(count))
    ancestors = [set()]
    for i in range(1, count):
        up = int(c.beside[c.parent[i]])
        assert up in ancestors[-1] | {i - 1}
        ancestors.append(ancestors[up] | {up})
    assert (c.resistance[1:] > 0).all()
    for node in range(count, len(c)):
        assert (c.parent == node).sum() >= 1


@settings(deadline=None, max_examples=30)
@given(cells())
def test_path_resistance_from_root_to_tips_does_not_depend_on_an_odd_number(cell):
    """Between two middles that every odd division shares, the axial resistance is the same."""
    def path(c, number):
        total = 0.0
        while number > 0:
            total, number = total + c.resistance[number], int(c.parent[number])
        return total

    # Only cells joined at ends: what joins inside moves to the nearest middle.
    joined = Morphology(tuple(Section(s.name, s.kind, s.points, s.parent, 1.0) for s in cell.sections))
    coarse, fine = divide(joined, FixedCount(1)), divide(joined, FixedCount(5))
    root = path(fine, fine.at(0, 0.5))
    for i in range(1, len(joined)):
        assert path(fine, fine.at(i, 0.5)) - root == pytest.approx(path(coarse, coarse.at(i, 0.5)), rel=1e-9)


def test_a_step_in_diameter_between_coinciding_points_counts_once():
    """Two cylinders end to end with an annulus between them, which belongs to the compartment that ends there."""
    points = [[0, 0, 0, 4], [10, 0, 0, 4], [10, 0, 0, 2], [20, 0, 0, 2]]
    c = divide(Morphology((Section("a", "basal", points),)), FixedCount(2))
    np.testing.assert_allclose(c.area, [np.pi * 4 * 10 + np.pi * (2**2 - 1**2), np.pi * 2 * 10], rtol=1e-13)
    np.testing.assert_allclose(c.resistance[1], 1e-3 / np.pi * (5 / 4 + 5 / 1), rtol=1e-13)
    for first in (points[:1], []):  # at the very start and at the very end as well
        ends = [[0, 0, 0, 6], *first, [0, 0, 0, 4], [10, 0, 0, 4], [10, 0, 0, 2]]
        cell = Morphology((Section("a", "basal", ends),))
        assert divide(cell, FixedCount(3)).area.sum() == pytest.approx(np.pi * (4 * 10 + (9 - 4) + (4 - 1)), rel=1e-13)


# --- refusals -------------------------------------------------------------------------------------------------------


def test_values_by_kind():
    cell = fork()
    with pytest.raises(MorphologyError, match="did you mean 'apical'"):
        divide(cell, FixedCount(1), {"soma": RA, "apcal": RA, "basal": RA})
    with pytest.raises(MorphologyError, match="no value for sections of kind 'basal'"):
        divide(cell, FixedCount(1), RA, {"soma": CM, "apical": CM})
    with pytest.raises(MorphologyError, match="positive"):
        divide(cell, FixedCount(1), 0 * OHM_CM)
    with pytest.raises(UnitError, match="axial_resistivity"):
        divide(cell, FixedCount(1), 100.0)
    c = divide(cell, FixedCount(1), RA, {"soma": CM, "apical": 2 * CM, "basal": CM})
    np.testing.assert_allclose((c.capacitance / np.where(c.area > 0, c.area, 1))[c.kind == "apical"], [0.02, 0.02, 0.02, 0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: FixedCount(0), lambda: FixedCount(1.5), lambda: FixedCount(True), lambda: MaxLength(0 * um), lambda: MaxLength(-1 * um),
        lambda: DLambda(0), lambda: DLambda(frequency=0 * Hz),
        lambda: divide(Morphology.cable(1e6 * um, 1 * um), MaxLength(0.001 * um)),
    ],
)  # fmt: skip
def test_rules_refuse(make):
    with pytest.raises(MorphologyError):
        make()
    with pytest.raises(UnitError):
        MaxLength(10 * mV)


def test_report():
    text = divide(fork(), DLambda()).report()
    assert "DLambda" in text and "2 nodes without membrane" in text
    assert [line.split()[0] for line in text.splitlines()[2:]] == ["soma", "apical", "basal"]


# --- positions ---------------------------------------------------------------------------------------------------------


def test_at_is_the_compartment_that_holds_the_position():
    c = divide(fork(), FixedCount(4))
    for x, piece in ((0.0001, 0), (0.2499, 0), (0.25, 1), (0.5, 2), (0.99, 3), (1.0, 3)):
        number = c.at("left", x)
        assert number == c.of_section("left")[piece] == At("left", x).compartments(c)[0]
        assert c.name[number] == "left" and c.has_membrane[number]
    with pytest.raises(MorphologyError, match=r"x=1\.2"):
        c.at("left", 1.2)
    with pytest.raises(MorphologyError, match="did you mean 'left'"):
        c.at("lift")


def test_regions_combine():
    c = divide(fork(), FixedCount(5))
    everything = Everywhere().compartments(c)
    assert len(everything) == 25 and c.has_membrane[everything].all()
    tuft = region("tuft").compartments(c)
    np.testing.assert_array_equal(tuft, Sections("left", "right").compartments(c))
    np.testing.assert_array_equal((Kind("apical") & ~region("trunk")).compartments(c), tuft)
    np.testing.assert_array_equal(("tuft" | Kind("basal")).compartments(c), np.union1d(tuft, region("basal").compartments(c)))
    np.testing.assert_array_equal((~region("all")).compartments(c), [])
    far = Distance(100 * um, 200 * um).compartments(c)
    assert set(far) == {i for i in everything if 100 <= c.distance[i] < 200}
    np.testing.assert_array_equal((Distance(0 * um, 100 * um) | Distance(100 * um)).compartments(c), everything)


def test_locations_as_text():
    c = divide(fork(), FixedCount(5))
    for text, position in (("soma(0.5)", At("soma", 0.5)), ("left ( 0.3 )", At("left", 0.3)), ("dend", At("dend")), ("basal(1)", At("dend", 1.0))):
        np.testing.assert_array_equal(location(text).compartments(c), position.compartments(c))
    for wrong, says in (("left(two)", "not a location"), ("lift(0.5)", "did you mean 'left'"), ("apical(0.5)", "3 sections"), ("left(2)", "x=2")):
        with pytest.raises(MorphologyError, match=says):
            location(wrong).compartments(c)
    for wrong in ("apcal", "dent"):
        with pytest.raises(MorphologyError, match="did you mean"):
            region(wrong).compartments(c)
    with pytest.raises(MorphologyError, match="did you mean 'apical'"):
        Kind("apcal").compartments(c)


def test_spread_is_uniform_along_the_length_whatever_the_division():
    """10⁵ positions over 160 µm: the share of the longer section within 4.5 standard errors (false alarm 7e-6)."""
    coarse, fine = divide(fork(), FixedCount(1)), divide(fork(), FixedCount(31))
    spread = Spread("tuft", 100_000, seed=3)
    a, b = spread.compartments(coarse), spread.compartments(fine)
    np.testing.assert_array_equal(coarse.section[a], fine.section[b])
    share = np.mean(coarse.name[a] == "left")
    assert abs(share - 100 / 160) < 4.5 * np.sqrt(0.625 * 0.375 / 1e5)
    np.testing.assert_array_equal(a[:10], Spread("tuft", 10, seed=3).compartments(coarse))
    assert (Spread("tuft", 100, seed=4).compartments(fine) != b[:100]).any()


def test_evenly():
    c = divide(fork(), FixedCount(10))
    positions = Evenly("tuft", 20 * um).compartments(c)
    assert len(positions) == 8
    np.testing.assert_allclose(c.position[positions], [0.15, 0.35, 0.55, 0.75, 0.95, 0.15, 0.55, 0.85])
    with pytest.raises(MorphologyError, match="no compartment"):
        Evenly(Distance(1e5 * um), 10 * um).compartments(c)


@pytest.mark.parametrize(
    "make", [lambda: Spread("all", -1), lambda: Spread("all", 1, -1), lambda: Evenly("all", 0 * um), lambda: Distance(5 * um, 5 * um),
             lambda: At("soma", 1.01), lambda: Sections(), lambda: region(3), lambda: location(3)],
)  # fmt: skip
def test_locations_refuse(make):
    with pytest.raises(MorphologyError):
        make()


def test_a_real_cell_of_ten_thousand_points():
    if not L5.exists():
        pytest.skip(f"{L5} is absent")
    cell = Morphology.from_swc(L5)
    for rule in (DLambda(), MaxLength(1 * um), FixedCount(1)):
        c = divide(cell, rule)
        assert c.area.sum() == pytest.approx(cell.area, rel=1e-9)
        assert c.length.sum() == pytest.approx(cell.length, rel=1e-9)
        assert (c.beside[c.parent[1 : len(c.numbers)]] < np.arange(1, len(c.numbers))).all()
