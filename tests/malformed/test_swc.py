"""Malformed SWC files are refused with the file and the line; nothing else ever escapes from the reader."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from morphologies import parse_swc
from neuropil import DLambda, Morphology, MorphologyError, NeuropilError, discretise
from neuropil.units import Ohm, cm, mV, uF, um

GOOD = (
    "# a small cell\n"
    "1 1 0 0 0 5 -1\n"
    "2 3 0 6 0 1 1\n"
    "3 3 0 16 0 1 2\n"
    "4 3 5 20 0 0.5 3\n"
    "5 3 -5 20 0 0.5 3\n"
    "6 4 0 -6 0 1 1\n"
    "7 4 0 -30 0 0.8 6\n"
    "8 2 8 0 0 0.3 1\n"
    "9 2 30 0 0 0.3 8\n"
)

CASES = {
    "six columns": ("3 3 0 16 0 1", 4, "not seven columns"),
    "eight columns": ("3 3 0 16 0 1 2 2", 4, "not seven columns"),
    "commas": ("3,3,0,16,0,1,2", 4, "not seven columns"),
    "a word": ("3 3 0 high 0 1 2", 4, "y is not a number"),
    "NaN": ("3 3 0 nan 0 1 2", 4, "y is out of range"),
    "infinity": ("3 3 0 0 inf 1 2", 4, "z is out of range"),
    "absurd": ("3 3 1e300 0 0 1 2", 4, "x is out of range"),
    "NaN radius": ("3 3 0 16 0 nan 2", 4, "radius is out of range"),
    "negative radius": ("3 3 0 16 0 -1 2", 4, "negative radius"),
    "radius zero": ("3 3 0 16 0 0.0 2", 4, "radius of zero"),
    "thinner than a membrane": ("3 3 0 16 0 1e-7 2", 4, "thinner"),
    "half an id": ("3.5 3 0 16 0 1 2", 4, "id is not a whole number"),
    "half a type": ("3 3.5 0 16 0 1 2", 4, "type is not a whole number"),
    "missing parent": ("3 3 0 16 0 1 77", 4, "parent 77 does not exist"),
    "a second root": ("3 3 0 16 0 1 -1", 4, "a second root"),
    "its own parent": ("3 3 0 16 0 1 3", 4, "its own ancestor"),
    "a cycle": ("3 3 0 16 0 1 5", None, "its own ancestor"),
    "an id twice": ("2 3 0 16 0 1 2", 4, "a second point 2"),
}


def with_third(line: str) -> str:
    return GOOD.replace("3 3 0 16 0 1 2", line)


@pytest.mark.parametrize("case", CASES)
def test_each_slip_is_named_with_its_line(case, tmp_path):
    line, number, says = CASES[case]
    path = tmp_path / "cell.swc"
    path.write_text(with_third(line))
    with pytest.raises(MorphologyError) as caught:
        Morphology.from_swc(path)
    message = str(caught.value)
    assert says in message and str(path) in message
    assert f"line {number}:" in message if number else re.search(r"line [46]:", message)


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (b"", 1, "no points"),
        (b"# only a comment\n\n", 1, "no points"),
        (b"1 1 0 0 0 5 -1\n2 3 \x00\x01\x02\n", 2, "not a text file"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", 3, "not a text file"),
        (GOOD.encode("utf-16"), 1, "not a text file"),
        (b"1 1 0 0 0 5 2\n2 1 1 0 0 5 1\n", 1, "no root"),
        (b"1 3 0 0 0 5 -1\n", 1, "a single point"),
        (b"1 3 0 0 0 1 -1\n2 3 0 0 0 1 1\n", 1, "no length"),
        (b"\xff\xfe\xfd\n", 1, "not seven columns"),
    ],
)
def test_files_that_are_no_cell(content, line, says, tmp_path):
    path = tmp_path / "cell.swc"
    path.write_bytes(content)
    with pytest.raises(MorphologyError, match=f"line {line}: .*{says}"):
        Morphology.from_swc(path)


def test_a_file_that_is_not_there(tmp_path):
    for path in (tmp_path / "none.swc", tmp_path):
        with pytest.raises(MorphologyError, match="cannot be read"):
            Morphology.from_swc(path)


def test_default_radius_is_a_length():
    text = with_third("3 3 0 16 0 0 2")
    for value in (0 * um, -1 * um, float("nan") * um, 1 * mV, 0.5):
        with pytest.raises(NeuropilError, match="default_radius"):
            parse_swc(text, default_radius=value)
    assert parse_swc(text, default_radius=1 * um).area == pytest.approx(parse_swc(GOOD).area)


WORDS = st.one_of(
    st.sampled_from(["", "nan", "-inf", "1e999", "1e300", "-1", "0", "0.0", "1e-320", "0x10", "1_0", "#", "٣", "\x00", "\x1c", "\x85", "2.5", "9" * 400]),
    st.integers(-3, 12).map(str),
    st.floats().map(repr),
    st.text(max_size=4),
)


@settings(deadline=None, max_examples=400)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 6), WORDS), min_size=1, max_size=4))
@example([(1, 5, "0")])
@example([(1, 2, "2.4e6"), (1, 5, "2.4e6"), (2, 3, "-2.4e6")])
@example([(2, 5, "1e7")])
def test_mutated_words_give_a_cell_or_an_error_with_a_line(changes):
    lines = [line.split(" ") for line in GOOD.split("\n")]
    for row, column, word in changes:
        lines[row][min(column, len(lines[row]) - 1)] = word
    read_and_divide("\n".join(" ".join(words) for words in lines))


@settings(deadline=None, max_examples=150)
@given(st.permutations(GOOD.split("\n")), st.integers(0, 10), st.sampled_from(["cut", "twice", "half"]))
def test_lines_shuffled_cut_and_repeated(lines, which, how):
    lines = list(lines)
    which %= len(lines)
    lines[which : which + 1] = {"cut": [], "twice": [lines[which]] * 2, "half": [lines[which][: len(lines[which]) // 2]]}[how]
    read_and_divide("\n".join(lines))


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=200))
def test_any_bytes_at_all(content):
    read_and_divide(content)


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_any_tree_of_points_makes_a_cell(data):
    """Types, forks and coincident points at will: the reader finds sections whose length is that of the points, or less."""
    n = data.draw(st.integers(1, 14))
    coordinate = st.integers(-2, 2)
    lines = []
    for i in range(n):
        x, y, z = (data.draw(coordinate) for _ in range(3))
        parent = data.draw(st.integers(1, i)) if i else -1
        lines.append(f"{i + 1} {data.draw(st.sampled_from([1, 1, 3, 4]))} {x} {y} {z} {data.draw(st.sampled_from(['0.5', '1', '2']))} {parent}")
    read_and_divide("\n".join(lines))


def read_and_divide(content: bytes | str) -> None:
    try:
        cell = parse_swc(content, "cell.swc")
    except MorphologyError as error:
        assert re.match(r"cell\.swc, line \d+: ", str(error)), error
        return
    c = discretise(cell, DLambda(), 100 * Ohm * cm, 1 * uF / cm**2)
    assert c.area.sum() == pytest.approx(cell.area, rel=1e-6)
    assert (c.resistance[1:] > 0).all()
