"""The synapses of rules that define them source by source, drawn alike by all executors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from neuropil import rng
from neuropil.errors import NetworkError
from neuropil.model.base.ends import Ends
from neuropil.model.contents.chosen import Indices, inverse_index
from neuropil.model.contents.contents import Projection


def ends_of(projection: Projection, whole: bool = False) -> Ends:
    """The neurons that a projection may join, counted within its views; `whole`: those of its populations."""
    source, target = projection.source, projection.target
    sources, targets = (None, None) if whole else (projection.sources, projection.targets)
    own = None
    if projection.recurrent:
        own = inverse_index(targets, target.size)[slice(None) if sources is None else sources]
    positions = [
        pop.positions if chosen is None or pop.positions is None else pop.positions[chosen] for pop, chosen in ((source, sources), (target, targets))
    ]
    n_sources, n_targets = (pop.size if chosen is None else chosen.size for pop, chosen in ((source, sources), (target, targets)))
    return Ends(n_sources, n_targets, projection.recurrent, own, *positions)


def missing_positions(projection: Projection, where: str) -> list[NetworkError]:
    """What is missing of the positions of two populations, if the rule of the projection needs them; `where` begins each message."""
    pre, post = projection.source, projection.target
    if not projection.rule.needs_positions:
        return []
    for pop in (pre, post):
        if pop.positions is None:
            fix = f"network.population({pop.name!r}, ..., positions=xy * um), one row per neuron"
            return [NetworkError(f"{where}: {type(projection.rule).__name__} needs positions, but {pop.name} has no positions", fix=fix)]
    assert pre.positions is not None and post.positions is not None
    if post.positions.shape[1] != pre.positions.shape[1]:
        got = f"{pre.positions.shape[1]} and {post.positions.shape[1]} axes"
        return [NetworkError(f"{where}: positions of {pre.name} and {post.name} differ in dimension", got=got)]
    return []


@contextmanager
def naming(projection: Projection) -> Iterator[None]:
    """Errors of the projection's rule say which projection it is.

    Raises:
        NetworkError: the rule's, with the projection's name.
    """
    try:
        yield
    except NetworkError as error:
        raise NetworkError(f"projection {projection.name!r}: {error.what}", got=error.got, expected=error.expected, fix=error.fix) from None


def expected_synapses(projection: Projection) -> float:
    """Number of synapses: exact for rules that fix it, else the expectation, which `DistanceDependent` alone estimates."""
    for fault in missing_positions(projection, f"projection {projection.name!r}"):
        raise fault
    with naming(projection):
        return projection.rule.expected_between(ends_of(projection))


def pairs_of(projection: Projection, seed: int) -> tuple[Indices, Indices, Indices]:
    """The synapses of a rule that defines `targets` or `pairs`.

    Args:
        seed: of the network's random numbers.

    Returns:
        pre, post: int64[n], indices within the populations, by source; of a source in the order of a list, else by target.
        order: int64[n], where each stands in an array with a value for each synapse in the order of the rule.

    Raises:
        NetworkError: targets that do not exist, pairs joined twice, or more synapses of a target than the rule says.
    """
    rule, key = projection.rule, rng.stream_key(seed, "projection", *projection.stream, "target")
    ends = ends_of(projection, whole=rule.in_populations)
    viewed = (None, None) if rule.in_populations else (projection.sources, projection.targets)
    sources, targets = (np.arange(n) if chosen is None else chosen for n, chosen in zip((ends.n_sources, ends.n_targets), viewed, strict=True))
    with naming(projection):
        pre, post = rule.pairs(ends, lambda source: rng.element_generator(key, int(sources[source])))
        _check(projection, ends, pre, post)
    pre, post = sources[pre], targets[post]
    order = np.argsort(pre, kind="stable") if rule.listed else np.lexsort((post, pre))
    if projection.excludes_self:
        order = order[pre[order] != post[order]]
    return pre[order], post[order], order


def _check(projection: Projection, ends: Ends, pre: Indices, post: Indices) -> None:
    """What was drawn keeps to what the rule says of itself."""
    rule = projection.rule
    name = type(rule).__name__
    if not rule.listed and not rule.multapses and np.unique(pre * ends.n_targets + post).size < pre.size:
        raise NetworkError(f"{name} joins two neurons more than once", fix="give the rule a field allow_multiple: bool = True, or draw each target once")
    most, allowed = int(np.bincount(post, minlength=1).max()), rule.largest_in_degree(ends)
    if most > allowed:
        raise NetworkError(f"{name} gives a target more synapses than it declares", got=most, expected=f"at most {allowed:g}", fix="define largest_in_degree(ends) of the rule")
