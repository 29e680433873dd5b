"""Neurons with branches: a soma, which is any neuron model, and many small dendrites that compute before it does.

    class Dendrite(Branch):
        v = State(-70 * mV)
        v_soma = Input(mV)
        exc = Port(nS)
        def derivative(self, s, x): ...
        def receive(self, s, w): ...
        def output(self, s, x):
            return self.g_c * (s.v - x.v_soma)        # the current into the soma, pA

    Branched(soma=LIFExp(), branch=Dendrite(), branches=20, into="current", reads={"v_soma": "v"})

In a step from t_k to t_{k+1} branches and soma see each other as they are at t_k: the outputs, added up from the first
branch to the last, flow into the soma's input all along, and so do the soma's states into the inputs that `reads` names.
Events then arrive at t_{k+1}, at branches as at the soma.
"""

from __future__ import annotations

import copy
from typing import Any, ClassVar

import numpy as np

from neuropil.errors import ModelError, UnitError, did_you_mean
from neuropil.model.neuron.composite import Composite, Part
from neuropil.model.neuron.neuron import Neuron
from neuropil.units import DIMENSIONLESS, Dimension, Quantity, pA, unit_name

BRANCH = "branch"
"""The name of the part: its ports are "branch.exc", its states "branch.v"."""


class Branch(Neuron):
    """A model of a branch: a neuron model without spikes, whose `output` flows into the soma.

    Class attributes a branch may set, besides those of a neuron:
        gives: the unit of its output (pA).
    """

    gives: ClassVar[Quantity | float] = pA
    reserved: ClassVar[frozenset[str]] = Neuron.reserved | {"gives"}

    @classmethod
    def check_class(cls) -> None:
        """A branch does not spike."""
        if cls.fires is not Neuron.fires or cls.hazard is not Neuron.hazard or cls.refractory is not None:
            raise ModelError(f"{cls.__name__}: a branch does not spike", fix="leave fires, hazard and refractory to the soma")
        super().check_class()

    @classmethod
    def output_dimension(cls) -> Dimension:
        """Of what it gives to the soma."""
        return cls.gives.dimension if isinstance(cls.gives, Quantity) else DIMENSIONLESS

    def output(self, s: Any, x: Any) -> Any:
        """What flows into the soma during a step, given states and inputs at its beginning.

        Args:
            s: states by name: the branch's own, and the soma's as of the beginning of the step.
            x: inputs by name.

        Returns:
            A quantity in the unit of the soma's input.
        """
        raise NotImplementedError


class Branched(Composite):
    """A soma with branches.

    Args:
        soma: any neuron model with an input.
        branch: the model of a branch.
        branches: how many every neuron has.
        into: the input of the soma into which the branches' outputs flow, added up.
        reads: inputs of the branch -> the states of the soma they are.
        parameters: of the branch that differ between branches: arrays with one value per branch (or one for each branch
            of each neuron, neuron by neuron), and others.

    Raises:
        ModelError: what does not exist or does not fit. UnitError: an output that is no such input, a state likewise.
    """

    coupling: ClassVar[str] = "branched"

    def __init__(
        self, soma: Neuron, branch: Branch, branches: int, *, into: str = "current", reads: dict[str, str] | None = None,
        **parameters: Any,
    ):  # fmt: skip
        if not isinstance(soma, Neuron) or isinstance(soma, Branch):
            raise ModelError("Branched: soma must be a neuron model", got=soma, expected="an instance of a Neuron subclass")
        if not isinstance(branch, Branch):
            raise ModelError("Branched: not a branch model", got=branch, expected="an instance of a Branch subclass")
        if isinstance(branches, bool) or not isinstance(branches, (int, np.integer)) or not 1 <= branches < 2**16:
            raise ModelError("Branched: the number of branches must be a whole number from 1 to 65535", got=branches)
        self.soma, self.branch = soma, branch.with_(**parameters) if parameters else branch
        self.branches, self.into, self.reads = int(branches), into, dict(reads or {})
        self._check()
        self._complete = True

    def _check(self) -> None:
        soma, branch = type(self.soma).__name__, type(self.branch).__name__
        inputs, needs = self.soma.spec.inputs, self.branch.spec.inputs
        if self.into not in inputs:
            raise ModelError(f"Branched: the soma {soma} has no input {self.into!r}", fix=did_you_mean(self.into, inputs))
        if self.branch.output_dimension() != inputs[self.into]:
            raise UnitError(
                f"Branched: the output of {branch} does not fit the input {soma}.{self.into}",
                got=unit_name(self.branch.output_dimension()), expected=unit_name(inputs[self.into]),
            )  # fmt: skip
        for name, state in self.reads.items():
            if name not in needs:
                raise ModelError(f"Branched: {branch} has no input {name!r} to read into", fix=did_you_mean(name, needs))
            if state not in self.soma.spec.states:
                raise ModelError(f"Branched: the soma {soma} has no state {state!r}", fix=did_you_mean(state, self.soma.spec.states))
            if self.soma.spec.state_dimensions[state] != needs[name]:
                raise UnitError(
                    f"Branched: {branch}.{name} reads a state of another unit, {soma}.{state}",
                    got=unit_name(self.soma.spec.state_dimensions[state]), expected=unit_name(needs[name]),
                )  # fmt: skip

    @property
    def parts(self) -> dict[str, Part]:
        """The soma, "", and the branches, "branch"."""
        return {"": Part(self.soma), BRANCH: Part(self.branch, self.branches, tuple(self.reads))}

    def _with(self, changes: dict[str, dict[str, Any]]) -> Branched:
        twin = copy.copy(self)
        vars(twin).update(soma=self.soma.with_(**changes.get("", {})), branch=self.branch.with_(**changes.get(BRANCH, {})))
        return twin

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.soma.changed()}, {self.branches} × {self.branch.changed()})"
