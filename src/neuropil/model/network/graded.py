"""One graded projection as it is described: checked whole, in base units."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.errors import NetworkError, did_you_mean
from neuropil.model.base.distribution import Distribution, checked_values
from neuropil.model.connection.matrix import WeightMatrix
from neuropil.model.connection.rule import Rule, check_drawable
from neuropil.model.contents.chosen import shared
from neuropil.model.contents.contents import Population, Stream
from neuropil.model.contents.graded import Graded, GradedProjection, source_model
from neuropil.model.contents.own_noise import refuse_noise
from neuropil.model.contents.per_synapse import refuse_listed
from neuropil.model.contents.population import View, indices_of, whole
from neuropil.model.contents.sites import edge_sites, named_site
from neuropil.model.network.describe import edge_shape, weights_of
from neuropil.model.neuron.composite import indexed
from neuropil.units import Dimension, ms

_UNUSED = ("port", "clock_driven", "structure", "initial", "response_delay")


def described_graded(
    source: Population | View, target: Population | View, rule: Any, weight: Any, delay: Any, site: Any, name: str, stream: Stream,
    graded: Graded, more: dict[str, Any],
) -> GradedProjection:  # fmt: skip
    """What `Network.project` makes of one source and one target with `synapse=Graded(...)`.

    Args:
        source, target, rule, weight, delay, site: as given there; more: its further arguments by name.
        name: of the projection.
        stream: key of its random draws.
        graded: what is transmitted.

    Raises:
        NetworkError, UnitError, ModelError: whatever does not fit together.
    """
    pre, post = whole(source), whole(target)
    where = f"projection {pre.name}→{post.name}"
    for unused in _UNUSED:
        if more.get(unused):
            fix = "graded weights do not change by rules: leave it out, or use spikes and a synapse model" if unused == "structure" else "leave it out"
            raise NetworkError(f"{where}: a graded projection has no {unused}", got=f"{unused}={more[unused]!r}", fix=fix)
    if not isinstance(rule, Rule):
        raise NetworkError(f"{where}: not a connection rule", got=rule, expected="for example AllToAll()")
    check_drawable(rule, where)
    entry, index = indexed(more["input"])
    inputs = post.neuron.spec.inputs
    if not isinstance(entry, str) or entry not in inputs:
        raise NetworkError(f"{where}: {post.name} ({type(post.neuron).__name__}) has no input {entry!r} for a graded projection", fix=did_you_mean(str(entry), inputs))
    refuse_noise(entry, where)
    value = graded.expression(pre, where)
    dimension = weight_dimension(post, entry, value.dimension(source_model(pre, value.part)))
    sites = named_site(index, post, entry) if site is None else edge_sites(site, index, rule, source.size, post, entry, where.removeprefix("projection "))
    among = {"sources": indices_of(source), "targets": indices_of(target)}
    rule.check(source.size, target.size, shared(**among, size=pre.size) if pre is post else 0)
    lag = _delay(delay, rule, source, target, where)
    matrix = weight if isinstance(weight, WeightMatrix) else None
    w: Any = matrix
    if matrix is None:
        w = weights_of(weight, dimension, rule, source, target, where.removeprefix("projection "))
    made = GradedProjection(
        name, pre, post, rule.between(source.size, **among), w, lag, None, sites, input=entry, stream=stream, value=value, given=graded,
        sources=among["sources"], targets=among["targets"],
    )  # fmt: skip
    if matrix is not None:
        _check_matrix(matrix, made, dimension, where)
    return made


def weight_dimension(target: Population, entry: str, value: Dimension) -> Dimension:
    """The unit of the weights: that of the input over that of what is transmitted.

    Args:
        target: the population; entry: full name of its input.
        value: dimension of what is transmitted.
    """
    a, b, c, d, e = (x - y for x, y in zip(target.neuron.spec.inputs[entry], value, strict=True))
    return a, b, c, d, e


def _delay(delay: Any, rule: Rule, source: Population | View, target: Population | View, where: str) -> Any:
    """The delay in ms: one from 0 on, or an array or a distribution of times of at least a step."""
    shape = edge_shape(rule, source, target)
    refuse_listed(delay, shape, rule, f"{where}: delay", "a distribution")
    lag = checked_values(delay, ms.dimension, f"{where}: delay", shape)
    if not isinstance(lag, Distribution) and (np.any(np.asarray(lag) < 0) or (np.ndim(lag) and np.any(np.asarray(lag) <= 0))):
        raise NetworkError(f"{where}: a delay must not be negative", got=f"{np.min(lag)} ms", expected="one from 0 ms on, or an array of at least one time step each")
    return lag


def _check_matrix(matrix: WeightMatrix, made: GradedProjection, dimension: Dimension, where: str) -> None:
    kind = type(matrix)
    if made.rule.array_shape(*made.ends) != made.ends or made.excludes_self:
        raise NetworkError(f"{where}: weights with a structure join all pairs", got=made.rule, expected="AllToAll()")
    if not made.uniform_delay or not made.fixed_site:
        raise NetworkError(f"{where}: weights with a structure have one delay and reach one site", got=f"delay {made.delay}", fix="one delay, and input[index] for one site")
    if kind.entry is WeightMatrix.entry:
        raise NetworkError(f"{where}: the weights of {kind.__name__} are not defined", fix=f"define {kind.__name__}.entry(source, target)")
    matrix.check(made.ends, dimension, where)

