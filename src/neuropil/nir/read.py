"""From a NIR file to a network."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuropil.errors import ModelError, NeuropilError
from neuropil.model import AllToAll, Edges, Graded, Network, OneToOne, Population, Rule
from neuropil.model import Step as Constant
from neuropil.model.connection.shared import SharedWeights
from neuropil.model.neuron.neuron import Neuron
from neuropil.nir import models
from neuropil.nir.library import all_faults, file_name, library, time_step
from neuropil.nir.nodes import Reading, has_state, is_operation, own_shape, step_of
from neuropil.nir.paths import Path, Step, depths
from neuropil.units import ms

DT, SCHEME = "neuropil_dt_ms", "neuropil_scheme"
"""What files written here say of themselves, in the metadata of the graph."""
STANDARD_DT = 0.1
"""ms: the time step that files of snnTorch assume."""


def from_nir(path: str | os.PathLike[str], *, dt: Any = None, scheme: str | None = None, reset: str = "value", inputs: str = "spikes") -> Network:
    """The network of a NIR file. Run it with the same time step, ``npl.run(network, duration, dt=...)``.

    Each node with a state becomes a population of its name ("." and "/" become "_"); linear nodes between them become projections, biases constant
    currents. An `Input` becomes a population that is to be stimulated, an `Output` after a linear node one to be probed.

    Args:
        path: of the file.
        dt: NIR has no time step: the duration of the pulse that a spike is, and the step that delays count. None: what the file says if it was
            written by neuropil, else 0.1 ms, which snnTorch assumes.
        scheme: "euler", as snnTorch and most others advance the equations; "exact": as they are solved. None: what the file says if it
            was written by neuropil, else "euler".
        reset: "value": v becomes v_reset, as NIR says. NIR cannot say that v_threshold is subtracted, which is snnTorch's default: "subtract", or
            with the delay of one step that snnTorch has by default "subtract late".
        inputs: "spikes" or "values": what an `Input` brings. Stimulate its port `pulses` with weight 1, or its input `drive`.

    Returns:
        The network. A spike of a node at depth d (the projections on the longest way from the input) is stamped d steps later than in
        simulators in which a signal passes all layers within a step.

    Raises:
        ModelError: `nir` is not installed, the file cannot be read, or all that cannot be expressed, listed.

    Source:
        Pedersen et al. (2024) Nat. Commun. 15:8122.
    """
    for name, value, allowed in (("scheme", scheme, (None, "euler", "exact")), ("reset", reset, models.RESETS), ("inputs", inputs, ("spikes", "values"))):
        if value not in allowed:
            raise ModelError(f"from_nir: unknown {name}", got=value, expected=", ".join(repr(a) for a in allowed))
    graph = _read(path)
    said = graph.metadata
    width = float(said.get(DT, STANDARD_DT)) if dt is None else time_step(dt, "from_nir")
    reading = Reading(width, (scheme or said.get(SCHEME, "euler")) == "euler", reset)
    return _Reader(_Flat.of(graph), reading, inputs).network(os.path.splitext(os.path.basename(path))[0])


def _read(path: Any) -> Any:
    nir, name = library(), file_name(path, "from_nir")
    if not os.path.isfile(name):
        raise ModelError(f"{name}: there is no such file")
    try:
        graph = nir.read(name, type_check=False)
    except Exception as error:
        raise ModelError(f"{name}: not a NIR file that can be read", got=f"{type(error).__name__}: {error}") from error
    if not isinstance(graph, nir.NIRGraph):
        raise ModelError(f"{name}: not a graph", got=type(graph).__name__)
    return graph


@dataclass
class _Flat:
    """A graph without subgraphs: their inputs and outputs pass on what they get.

    Attributes:
        nodes: by name; edges: (from, to).
        inner: names of inputs and outputs of subgraphs.
    """

    nodes: dict[str, Any] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    inner: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, graph: Any) -> _Flat:
        """All nodes, those of subgraphs with the name of the subgraph before theirs."""
        made = cls()
        made._add(graph, "")
        return made

    def _add(self, graph: Any, prefix: str) -> tuple[list[str], list[str]]:
        nir = library()
        ends: dict[str, tuple[list[str], list[str]]] = {}
        for name, node in graph.nodes.items():
            full = f"{prefix}{name}"
            if isinstance(node, nir.NIRGraph):
                ends[name] = self._add(node, f"{full}_")
                continue
            self.nodes[full] = node
            ends[name] = [full], [full]
            if prefix and isinstance(node, (nir.Input, nir.Output)):
                self.inner.add(full)
        unknown = [f"an edge to or from {n!r}, which is no node" for edge in graph.edges for n in edge if n not in ends]
        twice = [f"the edge from {a} to {b} twice" for a, b in graph.edges if graph.edges.count((a, b)) > 1]
        all_faults("from_nir", [*unknown, *twice])
        self.edges += [(a, b) for x, y in graph.edges for a in ends[x][1] for b in ends[y][0]]
        found = [(f"{prefix}{n}", node) for n, node in graph.nodes.items()]
        return [n for n, node in found if isinstance(node, nir.Input)], [n for n, node in found if isinstance(node, nir.Output)]


class _Reader:
    """What is found of a graph, and the network made of it."""

    def __init__(self, flat: _Flat, reading: Reading, inputs: str):
        self.flat, self.reading, self.inputs = flat, reading, inputs
        self.faults: list[str] = []
        self.after: dict[str, list[str]] = {}
        for a, b in flat.edges:
            self.after.setdefault(a, []).append(b)
        self.shapes: dict[str, tuple[int, ...]] = {}

    def network(self, name: str) -> Network:
        """The network, or everything that stands against it."""
        nir, flat = library(), self.flat
        for key, node in flat.nodes.items():
            if not (has_state(node) or is_operation(node) or isinstance(node, (nir.Input, nir.Output))):
                self.faults.append(f"{key}: a node of kind {type(node).__name__}")
        all_faults("from_nir", self.faults)
        self._infer()
        ends = [n for n in flat.nodes if self._is_end(n)]
        paths = [(a, b, steps) for a in ends if a in self.shapes for b, steps in self._ways(a, [], a, ())]
        all_faults("from_nir", self.faults)
        depth, steps_of = depths(ends, [(a, b) for a, b, _ in paths])
        made = Network(name)
        populations = {n: self._population(made, n) for n in ends}
        all_faults("from_nir", self.faults)
        bias: dict[tuple[str, float], np.ndarray] = {}
        for a, b, steps in paths:
            try:
                path = Path.of(steps, populations[a].size)
                self._project(made, populations[a], populations[b], path, steps_of[a, b])
                for value, lags in path.biases:
                    for lag in np.unique(lags):
                        bias[b, lag] = bias.get((b, lag), 0.0) + np.where(lags == lag, value, 0.0)
            except (ValueError, NeuropilError) as error:
                self.faults.append(f"from {a} to {b}: {error}")
        all_faults("from_nir", self.faults)
        for (b, lag), value in bias.items():
            if np.any(value):
                start = round(depth[b] * self.reading.dt + lag, 9)
                made.stimulate(populations[b], Constant(value, start=start * ms), input="drive", name=f"bias of {populations[b].name}")
        return made

    # --- what there is ---------------------------------------------------------------------------------------------------

    def _is_end(self, name: str) -> bool:
        """It becomes a population: a node with a state, an input, or an output of a linear node."""
        nir, node = library(), self.flat.nodes[name]
        if name in self.flat.inner:
            return False
        if isinstance(node, nir.Output):
            return any(b == name and not self._passes_from_state(a) for a, b in self.flat.edges)
        return has_state(node) or isinstance(node, nir.Input)

    def _passes_from_state(self, name: str) -> bool:
        node = self.flat.nodes[name]
        if name in self.flat.inner:
            return all(self._passes_from_state(a) for a, b in self.flat.edges if b == name)
        return has_state(node)

    def _infer(self) -> None:
        """The shape of what each node gives, from the inputs on."""
        nir = library()
        ready = []
        for name, node in self.flat.nodes.items():
            shape = own_shape(node) if name not in self.flat.inner else None
            if shape is not None and (has_state(node) or isinstance(node, nir.Input)):
                self.shapes[name] = shape
                ready.append(name)
        while ready:
            a = ready.pop(0)
            for b in self.after.get(a, []):
                if b in self.shapes:
                    continue
                node = self.flat.nodes[b]
                try:
                    self.shapes[b] = step_of(node, self.shapes[a]).shape if is_operation(node) else self.shapes[a]
                except (ValueError, NeuropilError) as error:
                    self.faults.append(f"{b} ({type(node).__name__}): {error}")
                    continue
                ready.append(b)
        all_faults("from_nir", self.faults)
        self.faults += [f"{n}: nothing says how many elements it has" for n in self.flat.nodes if n not in self.shapes]

    def _ways(self, at: str, steps: list[Step], first: str, seen: tuple[str, ...]) -> list[tuple[str, list[Step]]]:
        """Chains of linear nodes from a node to the next populations."""
        found = []
        for b in self.after.get(at, []):
            node = self.flat.nodes[b]
            if b in seen:
                self.faults.append(f"{b}: a cycle of linear nodes, without a node with a state")
            elif self._is_end(b):
                found.append((b, steps))
            elif is_operation(node):
                shape = steps[-1].shape if steps else self.shapes[first]
                try:
                    found += self._ways(b, [*steps, step_of(node, shape)], first, (*seen, b))
                except (ValueError, NeuropilError) as error:
                    self.faults.append(f"{b} ({type(node).__name__}): {error}")
            elif b in self.flat.inner:
                found += self._ways(b, steps, first, (*seen, b))
        return found

    # --- what is made ----------------------------------------------------------------------------------------------------

    def _population(self, made: Network, name: str) -> Population:
        nir, node, size = library(), self.flat.nodes[name], int(np.prod(self.shapes[name]))
        width = self.reading.dt * ms
        neuron: Neuron = models.OutputValue(width=width)
        try:
            if isinstance(node, nir.Input):
                neuron = models.InputSpikes(width=width) if self.inputs == "spikes" else models.InputValue(width=width)
            elif has_state(node):
                neuron = self.reading.neuron(node, size)
        except (ValueError, NeuropilError) as error:
            self.faults.append(f"{name} ({type(node).__name__}): {error}")
        label = name.replace(".", "_").replace("/", "_")
        while label in made.populations:
            label += "_"
        return made.population(label if not label[:1].isdigit() else f"n{label}", neuron, size)

    def _project(self, made: Network, source: Population, target: Population, path: Path, steps: int) -> None:
        dt, lag = self.reading.dt, path.before[:, None] + path.after[None, :]
        graded = not models.spikes(source.neuron)
        delay: Any = steps * dt + lag
        uniform = not np.ptp(lag)
        weights: Any = path.weights
        rule: Rule = AllToAll()
        if weights is None or (isinstance(weights, np.ndarray) and weights.ndim == 1):
            rule, weights, delay = OneToOne(), 1.0 if weights is None else weights, np.diag(np.atleast_2d(delay))
        elif hasattr(weights, "tocoo") or (isinstance(weights, SharedWeights) and not uniform):
            listed = weights.tocoo() if hasattr(weights, "tocoo") else Step((0,), weights).matrix(source.size).tocoo()
            rule, weights, delay = Edges(listed.row, listed.col), listed.data, delay[listed.row, listed.col]
        delay = float(np.ravel(delay)[0]) if uniform else delay
        if graded:
            made.project(source, target, rule, weight=weights, delay=(delay - dt) * ms, input="drive", synapse=Graded("v"))
        else:
            made.project(source, target, rule, weight=weights, delay=delay * ms, port="pulses")
