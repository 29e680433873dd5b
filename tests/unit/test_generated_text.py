"""The text of kernels: which operations it can say, and that no name of a description stands in it.

Why to believe it: every primitive's text is evaluated as Python and compared with what the table of primitives computes; models that
differ in every name, chosen so that their alphabetical order is the reverse, must give the same text to the last character.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import pytest
from scipy import special

from neuropil import (
    Cell,
    Channel,
    FixedCount,
    FixedProbability,
    Morphology,
    Network,
    Neuron,
    Poisson,
    Port,
    State,
    Step,
    Synapse,
    Uniform,
)
from neuropil.codegen import elementwise
from neuropil.codegen.cable_source import emit_cable
from neuropil.codegen.clock_driven_source import emit_arrival, emit_response, emit_step
from neuropil.codegen.event_driven_source import emit_event_driven
from neuropil.codegen.kernel import legend, source_of
from neuropil.codegen.target_record_source import emit_target_records
from neuropil.lower.coupled import LARGEST_GROUP
from neuropil.lower.primitives import PRIMITIVES
from neuropil.lower.target_records import records_of_program
from neuropil.maths import exp
from neuropil.model import STEADY, Input, PointProcess
from neuropil.plan import make_plan
from neuropil.units import ConductanceDensity, Hz, Time, Voltage, cm, mS, ms, mV, nS

# --- primitives --------------------------------------------------------------------------------------------------------

SPACE: dict[str, Any] = {
    **{n: getattr(np, n) for n in ("exp", "exp2", "expm1", "log", "log1p", "tanh", "sin", "cos", "sqrt", "floor", "ceil", "isfinite")},
    "pow": np.power, "logistic": special.expit, "number": float, "abs": abs, "max": max, "min": min,
    **{f"flow{n}": PRIMITIVES[f"flow{n}"].evaluate for n in range(2, LARGEST_GROUP + 1)},
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n in PRIMITIVES if not n.startswith(("item", "flow"))])
def test_the_text_of_a_primitive_computes_what_the_table_says(name):
    few = {"select": (True, 0.75, 1.5), "not": (True,), "and": (True, False), "or": (True, False), "to_float": (True,)}
    arguments = few.get(name) or next(a for a in ((0.75, 1.5), (0.75,)) if not isinstance(PRIMITIVES[name].evaluate, np.ufunc) or PRIMITIVES[name].evaluate.nin == len(a))
    if name == "logistic":
        arguments = (0.75,)
    found = eval(elementwise.operation(name, *map(repr, arguments)), {}, SPACE)
    assert found == pytest.approx(PRIMITIVES[name].evaluate(*arguments), rel=1e-15)


@pytest.mark.parametrize("n", [2, 3, LARGEST_GROUP])
def test_the_flow_of_coupled_states_and_its_parts(n):
    values = [0.01 * (k % 7) for k in range(n * n + n)]
    whole = PRIMITIVES[f"flow{n}"].evaluate(*values)
    assert np.array_equal(eval(elementwise.operation(f"flow{n}", *map(repr, values)), {}, SPACE), whole)
    for k in (0, n - 1):
        assert eval(elementwise.operation(f"item{k}", "whole"), {}, {**SPACE, "whole": whole}) == PRIMITIVES[f"item{k}"].evaluate(whole)


def test_no_other_operation_has_a_text():
    with pytest.raises(KeyError):
        elementwise.operation("arctan", "x")


# --- names -------------------------------------------------------------------------------------------------------------


class Ampere(Neuron):
    """A conductance-based neuron that adapts and fires by chance."""

    a_tau: Time = 10 * ms
    b_tau: Time = Uniform(90 * ms, 110 * ms)
    c_rest: Voltage = -70 * mV
    d_wait: Time = 2 * ms
    refractory = "d_wait"
    clamps = ("a_v",)
    a_v = State(-70 * mV)
    b_g = State(0.0)
    c_w = State(0 * mV)
    a_current = Input(mV)
    b_other = Input(mV)
    a_exc = Port(1.0)
    b_inh = Port(1.0)

    def derivative(self, s, x):
        flow = (self.c_rest - s.a_v) * (1.0 + s.b_g) + x.a_current + 2.0 * x.b_other - s.c_w
        return {"a_v": flow / self.a_tau, "b_g": -s.b_g / self.b_tau, "c_w": (s.a_v - self.c_rest - s.c_w * exp(s.a_v / (20 * mV))) / self.b_tau}

    def receive(self, s, w):
        return {"b_g": w.a_exc - w.b_inh}

    def hazard(self, s):
        return exp((s.a_v + 50 * mV) / (5 * mV)) / self.a_tau

    def reset(self, s):
        return {"a_v": self.c_rest, "c_w": s.c_w + 2 * mV}


class AlphaRule(Synapse):
    """Pair-based plasticity with a decaying state of its own."""

    a_pre: Time = 20 * ms
    b_post: Time = 30 * ms
    c_own: Time = 50 * ms
    a_trace = State(0.0)
    b_trace = State(0.0)
    c_weight = State(0.5)
    d_slow = State(0.0)

    def derivative(self, s, x):
        return {"a_trace": -s.a_trace / self.a_pre, "b_trace": -s.b_trace / self.b_post, "d_slow": -s.d_slow / self.c_own}

    def arrive(self, s, w):
        return {"a_trace": s.a_trace + 1.0, "c_weight": s.c_weight - 0.1 * s.b_trace * s.c_weight, "d_slow": s.d_slow + s.c_weight}

    def respond(self, s, w):
        return {"b_trace": s.b_trace + 1.0, "c_weight": s.c_weight + 0.1 * s.a_trace}

    def transmits(self, s, w):
        return w * (s.c_weight + s.d_slow)


class AlphaPair(Synapse):
    """Pair-based plasticity without a decaying state of each synapse: on target records."""

    a_pre: Time = 20 * ms
    b_post: Time = 30 * ms
    a_trace = State(0.0)
    b_trace = State(0.0)
    c_weight = State(0.5)

    def derivative(self, s, x):
        return {"a_trace": -s.a_trace / self.a_pre, "b_trace": -s.b_trace / self.b_post}

    def arrive(self, s, w):
        return {"a_trace": s.a_trace + 1.0, "c_weight": s.c_weight - 0.1 * s.b_trace * s.c_weight}

    def respond(self, s, w):
        return {"b_trace": s.b_trace + 1.0, "c_weight": s.c_weight + 0.1 * s.a_trace}

    def transmits(self, s, w):
        return w * s.c_weight


class AGate(Channel):
    """Two gates."""

    a_g: ConductanceDensity = 0.2 * mS / cm**2
    b_e: Voltage = -45 * mV
    v = Input(mV)
    a_m = State(STEADY)
    b_h = State(STEADY)

    def current(self, s, x):
        return self.a_g * s.a_m * s.b_h * (x.v - self.b_e)

    def derivative(self, s, x):
        return {"a_m": (exp(x.v / (30 * mV)) * (1 - s.a_m) - s.a_m) / ms, "b_h": (1 - s.b_h - exp(x.v / (25 * mV)) * s.b_h) / ms}


class ASite(PointProcess):
    """A conductance that jumps and decays."""

    a_tau: Time = 2 * ms
    v = Input(mV)
    a_g = State(0 * nS)
    a_exc = Port(nS)

    def current(self, s, x):
        return s.a_g * x.v

    def derivative(self, s, x):
        return {"a_g": -s.a_g / self.a_tau}

    def receive(self, s, w):
        return {"a_g": w.a_exc}


def renamed(model: type) -> Any:
    """The same model with other values, and all names in reverse: a_tau is z_tau, b_tau is y_tau."""
    text = re.sub(r"\b([a-d])_(?=\w)", lambda found: "zyxw"["abcd".index(found[1])] + "_", inspect.getsource(model))
    text = re.sub(r"(?<=: )(\w+ = (?:Uniform\()?-?)(\d+)", lambda found: f"{found[1]}{int(found[2]) + 1}", text).replace(model.__name__, "Zebra")
    made: dict[str, Any] = {}
    exec(text, globals(), made)
    return made["Zebra"]


def described(model: Any, rules: Any, gate: Any, site: Any, names: str, size: int) -> Network:
    inputs, ports, rule_of = list(model.spec.inputs), list(model.spec.ports), FixedProbability(1.0 / size)
    net = Network(names)
    pop = net.population(f"{names}_points", model(), size)
    net.stimulate(pop, Poisson(900 * Hz), port=ports[0], weight=0.1, name=names)
    net.stimulate(pop, Step(3 * mV), input=inputs[0])
    net.project(pop, pop, rule_of, weight=-0.1, delay=1 * ms, port=ports[1])
    for clocked in (False, True):
        net.project(pop, pop, rule_of, weight=0.1, delay=1 * ms, port=ports[0], synapse=rules[0](), clock_driven=clocked)
    net.project(pop, pop, rule_of, weight=0.1, delay=1 * ms, port=ports[0], synapse=rules[1]())
    cell = Cell(Morphology.ball_and_stick(), discretisation=FixedCount(2 + size % 2)).paint("all", gate()).place(f"{names}_site", site(), "soma(0.5)")
    cells = net.population(f"{names}_cells", cell, size)
    net.project(pop, cells, rule_of, weight=1 * nS, delay=1 * ms, port=f"{names}_site.{next(iter(site.spec.ports))}")
    return net


def texts(plan: Any) -> dict[str, str]:
    """Every generated text of a plan, by what it is."""
    found = {"neurons": source_of(plan.groups[0])}
    found["cells"] = emit_cable(next(iter(plan.cells.values())))
    waiting, clocked, pair = plan.synapses.values()
    none: frozenset[int] = frozenset()
    found["event-driven"] = emit_event_driven(waiting, "float32", none).source
    records = records_of_program(pair)
    assert isinstance(records_of_program(waiting), str) and not isinstance(records, str)
    found["on target records"] = emit_target_records(pair, records, "float64", none).source
    for emit in (emit_arrival, emit_response, emit_step):
        found[emit.__name__] = emit(clocked, "float32", none).source
    return found


def test_names_sizes_and_values_are_in_no_text():
    first = texts(make_plan(described(Ampere, (AlphaRule, AlphaPair), AGate, ASite, "apple", 5)))
    second = texts(make_plan(described(renamed(Ampere), (renamed(AlphaRule), renamed(AlphaPair)), renamed(AGate), renamed(ASite), "zoo", 8)))
    for what in first:
        assert first[what] == second[what], what
        for name in ("Ampere", "AlphaRule", "AGate", "AlphaPair", "apple", "a_tau", "a_exc", "b_trace", "a_m"):
            assert name not in first[what], (what, name)


def test_the_legend_says_what_the_names_stand_for():
    (group,) = make_plan(described(Ampere, (AlphaRule, AlphaPair), AGate, ASite, "apple", 5)).groups
    said, source = legend(group), source_of(group)
    assert said["s0"] == "state a_v" and "exact input b_inh" in said.values() and "from d_wait" not in said.values()
    assert all(name in source for name in said)
