"""Files of shapes: one of several trees, other units, what is written is read back as the same cable, Neurolucida through MorphIO."""

from __future__ import annotations

import importlib.util
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morphologies import parse_swc
from neuropil import FixedCount, Morphology, MorphologyError, discretise
from neuropil.model.cell.asc import sections_of
from neuropil.units import mV, um

TWO = "1 1 0 0 0 5 -1\n2 3 0 6 0 1 1\n3 3 0 16 0 1 2\n10 3 90 0 0 1 -1\n11 3 90 50 0 1 10\n12 3 90 80 0 1 11\n"


# --- several trees, other units --------------------------------------------------------------------------------------


def test_the_tree_that_is_meant():
    largest = parse_swc(TWO, tree="largest")
    assert largest.kinds == ("basal",) and largest.length == pytest.approx(80)
    assert "tree 1 of 2 in the file, 3 of 6 points" in largest.notes[0]
    first = parse_swc(TWO, tree=0)
    assert first.kinds == ("soma", "basal") and first.area == pytest.approx(parse_swc("\n".join(TWO.split("\n")[:3])).area)
    assert parse_swc(TWO, tree=1).length == pytest.approx(80)
    with pytest.raises(MorphologyError, match=r'line 4: a second root(.|\n)*2 trees(.|\n)*tree="largest" keeps the largest, tree=0 to 1'):
        parse_swc(TWO)
    for wrong in ("biggest", -1, 1.5, True, None):
        with pytest.raises(MorphologyError, match="tree must say"):
            parse_swc(TWO, tree=wrong)
    with pytest.raises(MorphologyError, match="no tree 2"):
        parse_swc(TWO, tree=2)
    assert parse_swc(TWO.split("10 3")[0], tree="largest").notes == ()


def test_a_parent_that_comes_later_decides_the_tree():
    mixed = "3 3 0 16 0 1 2\n12 3 90 80 0 1 11\n1 1 0 0 0 5 -1\n11 3 90 50 0 1 10\n10 3 90 0 0 1 -1\n2 3 0 6 0 1 1\n"
    assert parse_swc(mixed, tree=1).length == pytest.approx(80) and parse_swc(mixed, tree=0).kinds == ("soma", "basal")


def test_scale():
    plain = parse_swc(TWO, tree=0)
    for scale in (0.008, 0.008 * um):
        small = parse_swc(TWO, tree=0, scale=scale)
        assert small.length == pytest.approx(0.008 * plain.length) and small.area == pytest.approx(0.008**2 * plain.area)
    in_nanometres = "1 1 0 0 0 5e6 -1\n2 3 0 6e7 0 1e3 1\n"
    with pytest.raises(MorphologyError, match=r"out of range(.|\n)*scale="):
        parse_swc(in_nanometres)
    assert parse_swc(in_nanometres, scale=1e-3).length == pytest.approx(1e4 + 6e4, rel=0.5)
    assert parse_swc(TWO.replace("0 16 0 1 2", "0 16 0 0 2"), tree=0, scale=2, default_radius=1 * um)["basal"].points[-1, 3] == 2.0  # in µm
    for wrong in (0, -1, float("nan"), "nm", None, True):
        with pytest.raises(MorphologyError, match="scale"):
            parse_swc(TWO, scale=wrong)
    with pytest.raises(Exception, match="scale"):
        parse_swc(TWO, scale=1 * mV)


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("1,1,0,0,0,5,-1\n", "separate the columns by blanks: 1 1 0 0 0 5 -1"),
        ("1;1;0;0;0;5;-1\n", "separate the columns by blanks"),
        ("id type x y z radius parent\n1 1 0 0 0 5 -1\n", "begin a line of headings with #"),
        ("id,type,x,y,z,r,p,n\n1 1 0 0 0 5 -1\n", "begin a line of headings with #"),
        ("1 1 0 0 0 5 -1 0\n", "keep the first seven columns"),
        ("1 1 0 0 0 5\n", "a column is missing"),
        ("1 1 0 0 0 0,5 -1\n", "write 0.5"),
        ("1 1 0 0 0 nan -1\n", "pass default_radius="),
        ("1 1 0 0 0 -5 -1\n", "pass default_radius="),
        ("1 1 0 0 0 5 0\n2 3 0 9 0 1 1\n", "-1 marks a root"),
        ("1 1 0 0 0 5 1\n", "write -1 as the parent"),
        ("1 1 0 0 0 5 -1\n2 3 0 9 0 1 2\n", "or -1 if it is the root"),
        ("1 1 0 0 0 5 -1\n2 3 0 9 0 1 7\n", "the point is missing"),
        ("1 1 0 0 0 5 -1\n1 1 0 0 0 5 -1\n", "leave one of the two out"),
        ("1 1 0 0 0 5e-6 -1\n", "pass scale="),
        ('("CellBody"\n', "from_asc"),
        ("; V3 text file written for MicroBrightField products.\n", "from_asc"),
        ("<?xml version='1.0'?>\n", "XML"),
        ("create soma\n", "hoc"),
        (b"\xff\xfe1\x00 \x00", "UTF-8"),
        (b"\x1f\x8b\x08\x00", "unpack"),
    ],
)
def test_malformations_are_answered_with_the_remedy(text, fix):
    with pytest.raises(MorphologyError) as caught:
        parse_swc(text)
    assert fix in str(caught.value)


# --- writing -----------------------------------------------------------------------------------------------------------


@st.composite
def files(draw) -> str:
    """SWC files of up to 25 points: a soma of one or several, then branches of any kind."""
    lines, kinds = [], []
    for i in range(draw(st.integers(2, 25))):
        parent = draw(st.integers(0, i - 1)) if i else -1
        kind = 1 if i == 0 else kinds[parent] if draw(st.booleans()) else draw(st.sampled_from([1, 2, 3, 4, 7]))
        kinds.append(kind if i == 0 or kinds[parent] == 1 or kind != 1 else kinds[parent])
        x, y, z = (draw(st.integers(-40, 40)) for _ in range(3))
        lines.append(f"{i + 1} {kinds[i]} {x + i / 100} {y} {z} {draw(st.integers(3, 20)) / 10} {parent + 1 if i else -1}")
    return "\n".join(lines)


@settings(deadline=None, max_examples=150)
@given(files())
def test_what_was_read_is_written_and_read_as_the_same_circuit(tmp_path_factory, text):
    cell = parse_swc(text)
    path = tmp_path_factory.getbasetemp() / "written.swc"
    again = Morphology.from_swc(path, types=cell.to_swc(path))
    assert sorted(again.kinds) == sorted(cell.kinds)
    for kind in cell.kinds:
        for what in ("length", "area"):
            mine, theirs = (sum(getattr(s, what) for s in m.sections if s.kind == kind) for m in (cell, again))
            assert mine == pytest.approx(theirs, rel=1e-9), (kind, what)


def test_a_built_cell_is_written(tmp_path):
    """Ends, insides, kinds of its own, labels, a section away from where it sprouts; by hand what is read."""
    build = Morphology.builder("hand made")
    build.section("soma", kind="soma", length=20 * um, diameter=20 * um)
    build.section("trunk", kind="apical", length=100 * um, diameter=[4 * um, 2 * um], parent="soma", labels=["thick"])
    build.section("tuft", kind="tuft", length=50 * um, diameter=2 * um, parent="trunk")
    build.section("twig", kind="apical", length=30 * um, diameter=1 * um, parent="trunk", at=0.25, direction=(0, 1, 0))
    build.section("far", kind="basal", points=[[500, 0, 0, 1], [500, 40, 0, 1]] * um, parent="soma", at=0.0)
    cell = build.build()
    types = cell.to_swc(tmp_path / "cell.swc")
    assert types == {5: "tuft"}
    again = Morphology.from_swc(tmp_path / "cell.swc", types=types)
    assert [(s.kind, round(s.length, 9)) for s in again.sections] == [("soma", 20), ("apical", 25), ("apical", 75), ("tuft", 50), ("apical", 30), ("basal", 40)]
    ring = np.pi * (1.75**2 - 0.5**2)  # the twig leaves a trunk 3.5 µm thick
    assert again.area == pytest.approx(cell.area + ring, rel=1e-9)
    np.testing.assert_allclose(again["apical[1]"].points[[0, -1]], [[45, 0, 0, 3.5], [120, 0, 0, 2]], atol=1e-9)
    assert discretise(again, FixedCount(1)).at("basal", 0.0) == 0 or again["basal"].parent_at == 0.0
    with pytest.raises(MorphologyError, match="cannot be written"):
        cell.to_swc(tmp_path / "none" / "cell.swc")


# --- Neurolucida ---------------------------------------------------------------------------------------------------------

ASC = """("CellBody" (CellBody)
  ( 10.0 0.0 0.0 0.0) (0.0 10.0 0.0 0.0) (-10.0 0.0 0.0 0.0) (0.0 -10.0 0.0 0.0) )
( (Dendrite) (0.0 10.0 0.0 2.0) (0.0 60.0 0.0 2.0)
  ( (-5.0 70.0 0.0 1.0) (-40.0 100.0 0.0 1.0) | (5.0 70.0 0.0 1.5) (40.0 100.0 0.0 1.0) ) )
( (Axon) (0.0 -10.0 0.0 1.0) (0.0 -110.0 0.0 0.8) )
"""


def part(kind, points, diameters, *children):
    return SimpleNamespace(type=kind, points=points, diameters=diameters, children=list(children))


def test_sections_of_what_morphio_reads():
    """The sphere of 20 µm has the area π 20²; neurites sprout from its middle and begin at their own first points."""
    twig = part(3, [[0, 60, 0], [0, 90, 0]], [1, 1])
    roots = [part(3, [[0, 10, 0], [0, 60, 0]], [2, 2], twig, part(3, [[0, 60, 0]], [1])), part(7, [[0, -10, 0], [0, -110, 0]], [1, 0.8])]
    soma = SimpleNamespace(points=[[10, 0, 0], [0, 10, 0], [-10, 0, 0], [0, -10, 0]], diameters=[0, 0, 0, 0])
    sections, notes = sections_of(SimpleNamespace(soma=soma, root_sections=roots), "x.asc")
    cell = Morphology(sections, "x", notes)
    assert [(s.name, s.parent, s.parent_at) for s in cell.sections] == [("soma", -1, 1.0), ("basal[0]", 0, 0.5), ("basal[1]", 1, 1.0), ("custom7", 0, 0.5)]
    assert cell["soma"].area == pytest.approx(np.pi * 400) and cell["basal[0]"].length == pytest.approx(50)
    assert "outline of 4 points" in notes[0] and "1 sections without length" in notes[1]
    bare = SimpleNamespace(soma=SimpleNamespace(points=[], diameters=[]), root_sections=roots[1:])
    assert sections_of(bare, "x.asc")[0][0].parent == -1
    with pytest.raises(MorphologyError, match=r"x\.asc: no soma that joins the trees\n.*2 trees"):
        sections_of(SimpleNamespace(soma=bare.soma, root_sections=roots), "x.asc")


def test_without_morphio_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "morphio", None)
    with pytest.raises(MorphologyError, match=r"needs MorphIO\n.*pip install neuropil\[asc\]"):
        Morphology.from_asc(tmp_path / "cell.asc")


@pytest.mark.skipif(importlib.util.find_spec("morphio") is None, reason="MorphIO is not installed")
def test_an_asc_file(tmp_path):
    path = tmp_path / "cell.asc"
    path.write_text(ASC)
    cell = Morphology.from_asc(path)
    assert cell.name == "cell" and [s.name for s in cell.sections] == ["soma", "basal[0]", "basal[1]", "basal[2]", "axon"]
    assert cell["axon"].length == pytest.approx(100) and cell["basal[2]"].points[:, 3].tolist() == [1.5, 1.5, 1.0]
    path.write_text("(Dendrite\n")
    with pytest.raises(MorphologyError, match="MorphIO cannot read"):
        Morphology.from_asc(path)
    with pytest.raises(MorphologyError, match="no such file"):
        Morphology.from_asc(tmp_path / "none.asc")
