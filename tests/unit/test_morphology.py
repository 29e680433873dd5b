"""Shapes of cells: closed forms of area and length, the conventions of SWC files, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from morphologies import FOLDER as DATA
from morphologies import parse_swc
from neuropil import Morphology, MorphologyError, Section, UnitError
from neuropil.units import mm, mV, um


def load(name: str, **options) -> Morphology:
    path = DATA / f"{name}.swc"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    return Morphology.from_swc(path, **options)


def joints(cell: Morphology) -> list[tuple[str, int, float]]:
    return [(s.name, s.parent, s.parent_at) for s in cell.sections]


# --- by hand ------------------------------------------------------------------------------------------------------


def test_a_cable_and_a_cone_have_the_areas_of_school_geometry():
    assert Morphology.cable(1 * mm, 2 * um).area == pytest.approx(np.pi * 2 * 1000, rel=1e-14)
    cone = Morphology.cable(30 * um, [20 * um, 100 * um])  # r 10 and 50, slant 50
    assert cone.area == pytest.approx(np.pi * (10 + 50) * 50, rel=1e-14)
    assert cone.length == pytest.approx(30.0, rel=1e-14)


def test_a_ball_has_the_area_of_its_sphere():
    cell = Morphology.ball_and_stick(20 * um, 500 * um, 2 * um)
    assert cell["soma"].area == pytest.approx(4 * np.pi * 10**2, rel=1e-14)
    assert cell.distances().tolist() == pytest.approx([10.0, 10.0])
    assert cell.distance_at(1, 0.5) == pytest.approx(260.0)


def test_builder_places_children_where_they_sprout():
    build = Morphology.builder("Y")
    build.section("soma", kind="soma", length=20 * um, diameter=20 * um)
    build.section("trunk", kind="apical", length=100 * um, diameter=[4 * um, 3 * um, 2 * um], parent="soma", direction=(0, 2, 0))
    build.section("left", kind="apical", length=50 * um, diameter=1 * um, parent="trunk", labels=["tuft"])
    build.section("right", kind="apical", points=[[20, 100, 0, 1], [60, 100, 30, 1]] * um, parent="trunk", labels=["tuft"])
    build.section("oblique", kind="apical", length=10 * um, diameter=1 * um, parent="trunk", at=0.25)
    cell = build.build()
    np.testing.assert_allclose(cell["trunk"].points, [[20, 0, 0, 4], [20, 50, 0, 3], [20, 100, 0, 2]])
    np.testing.assert_allclose(cell["oblique"].points[0], [20, 25, 0, 1])
    assert (len(cell), cell.branch_points, cell.kinds) == (5, 1, ("soma", "apical"))
    assert cell.length == pytest.approx(20 + 100 + 50 + 50 + 10)
    assert cell.distances().tolist() == pytest.approx([10, 10, 110, 110, 35])
    assert "apical" in cell.summary() and "5 sections, 1 branch points" in str(cell)
    assert cell.with_label("thin", ["left"])["left"].labels == ("tuft", "thin")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (dict(name="b", kind="basal", length=5 * um, diameter=1 * um, parent="sona"), "did you mean 'soma'"),
        (dict(name="b", kind="basal", length=5 * um, diameter=1 * um), "one root"),
        (dict(name="soma", kind="basal", length=5 * um, diameter=1 * um, parent="soma"), "two sections"),
        (dict(name="b", kind="basal", length=5 * um, parent="soma"), "either"),
        (dict(name="b", kind="basal", length=5 * um, diameter=0 * um, parent="soma"), "too thin"),
        (dict(name="b", kind="basal", length=-5 * um, diameter=1 * um, parent="soma"), "length must be positive"),
        (dict(name="b", kind="basal", length=5 * um, diameter=1 * um, parent="soma", at=1.5), "parent_at=1.5"),
        (dict(name="b", kind="basal", length=5 * um, diameter=1 * um, parent="soma", direction=(0, 0, 0)), "direction"),
        (dict(name="b", kind="basal", points=[[0, 0, 0, 1]] * um, parent="soma"), "at least 2 points"),
        (dict(name="b", kind="basal", points=[[0, 0, 0, 1], [0, 0, np.nan, 1]] * um, parent="soma"), "point 1"),
        (dict(name="b", kind="basal", points=[[0, 0, 0, 1], [0, 0, 0, 2]] * um, parent="soma"), "no length"),
        (dict(name="", kind="basal", length=5 * um, diameter=1 * um, parent="soma"), "name"),
    ],
)  # fmt: skip
def test_builder_refuses(arguments, says):
    build = Morphology.builder()
    build.section("soma", kind="soma", length=20 * um, diameter=20 * um)
    with pytest.raises(MorphologyError, match=says):
        build.section(**arguments)


def test_lengths_need_units():
    with pytest.raises(UnitError, match="length"):
        Morphology.cable(100, 1 * um)
    with pytest.raises(UnitError, match="diameter"):
        Morphology.cable(100 * um, 1 * mV)


def test_sections_make_one_tree_in_order():
    points = [[0, 0, 0, 1], [1, 0, 0, 1]]
    with pytest.raises(MorphologyError, match="parents before children"):
        Morphology((Section("a", "soma", points), Section("b", "basal", points, parent=2), Section("c", "basal", points, parent=0)))
    with pytest.raises(MorphologyError, match="placed in the tree"):
        Morphology((Section("a", "soma", points), Section("b", "basal", points)))
    with pytest.raises(MorphologyError, match="two sections"):
        Morphology((Section("a", "soma", points), Section("a", "basal", points, parent=0)))
    with pytest.raises(MorphologyError, match="at least one"):
        Morphology(())
    with pytest.raises(MorphologyError, match="has no section"):
        Morphology((Section("a", "soma", points),))["b"]


def test_points_cannot_be_changed_from_outside():
    points = np.array([[0.0, 0, 0, 1], [1, 0, 0, 1]])
    section = Section("a", "soma", points)
    points[0, 3] = 5.0
    assert section.points[0, 3] == 1.0
    with pytest.raises(ValueError):
        section.points[0, 3] = 5.0


# --- SWC: conventions of the soma -----------------------------------------------------------------------------------


def test_one_point_is_a_sphere_and_stems_begin_at_their_own_points():
    cell = parse_swc("1 1 0 0 0 5 -1\n2 3 0 6 0 1 1\n3 3 0 16 0 1 2\n4 3 9 0 0 1 1\n")
    assert joints(cell) == [("soma", -1, 1.0), ("basal[0]", 0, 0.5), ("basal[1]", 0, 0.5)]
    assert cell["soma"].area == pytest.approx(4 * np.pi * 25) and cell["soma"].length == pytest.approx(10)
    np.testing.assert_allclose(cell["basal[0]"].points, [[0, 6, 0, 2], [0, 16, 0, 2]])
    np.testing.assert_allclose(cell["basal[1]"].points, [[0, 0, 0, 2], [9, 0, 0, 2]])  # a single point: from the centre


def test_three_points_of_neuromorpho_are_the_same_sphere():
    text = "1 1 0 0 0 5 -1\n2 1 0 -5 0 5 1\n3 1 0 5 0 5 1\n4 3 0 6 0 1 1\n5 3 0 16 0 1 4\n"
    cell = parse_swc(text)
    assert joints(cell) == [("soma", -1, 1.0), ("basal", 0, 0.5)]
    np.testing.assert_allclose(cell["soma"].points, [[0, -5, 0, 10], [0, 5, 0, 10]])
    assert "three-point" in cell.notes[0] and "three-point" in cell.summary()
    taken_as_it_stands = parse_swc(text, soma="points")
    assert [s.kind for s in taken_as_it_stands.sections] == ["soma", "soma", "basal"]
    assert taken_as_it_stands.area == pytest.approx(cell.area)
    for uneven in (text.replace("0 5 0 5 1", "0 5 0 4 1"), text.replace("0 5 0 5 1", "0 7 0 5 1")):
        assert parse_swc(uneven).notes == ()


def test_a_chain_stands_as_it_is_and_stems_leave_its_ends_or_its_middle():
    cell = parse_swc(
        "1 1 0 0 0 3 -1\n2 1 5 0 0 5 1\n3 1 10 0 0 3 2\n"
        "4 3 -5 0 0 1 1\n5 4 15 0 0 1 3\n6 2 5 5 0 1 2\n7 2 5 9 0 1 6\n8 3 5 -9 0 1 2\n"
    )
    assert joints(cell) == [("soma", -1, 1.0), ("basal[0]", 0, 0.0), ("apical", 0, 1.0), ("axon", 0, 0.5), ("basal[1]", 0, 0.5)]
    np.testing.assert_allclose(cell["basal[0]"].points, [[0, 0, 0, 2], [-5, 0, 0, 2]])
    np.testing.assert_allclose(cell["apical"].points, [[10, 0, 0, 2], [15, 0, 0, 2]])
    np.testing.assert_allclose(cell["axon"].points, [[5, 5, 0, 2], [5, 9, 0, 2]])
    np.testing.assert_allclose(cell["basal[1]"].points, [[5, 0, 0, 2], [5, -9, 0, 2]])


def test_a_soma_that_forks_or_is_interrupted_is_joined():
    cell = load("interrupted_soma")
    assert joints(cell) == [("soma[0]", -1, 1.0), ("basal", 0, 1.0), ("soma[1]", 0, 0.0)]
    assert sum(s.length for s in cell.sections if s.kind == "soma") == pytest.approx(3.0)  # from (1, 0) to (-2, 0)
    forked = parse_swc("1 1 0 0 0 3 -1\n2 1 5 0 0 3 1\n3 1 9 4 0 3 2\n4 1 9 -4 0 3 2\n5 3 9 0 0 1 2\n6 3 19 0 0 1 5\n")
    assert joints(forked) == [("soma[0]", -1, 1.0), ("soma[1]", 0, 1.0), ("soma[2]", 0, 1.0), ("basal", 0, 1.0)]
    np.testing.assert_allclose(forked["basal"].points[0], [9, 0, 0, 2])


def test_dendrites_at_both_ends_of_the_soma():
    cell = load("soma_both_ends")
    assert joints(cell) == [("soma", -1, 1.0), ("basal[0]", 0, 1.0), ("basal[1]", 0, 0.0)]


def test_no_soma_at_all():
    cell = parse_swc("1 3 0 0 0 1 -1\n2 3 1 0 0 1 1\n3 3 2 0 0 1 2\n4 3 -1 0 0 1 1\n5 4 0 1 0 1 1\n6 4 0 2 0 1 5\n")
    assert joints(cell) == [("basal[0]", -1, 1.0), ("basal[1]", 0, 0.0), ("apical", 0, 0.0)]
    assert cell.length == pytest.approx(2 + 1 + 2)
    assert cell.distances().tolist() == [0, 0, 0]


def test_a_soma_whose_points_coincide_is_a_sphere():
    cell = parse_swc("1 1 0 0 0 5 -1\n2 1 0 0 0 5 1\n3 3 0 6 0 1 2\n4 3 0 16 0 1 3\n")
    assert joints(cell) == [("soma", -1, 1.0), ("basal", 0, 0.5)] and "coincide" in cell.notes[0]


def test_a_stem_that_forks_at_once():
    cell = parse_swc("1 1 0 0 0 5 -1\n2 3 0 6 0 1 1\n3 3 0 16 0 1 2\n4 3 7 6 0 1 2\n")
    assert joints(cell) == [("soma", -1, 1.0), ("basal[0]", 0, 0.5), ("basal[1]", 1, 0.0)]
    np.testing.assert_allclose(cell["basal[1]"].points[:, 0], [0, 7])
    different = parse_swc("1 1 0 0 0 5 -1\n2 3 0 6 0 1 1\n3 4 0 16 0 1 2\n4 2 7 6 0 1 2\n")  # nothing to continue it
    assert joints(different) == [("soma", -1, 1.0), ("basal", 0, 0.5), ("apical", 1, 1.0), ("axon", 1, 1.0)]


# --- SWC: everything else -------------------------------------------------------------------------------------------


def test_branches_keep_the_thickness_of_the_point_they_leave():
    cell = parse_swc("1 1 0 0 0 5 -1\n2 3 0 6 0 2 1\n3 3 0 16 0 2 2\n4 3 5 16 0 1 3\n5 3 -5 16 0 1 3\n")
    assert joints(cell) == [("soma", -1, 1.0), ("basal[0]", 0, 0.5), ("basal[1]", 1, 1.0), ("basal[2]", 1, 1.0)]
    np.testing.assert_allclose(cell["basal[1]"].points[:, 3], [4, 2])


def test_types_custom_and_renamed():
    text = "1 1 0 0 0 5 -1\n2 5 0 6 0 1 1\n3 5 0 9 0 1 2\n4 0 0 12 0 1 3\n5 3 0 15 0 1 4\n"
    assert parse_swc(text).kinds == ("soma", "custom5", "undefined", "basal")
    assert parse_swc(text, types={5: "dend", 0: "dend", 3: "dend"})["dend"].length == pytest.approx(9.0)


def test_order_of_lines_does_not_matter():
    lines = ["1 1 0 0 0 5 -1", "2 3 0 6 0 2 1", "3 3 0 16 0 2 2", "4 3 5 16 0 1 3", "5 4 -5 16 0 1 3", "6 4 -9 16 0 1 5"]
    first = parse_swc("\n".join(lines))
    for order in ([5, 4, 3, 2, 1, 0], [2, 0, 4, 1, 5, 3]):
        cell = parse_swc("\r\n".join(lines[i] for i in order))
        assert sorted((s.kind, s.length, s.area) for s in cell.sections) == sorted((s.kind, s.length, s.area) for s in first.sections)


def test_comments_blanks_and_gaps_in_ids_are_read():
    cell = parse_swc("\ufeff# caf\u00e9\n\n 10 1 0 0 0 5 -1 # the soma\n\t20\t3 0 6 0 1 10\n3e1 3 0 1.6e1 0 1 20\n".encode())
    assert joints(cell) == [("soma", -1, 1.0), ("basal", 0, 0.5)]


def test_runs_without_length_are_left_out_and_what_follows_moves_down():
    cell = parse_swc("1 1 0 0 0 5 -1\n2 3 0 6 0 1 1\n3 3 0 16 0 1 2\n4 3 0 16 0 1 3\n5 4 0 16 0 2 3\n6 4 0 20 0 1 5\n7 2 0 16 0 1 5\n")
    assert joints(cell) == [("soma", -1, 1.0), ("basal", 0, 0.5), ("apical", 1, 1.0)]
    assert "2 runs" in cell.notes[0] or "3 runs" in cell.notes[0]


def test_radius_zero_needs_a_default():
    with pytest.raises(MorphologyError, match=r"retina_20161028_1.swc, line 1: a radius of zero"):
        load("retina_20161028_1")
    cell = load("retina_20161028_1", default_radius=0.25 * um)
    assert cell.area == pytest.approx(np.pi * 0.5 * cell.length)
    assert "0.25" in cell.notes[0]


def test_the_layer_5_cell_reads_as_published():
    """Point and section counts of the file itself; lengths are checked against NEURON in tests/peer."""
    cell = load("l5pc_with_axon")
    assert {k: sum(s.kind == k for s in cell.sections) for k in cell.kinds} == {"soma": 1, "axon": 128, "basal": 66, "apical": 129}
    rows = [line.split() for line in (DATA / "l5pc_with_axon.swc").read_text().splitlines() if not line.startswith("#")]
    at = {r[0]: np.array(r[2:5], float) for r in rows}
    steps = sum(np.linalg.norm(at[r[0]] - at[r[6]]) for r in rows if r[6] != "-1")
    assert cell.length == pytest.approx(steps, rel=1e-12)  # every stem touches an end of the soma, so nothing is left out


def test_unknown_convention():
    with pytest.raises(MorphologyError, match="did you mean 'points'"):
        parse_swc("1 1 0 0 0 5 -1\n", soma="point")
