"""What is done to the synapses of a projection between steps, at intervals: recorded, and normalised.

A network's `probe` and `normalise` make these descriptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.errors import NetworkError, did_you_mean
from neuropil.model.base.distribution import Distribution, checked_values
from neuropil.model.contents.contents import Projection, sampling
from neuropil.model.contents.graded import GradedProjection
from neuropil.model.contents.wiring import weight_dimension
from neuropil.units import Dimension, Quantity, ms


@dataclass(frozen=True, eq=False)
class SynapseProbe:
    """The weight, or a state, of the synapses of a projection, recorded at an interval (ms).

    Attributes:
        chosen: indices in the order of `Simulation.synapses`; None: all.
        name: of the probe.
        projection: whose synapses are recorded.
        variable: "weight" or the name of a state.
        interval: ms.
        start: ms, time of the first sample; None: one interval after the start of the run.
    """

    name: str
    projection: Projection
    variable: str
    interval: float
    chosen: np.ndarray | None = None
    start: float | None = None

    def steps(self, dt: float) -> tuple[int, int]:
        """The step at whose beginning the first sample is taken, and the steps between samples.

        Args:
            dt: time step, ms.
        """
        return sampling(self.name, self.interval, self.start, dt)


@dataclass(frozen=True, eq=False)
class Normalisation:
    """At t = 0 and every interval (ms), before the step: what arrives at each target is scaled to a total.

    Of the synapses j of a target, with the state w and the total W (in its base unit, one for all targets or one for each):

        w_j ← w_j · W / Σ_j |w_j|       where the sum is not zero

    It is a part of what is learnt: while plasticity is off, nothing is normalised.

    Attributes:
        name: of the normalisation.
        projection: whose synapses are scaled.
        variable: "weight" or the name of a state.
        total: in base units, one number or float64[targets].
        interval: ms.
    """

    name: str
    projection: Projection
    variable: str
    total: float | np.ndarray
    interval: float

    def scaled(self, values: np.ndarray, post: np.ndarray) -> np.ndarray:
        """The values (float64[n]) of synapses on the targets `post`, normalised; sums run in the order of the synapses."""
        size = self.projection.target.size
        sums = np.bincount(post, np.abs(values), size)
        factor = np.ones(size)
        np.divide(self.total, sums, out=factor, where=sums > 0.0)
        return values * factor[post]


def one_projection(known: list[Projection], given: Any, what: str) -> Projection | None:
    """A projection of a network, or the only one in a list; None: it is something else.

    Args:
        known: the projections of the network.
        given: whatever the caller passed.
        what: a participle for messages, such as "probed".

    Raises:
        NetworkError: several projections, a graded one, or one of another network.
    """
    listed = list(given) if isinstance(given, (list, tuple)) else [given]
    if not listed or not all(isinstance(p, Projection) for p in listed):
        return None
    if len(listed) > 1:
        raise NetworkError(f"one projection at a time can be {what}", got=f"{len(listed)} projections", fix="call it for each")
    if isinstance(listed[0], GradedProjection):
        fix = "Simulation.weights reads them between steps, set_weights sets them"
        raise NetworkError(f"the weights of a graded projection cannot be {what}", got=listed[0].name, expected="a projection that spikes go through", fix=fix)
    if listed[0].matrix is not None:
        raise NetworkError(f"the shared weights of {listed[0].name!r} cannot be {what}", got=listed[0].matrix, fix="Simulation.weights reads them between steps, set_weights sets them")
    if not any(p is listed[0] for p in known):
        raise NetworkError(f"the {what} projection {listed[0].name!r} belongs to another network")
    return listed[0]


def synapse_probe(projection: Projection, variable: Any, synapses: Any, interval: Any, name: str, start: float | None = None) -> SynapseProbe:
    """A checked `SynapseProbe`; see `Network.probe`.

    Args:
        variable: "weight" or the name of a state.
        synapses: int[n], positions in the order of `Simulation.synapses`; None: all.
        interval: a time.
        name: of the probe.
        start: ms, time of the first sample; None: one interval after the start of the run.

    Raises:
        NetworkError: an unknown variable, bare weights, synapses that rewire, or positions that are not whole numbers.
    """
    _dimension(projection, variable, f"probe {name}")
    if projection.structure is not None:
        raise NetworkError(f"probe {name}: the synapses of {projection.name!r} rewire, so their positions are not fixed", fix="read Simulation.synapses between steps")
    chosen = None
    if synapses is not None:
        chosen = np.atleast_1d(np.asarray(synapses))
        if chosen.ndim != 1 or not np.issubdtype(chosen.dtype, np.integer) or (chosen.size and chosen.min() < 0):
            raise NetworkError(f"probe {name}: synapses must be positions in the order of Simulation.synapses", got=synapses)
    return SynapseProbe(name, projection, variable, _interval(interval, f"probe {name}"), chosen, start)


def normalisation(projection: Any, total: Any, interval: Any, variable: Any, name: str) -> Normalisation:
    """A checked `Normalisation`; see `Network.normalise`.

    Args:
        projection: with synapses that have states.
        total: in the unit of the variable, one quantity or one for each target; positive.
        interval: a time.
        variable: "weight" or the name of a state.
        name: of the normalisation.

    Raises:
        NetworkError: an unknown variable, or a total that is not positive.
    """
    dimension = _dimension(projection, variable, f"normalisation {name}")
    checked = checked_values(total, dimension, f"normalisation {name}: total", (projection.target.size,))
    if isinstance(checked, Distribution) or not np.all(np.asarray(checked) > 0):
        raise NetworkError(f"normalisation {name}: the total must be positive", got=total, expected="one number, or one for each target")
    return Normalisation(name, projection, variable, checked, _interval(interval, f"normalisation {name}"))


def check_upkeep(probes: list[SynapseProbe], normalisations: list[Normalisation]) -> None:
    """Refuse probes of synapses and normalisations that do not fit the projections of a network that was changed."""
    for p in probes:
        synapse_probe(p.projection, p.variable, p.chosen, p.interval * ms, p.name, p.start)
    for n in normalisations:
        total = Quantity(n.total, _dimension(n.projection, n.variable, f"normalisation {n.name}"))
        normalisation(n.projection, total, n.interval * ms, n.variable, n.name)


def _dimension(projection: Projection, variable: Any, where: str) -> Dimension:
    """The unit of a state of the synapses, or of their weight."""
    states = {} if projection.synapse is None else projection.synapse.spec.state_dimensions
    if not isinstance(variable, str):
        raise NetworkError(f"{where}: a state of synapses is named by text", got=variable)
    if variable in states:
        return states[variable]
    if variable != "weight":
        raise NetworkError(f"{where}: the synapses of {projection.name!r} have no {variable!r}", fix=did_you_mean(variable, ["weight", *states]))
    port = None if projection.port is None else projection.target.neuron.spec.ports[projection.port]
    return weight_dimension(projection.name, projection.synapse, port)


def unit_of(probe: SynapseProbe) -> Dimension:
    """The unit of what a probe records."""
    return _dimension(probe.projection, probe.variable, f"probe {probe.name}")


def _interval(interval: Any, where: str) -> float:
    if interval is None:
        raise NetworkError(f"{where} needs an interval", expected="a time, a multiple of the time step", fix="interval=10 * ms")
    checked = checked_values(interval, ms.dimension, f"{where}: interval", ())
    if not isinstance(checked, float) or not checked > 0:
        raise NetworkError(f"{where}: the interval must be a positive time", got=interval.value if isinstance(interval, Quantity) else interval)
    return checked
