"""The base class of connection rules: what a rule says of itself.

A rule outside this package is one class:

    @dataclass(frozen=True)
    class Ring(Rule):
        \"\"\"Every neuron to its k successors, each replaced with probability p by any other neuron.\"\"\"

        k: int
        p: float

        def targets(self, source, ends, random):
            near = (source + 1 + np.arange(self.k)) % ends.n_targets
            ...

        def expected_synapses(self, n_source, n_target, recurrent):
            return n_source * self.k

`targets` is all that the engine, the oracle and the rollout need: each draws the same synapses, for the random numbers of a source
depend on the seed, the names of the projection and its populations, and the source alone. A rule that is drawn by compiled code has a
builder for the engine instead (`neuropil.register`), which the rollout uses as well.

Rules are values: frozen dataclasses. The fields `allow_self` (default True: a neuron may project to itself) and `allow_multiple`
(default False: several synapses may join the same two neurons) mean the same in every rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import NetworkError
from neuropil.model.base.ends import Ends
from neuropil.registry import find_builder

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Rule:
    """Base of all connection rules.

    Class attributes a rule may set:
        needs_positions: both populations must have positions (`position_faults` checks them).
        rewires: projections may have a `Rewiring`: new synapses can be drawn one by one (`likelihood` says how).
        compiled: compiled code of this package draws the synapses; `targets` is not needed.
        in_populations: neurons are counted within whole populations, also between views.
    """

    needs_positions: ClassVar[bool] = False
    rewires: ClassVar[bool] = False
    compiled: ClassVar[bool] = False
    in_populations: ClassVar[bool] = False

    # --- the definition ------------------------------------------------------------------------------------------------

    def targets(self, source: int, ends: Ends, random: np.random.Generator) -> Any:
        """The targets of one source.

        Args:
            source: index of the source neuron, 0 … ends.n_sources - 1.
            ends: the neurons on both sides.
            random: random numbers of this source.

        Returns:
            Indices of target neurons, 0 … ends.n_targets - 1, in any order; of a neuron twice only under `allow_multiple`.
        """
        raise NotImplementedError

    def expected_synapses(self, n_source: int, n_target: int, recurrent: bool) -> float:
        """How many synapses to expect between populations of these sizes.

        Args:
            n_source, n_target: neurons of the source and of the target.
            recurrent: whether the two are one population.

        Returns:
            The number, exact for rules that fix it; NaN if it depends on more than the sizes (then `expected_between` gives it).
        """
        raise NotImplementedError

    def expected_between(self, ends: Ends) -> float:
        """How many synapses to expect between these neurons.

        Args:
            ends: the neurons on both sides.
        """
        return self.expected_synapses(ends.n_sources, ends.n_targets, ends.recurrent)

    def largest_in_degree(self, ends: Ends) -> float:
        """A bound on the synapses that any target receives, which sets the room for their sum.

        A rule that knows a smaller one than the number of sources gains resolution of its weights; one with several synapses between two
        neurons may need a larger one. Targets that `targets` gives are checked against it.

        Args:
            ends: the neurons on both sides.
        """
        return float(ends.n_sources)

    # --- checks --------------------------------------------------------------------------------------------------------

    def check(self, n_source: int, n_target: int, shared: int) -> None:
        """Raise NetworkError if the rule cannot be met between populations of these sizes, of which `shared` neurons are in both.

        Args:
            n_source, n_target: neurons of the source and of the target.
            shared: neurons that are in both.

        Raises:
            NetworkError: with the remedy.
        """

    def position_faults(self, ends: Ends, where: str) -> list[NetworkError]:
        """What is wrong with the positions, of a rule that needs them.

        Args:
            ends: the neurons on both sides, with positions.
            where: begins each message.
        """
        return []

    # --- what others ask -----------------------------------------------------------------------------------------------

    @property
    def joins_self(self) -> bool:
        """A neuron may project to itself."""
        return bool(getattr(self, "allow_self", True))

    @property
    def multapses(self) -> bool:
        """Several synapses may join the same two neurons."""
        return bool(getattr(self, "allow_multiple", False))

    @property
    def drawn_by_source(self) -> bool:
        """It defines `targets`, or all of its `pairs`."""
        return type(self).targets is not Rule.targets or type(self).pairs is not Rule.pairs

    def array_shape(self, n_source: int, n_target: int) -> tuple[int, ...] | None:
        """The shape of an array with a value for each synapse; None if the order of synapses is not known before they are drawn.

        Args:
            n_source, n_target: neurons of the source and of the target.
        """
        return None

    @property
    def listed(self) -> bool:
        """The description lists its synapses, and arrays have a value for each in that order."""
        return len(self.array_shape(1, 1) or ()) == 1

    def likelihood(self, sources: Indices, targets: Indices, ends: Ends) -> NDArray[np.float64]:
        """How likely new synapses join some sources and targets, up to a factor; of a rule that `rewires`.

        Args:
            sources, targets: indices within the populations.
            ends: all neurons of the two populations.

        Returns:
            float64[sources, targets]; or [sources, 1], the same for all targets.
        """
        return np.ones((sources.size, 1))

    def numbers(self, pre: Indices, post: Indices, ends: Ends) -> Indices:
        """What distinguishes each synapse from the others in draws of its own, for synapses sorted by source.

        Args:
            pre, post: their neurons; ends: all neurons of the two populations.
        """
        return np.arange(pre.size)

    def between(self, n: int, sources: Indices | None, targets: Indices | None) -> Rule:
        """The rule of a projection between views.

        Args:
            n: neurons of the source.
            sources, targets: int64[], indices of the views' neurons within the populations; None: a whole population.
        """
        return self

    def within(self, rows: Callable[[Indices, Indices], tuple[Indices, Indices]]) -> Rule:
        """The rule as it was given between views.

        Args:
            rows: maps indices (sources, targets) of populations to indices in the views.
        """
        return self

    def pairs(self, ends: Ends, random: Callable[[int], np.random.Generator]) -> tuple[Indices, Indices]:
        """All synapses: int64[n], the source and the target of each.

        Args:
            ends: the neurons on both sides.
            random: the generator of a source.

        Raises:
            NetworkError: `targets` gives what are no targets, or not the same when it is called again.
        """
        rows = [self._row(source, ends, random(source)) for source in range(ends.n_sources)]
        if rows and not np.array_equal(rows[0], self._row(0, ends, random(0))):
            raise NetworkError(f"{type(self).__name__}.targets gives other targets when it is called again", fix="draw from `random` alone")
        return np.repeat(np.arange(ends.n_sources), [row.size for row in rows]), np.concatenate([np.empty(0, np.int64), *rows])

    def _row(self, source: int, ends: Ends, random: np.random.Generator) -> Indices:
        """The targets of a source, checked."""
        name, given = f"{type(self).__name__}.targets", np.asarray(self.targets(source, ends, random))
        if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
            raise NetworkError(f"{name} must give a one-dimensional array of whole numbers", got=f"{given.dtype}, shape {given.shape}")
        if given.size and (given.min() < 0 or given.max() >= ends.n_targets):
            raise NetworkError(f"{name}: no such target", got=int(given.max() if given.min() >= 0 else given.min()), expected=f"0 … {ends.n_targets - 1}")
        return given.astype(np.int64)


def check_drawable(rule: Rule, where: str) -> None:
    """Refuse a rule whose synapses nothing can draw.

    Args:
        rule: of a projection.
        where: begins the message.

    Raises:
        NetworkError: with what the class must define.
    """
    name = type(rule).__name__
    if not (rule.compiled or rule.drawn_by_source or find_builder(rule, "engine") is not None):
        raise NetworkError(f"{where}: no method and no builder draws the synapses of {name}", fix=f'define {name}.targets(source, ends, random), or register a builder: @npl.register({name}, "engine")')
    if type(rule).expected_synapses is Rule.expected_synapses:
        raise NetworkError(f"{where}: {name} does not say how many synapses it makes", fix=f"define {name}.expected_synapses(n_source, n_target, recurrent)")
