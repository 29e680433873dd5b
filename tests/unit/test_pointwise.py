"""Functions generated from graphs of parameters, and compiled propagators: the bits of NumPy, whose evaluation is the reference."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from neuropil.codegen.cache import load
from neuropil.codegen.elementwise import module_head
from neuropil.codegen.pointwise import Pointwise, scalar_function
from neuropil.codegen.propagator_source import exponential_text
from neuropil.engine.effects.propagator import Propagation
from neuropil.lower.graph import Graph, absorb
from neuropil.lower.integrate import StepFunction
from neuropil.lower.propagator import propagators
from neuropil.lower.trace import TracedNeuron, scalar_jaxpr
from neuropil.zoo.neurons.lif import LIFAlpha, LIFExp


def graph_of(function, *names):
    graph = Graph()
    closed = scalar_jaxpr(function, *names)
    return graph, absorb(graph, closed, [graph.leaf(n, static=True) for n in names], "here")


def law(a, b):
    return jnp.where(a > b, jnp.exp(-a) * a / b, jnp.minimum(a, 3.0) ** 2.5), jnp.sqrt(a) - jnp.floor(b), jnp.isfinite(a / b)


@pytest.mark.parametrize("values", [(0.7, 0.3), (0.2, 1.9), (4.0, 4.5)])
def test_one_value_has_numpys_bits(values) -> None:
    graph, roots = graph_of(law, "a", "b")
    assert scalar_function("law", graph, roots, ["a", "b"])(*values) == tuple(graph.evaluate(roots, dict(zip("ab", values, strict=True))))


def test_what_python_refuses_is_left_to_numpy() -> None:
    graph, roots = graph_of(lambda a, b: (a / b, jnp.sqrt(a), a / b < 1.0), "a", "b")
    quotient, root, small = scalar_function("law", graph, roots, ["a", "b"])(-1.0, 0.0)
    assert quotient == -np.inf and np.isnan(root) and small is True


def test_many_values_and_gathered_ones() -> None:
    """A loop: changes are noticed, and checks that fail for one element."""
    graph, (value, good) = graph_of(lambda a, b, c: (a * b + c, a * b + c < 9.0), "a", "b", "c")
    draw = np.random.default_rng(1)
    a, field, at = draw.uniform(0, 2, 1000), draw.uniform(0, 1, 50), draw.integers(0, 50, 1000)
    made = Pointwise("sum", graph, [value], checks=[good], arrays={"a"}, gathered={"c"}, size=1000)
    known = {"a": a, "b": 1.5, "c": (field, at)}
    assert made(known) == (True, [0])
    np.testing.assert_array_equal(made.values[0], a * 1.5 + field[at])
    assert made(known) == (True, []), "nothing changed"
    field[at[7]] = 20.0
    assert made(known) == (False, [0])


@pytest.mark.parametrize("model", [LIFExp, LIFAlpha])
def test_compiled_propagators_have_the_bits_of_those_of_a_plan(model) -> None:
    """A value for all, whose bits are those of a plan; one for each, where products take the place of quotients; and steps that need squaring."""
    neuron = model()
    step = StepFunction.of(TracedNeuron(neuron))
    given = {n: float(getattr(neuron, n).value) for n in neuron.spec.parameters}
    for taus in (np.array([12.5]), np.random.default_rng(1).uniform(5.0, 20.0, 300)):
        for dt in (0.1, 8.0):
            bad, made = exponentials(step, {**given, "tau_m": taus}, dt)
            assert not bad
            for k in range(0, taus.size, 37):
                want = propagators(step.scheme, {**given, "tau_m": float(taus[k])}, tuple(step.traced.spec.inputs), dt, step.prefixes)
                assert {n.removeprefix("p.") for n in made} == want.keys()
                for name, value in want.items():
                    np.testing.assert_allclose(made[f"p.{name}"][k], value, rtol=0 if taus.size == 1 else 1e-14, err_msg=name)
    assert exponentials(step, {**given, "tau_m": np.array([0.0])}, 0.1)[0]


CALLED = "\n@cached_njit(**KERNEL_FLAGS)\ndef called(matrix, made, spans):\n    return exponentials(matrix, made, spans)\n"


def exponentials(step, parameters, dt):
    """Whether a coefficient is infinite, and the entries of the propagators by their leaves, for parameters of several elements."""
    made = Propagation.of(step, dt)
    graph, nodes = made.coefficients
    n = parameters["tau_m"].size
    matrix, powers = np.zeros((len(made.pattern.positions), n)), np.zeros((made.spans.size, len(made.pattern.positions), n))
    for at, value in zip(made.positions, graph.evaluate(nodes, {f"p.{name}": v for name, v in parameters.items()}), strict=True):
        matrix[at] = value
    head = module_head("Exponentials of matrices.", "float64", [], "from neuropil.engine.effects.propagator import halved")
    text = "\n".join([*head, *exponential_text("exponentials", made.pattern, made.held, exact=n == 1), CALLED])
    return load("exponentials", text).called(matrix, powers, made.spans), {leaf: powers[kind, position] for leaf, kind, position in made.entries}
