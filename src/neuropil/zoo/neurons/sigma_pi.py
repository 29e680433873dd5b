"""Sigma-pi units: what reaches the soma is a weighted sum of products of inputs.

    net = Σ_j w_j Π_i x_ij,      tau dx/dt = -x,   an event of weight w adds w to x

Rumelhart, Hinton & McClelland (1986), in Parallel Distributed Processing vol. 1, ch. 2: "sigma pi units", whose inputs gate
one another: where one factor is zero, the others of its conjunct do nothing. Here a conjunct is a branch, its factors are
synaptic traces that arrive at the ports "branch.x1", "branch.x2", …, and its product flows into the soma: an integrate-
and-fire neuron, or a unit with a graded state, for which net is dimensionless.

tau = 10 ms is a choice: events within it count as together. Must show: net equals the sum of products; a factor that gets no events
sets the product of its own branch alone to zero.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from neuropil.errors import ModelError
from neuropil.model import Branch, Branched, Neuron, Port, State
from neuropil.units import DIMENSIONLESS, Current, Dimension, Quantity, Time, ms, pA
from neuropil.zoo.neurons.lif import LIFExp


class _Conjunct(Branch):
    """A product of traces times a weight; the states are its factors."""

    tau: Time = 10 * ms
    weight: Current = 100 * pA

    def derivative(self, s, x):
        return {name: -getattr(s, name) / self.tau for name in self.spec.states}

    def receive(self, s, w):
        return {name: getattr(w, name.replace("trace", "x")) for name in self.spec.states}

    def output(self, s, x):
        product = self.weight
        for name in self.spec.states:
            product = product * getattr(s, name)
        return product


@cache
def conjunct(order: int = 2, unit: Dimension = pA.dimension) -> type[Branch]:
    """The class of branches with so many factors, whose products are in a unit.

    Args:
        order: number of factors, 1 to 16.

    Raises:
        ModelError: another order.
    """
    if isinstance(order, bool) or not isinstance(order, int) or not 1 <= order <= 16:
        raise ModelError("a conjunct must have from 1 to 16 factors", got=order)
    given: Any = 1.0 if unit == DIMENSIONLESS else Quantity(1.0, unit)
    body: dict[str, Any] = {"__module__": __name__, "__doc__": _Conjunct.__doc__, "__annotations__": {"weight": Annotated[Any, unit]}}
    body |= {"gives": given, "weight": 100.0 * given}
    for i in range(1, order + 1):
        body |= {f"trace{i}": State(0.0), f"x{i}": Port(1.0)}
    return type(f"Conjunct{order}", (_Conjunct,), body | {"made_by": (conjunct, (order, unit))})


conjunct.makes_classes = True  # type: ignore[attr-defined]  # a saved network calls it again


class SigmaPi(Branched):
    """A sigma-pi unit.

    Args:
        terms: number of conjuncts.
        order: factors of each.
        soma: any neuron; a leaky integrate-and-fire neuron, if None.
        into: its input that gets net.
        parameters: "weight", w_j: one value for all, or an array with one per conjunct, in the unit of the soma's input;
            "tau".
    """

    def __init__(self, terms: int = 10, order: int = 2, soma: Neuron | None = None, into: str = "current", **parameters: Any):
        soma = LIFExp() if soma is None else soma
        unit = soma.spec.inputs.get(into, pA.dimension)
        super().__init__(soma, conjunct(order, unit)(), terms, into=into, **parameters)
