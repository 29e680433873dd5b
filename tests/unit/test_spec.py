"""The order of a step follows from what operations do to buffers; illegal programs are refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neuropil as npl
from neuropil.engine.core import Core
from neuropil.plan import make_plan
from neuropil.plan.buffers import Buffer
from neuropil.plan.operations import Given, Kernel, Operation, Phase
from neuropil.plan.spec import USES, in_order
from neuropil.units import Hz, ms, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP


def operation(label: str, phase: Phase = Phase.NEURONS, **uses: Any) -> Operation:
    return Operation(label, phase, Kernel("module", label), lambda t: (), **uses)


def buffer(name: str) -> Buffer:
    return Buffer(name, np.float64, 1)


def labels(*operations: Operation) -> str:
    return " ".join(op.label for op in in_order(operations))


def test_the_order_follows_from_the_buffers() -> None:
    current, v = buffer("current"), buffer("v")
    neurons = operation("neurons", reads=(current,), updates=(v,))
    probe = operation("probe", observes=(v,))
    branch = operation("branch", reads=(v,), adds=(current,))
    late = operation("late", completes=(v,))
    clear = operation("clear", sets=(current,))
    assert labels(probe, late, neurons, branch, clear) == "clear branch neurons late probe"


def test_who_adds_does_so_as_listed() -> None:
    port = buffer("port")
    neurons, adders = operation("neurons", updates=(port,)), [operation(f"add{j}", adds=(port,)) for j in (3, 1, 2)]
    assert labels(neurons, *adders) == "add3 add1 add2 neurons"


def test_the_step_before_comes_first() -> None:
    assert labels(operation("later"), operation("file", Phase.SPIKES)) == "file later"


def test_illegal_programs_are_refused() -> None:
    a, b = buffer("a"), buffer("b")
    with pytest.raises(npl.PlanError, match="'a' has more than one operation that sets"):
        in_order([operation("one", sets=(a,)), operation("two", sets=(a,))])
    with pytest.raises(npl.PlanError, match="'a' has more than one operation that updates"):
        in_order([operation("one", updates=(a,)), operation("two", updates=(a,))])
    with pytest.raises(npl.PlanError, match="'a' is added to and never emptied"):
        in_order([operation("one", adds=(a,))])
    with pytest.raises(npl.PlanError, match="form a cycle") as caught:
        in_order([operation("one", sets=(a,), reads=(b,)), operation("two", sets=(b,), reads=(a,)), operation("free")])
    assert "one; two" in str(caught.value) and "free" not in str(caught.value)
    for wrong in ({"given": (Given.STEP,)}, {"periods": (2,)}, {"phase": Phase.SPIKES}):
        with pytest.raises(npl.PlanError, match="one: an operation that checks"):
            in_order([operation("one", checks=True, **wrong)])


def test_a_network_keeps_the_order_whatever_is_listed_first() -> None:
    """Every use of every buffer comes in its rank; the operations of a network are shuffled, adders kept in their order."""
    net = npl.Network("n")
    e = net.population("e", LIFExp(), 20)
    net.stimulate(e, npl.Step(100 * pA), input="current")
    net.stimulate(e, npl.Poisson(900 * Hz), port="exc", weight=80 * pA)
    net.project(e, e, npl.FixedProbability(0.2), weight=20 * pA, delay=1 * ms, port="exc")
    net.project(e, e, npl.FixedProbability(0.2), weight=20 * pA, delay=1 * ms, port="exc", synapse=AdditiveSTDP())
    net.probe(e, "v")
    core = Core(make_plan(net), 1)
    usual = core.program.operations
    rank = {}
    for where, op in enumerate(usual):
        if op.phase is not Phase.SPIKES:
            for use in USES:
                for b in getattr(op, use):
                    rank.setdefault(b, []).append((USES.index(use), where))
    assert rank and all(used == sorted(used) for used in rank.values())
    rng = np.random.default_rng(0)
    for _ in range(20):
        shuffled = [usual[j] for j in rng.permutation(len(usual))]
        adders = iter([op for op in usual if op.adds])
        again = in_order([next(adders) if op.adds else op for op in shuffled])
        for op in usual:
            for other in usual:
                related = any(b in getattr(op, u) and b in getattr(other, w) for b in rank for u in USES for w in USES[USES.index(u) + 1 :])
                if related and Phase.SPIKES not in (op.phase, other.phase):
                    assert again.index(op) < again.index(other)
