"""The time of the tests is shared out: each folder has its minutes, and together they keep .ci/run within 40 on two cores."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.fixture
def plugin(request):
    """The file of tests/conftest.py, as pytest loaded it."""
    manager = request.config.pluginmanager
    return next(p for p in manager.get_plugins() if getattr(p, "__file__", "") == str(TESTS / "conftest.py"))


def test_each_folder_of_tests_has_a_share_and_they_fit(plugin):
    folders = {path.parent.name for path in TESTS.glob("*/test_*.py")}
    assert set(plugin.SHARES) == folders
    assert sum(plugin.SHARES.values()) <= 2 * 38.5


def test_minutes_are_summed_by_folder(plugin):
    assert plugin.minutes({"tests/unit/a.py::x": 30.0, "tests/unit/b.py::y": 60.0, "tests/fuzz/c.py::z[1]": 6.0, "": 5.0}) == {"fuzz": 0.1, "unit": 1.5}
