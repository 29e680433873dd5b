"""The weights and states of synapses, whichever store keeps them."""

from __future__ import annotations

from typing import cast

import numpy as np

from neuropil.connectivity.draw import edges
from neuropil.engine.core import Core
from neuropil.engine.saved import Arrays, AsDescribed, group
from neuropil.engine.stores.packed_weights import PackedWeights
from neuropil.errors import SimulationError
from neuropil.plan.plan import Plan


class SynapticState(AsDescribed):
    """The weights and states of all synapses, whichever store keeps them.

    Args:
        packed: weights of the static projections.
    """

    named_by, overrides = "projection", False

    def __init__(self, plan: Plan, core: Core, packed: PackedWeights):
        self.plan, self.core, self.packed = plan, core, packed
        self.held: set[int] = set()  # packed projections that are not normalised while plasticity is off

    def read(self, j: int, name: str) -> np.ndarray:
        """float64[n]: a state of the synapses of projection j, or "weight", at the present step.

        Args:
            j: index of the projection.
            name: "weight" or the name of a state.
        """
        return self.core.per_synapse[j].read(name, self.core.step) if j in self.core.per_synapse else self._packed(j).read(j)

    def all(self, j: int) -> dict[str, np.ndarray]:
        """The "weight" and all states of the synapses of projection j."""
        if j not in self.core.per_synapse:
            return {"weight": self._packed(j).read(j)}
        s = self.core.per_synapse[j].listed()
        return {"weight": s.weight, **s.up_to(self.plan.synapses[j], self.core.step, self.plan.dt)}

    def write(self, j: int, values: dict[str, np.ndarray]) -> None:
        """Replace "weight" or states of the synapses of projection j by these values: float64[n] by name."""
        if j in self.core.per_synapse:
            self.core.per_synapse[j].put(values, self.core.step)
        else:
            self._packed(j).write(j, values["weight"])

    def _packed(self, j: int) -> PackedWeights:
        """The weights of a packed projection."""
        if j in self.core.own:
            name, kind = self.plan.network.projections[j].name, self.plan.stores[j].name
            raise SimulationError(f"projection {name!r}: the store {kind!r} gives no access to single synapses", fix="the packed store, or synapses with states")
        return self.packed

    def ends(self, j: int) -> tuple[np.ndarray, np.ndarray]:
        """The source and the target of each synapse of projection j."""
        return self.address(j)[:2]

    def address(self, j: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The source, the target and the site of each synapse of projection j."""
        if j in self.core.per_synapse:
            s = self.core.per_synapse[j].synapses
            return s.pre, s.post, s.site
        pre, post, _, _, site = edges(self.plan.network.projections[j], self.plan.seed, self.plan.dt)
        return pre, post, site

    # --- plasticity --------------------------------------------------------------------------------------------------

    @property
    def learning(self) -> dict[int, bool]:
        """The projections that learn, rewire or are normalised, and whether they do so now."""
        network, found = self.plan.network, {}
        normalised = {id(n.projection) for n in network.normalisations}
        for j, p in enumerate(network.projections):
            store = self.core.per_synapse.get(j)
            if id(p) in normalised or (store is not None and store.learns):
                found[j] = j not in self.held if store is None else store.plastic
        return found

    def switch(self, j: int, on: bool) -> None:
        """Let projection j learn from now on, or not."""
        if j in self.core.per_synapse:
            self.core.per_synapse[j].switch(on, self.core.step)
        else:
            (self.held.discard if on else self.held.add)(j)

    # --- checkpoints -------------------------------------------------------------------------------------------------

    def save(self) -> Arrays:
        """What a checkpoint needs, by name of the projection."""
        names = [p.name for p in self.plan.network.projections]
        saved: Arrays = {names[j]: store.save() for j, store in self.core.per_synapse.items()}
        saved |= {names[j]: dict(arrays) for j, arrays in self.packed.save().items()}
        for j in self.held:
            saved.setdefault(names[j], {})
            group(saved, names[j])["held"] = np.array(True)
        return saved

    def restore(self, arrays: Arrays, step: int) -> None:
        """Restore what `save` returned.

        Args:
            arrays: by name, by name of the projection.
            step: to which they belong.
        """
        named = {j: group(arrays, p.name) for j, p in enumerate(self.plan.network.projections) if p.name in arrays}
        for j, own in named.items():
            if j in self.core.per_synapse:
                self.core.per_synapse[j].restore(own)
        packed = {j: cast("dict[str, np.ndarray]", own) for j, own in named.items() if j not in self.core.per_synapse}
        self.packed.restore({j: own for j, own in packed.items() if "weight" in own})
        self.held = {j for j, own in packed.items() if "held" in own}

    def free(self, name: str) -> frozenset[str]:
        """Weights that were written may be absent; synapses of the projection `name` that come and go are as many as they are."""
        wired = any(p.name == name and p.structure is not None for p in self.plan.network.projections)
        return frozenset(("weight", "weight_scale", "held", *(("wired", "own") if wired else ())))
