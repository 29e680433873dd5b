"""The free numbers of a training: what an optimiser changes, what a rollout takes, and back to a network."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuropil.errors import ModelError
from neuropil.learn.rollout import Rollout
from neuropil.learn.trainable.described import described
from neuropil.learn.trainable.interval import Interval, rounded
from neuropil.learn.trainable.leaves import STATE, Leaf, found, leaf_of
from neuropil.learn.trainable.trainable import FACTOR, Trainable
from neuropil.model.base.distribution import checked_values
from neuropil.model.network.network import Network
from neuropil.units import DIMENSIONLESS, Quantity

Tree = dict[str, Any]


@dataclass(frozen=True)
class Bound:
    """One `Trainable` bound to a rollout.

    Attributes:
        asked: as given; leaf: where its values are; interval: their bounds.
        start: free numbers at the start, float64; shape: of the values among the rollout's.
        profile: what the values are multiplied by, where one factor for all is trained.
    """

    asked: Trainable
    leaf: Leaf
    interval: Interval
    start: np.ndarray
    shape: tuple[int, ...]
    profile: np.ndarray | None = None

    def values(self, free: Any) -> Any:
        """The values in base units.

        Args:
            free: of the shape of `start`.
        """
        made = self.interval.value(free)
        if self.asked.bits is not None:
            made = rounded(made, self.asked.bits, self.interval)
        if self.profile is not None:
            made = made * self.profile.astype(free.dtype)
        return jnp.broadcast_to(made, self.shape)


class FreeParameters:
    """What is trained of a rollout, as numbers without bounds.

        free = FreeParameters(rollout, [npl.Trainable(recurrent, "weight", sign="dale"), npl.Trainable(hidden, "tau_m")])
        loss = lambda x: of(rollout.apply(*free.values(x), inputs))
        x = optimise(loss, free.start)
        network = free.network(x)

    Args:
        rollout: of the network.
        trainable: one or several `Trainable`; no two of the same values.

    Attributes:
        start: label -> free numbers, arrays of about 1 in the rollout's precision.

    Raises:
        ModelError: a name that does not exist, options or values at the start that do not fit, nothing to train.
    """

    def __init__(self, rollout: Rollout, trainable: Trainable | Iterable[Trainable]):
        asked = [trainable] if isinstance(trainable, Trainable) else list(trainable)
        if not asked or not all(isinstance(t, Trainable) for t in asked):
            raise ModelError("nothing to train" if not asked else "not a Trainable", got=trainable, expected='for example [npl.Trainable(projection, "weight")]')
        self.rollout = rollout
        initial = rollout.initial()
        self.bound: dict[str, Bound] = {}
        taken: set[tuple[str, ...]] = set()
        for one in asked:
            made = _bound(one, rollout, initial)
            where = (made.leaf.root, *made.leaf.path)
            if where in taken:
                raise ModelError(f"{one.label} is trained twice", fix="give one Trainable for it")
            if one.label in self.bound:
                raise ModelError(f"two Trainables have the label {one.label!r}", fix="give the projections names of their own: project(..., name=...)")
            taken.add(where)
            self.bound[one.label] = made
        self.start: Tree = {label: b.start.astype(rollout.dtype) for label, b in self.bound.items()}
        self._set = taken

    def __repr__(self) -> str:
        return f"FreeParameters({', '.join(self.bound)})"

    @property
    def count(self) -> int:
        """How many numbers are trained."""
        return sum(b.start.size for b in self.bound.values())

    def values(self, free: Tree) -> tuple[Tree, Tree]:
        """What `Rollout.apply` takes, as a differentiable function of the free numbers.

        Args:
            free: as `start`.

        Returns:
            Parameters and state. States that start at a parameter follow it.

        Raises:
            ModelError: names or shapes other than those of `start`.
        """
        self._check(free)
        trees: Tree = {"parameters": self.rollout.parameters, STATE: self.rollout.initial()}
        for label, bound in self.bound.items():
            made, where = bound.values(jnp.asarray(free[label], self.rollout.dtype)), bound.leaf
            trees[where.root] = _with(trees[where.root], where.path, made)
            for path in where.follows:
                if (STATE, *path) not in self._set:
                    trees[STATE] = _with(trees[STATE], path, jnp.broadcast_to(made, np.shape(_at(trees[STATE], path))))
        return trees["parameters"], trees[STATE]

    def rounded(self, free: Tree) -> tuple[Tree, Tree]:
        """As `values`, with delays on the grid: those of `network`. The difference of a loss by both is what rounding costs.

        Args:
            free: as `start`.
        """
        parameters, state = self.values(free)
        if self.rollout.delays:
            dt = self.rollout.dt
            parameters = {**parameters, "delays": {n: jnp.round(d / dt) * dt for n, d in parameters["delays"].items()}}
        return parameters, state

    def network(self, free: Tree) -> Network:
        """The network with the trained values; see `described`.

        Args:
            free: as `start`.
        """
        with jax.enable_x64(self.rollout.precision == "float64"):
            parameters, state = jax.tree.map(np.asarray, self.rounded(free))
        return described(self.rollout, parameters, state)

    def _check(self, free: Tree) -> None:
        for label in free.keys() ^ self.start.keys():
            raise ModelError("free numbers of other names", got=", ".join(free), expected=", ".join(self.start), fix=f"{'remove' if label in free else 'add'} {label!r}")
        for label, value in free.items():
            if np.shape(value) != np.shape(self.start[label]):
                raise ModelError(f"free numbers of {label} have the wrong shape", got=np.shape(value), expected=np.shape(self.start[label]))


def _bound(asked: Trainable, rollout: Rollout, initial: Tree) -> Bound:
    """A `Trainable` bound to a rollout, checked."""
    where = leaf_of(found(asked.owner, rollout), rollout, asked.what)
    whole = np.asarray(_at(initial if where.root == STATE else rollout.parameters, where.path), np.float64)
    profile = None
    if asked.each == FACTOR:
        if asked.what == "delay" or asked.sign is not None:
            raise ModelError(f"{asked.label}: a factor is trained of values without signs, not of delays", fix="each=True")
        profile, whole, where = whole, np.asarray(1.0), dataclasses.replace(where, dimension=DIMENSIONLESS, least=0.0)
    values, shape = _spread(asked, where, whole)
    low, high = (_bound_of(asked, where, k) for k in (0, 1))
    low = max(low, where.least)
    if asked.what == "delay":
        longest = rollout.delays[where.path[-1]] * rollout.dt
        low, high = low * (1 - 1e-9), min(high, longest) * (1 + 1e-9)  # a delay on a bound is allowed
        values = np.clip(values, low + 1e-3 * rollout.dt, high - 1e-3 * rollout.dt)
    if not low < high:
        raise ModelError(f"{asked.label}: bounds must rise", got=f"{low:g}, {high:g} (base units)")
    lows, highs = np.asarray(low), np.asarray(high)
    if asked.sign is not None:
        sign = _signs(asked, where, values)
        lows, highs = np.where(sign > 0, np.maximum(low, 0.0), low), np.where(sign < 0, np.minimum(high, 0.0), high)
    interval = Interval(lows, highs, _scale(asked, where, values))
    return Bound(asked, where, interval, np.asarray(interval.free(values, asked.label)), shape if profile is None else profile.shape, profile)


def _spread(asked: Trainable, where: Leaf, whole: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """The values to train, and the shape in which the rollout takes them."""
    if asked.each in (False, FACTOR) or (asked.each is None and not where.each and whole.ndim == 0):
        if np.ptp(whole) > 0:
            raise ModelError(f"{asked.label}: one value for all is trained, but the values at the start differ", got=f"{whole.min():g} to {whole.max():g}", fix="each=True, or each='factor' for one factor that keeps their proportions")
        return np.asarray(whole.ravel()[0]), whole.shape
    if asked.each and whole.ndim == 0:
        if where.count is None:
            raise ModelError(f"{asked.label} is one number", got="each=True", fix="leave each out")
        whole = np.full(where.count, float(whole))
    return whole, whole.shape


def _bound_of(asked: Trainable, where: Leaf, k: int) -> float:
    given = None if asked.bounds is None else asked.bounds[k]
    if given is None:
        return (-np.inf, np.inf)[k]
    return _number(given, where, f"{asked.label}: bounds")


def _number(given: Any, where: Leaf, what: str) -> float:
    made = checked_values(given, where.dimension, what, ())
    if not isinstance(made, float):
        raise ModelError(f"{what} must be single numbers", got=given)
    return made


def _signs(asked: Trainable, where: Leaf, values: np.ndarray) -> np.ndarray:
    """The sign of each weight's source: +1 or -1."""
    if where.source is None or values.ndim == 0:
        raise ModelError(f"{asked.label}: Dale's law applies to the weights of synapses only", got=f"sign={asked.sign!r}", fix="leave sign out; bounds=(0, None) keeps values positive")
    sign = np.sign(values.ravel())
    sums = np.bincount(where.source, sign), np.bincount(where.source)
    mixed = np.abs(sums[0]) != sums[1]
    if mixed.any():
        neuron = int(np.argmax(mixed))
        got = ", ".join(f"{w:g}" for w in values.ravel()[where.source == neuron][:5])
        raise ModelError(f"{asked.label}: weights of source neuron {neuron} do not have one sign", got=got, fix="start with weights of one sign per source; leave out zero weights")
    return sign.reshape(values.shape)


def _scale(asked: Trainable, where: Leaf, values: np.ndarray) -> float:
    if asked.scale is not None:
        scale = _number(asked.scale, where, f"{asked.label}: scale")
        if not scale > 0:
            raise ModelError(f"{asked.label}: scale must be positive", got=asked.scale)
        return scale
    return float(np.sqrt(np.mean(values**2))) or 1.0 if values.size else 1.0


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def _with(tree: Tree, path: tuple[str, ...], value: Any) -> Tree:
    """The tree with another value at a path."""
    if len(path) == 1:
        return {**tree, path[0]: value}
    return {**tree, path[0]: _with(tree[path[0]], path[1:], value)}


def longest_delays(network: Network, trainable: Iterable[Trainable]) -> dict[str, Quantity]:
    """What `Rollout(delays=)` needs for delays that are trained: their upper bounds.

    Args:
        network: that is trained.
        trainable: what is.

    Raises:
        ModelError: a delay without an upper bound.
    """
    found: dict[str, Quantity] = {}
    for one in trainable:
        if isinstance(one, Trainable) and one.what == "delay":
            if one.bounds is None or one.bounds[1] is None:
                raise ModelError(f"{one.label}: a delay needs an upper bound", fix="bounds=(1 * ms, 10 * ms): spikes are kept as long as the longest")
            found[one.owner.name] = one.bounds[1]
    return found
