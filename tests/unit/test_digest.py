"""The digest that compiled code is kept under: it follows whatever a kernel depends on, and nothing else.

The truth is the code itself: texts that differ in one line are compiled from scratch, and their digests compared.
"""

from __future__ import annotations

import itertools
import sys
import types

import pytest

from neuropil.codegen.digest import digest_of
from neuropil.codegen.kernel_cache import cached_njit

TEXT = """
import numpy as np
from numba.extending import intrinsic
from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit, inner_njit
from neuropil.codegen.numerics import exp

SCALE, TABLE = 3.0, (1, 2)

@inner_njit(nogil=True)
def part(x):
    return x + 1.0

def made(step):
    @inner_njit(nogil=True)
    def stepped(x):
        return x + step
    return stepped

stepped = made(2)

@cached_njit(nogil=True)
def kernel(x, y):
    "What it does."
    value = exp(x) * SCALE
    return part(value) + stepped(y) + TABLE[1]
"""
numbers = itertools.count()


def digest(text: str, name: str = "kernel") -> str:
    """Of a kernel in a module with this text."""
    module = types.ModuleType(f"neuropil_generated.digest_{next(numbers)}")
    sys.modules[module.__name__] = module
    try:
        exec(compile(text, module.__name__, "exec"), module.__dict__)
        return digest_of(getattr(module, name))
    finally:
        del sys.modules[module.__name__]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x + 1.0", "x + 1.5"),  # a function that it calls
        ("SCALE, TABLE = 3.0", "SCALE, TABLE = 3.5"),  # a constant
        ("(1, 2)", "(1, 3)"),
        ("made(2)", "made(3)"),  # the closure of a function that it calls
        ("x + step", "x - step"),
        ("exp(x)", "log(x)"),
        ("numerics import exp", "numerics import log as exp"),  # another function of the same name
        ("@cached_njit(nogil=True)", "@cached_njit(**KERNEL_FLAGS)"),  # options
        ("import numpy as np\n", "import numpy as np\nSCALE = 1\n"),
    ],
)
def test_whatever_a_kernel_depends_on_changes_its_digest(old, new):
    text = TEXT.replace(old, new)
    if "log(x)" in new:
        text = text.replace("import exp", "import exp, log")
    changed = text != TEXT and "SCALE = 1" not in new  # a value that is overwritten before anybody reads it is no dependence
    assert (digest(text) != digest(TEXT)) is changed


@pytest.mark.parametrize(
    ("old", "new"),
    [("value", "other"), ("What it does.", "What else."), ("\n@cached", "\n# a remark\n\n@cached"), ("TABLE = 3.0, (1, 2)", "TABLE = 3.0, (1, 2)\nUNUSED = 4")],
)
def test_names_remarks_and_what_is_not_used_do_not(old, new):
    assert old in TEXT and digest(TEXT.replace(old, new)) == digest(TEXT)


def test_a_kernel_that_reads_what_nobody_can_judge_depends_on_all_library_code(monkeypatch):
    text = TEXT.replace("SCALE, TABLE = 3.0, (1, 2)", "SCALE, TABLE = [3.0], (1, 2)").replace("* SCALE", "* SCALE[0]")
    before = digest(text)
    monkeypatch.setattr("neuropil.codegen.digest.library", lambda: "other code")
    assert digest(text) != before and digest(TEXT) == digest(TEXT)


def test_the_text_of_a_module_counts_where_it_runs_at_compile_time(monkeypatch):
    """An intrinsic may read anything in its module, and in those that this imports."""
    before = digest(TEXT)
    from neuropil.codegen import digest as module

    real = module._text
    for changed in ("neuropil.codegen.elementary", "neuropil.codegen.real_ir"):
        monkeypatch.setattr(module, "_text", lambda name, c=changed: ("other" if name == c else real(name)[0], real(name)[1]))
        assert digest(TEXT) != before
    monkeypatch.setattr(module, "_text", lambda name: ("other" if name == "neuropil.engine.core" else real(name)[0], real(name)[1]))
    assert digest(TEXT) == before


def test_kernels_that_do_the_same_share_what_was_compiled():
    def first(x):
        return 2 * x

    def second(y):
        return 2 * y

    assert digest_of(cached_njit()(first)) == digest_of(cached_njit()(second))
