"""The order in which components of a graph run: strongly connected ones together, each after what it depends on."""

from __future__ import annotations

from neuropil.learn.native.order import components


def test_components_come_after_what_they_depend_on():
    """0 → 1 ⇄ 2 → 3, and 4 → 4 → 0: written down by hand."""
    found = components(5, [(0, 1), (1, 2), (2, 1), (2, 3), (4, 4), (4, 0)])
    assert found == [[4], [0], [1, 2], [3]]
    assert components(2, []) == [[0], [1]]
