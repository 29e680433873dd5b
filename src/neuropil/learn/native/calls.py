"""A call of the native backend: its options, what is known before it runs, and the machine that it needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuropil.errors import ModelError
from neuropil.learn.delivery import SharedWiring, Wiring
from neuropil.learn.native.emission import Emission
from neuropil.learn.native.flow import Flow
from neuropil.learn.native.links import Link
from neuropil.learn.native.machine import Machine
from neuropil.learn.native.part import Part, inner_names
from neuropil.learn.native.step import NativeStep, names_of
from neuropil.learn.native.synapses import Synapses, activity_name, activity_of, filters, links_of, part_name
from neuropil.learn.population import Neurons
from neuropil.learn.structured import Expanded, expanded
from neuropil.learn.synapses import Living
from neuropil.lower.gradient import Use
from neuropil.model.neuron.composite import split

Tree = dict[str, Any]


@dataclass(frozen=True)
class Native:
    """The native backend with its options, as `backend` of `Rollout.apply`.

    Attributes:
        threads: how many threads share the samples of a batch; None: as many as there are processors. No bit depends on it.
        memory: bytes for tapes. Where those of the whole batch fit, its values are computed once. Else the values of a sample are computed again before its
            gradients, each thread with a tape; what does not fit is computed between checkpoints, a window of steps at least. No bit depends on it.

    Raises:
        ModelError: threads or bytes that are no such number.
    """

    threads: int | None = None
    memory: float = 2.0**25

    def __post_init__(self) -> None:
        if self.threads is not None and (isinstance(self.threads, bool) or not isinstance(self.threads, (int, np.integer)) or self.threads < 1):
            raise ModelError("threads must be at least 1, a whole number", got=self.threads)
        if not self.memory >= 0:
            raise ModelError("memory must be a number of bytes", got=self.memory)


@jax.tree_util.register_static
@dataclass(frozen=True)
class NativeCall:
    """What is known of a call before it runs.

    Attributes:
        own: the rollout with its machines.
        native: options.
        samples, steps: how many.
        recorded: states that are recorded, (population, state).
        given: populations whose spikes are given.
        apart: parts whose every constant begins with the samples.
        cut: whether fewer steps may be taken, as part of a longer rollout: then tapes are not kept, since the next part takes their place.
        wanted: paths of the arrays whose cotangents are wanted.
    """

    own: NativeRollout
    native: Native
    samples: int
    steps: int
    recorded: tuple[tuple[str, str], ...]
    given: tuple[str, ...]
    apart: frozenset[str] = frozenset()
    cut: bool = False
    wanted: frozenset[tuple[str, ...]] = frozenset()

    def keeps(self, machine: Machine) -> bool:
        """Whether the tapes of all samples are kept for the way back. With values that are sent in every step they are not.

        Args:
            machine: of the call.
        """
        return bool(self.wanted) and not self.cut and not machine.emissions and 0 < machine.tape_bytes * self.steps * self.samples <= self.native.memory


@dataclass(eq=False)
class NativeRollout:
    """The kernels of a rollout, made as they are needed.

    Attributes:
        rollout: the rollout.
        links: its projections of spikes, and how spikes reach synapses with states; expanded: weights one by one of those with shared weights.
        flows: what flows into inputs in every step.
        machines: by what is given and wanted.
    """

    rollout: Any
    links: tuple[Link, ...]
    expanded: dict[str, Expanded]
    flows: tuple[Flow, ...]
    machines: dict[Any, Machine] = field(default_factory=dict)

    @classmethod
    def of(cls, rollout: Any) -> NativeRollout:
        """The native side of a rollout, made once."""
        found = rollout.__dict__.get("_native")
        if found is None:
            shared = {w.name: expanded(w.matrix) for w in rollout.wirings if isinstance(w, SharedWiring)}
            listed = [w.listed(shared[w.name].pairs) if isinstance(w, SharedWiring) else w for w in rollout.wirings]
            links = tuple(link for w in listed for link in _links(w))
            links += tuple(link for living in rollout.living.values() for link in links_of(living))
            graded = [Flow.of_graded(g, rollout.precision) for g in rollout.graded.values()]
            within = [Flow.of_exchange(n, j, e, rollout.precision) for n, neurons in rollout.neurons.items() for j, e in enumerate(neurons.exchanges)]
            found = rollout.__dict__["_native"] = cls(rollout, links, shared, (*graded, *within))
        return found

    def weights(self, given: Tree) -> tuple[Tree, Tree]:
        """Weights as kernels take them, of the parameters of the rollout: "weights" and "graded" by projection; and delays that are given with them, steps.

        Args:
            given: parameters.
        """
        dtype = self.rollout.dtype
        weights = {w.name: jnp.asarray(given["weights"][w.name], dtype) for w in self.rollout.wirings}
        delays: Tree = {}
        for wiring in self.rollout.wirings:
            n = wiring.name
            if wiring.name in self.rollout.delays:
                weights[Link.early(n)], weights[Link.late(n)], early = wiring.prepare(weights.pop(n), jnp.asarray(given["delays"][n], dtype) / self.rollout.dt)
                delays |= {Link.early(n): early, Link.late(n): early + 1}
            if wiring.name in self.expanded:
                weights[wiring.name] = self.expanded[wiring.name].weights({wiring.matrix.parameter: weights[wiring.name]})
        graded = {n: {k: jnp.asarray(v, dtype) for k, v in of.items()} for n, of in given.get("graded", {}).items()}
        flows = {n: flow.expanded.weights(graded[n]) if flow.projection.matrix is not None else graded[n]["weight"] for n, flow in self.rollout.graded.items() if n in graded}
        return {"weights": weights, "graded": {n: jnp.asarray(w, dtype) for n, w in flows.items()}}, delays

    def machine(self, call: NativeCall, floats: Tree) -> Machine:
        """The machine for a call.

        Args:
            call: what is known of it.
            floats: arrays, as `apply_native` makes them: their names and shapes matter.
        """
        apart = {n: frozenset(k for k, v in values.items() if np.ndim(v) > (n in call.apart)) for n, values in floats["constants"].items()}
        key = (
            call.wanted, call.recorded, call.given, tuple(sorted((n, tuple(sorted(names))) for n, names in apart.items())),
            tuple((kind, n, e) for kind in ("events", "currents") for n in sorted(floats[kind]) for e in sorted(floats[kind][n])),
        )  # fmt: skip
        if key not in self.machines:
            self.machines[key] = self._made(call, floats, apart)
        return self.machines[key]

    def _made(self, call: NativeCall, floats: Tree, apart: dict[str, frozenset[str]]) -> Machine:
        rollout = self.rollout
        active = self._active(call.wanted)
        pieces = [(name, part, piece) for name, neurons in rollout.neurons.items() for part, piece in neurons.pieces.items()]
        made = {(name, part): self._part(name, part, piece, call, floats, apart.get(name, frozenset()), active - set(call.given)) for name, part, piece in pieces}
        synapses = tuple(of for living in rollout.living.values() for of in self._synapses(living, call, apart, active))
        parts = (*made.values(), *(of.part for of in synapses))
        emissions = tuple(self._emission(flow, made[flow.source, flow.parts[0]], active, apart) for flow in self.flows)
        return Machine(parts, self.links, self.flows, emissions, synapses, call.wanted)

    def _emission(self, flow: Flow, part: Part, active: set[str], apart: dict[str, frozenset[str]]) -> Emission:
        """What is sent through a flow."""
        kind, name, *number = flow.name
        if kind == "graded":
            sent = self.rollout.graded[name].sent
            function = lambda p, s, x: sent(p, s)  # noqa: E731
        else:
            function = self.rollout.neurons[name].exchanges[int(number[0])].value
        return Emission.of(flow.name, part, function, flow.source in active, _own(part.part, apart.get(part.name, frozenset())), flow.longest)

    def _synapses(self, living: Living, call: NativeCall, apart: dict[str, frozenset[str]], active: set[str]) -> Iterator[Synapses]:
        """The synapses of a projection that have states, and the activity that they read."""

        def part(name: str, states: tuple[str, ...], size: int) -> Part:
            rings = {link.wiring.port: int(link.wiring.delay.max(initial=0)) for link in self.links if link.wiring.target == name}
            return Part(name, "", size, self.rollout.precision, states, None, rings, name in active)

        def wanted(name: str) -> tuple[str, ...]:
            return tuple(sorted(path[2] for path in call.wanted if path[:2] == ("constants", name)))

        name, filtered = part_name(living.projection.name), activity_name(living.projection.name)
        own = part(name, tuple(living.program.traced.spec.states), living.pre.size)
        yield Synapses.of(living, own, wanted(name), apart.get(name, frozenset()), living.reached.astype(np.int32))
        if filters(living):
            yield activity_of(living, part(filtered, ("post",), living.projection.target.size), wanted(filtered))

    def _part(self, name: str, part: str, piece: Neurons, call: NativeCall, floats: Tree, apart: frozenset[str], active: set[str]) -> Part:
        """A part of a population."""
        names, wanted = names_of(piece), call.wanted

        def of(kind: str) -> Any:
            return _own(part, frozenset(path[2] for path in wanted if path[:2] == (kind, name)))

        rings: dict[str, int] = {}
        for wiring in (link.wiring for link in self.links):
            if (wiring.target, split(wiring.port)[0]) == (name, part):
                port = split(wiring.port)[1]
                rings[port] = max(rings.get(port, 1), wiring.longest)
        into = [(living.projection.target.name, n) for living in self.rollout.living.values() for n in (living.projection.port, living.projection.input) if n is not None]
        for port in _own(part, frozenset(n for population, n in into if population == name)) & set(names.ports):
            rings.setdefault(port, 0)
        events, currents = (_own(part, frozenset(floats[kind].get(name, {}))) for kind in ("events", "currents"))
        flows = _own(part, frozenset((*(flow.into for flow in self.flows if flow.target == name), *(n for population, n in into if population == name))))
        recorded = _own(part, frozenset(n for population, n in call.recorded if population == name))
        use = Use(
            rings=_those(names.ports, rings), events=_those(names.ports, events), currents=_those(names.inputs, currents), flows=_those(names.inputs, flows),
            recorded=_those(names.states, recorded), parameters=_those(names.parameters, of("constants")),
            event_bars=_those(names.ports, of("events")), current_bars=_those(names.inputs, of("currents")), product=name in active,
        )  # fmt: skip
        step = NativeStep.of(piece, use, _own(part, apart), self.rollout.precision)
        size = piece.population.size * piece.population.parts[part].sites
        return Part(name, part, size, self.rollout.precision, names.states, step, rings, name in active, name in call.given)

    def _active(self, wanted: frozenset[tuple[str, ...]]) -> set[str]:
        """Populations, and synapses, whose states depend on something whose cotangent is wanted: for the others, the way back ends."""
        found = {path[1] for path in wanted if path[0] not in ("weights", "graded", "past")}
        found |= {link.wiring.target for link in self.links if ("weights", link.wiring.name) in wanted}
        for flow in self.flows:
            found |= {flow.target} if flow.name in wanted else set()
            found |= {flow.source, flow.target} if ("past", flow.name[1]) in wanted and flow.name[0] == "graded" else set()
        edges = [(link.wiring.source, link.wiring.target) for link in self.links] + [(flow.source, flow.target) for flow in self.flows]
        for living in self.rollout.living.values():
            own, target = part_name(living.projection.name), living.projection.target.name
            edges += [(own, target), *([(target, own)] if living.program.traced.spec.inputs else []), (activity_name(living.projection.name), own)]
        while more := {target for source, target in edges if source in found} - found:
            found |= more
        return found


def _links(wiring: Wiring) -> list[Link]:
    """One of a projection, or two where its delays are parameters: what arrives at the step before a delay and at that after it."""
    if not wiring.trained:
        return [Link.of(wiring)]
    return [Link.of(replace(wiring, name=name(wiring.name)), timed=True) for name in (Link.early, Link.late)]


def _those(names: tuple[str, ...], of: Any) -> tuple[str, ...]:
    """Names in their order that are of these."""
    return tuple(n for n in names if n in of)


def _own(part: str, names: frozenset[str]) -> frozenset[str]:
    """The names within a part, of full names of a population."""
    return frozenset(inner_names(part, names))
