"""What may be read and set of the synapses of a simulation between its steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from neuropil.connectivity.draw import edges
from neuropil.engine.access import graded_access
from neuropil.engine.access.arguments import flag
from neuropil.engine.access.synapse_values import Pairs
from neuropil.engine.access.synaptic_state import SynapticState
from neuropil.engine.access.transfer import transfer
from neuropil.engine.caller import CallerGuard
from neuropil.engine.core import Core
from neuropil.engine.stores.graded import GradedWeights
from neuropil.engine.stores.shared_store import SharedStore
from neuropil.errors import NetworkError, SimulationError, did_you_mean
from neuropil.model.contents.contents import Projection
from neuropil.model.contents.wiring import weight_dimension
from neuropil.model.network.membership import require_member
from neuropil.model.network.network import Network
from neuropil.plan.plan import Plan
from neuropil.units import Dimension


class SynapticAccess:
    """The part of a `Simulation` that looks into its synapses, and touches them."""

    network: Network
    _described: Network
    plan: Plan
    core: Core
    _guard: CallerGuard
    _synaptic: SynapticState

    def _flush_pending(self) -> None:
        raise NotImplementedError

    def synapses(self, projection: str | Projection) -> dict[str, np.ndarray]:
        """The synapses of a projection, sorted by source.

        Args:
            projection: the projection, or its name.

        Returns:
            Arrays [n]: "source", "target" (indices within their populations), "weight" (the present one, see `weights`), "delay"
            (ms) and "site" (of the port); of a projection with a synapse model also its present states, by name, in their
            base units. They are copies: writing into them changes nothing (`set_weights`, `set_synapses` do).
        """
        if (graded := self._graded(projection)) is not None:
            return graded_access.listed(graded)
        j = self._projection(projection)
        self._flush_pending()
        if j in self.core.per_synapse:
            s = self.core.per_synapse[j].synapses
            pre, post, steps, site = s.pre, s.post, s.delay, s.site
        else:
            pre, post, _, steps, site = edges(self.network.projections[j], self.plan.seed, self.plan.dt)
        found = {"source": pre, "target": post, "delay": steps * self.plan.dt, "site": site, **self._synaptic.all(j)}
        return {n: np.array(v) for n, v in found.items()}

    def weights(self, projection: str | Projection, dense: bool = False) -> Any:
        """The present weights of a projection, in the unit of its port.

        Of a synapse model with a state `weight` they are that state; of another, the weight that each synapse was made with or
        that was set (what the model does with it is said by its `transmits`). Weights without a synapse model are those that
        are delivered: rounded to the port's weight scale, see `summary()["weight_rounding_max"]`.

        Args:
            projection: the projection, or its name.
            dense: as a matrix.

        Returns:
            float64[n] in the order of `synapses`; or float64[source, target], NaN where there is no synapse. Of graded weights with a
            structure, if not `dense`, the `WeightMatrix`.

        Raises:
            SimulationError: `dense` of a projection in which several synapses join the same neurons.
        """
        if (graded := self._graded(projection)) is not None:
            return graded_access.weights(graded, flag(dense, "dense"))
        found = self.synapses(projection)
        return self._pairs(self._projection(projection)).as_matrix(found["weight"], "weights") if flag(dense, "dense") else found["weight"]

    def set_weights(self, projection: str | Projection, value: Any) -> None:
        """Replace the weights of a projection, from now on.

        A spike that is under way delivers the new weight when it arrives. Targets' spikes up to now have acted on the old ones.

        Args:
            projection: the projection, or its name.
            value: one number for all; an array [n] in the order of `synapses`; a matrix [source, target], dense or SciPy sparse.
                A quantity in the port's unit, or bare numbers in its base unit, as `weights` gives them. Entries of a matrix
                where there is no synapse must be 0 or NaN; a sparse matrix is 0 where it has no entry. Of graded weights with a
                structure a `WeightMatrix` that differs in its parameters alone.

        Raises:
            SimulationError: a shape that does not fit, an entry without a synapse, several synapses between the same neurons
                and a matrix, a value that is not finite or that the store cannot hold. Nothing is changed then.
        """
        if (graded := self._graded(projection)) is not None:
            found = graded_access.checked(graded, value)
            with self._guard.using("set_weights"):
                graded.set(found)
            return
        j = self._projection(projection)
        values = self._pairs(j).in_order(value, self._weight_dimension(j), "weight")
        with self._guard.using("set_weights"):
            self._flush_pending()
            self._synaptic.write(j, {"weight": values})

    def set_synapses(self, projection: str | Projection, **states: Any) -> None:
        """Set states of the synapses of a projection, from now on: ``set_synapses("learning", efficacy=0.5)``.

        Args:
            projection: the projection, or its name.
            states: by the names that the synapse model gives them; values as for `set_weights`, in the states' units.

        Raises:
            NetworkError: a state that the model does not have.
            SimulationError: as `set_weights`; a state that is kept once for several synapses, and values that differ between them.
        """
        if (graded := self._graded(projection)) is not None:
            raise NetworkError(f"the weights of projection {graded.projection.name!r} have no states", fix="set_weights")
        j = self._projection(projection)
        name = self.network.projections[j].name
        program = self.plan.synapses.get(j)
        known = program.traced.spec.state_dimensions if program is not None else {}
        if not states:
            raise NetworkError(f"set_synapses: nothing is set of the synapses of projection {name!r}", fix=f"name a state: set_synapses({name!r}, {next(iter(known), 'state')}=...)")
        for state in states:
            if state not in known:
                raise NetworkError(f"the synapses of projection {name!r} have no state {state!r}", fix=did_you_mean(state, known))
        pairs = self._pairs(j)
        values = {n: pairs.in_order(v, known[n], n) for n, v in states.items()}
        with self._guard.using("set_synapses"):
            self._flush_pending()
            self._synaptic.write(j, values)

    def load_weights(self, trained: SynapticAccess, projections: Iterable[str] | None = None) -> None:
        """Take over the weights, and what rules have learnt, from another simulation: projections are matched by name.

        A projection with the same synapse model gets its weights and learnt states (`Synapse.learned`). One without a synapse model
        gets as its weight what a spike that arrives now would transmit there: the frozen copy of a trained network.

        Args:
            trained: the other simulation; it stays as it is.
            projections: names; None: all that both have.

        Raises:
            NetworkError: a projection that one of them does not have.
            SimulationError: other synapses, or a model that has none of the learnt states. Nothing is changed then.
        """
        if not isinstance(trained, SynapticAccess):
            raise SimulationError("load_weights needs a Simulation", got=trained, fix="set_weights takes arrays and matrices")
        with self._guard.using("load_weights"), trained._guard.using("load_weights"):
            trained._flush_pending()
            self._flush_pending()
            transfer(trained._synaptic, self._synaptic, projections)

    @property
    def plasticity(self) -> bool | dict[str, bool]:
        """Whether synapses learn: True or False, or by projection where they differ.

        While it is off, the states that a rule changes permanently are held (`Synapse.learned`: weights and efficacies), no synapse
        vanishes or forms, and nothing is normalised. Everything else goes on: spikes are delivered, traces and eligibilities follow them, and
        short-term plasticity, which is a part of transmission, acts. A spike of a target that has yet to reach its synapses
        (`response_delay`) acts as plasticity is when it does.

        Set it to True or False for all projections, or to a dict by their names for some. It is part of a checkpoint.

        Raises:
            NetworkError: a name that is not of a projection that learns.
            SimulationError: something else than True or False.
        """
        found = {self.network.projections[j].name: on for j, on in self._synaptic.learning.items()}
        return next(iter(found.values()), True) if len(set(found.values())) < 2 else found

    @plasticity.setter
    def plasticity(self, on: bool | Mapping[str, bool]) -> None:
        if not isinstance(on, (bool, np.bool_, Mapping)):
            raise SimulationError("plasticity is True or False, or a dict of these by projection", got=on)
        index_of = {self.network.projections[j].name: j for j in self._synaptic.learning}
        wanted = dict(on) if isinstance(on, Mapping) else dict.fromkeys(index_of, on)
        for name, value in wanted.items():
            if name not in index_of:
                raise NetworkError(f"no projection {name!r} with plasticity", fix=did_you_mean(name, index_of))
            if not isinstance(value, (bool, np.bool_)):
                raise SimulationError("plasticity is True or False", got=value)
        with self._guard.using("plasticity"):
            self._flush_pending()
            for name, value in wanted.items():
                self._synaptic.switch(index_of[name], bool(value))

    # --- what they need ----------------------------------------------------------------------------------------------

    def _graded(self, projection: str | Projection) -> GradedWeights | SharedStore | None:
        """The weights of a graded projection, or shared ones; None: it is another one, or does not exist."""
        self._require_own(projection)
        name = projection.name if isinstance(projection, Projection) else projection
        return next((g for g in self.core.structured if g.projection.name == name), None)

    def _projection(self, projection: str | Projection) -> int:
        """The index of a projection in the network."""
        self._require_own(projection)
        name = projection.name if isinstance(projection, Projection) else projection
        if not isinstance(name, str):
            raise NetworkError("not a projection", got=projection, expected="a projection, or its name")
        for j, p in enumerate(self.network.projections):
            if p is projection or p.name == name:
                return j
        raise NetworkError(f"no projection {name!r}", fix=did_you_mean(name, [p.name for p in (*self.network.projections, *self.network.graded)]))

    def _require_own(self, given: Any, what: str = "this simulation") -> None:
        """Refuse what is of another network, though there may be something of its name here."""
        require_member((self._described, self.network), given, what)

    def _pairs(self, j: int) -> Pairs:
        """Which neurons the synapses of a projection join."""
        p = self.network.projections[j]
        return Pairs(p.name, *self._synaptic.ends(j), (p.source.size, p.target.size))

    def _weight_dimension(self, j: int) -> Dimension:
        p = self.network.projections[j]
        return weight_dimension(p.name, p.synapse, None if p.port is None else p.target.neuron.spec.ports[p.port])
