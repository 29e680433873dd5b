"""Builders are found by class and base class, named things by family; what is missing or double is an error that says so."""

from __future__ import annotations

from typing import ClassVar

import pytest

import neuropil as npl
from neuropil import registry


class Shape:
    """A kind of description."""


class Circle(Shape):
    """One of its subclasses."""


@npl.register(Shape, "oracle")
def build_shape(shape: Shape) -> str:
    return "a shape"


def test_a_subclass_has_the_builder_of_its_nearest_base() -> None:
    assert registry.builder_of(Circle(), "oracle") is build_shape

    @npl.register(Circle, "oracle")
    def build_circle(circle: Circle) -> str:
        return "a circle"

    assert registry.builder_of(Circle(), "oracle") is build_circle
    assert registry.builder_of(Shape(), "oracle") is build_shape


def test_what_is_missing_double_or_misplaced_is_refused() -> None:
    with pytest.raises(npl.ModelError, match="Shape has no builder for the engine"):
        registry.builder_of(Shape(), "engine")
    with pytest.raises(npl.ModelError, match="registered already"):
        npl.register(Shape, "oracle")(lambda shape: "another")
    with pytest.raises(npl.ModelError, match="needs an executor"):
        npl.register(Shape, "gpu")
    with pytest.raises(npl.ModelError, match="only a class"):
        npl.register("Shape", "engine")  # type: ignore[call-overload]


class Colour(registry.Named):
    """A family of named things."""

    family: ClassVar[str] = "colour"

    def __init__(self, name: str):
        self.name = name


class Light(Colour):
    """A subclass belongs to the same family."""


def test_named_things_are_found_in_their_family() -> None:
    red, pale = npl.register(Colour("red")), npl.register(Light("pale"))
    assert registry.named(Colour, "red") is red and registry.named(Colour, "pale") is pale
    assert registry.names(Colour) == ("red", "pale")
    with pytest.raises(npl.ModelError, match="there is no colour 'rad'") as caught:
        registry.named(Colour, "rad")
    assert "red" in str(caught.value)
    with pytest.raises(npl.ModelError, match="registered already"):
        npl.register(Colour("red"))
    with pytest.raises(npl.ModelError, match="all executors"):
        npl.register(Colour("blue"), "engine")  # type: ignore[call-overload]


def test_a_definition_that_runs_again_replaces_itself() -> None:
    """A cell of a notebook makes its class anew; the object of that class takes the place of the earlier one."""

    def cell() -> Colour:
        class Shade(Colour):
            """Defined in a cell."""

        return npl.register(Shade("shade"))

    first, second = cell(), cell()
    assert first is not second and registry.named(Colour, "shade") is second
