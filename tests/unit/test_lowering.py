"""Lowering: what is traced, how it is simplified, what it refuses, what it explains."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from neuropil.codegen.kernel import write
from neuropil.errors import ModelError, PrimitiveError, UnitError
from neuropil.lower.graph import Graph
from neuropil.lower.integrate import StepFunction
from neuropil.lower.neuron_program import NeuronProgram, Variant, check
from neuropil.lower.trace import TracedNeuron
from neuropil.maths import exp, where
from neuropil.model import Network, Neuron, Poisson, Port, State
from neuropil.plan.plan import make_plan
from neuropil.plan.signature import Signature, Varying
from neuropil.units import Hz, Time, Voltage, ms, mV, pA
from neuropil.view.explain import explain
from neuropil.zoo.neurons.lif import LIFExp


class Leaky(Neuron):
    """A base to break."""

    tau: Time = 10 * ms
    theta: Voltage = 5 * mV
    v = State(0 * mV)
    syn = Port(mV)

    def derivative(self, s, x):  # type: ignore[no-untyped-def]
        return {"v": -s.v / self.tau}

    def receive(self, s, w):  # type: ignore[no-untyped-def]
        return {"v": w.syn}


def lowered(model: type[Neuron]) -> NeuronProgram:
    return NeuronProgram.of(StepFunction.of(TracedNeuron(model())), Variant(wired=("syn",)))


def test_wrong_unit_names_model_equation_and_both_units() -> None:
    class BadSum(Leaky):
        def derivative(self, s, x):  # type: ignore[no-untyped-def]
            return {"v": -s.v / self.tau + self.theta}

    with pytest.raises(UnitError, match=r"BadSum.derivative\(\).*cannot add") as caught:
        lowered(BadSum)
    assert "mV/ms" in str(caught.value) and "mV" in str(caught.value)

    class BadRate(Leaky):
        def derivative(self, s, x):  # type: ignore[no-untyped-def]
            return {"v": -s.v}

    with pytest.raises(UnitError, match="equation for dv/dt has the wrong unit") as caught:
        lowered(BadRate)
    assert caught.value.got == "mV" and caught.value.expected == "mV/ms"


def test_branching_on_a_value_is_a_lesson() -> None:
    class Branches(Leaky):
        def derivative(self, s, x):  # type: ignore[no-untyped-def]
            return {"v": -s.v / self.tau if s.v > 0 * mV else 0 * mV / ms}

    with pytest.raises(ModelError, match="branches on a value") as caught:
        lowered(Branches)
    assert "where" in str(caught.value.fix)


def test_a_missing_primitive_says_what_to_write_instead() -> None:
    class Loops(Leaky):
        def derivative(self, s, x):  # type: ignore[no-untyped-def]
            return {"v": jax.lax.fori_loop(0, 3, lambda i, v: 0.5 * v, (s.v / mV).value) * mV / self.tau}

    with pytest.raises((PrimitiveError, ModelError), match="Loops"):
        lowered(Loops)

    class Inverse(Leaky):
        def derivative(self, s, x):  # type: ignore[no-untyped-def]
            return {"v": jax.scipy.special.erf((s.v / mV).value) * mV / self.tau}

    with pytest.raises(PrimitiveError, match="erf") as caught:
        lowered(Inverse)
    assert "tanh" in str(caught.value.fix)


def test_unknown_names_in_equations() -> None:
    class Typo(Leaky):
        def derivative(self, s, x):  # type: ignore[no-untyped-def]
            return {"v": -s.u / self.tau}

    with pytest.raises(ModelError, match="no state 'u'"):
        lowered(Typo)

    class Stray(Leaky):
        def derivative(self, s, x):  # type: ignore[no-untyped-def]
            return {"u": -s.v / self.tau}

    with pytest.raises(ModelError, match="unknown state 'u'"):
        lowered(Stray)


def test_static_parts_leave_the_loop() -> None:
    """Whatever depends on parameters alone is a constant of the kernel, and values never enter its source."""

    class Heavy(Leaky):
        def derivative(self, s, x):  # type: ignore[no-untyped-def]
            rate = exp(self.theta / (2 * mV)) / self.tau
            return {"v": -s.v * s.v / mV * rate}

    program = lowered(Heavy)
    check(program)
    source = write(program, Signature.of(program, Varying()), "float32")
    assert "exp(" not in source
    again = lowered(Heavy)
    assert write(again, Signature.of(again, Varying()), "float32") == source


def test_unused_ports_and_refractoriness_cost_nothing() -> None:
    step = StepFunction.of(TracedNeuron(Leaky()))
    silent = NeuronProgram.of(step, Variant())
    assert silent.graph.leaves(*silent.roots) == {"p.P_v_v", "s.v"}
    assert not silent.can_fire and not silent.refractory and silent.flops == 1


def test_graph_identities() -> None:
    g = Graph()
    x, y, zero, one = g.leaf("x"), g.leaf("y"), g.const(0.0), g.const(1.0)
    assert g.add("add", x, zero) == x and g.add("mul", one, x) == x
    assert g.literal(g.add("mul", x, zero)) == 0.0
    assert g.add("add", x, y) == g.add("add", y, x)
    assert g.add("sub", x, y) != g.add("sub", y, x)
    assert g.add("select", g.const(True), x, y) == x
    assert g.const(-0.0) == zero
    p = g.leaf("p", static=True)
    quotient = g.nodes[g.add("div", x, p)]
    assert quotient.op == "mul" and any(g.nodes[a].static for a in quotient.args)


def test_graph_evaluates_like_numpy() -> None:
    g = Graph()
    x = g.leaf("x")
    root = g.add("select", g.add("gt", x, g.const(0.0)), g.add("exp", x), g.add("neg", x))
    (values,) = g.evaluate([root], {"x": np.array([-2.0, 0.0, 1.0])})
    assert np.array_equal(values, [2.0, 0.0, np.e])


def test_populations_with_one_kernel_form_one_group() -> None:
    net = Network("merge")
    a = net.population("a", LIFExp(), 3)
    b = net.population("b", LIFExp(tau_m=20 * ms), 4)
    c = net.population("c", LIFExp(tau_m=np.array([5.0, 6.0]) * ms), 2)
    for pop in (a, b, c):
        net.stimulate(pop, Poisson(100 * Hz), port="exc", weight=1 * pA)
    plan = make_plan(net)
    assert [[m.population.name for m in g.members] for g in plan.groups] == [["a", "b"], ["c"]]
    assert plan.groups[0].members[0].numbers.tolist() != plan.groups[0].members[1].numbers.tolist()


def test_explain_says_what_a_scientist_asks() -> None:
    net = Network("told")
    net.population("a", LIFExp(), 3)
    text = explain(net)
    for part in ("exact: linear", "FLOPs", "bytes", "source: ", "Rotter & Diesmann"):
        assert part in text


class Kinked(Neuron):
    """Piecewise equations are stepped, not solved exactly."""

    v = State(0.0)

    def derivative(self, s, x):  # type: ignore[no-untyped-def]
        return {"v": where(s.v > 0.0, -s.v, -2.0 * s.v) / (1 * ms)}


def test_a_kink_is_not_linear() -> None:
    assert StepFunction.of(TracedNeuron(Kinked())).scheme.stepped == ("v",)
