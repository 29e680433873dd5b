"""From a network to a NIR file."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np

from neuropil.connectivity.draw import edges
from neuropil.errors import ModelError, NeuropilError
from neuropil.model import Convolution, EventStimulus, Network, OneToOne, Pooling, Population, Projection
from neuropil.model import Step as Constant
from neuropil.model.base import grid
from neuropil.model.base.distribution import Distribution
from neuropil.model.connection.matrix import values_of
from neuropil.model.contents.graded import GradedProjection, StateOf
from neuropil.nir import models
from neuropil.nir.expressed import Expressed, expressed, node_of, number, seconds
from neuropil.nir.library import all_faults, file_name, library, time_step
from neuropil.nir.paths import depths
from neuropil.nir.read import DT, SCHEME, STANDARD_DT

INPUTS = (models.InputSpikes, models.InputValue)


def to_nir(network: Any, path: str | os.PathLike[str], *, dt: Any = None, seed: int = 1) -> Path:
    """Write a network to a NIR file.

    A population becomes a node of its name, a projection `Linear`, `Conv1d`, `Conv2d`, `SumPool2d`, `AvgPool2d` or `Scale`, with a `Delay` for what
    it takes beyond the time steps that `from_nir` counts; constant currents become biases. Events that drive neurons become an `Input` each,
    which takes one step, and are not in the file themselves. What is recorded is no part of it either.

    Args:
        network: the network, or what has one as `.network`, such as a fit.
        path: of the file; one that exists is replaced.
        dt: the time step, in which delays are counted, and the duration of the pulse that a spike is. None: that of the network's own NIR
            models, else that of the fit, else 0.1 ms.
        seed: of synapses that are drawn.

    Returns:
        The path.

    Raises:
        ModelError: `nir` is not installed, or all that cannot be expressed, listed; nothing is written then.
    """
    nir, name = library(), file_name(path, "to_nir")
    described = network if isinstance(network, Network) else getattr(network, "network", None)
    if not isinstance(described, Network):
        raise ModelError("to_nir: not a network", got=network, expected="a Network, or what has one as .network")
    own = [number(p.neuron, "width") for p in described.populations.values() if isinstance(p.neuron, models.Node)]
    trained = getattr(getattr(network, "settings", None), "dt", STANDARD_DT)  # a fit knows its time step
    width = time_step(dt, "to_nir") if dt is not None else float(np.max(own[0])) if own else trained
    graph = _Writer(described, width, seed).graph()
    nir.write(name, graph)
    return Path(name)


class _Writer:
    """The nodes and edges of a network, and what stands against them."""

    def __init__(self, network: Network, width: float, seed: int):
        self.network, self.width, self.seed = network, width, seed
        self.faults: list[str] = []
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []
        self.made: dict[str, Expressed] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.weighted: dict[str, list[tuple[str, int]]] = {}  # by population, linear nodes before it that may have a bias, and its delay in steps

    def graph(self) -> Any:
        """The graph, or everything that stands against it."""
        nir, net = library(), self.network
        self._look()
        all_faults("to_nir", self.faults)
        driven = [d for d in net.drives if d.port is not None and not self._is_input(d.target)]
        arcs = [(p.source.name, p.target.name) for p in self._projections()]
        self.depth, self.steps = depths([*net.populations, *(f"{d.name} " for d in driven)], [*arcs, *((f"{d.name} ", d.target.name) for d in driven)])
        for name in sorted(net.populations, key=self.depth.__getitem__):
            self._shape(net.populations[name])
        for name, population in net.populations.items():
            self.nodes[name] = self._node(population)
        for p in self._projections():
            self._try(p.name, self._project, p)
        for drive in driven:
            self._try(drive.name, self._input, drive)
        for drive in net.drives:
            if drive.port is None and not self._is_input(drive.target):
                self._try(drive.name, self._bias, drive)
        all_faults("to_nir", self.faults)
        sending = {p.source.name for p in self._projections()}
        for name, population in net.populations.items():
            if name not in sending and not self._is_input(population) and self.made[name].kind is not models.OutputValue:
                self._add(f"output_{name}", nir.Output(output_type=np.array(self.shapes[name])), name)
        schemes = {m.euler for m in self.made.values()} - {None}
        graph = nir.NIRGraph(nodes=self.nodes, edges=self.edges, type_check=False)
        graph.metadata = {DT: float(self.width), SCHEME: "exact" if schemes == {False} else "euler"}
        return graph

    def _projections(self) -> list[Projection]:
        return [*self.network.projections, *self.network.graded]

    def _is_input(self, population: Population) -> bool:
        return issubclass(self.made[population.name].kind, INPUTS)

    def _try(self, name: str, act: Any, *arguments: Any) -> None:
        try:
            act(*arguments)
        except (ValueError, NeuropilError) as error:
            self.faults.append(f"{name}: {error}")

    def _look(self) -> None:
        """What of the network has no place in NIR."""
        net = self.network
        self.faults += [f"coupling {c.name}: gap junctions" for c in net.couplings]
        self.faults += [f"modulator {name}" for name in net.modulators]
        self.faults += [f"{n.name}: normalised weights" for n in net.normalisations]
        for name, population in net.populations.items():
            if population.initial:
                self.faults.append(f"population {name}: initial values of {', '.join(population.initial)}")
            reached = any(p.target is population for p in self._projections())
            try:
                made = expressed(population.neuron, population.size, self.width)
                if reached and made.kind is models.InputValue:
                    raise ValueError("an input that a projection reaches")
                self.made[name] = dataclasses.replace(made, kind=models.Threshold) if reached and made.kind is models.InputSpikes else made
            except (ValueError, NeuropilError) as error:
                self.faults.append(f"population {name}: {error}")
        if len({m.euler for m in self.made.values()} - {None}) > 1:
            self.faults.append("populations that advance by forward Euler beside others that are solved exactly")
        for p in self._projections():
            if p.per_synapse and not isinstance(p, GradedProjection):
                self.faults.append(f"projection {p.name}: synapses with states or rewiring")
            if isinstance(p, GradedProjection) and (p.value.function != StateOf("v") or p.value.part):
                self.faults.append(f"projection {p.name}: it transmits a function of states, not v")
            if isinstance(p, GradedProjection) and models.spikes(p.source.neuron):
                self.faults.append(f"projection {p.name}: graded transmission of neurons that spike")
            if not isinstance(p, GradedProjection) and not models.spikes(p.source.neuron):
                self.faults.append(f"projection {p.name}: its sources never spike")

    # --- nodes -----------------------------------------------------------------------------------------------------------

    def _shape(self, population: Population) -> None:
        """On a grid where all that arrives comes from convolutions onto one; of a source, where one leads from it."""
        arriving = [p for p in self._projections() if p.target is population]
        shapes = {p.matrix.target_shape if self._grid(p) else (population.size,) for p in arriving}  # type: ignore[union-attr]
        if not arriving:
            shapes = {p.matrix.source_shape for p in self._projections() if p.source is population and self._grid(p)}  # type: ignore[union-attr]
        self.shapes[population.name] = shapes.pop() if len(shapes) == 1 else (population.size,)

    def _grid(self, p: Projection) -> bool:
        """A convolution or pooling that NIR has, from neurons that lie as it needs."""
        matrix = p.matrix
        if not isinstance(matrix, (Convolution, Pooling)) or p.sources is not None or p.targets is not None:
            return False
        axes, known = len(matrix.source_shape) - 1, self.shapes.get(p.source.name)
        fits = known in (None, matrix.source_shape) and all(a == b for a, b in matrix.padding)
        return fits and axes in ((1, 2) if isinstance(matrix, Convolution) else (2,))

    def _node(self, population: Population) -> Any:
        nir, made, shape = library(), self.made[population.name], self.shapes[population.name]
        if issubclass(made.kind, INPUTS):
            return nir.Input(input_type=np.array(shape))
        return nir.Output(output_type=np.array(shape)) if made.kind is models.OutputValue else node_of(made, shape)

    def _add(self, name: str, node: Any, after: str) -> str:
        label = name.replace("/", "_").replace("→", "_to_").replace(" ", "_").replace("#", "n")
        while label in self.nodes:
            label += "_"
        self.nodes[label] = node
        self.edges.append((after, label))
        return label

    # --- edges -----------------------------------------------------------------------------------------------------------

    def _project(self, p: Projection) -> None:
        nir, graded = library(), isinstance(p, GradedProjection)
        factors = self.made[p.target.name].inputs if graded else self.made[p.target.name].ports
        entry = str(p.input if graded else p.port)
        if entry not in factors:
            raise ValueError(f"{entry!r} of {type(p.target.neuron).__name__} has no counterpart")
        factor, pre_shape = factors[entry], self.shapes[p.source.name]
        base = self.steps[p.source.name, p.target.name]
        if self._grid(p) and self.shapes[p.target.name] == p.matrix.target_shape and np.ndim(factor) == 0:  # type: ignore[union-attr]
            at = self._windowed(p, float(factor))
            self._end(at, p, grid.steps(float(p.delay), self.width, p.name, least=0) + graded - base)  # type: ignore[arg-type]
            return
        pre, post, weight, delay = self._listed(p)
        weight = weight * np.broadcast_to(factor, (p.target.size,))[post]
        one_to_one = isinstance(p.rule, OneToOne) and p.sources is None and p.targets is None
        for steps in np.unique(delay):
            which, at, name = delay == steps, p.source.name, p.name if np.ptp(delay) == 0 else f"{p.name}_{steps}"
            if one_to_one and which.all() and pre_shape == self.shapes[p.target.name]:
                self._end(self._add(name, nir.Scale(scale=weight[np.argsort(pre)].reshape(pre_shape)), at), p, int(steps) + graded - base)
                continue
            if len(pre_shape) > 1:
                at = self._add(f"{name}_flat", nir.Flatten(input_type=np.array(pre_shape), start_dim=0, end_dim=-1), at)
            dense = np.zeros((p.target.size, p.source.size))
            np.add.at(dense, (post[which], pre[which]), weight[which])
            at = self._add(name, nir.Linear(weight=dense), at)
            self._end(at, p, int(steps) + graded - base)

    def _listed(self, p: Projection) -> tuple[np.ndarray, ...]:
        """Source, target, weight and delay in steps of each synapse."""
        if isinstance(p, GradedProjection):
            if p.matrix is not None:
                rows, columns = np.indices(p.ends).reshape(2, -1)
                pre, post = (n if chosen is None else chosen[n] for n, chosen in ((rows, p.sources), (columns, p.targets)))
                return pre, post, p.matrix.dense().ravel(), np.full(pre.size, grid.steps(float(p.delay), self.width, p.name, least=0))  # type: ignore[arg-type]
            pre, post, weight, delay, _ = edges(dataclasses.replace(p, delay=self.width) if p.uniform_delay else p, self.seed, self.width)
            lag = np.full(pre.size, grid.steps(float(p.delay), self.width, p.name, least=0)) if p.uniform_delay else delay  # type: ignore[arg-type]
            return pre, post, weight, lag
        return edges(p, self.seed, self.width)[:4]

    def _windowed(self, p: Projection, factor: float) -> str:
        """The node of a convolution or of pooling."""
        nir, matrix = library(), p.matrix
        if isinstance(matrix, Convolution):
            kernel, axes = values_of(matrix.kernel) * factor, len(matrix.source_shape) - 1
            padding = tuple(a for a, _ in matrix.padding)
            one = axes == 1
            node = (nir.Conv1d if one else nir.Conv2d)(
                input_shape=int(matrix.source_shape[1]) if one else tuple(matrix.source_shape[1:]), weight=kernel,
                stride=matrix.stride[0] if one else matrix.stride, padding=padding[0] if one else padding,
                dilation=matrix.dilation[0] if one else matrix.dilation, groups=matrix.groups, bias=np.zeros(kernel.shape[0]),
            )  # fmt: skip
            return self._add(p.name, node, p.source.name)
        assert isinstance(matrix, Pooling)
        weight, places = float(values_of(matrix.weight)) * factor, int(np.prod(matrix.size))
        shape = {"kernel_size": np.array(matrix.size), "stride": np.array(matrix.stride), "padding": np.array([a for a, _ in matrix.padding])}
        at = self._add(p.name, (nir.AvgPool2d if weight == 1.0 / places else nir.SumPool2d)(**shape), p.source.name)
        return at if weight in (1.0, 1.0 / places) else self._add(f"{p.name}_weight", nir.Scale(scale=np.full(matrix.target_shape, weight)), at)

    def _end(self, at: str, p: Projection, more: int) -> None:
        """The edge to the target, through a delay if it takes `more` steps than it must."""
        nir, target = library(), p.target.name
        if more < 0:
            raise ValueError(f"a delay {-more} steps shorter than the way that other signals take to {target}; NIR passes through nodes without delay")
        if isinstance(self.nodes[at], (nir.Linear, nir.Conv1d, nir.Conv2d)):
            self.weighted.setdefault(target, []).append((at, more))
        if more:
            at = self._add(f"{p.name}_delay_{more}", nir.Delay(delay=np.full(self.shapes[target], seconds(more * self.width))), at)
        self.edges.append((at, target))

    def _input(self, drive: Any) -> None:
        """An input in place of events."""
        nir, target = library(), drive.target
        if isinstance(drive.weight, Distribution) or not isinstance(drive.stimulus, EventStimulus):
            raise ValueError("a stimulus with drawn weights")
        factors, shape = self.made[target.name].ports, self.shapes[target.name]
        if drive.port not in factors:
            raise ValueError(f"port {drive.port!r} of {type(target.neuron).__name__} has no counterpart")
        weight = np.broadcast_to(drive.everywhere(np.broadcast_to(drive.weight, (drive.size,))) * factors[drive.port], (target.size,))
        label = drive.name.replace("→", "_to_").replace("/", "_").replace(" ", "_").replace("#", "n")
        self.nodes[label] = nir.Input(input_type=np.array(shape))
        self.edges.append((self._add(f"{label}_weight", nir.Scale(scale=np.array(weight).reshape(shape)), label), target.name))

    def _bias(self, drive: Any) -> None:
        """A constant current as the bias of a linear node before the population."""
        nir, name, stimulus = library(), drive.target.name, drive.stimulus
        if not isinstance(stimulus, Constant) or stimulus.stop is not None:
            raise ValueError(f"a current that changes ({type(stimulus).__name__}); a bias is constant")
        if drive.input not in self.made[name].inputs or not self.weighted.get(name):
            raise ValueError(f"a constant current into {drive.input!r}, with no Linear or Conv node before {name} to carry it as its bias")
        begins = {int(grid.nearest(float(values_of(stimulus.start)), self.width)) - self.depth[name] - more: at for at, more in self.weighted[name]}
        if 0 not in begins:
            allowed = ", ".join(f"{(self.depth[name] + more) * self.width:g} ms" for _, more in self.weighted[name])
            raise ValueError(f"a constant current from {float(values_of(stimulus.start)):g} ms on; a bias of {name} begins with the signals, at {allowed}")
        amount = values_of(stimulus.amplitude) * self.made[name].inputs[drive.input]
        bias = np.array(np.broadcast_to(drive.everywhere(np.broadcast_to(amount, (drive.size,))), (drive.target.size,)))
        at = begins[0]
        node = self.nodes[at]
        if isinstance(node, (nir.Linear, nir.Affine)):
            self.nodes[at] = nir.Affine(weight=node.weight, bias=bias + getattr(node, "bias", 0.0))
            return
        channels = bias.reshape(node.weight.shape[0], -1)
        if np.any(np.ptp(channels, axis=1)):
            raise ValueError("a constant current that differs within a channel of a convolution")
        node.bias = node.bias + channels[:, 0]
