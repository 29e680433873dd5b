"""A call of the native backend: its options, what is known before it runs, and the machine that it needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from neuropil.errors import ModelError
from neuropil.learn.native.links import Link
from neuropil.learn.native.machine import Machine
from neuropil.learn.native.part import Part
from neuropil.learn.native.step import NativeStep, names_of
from neuropil.lower.gradient import Use

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
        if self.threads is not None and self.threads < 1:
            raise ModelError("threads must be at least 1", got=self.threads)
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
        wanted: paths of the arrays whose cotangents are wanted.
    """

    own: NativeRollout
    native: Native
    samples: int
    steps: int
    recorded: tuple[tuple[str, str], ...]
    given: tuple[str, ...]
    wanted: frozenset[tuple[str, ...]] = frozenset()

    def keeps(self, machine: Machine) -> bool:
        """Whether the tapes of all samples are kept for the way back.

        Args:
            machine: of the call.
        """
        return bool(self.wanted) and 0 < machine.tape_bytes * self.steps * self.samples <= self.native.memory


@dataclass(eq=False)
class NativeRollout:
    """The kernels of a rollout, made as they are needed.

    Attributes:
        rollout: the rollout.
        links: its projections.
        machines: by what is given and wanted.
    """

    rollout: Any
    links: tuple[Link, ...]
    machines: dict[Any, Machine] = field(default_factory=dict)

    @classmethod
    def of(cls, rollout: Any) -> NativeRollout:
        """The native side of a rollout, made once."""
        found = rollout.__dict__.get("_native")
        if found is None:
            found = rollout.__dict__["_native"] = cls(rollout, tuple(Link.of(w) for w in rollout.wirings))
        return found

    def machine(self, call: NativeCall, floats: Tree) -> Machine:
        """The machine for a call.

        Args:
            call: what is known of it.
            floats: arrays, as `apply_native` makes them: their names and shapes matter.
        """
        apart = {n: frozenset(k for k, v in values.items() if np.ndim(v)) for n, values in floats["constants"].items()}
        key = (
            call.wanted, call.recorded, call.given, tuple(sorted((n, tuple(sorted(names))) for n, names in apart.items())),
            tuple((kind, n, e) for kind in ("events", "currents") for n in sorted(floats[kind]) for e in sorted(floats[kind][n])),
        )  # fmt: skip
        if key not in self.machines:
            self.machines[key] = self._made(call, floats, apart)
        return self.machines[key]

    def _made(self, call: NativeCall, floats: Tree, apart: dict[str, frozenset[str]]) -> Machine:
        rollout, wanted, parts = self.rollout, call.wanted, []
        active = _active(self.links, wanted) - set(call.given)
        for name, neurons in rollout._neurons.items():
            names = names_of(neurons)
            rings: dict[str, int] = {}
            for link in self.links:
                if link.wiring.target == name:
                    rings[link.wiring.port] = max(rings.get(link.wiring.port, 1), link.wiring.longest)
            events, currents = floats["events"].get(name, {}), floats["currents"].get(name, {})
            use = Use(
                rings=tuple(n for n in names.ports if n in rings), events=tuple(n for n in names.ports if n in events),
                currents=tuple(n for n in names.inputs if n in currents), recorded=tuple(n for n in names.states if (name, n) in call.recorded),
                parameters=tuple(n for n in names.parameters if ("constants", name, n) in wanted),
                event_bars=tuple(n for n in names.ports if ("events", name, n) in wanted),
                current_bars=tuple(n for n in names.inputs if ("currents", name, n) in wanted), product=name in active,
            )  # fmt: skip
            step = NativeStep.of(neurons, use, apart.get(name, frozenset()), rollout.precision)
            parts.append(Part(name, neurons.population.size, step, rings, name in call.given))
        return Machine(tuple(parts), self.links, wanted)


def _active(links: tuple[Link, ...], wanted: frozenset[tuple[str, ...]]) -> set[str]:
    """Populations whose states depend on something whose cotangent is wanted: for the others, the way back ends."""
    found = {path[1] for path in wanted if path[0] != "weights"}
    found |= {link.wiring.target for link in links if ("weights", link.wiring.name) in wanted}
    while more := {link.wiring.target for link in links if link.wiring.source in found} - found:
        found |= more
    return found
