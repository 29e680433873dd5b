"""One time step of a network within a rollout, in the order of the step contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuropil.learn.delivery import Delivery
from neuropil.learn.graded import GradedFlow
from neuropil.learn.probes import Seen
from neuropil.learn.steppable import Steppable
from neuropil.learn.synapses import Living, begin
from neuropil.model.cell.cell import Cell
from neuropil.model.network.coupling import End
from neuropil.model.network.network import Network
from neuropil.model.neuron.composite import full_name

Tree = dict[str, Any]


@dataclass(frozen=True, eq=False)
class NetworkStep:
    """What a step of a network is made of.

    Attributes:
        network: as described; dt: the time step, ms; dtype: of the arrays.
        neurons: by population; living: synapses with states, by projection; graded: by projection.
        delivery: of spikes to projections without a synapse model.
        observe: for each probe of the network, what it records.
    """

    network: Network
    dt: float
    dtype: np.dtype[Any]
    neurons: Mapping[str, Steppable]
    living: Mapping[str, Living]
    graded: Mapping[str, GradedFlow]
    delivery: Delivery
    observe: list[Callable[[Seen], Any]]

    def taken(self, every: Tree, prepared: Tree, carry: Tree, row: Tree) -> tuple[Tree, tuple[Tree, Tree, Tree]]:
        """One step.

        Args:
            every: constants of neurons, of synapses with states and of graded projections, by name.
            prepared: weights under way as `Delivery.prepare` gives them.
            carry: the state, as of `Rollout.initial`; row: the inputs of the step, as of `Rollout.inputs`.

        Returns:
            The state after it; spikes by population, samples by probe, and those as of its beginning of probes that start at t = 0.
        """
        k, constants, given, given_spikes = row["step"], every["neurons"], every["synapses"], row.get("spikes", {})
        arrived, flight = self.delivery.arrive(carry["flight"], k)
        states, left, spikes, synapses = {}, {}, {}, {}
        flows: Tree = {}
        inputs: Tree = {}
        weights: Tree = {}
        for name, living in self.living.items():
            p, before = living.projection, begin(carry["synapses"][name], given[name]["weights"], k)
            signal = row.get("modulators", {}).get(name, 0.0)
            synapses[name], flow, sent = living.step(given[name], before, carry["neurons"][p.target.name], signal, k)
            for key, brought in ((p.input, flow), (p.port, sent)):
                mine = flows.setdefault(p.target.name, {})
                mine[key] = mine.get(key, 0.0) + brought
        self._see_partners(carry["neurons"], flows)
        sent = {}
        for name, graded in self.graded.items():
            p = graded.projection
            value = graded.value(self.neurons[p.source.name], constants[p.source.name], carry["neurons"][p.source.name], self.dtype)
            brought, sent[name] = graded.flow(every["graded"][name], value, carry["graded"][name])
            mine = flows.setdefault(p.target.name, {})
            mine[p.input] = mine.get(p.input, 0.0) + brought
        for name, neurons in self.neurons.items():
            pop, spec = neurons.population, neurons.population.neuron.spec
            zero = {n: jnp.zeros(pop.size * pop.sites(n), self.dtype) for n in (*spec.inputs, *spec.ports)}
            currents, events = row["currents"].get(name, {}), row["events"].get(name, {})
            more = flows.get(name, {})
            x = {n: zero[n] + currents.get(n, 0.0) + more.get(n, 0.0) for n in spec.inputs}
            w = {n: zero[n] + events.get(n, 0.0) + arrived.get(name, {}).get(n, 0.0) + more.get(n, 0.0) for n in spec.ports}
            u = row["uniform"].get(name, jnp.zeros(pop.size, self.dtype))
            x = neurons.completed(constants[name], carry["neurons"][name], x)
            inputs[name], weights[name] = x, w
            if name in given_spikes:
                states[name], left[name], spikes[name] = carry["neurons"][name], carry["left"][name], given_spikes[name]
                continue
            states[name], left[name], spikes[name] = neurons.advance(
                constants[name], carry["neurons"][name], carry["left"][name], x, w, u
            )
        flight = self.delivery.send(prepared, spikes, flight, k)
        for name, living in self.living.items():
            p = living.projection
            synapses[name] = living.send(synapses[name], given[name], spikes[p.source.name], spikes[p.target.name], k)
        traces, starts = {}, {}
        for probe, observe in zip(self.network.probes, self.observe, strict=True):
            n = probe.target.name
            traces[probe.name] = observe(Seen(constants[n], states[n], inputs[n], weights[n]))
            if probe.steps(self.dt)[0] == 0:
                starts[probe.name] = observe(Seen(constants[n], carry["neurons"][n], inputs[n], jax.tree.map(jnp.zeros_like, weights[n])))
        after = {"neurons": states, "left": left, "flight": flight, "synapses": synapses, **({"graded": sent} if self.graded else {})}
        return after, (spikes, traces, starts)

    def _see_partners(self, states: Tree, flows: Tree) -> None:
        """Into `flows` what gap junctions do at t_k: what each half sees of its partner, or the currents."""
        for coupling, (mine, other, side) in ((c, pair) for c in self.network.couplings for pair in c.directed):
            inputs, there = flows.setdefault(mine.population.name, {}), self._potentials(states, other)
            before = inputs.get(mine.input, jnp.zeros(mine.population.size * mine.sites, self.dtype))
            if mine.half:
                inputs[mine.input] = before.at[mine.flat_index].set(there)
            else:
                values = {n: jnp.asarray(v, self.dtype) for n, v in coupling.values.items()}
                current = coupling.flow(self._potentials(states, mine), there, side, values)
                inputs[mine.input] = before.at[mine.flat_index].add(current)

    def _potentials(self, states: Tree, end: End) -> Any:
        """The potential at each site of an end."""
        population, indices = end.population, end.flat_index
        name = full_name(end.part, "v")
        if isinstance(cell := population.neuron, Cell):
            neuron, site = indices // end.sites, indices % end.sites
            name, indices = "v", neuron * len(cell) + cell.placed[end.part].compartments[site]
        return self.neurons[population.name].observed(states[population.name], name, indices)
