"""The objective of a batch: samples presented to the rollout, its response, loss and regularisers; differentiable by the free numbers."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuropil import rng
from neuropil.errors import ModelError
from neuropil.learn.data.dataset import Chunk
from neuropil.learn.fit.settings import Settings
from neuropil.learn.losses.response import Response, Variable, label_of
from neuropil.learn.rollout import Rolled, Rollout
from neuropil.model.base.distribution import Distribution
from neuropil.model.network.network import Network
from neuropil.model.network.replace import duplicate
from neuropil.units import ms

Tree = dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """Samples as the compiled step takes them, filled up to a fixed number.

    Attributes:
        inputs: as of `Rollout.apply`, with a batch axis where samples differ.
        target: [samples, ...]; counts: float[samples], 1 for samples, 0 for what only fills the batch.
        numbers: int64[samples], of the samples within the data.
    """

    inputs: Tree
    target: np.ndarray
    counts: np.ndarray
    numbers: np.ndarray


class Objective:
    """What is minimised.

    Args:
        network: to be trained; probes are added to a copy of it.
        settings: of the training.
        recorded: what else to record in every step: (population, state or expression).
        delays: as of `Rollout`: projection -> longest, of delays that are trained.

    Attributes:
        rollout: of the network with what must be recorded.

    Raises:
        ModelError, NetworkError: a network that cannot be rolled out.
    """

    def __init__(self, network: Network, settings: Settings, recorded: tuple[Variable, ...] = (), delays: Mapping[str, Any] | None = None):
        self.settings, self.delays = settings, delays
        probed, self._labels = _probed(network, (*settings.loss.recorded(), *recorded))
        self.rollout = Rollout(
            probed, dt=settings.dt * ms, seed=settings.seed, surrogate=settings.surrogate, reset_gradient=settings.reset_gradient, scale=settings.scale,
            precision=settings.precision, chunk=settings.chunk, **({"delays": dict(delays)} if delays else {}),
        )  # fmt: skip
        _refuse_drawn_values(probed)
        self._shared: dict[int, Tree | None] = {}
        self._measures: dict[str, Any] = {}
        self._shapes: dict[int, tuple[int, ...]] = {}

    # --- what is presented ---------------------------------------------------------------------------------------------

    def batch(self, chunk: Chunk, epoch: int, size: int | None = None) -> Batch:
        """Samples as the rollout takes them.

        Args:
            chunk: the samples; epoch: keys what is drawn for them.
            size: to which the batch is filled up by repeating the last one; None: as many as there are.

        Raises:
            ModelError: samples that do not fit.
        """
        count, settings = len(chunk.target), self.settings
        dense = {e: e.dense(chunk.values[e.key], settings.dt, settings.seed, epoch, chunk.numbers) for e in settings.entries}
        steps = {made.shape[1] for made in dense.values()}
        if len(steps) > 1:
            raise ModelError("inputs differ in steps", got=", ".join(f"{e.name}: {m.shape[1]}" for e, m in dense.items()))
        (duration,) = steps
        rows = np.minimum(np.arange(size or count), count - 1)
        inputs = self.shared(duration) or self._drawn(duration, epoch, chunk.numbers[rows])
        for entry, made in dense.items():
            kind = "events" if entry.events else "currents"
            of = dict(inputs[kind].get(entry.population, {}))
            values = made[rows].astype(self.rollout.dtype)
            of[entry.entry] = values + of[entry.entry] if entry.entry in of else values
            inputs = {**inputs, kind: {**inputs[kind], entry.population: of}}
        return Batch(inputs, chunk.target[rows], (np.arange(len(rows)) < count).astype(self.rollout.dtype), chunk.numbers[rows])

    def shared(self, steps: int) -> Tree | None:
        """What stimuli and hazards bring, if it is the same for all samples; None: it is drawn for each.

        Args:
            steps: of a sample.
        """
        if steps not in self._shared:
            one, other = self._with_seed(self.settings.seed, steps), self._with_seed(self.settings.seed ^ 1, steps)
            same = all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True))
            self._shared[steps] = one if same else None
        return self._shared[steps]

    def _drawn(self, steps: int, epoch: int, numbers: np.ndarray) -> Tree:
        """Inputs with random numbers of each sample's own."""
        each = [self._with_seed(self.seed_of(epoch, int(n)), steps) for n in numbers]
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *each)
        return {**stacked, "step": each[0]["step"]}

    def _with_seed(self, seed: int, steps: int) -> Tree:
        twin = copy.copy(self.rollout)
        twin.seed = seed
        return twin.inputs(steps)

    def seed_of(self, epoch: int, sample: int) -> int:
        """The seed of what stimuli and hazards draw for a sample in an epoch.

        Args:
            epoch, sample: their numbers.
        """
        high, low = rng.stream_key(self.settings.seed, "fit", "stimuli", epoch, sample)
        return (high << 30) ^ low

    # --- what comes of it ----------------------------------------------------------------------------------------------

    def respond(self, parameters: Tree, state: Tree, inputs: Tree, backend: str) -> Response:
        """The response to a batch; differentiable.

        Args:
            parameters, state: as of `Rollout.apply`.
            inputs: of a `Batch`.
            backend: "jax" or "native".
        """
        return self.response(self.rollout.apply(parameters, state, inputs, backend=backend))

    def response(self, rolled: Rolled) -> Response:
        """What the loss reads of `rolled`, with a batch axis."""
        return Response(rolled.spikes, {label: rolled.traces[name] for label, name in self._labels.items()}, self.settings.dt)

    def terms(self, response: Response, target: Any, counts: Any) -> tuple[Any, Tree]:
        """The objective of a batch, and what is reported of it.

        Args:
            response: to it.
            target, counts: as of `Batch`.

        Returns:
            One number; {"losses": [samples], "correct": [samples] or None, "outputs": [samples, ...], "spikes": population -> [neurons], summed
            over samples and steps}.
        """
        loss = self.settings.loss
        outputs = loss.outputs(response)
        losses = loss(outputs, target, response.dt)
        total = (losses * counts).sum() / counts.sum()
        for one in self.settings.regularisers:
            total = total + one(response, counts)
        correct = loss.correct(outputs, target)
        seen = {
            "losses": losses, "outputs": outputs, "correct": None if correct is None else correct.astype(losses.dtype),
            "spikes": {n: jnp.einsum("bsn,b->n", s, counts) for n, s in response.spikes.items()},
        }  # fmt: skip
        return total, seen

    def measure(self, parameters: Tree, state: Tree, batch: Batch, backend: str) -> Tree:
        """What `terms` reports of a batch, and "value": the objective.

        Args:
            parameters, state: as of `Rollout.apply`.
            batch: the samples.
            backend: "jax" or "native".
        """
        if backend not in self._measures:

            def measured(parameters: Tree, state: Tree, inputs: Tree, target: Any, counts: Any) -> tuple[Any, Tree]:
                return self.terms(self.respond(parameters, state, inputs, backend), target, counts)

            self._measures[backend] = jax.jit(measured)
        with self.x64:
            value, seen = self._measures[backend](parameters, state, batch.inputs, batch.target, batch.counts)
            return {**jax.device_get(seen), "value": float(value)}

    @property
    def x64(self) -> Any:
        """The mode of JAX in which numbers have the precision of the rollout; a context."""
        return jax.enable_x64(self.settings.precision == "float64" or jax.dtypes.canonicalize_dtype(np.float64) == np.float64)

    def targets(self, chunk: Chunk, outputs: tuple[int, ...]) -> Chunk:
        """The samples with targets as the loss reads them.

        Args:
            chunk: the samples.
            outputs: shape of the outputs of one.

        Raises:
            ModelError: targets that do not fit.
        """
        target = self.settings.loss.check(chunk.target, outputs)
        if target.dtype.kind == "f":
            target = target.astype(self.rollout.dtype)
        return Chunk(chunk.values, target, chunk.numbers)

    def output_shape(self, batch: Batch) -> tuple[int, ...]:
        """Shape of the outputs of one sample of a batch."""
        rollout, steps = self.rollout, len(batch.inputs["step"])

        def outputs(inputs: Tree) -> Any:
            return self.settings.loss.outputs(self.respond(rollout.parameters, rollout.initial(), inputs, "jax"))

        if steps not in self._shapes:
            with self.x64:
                self._shapes[steps] = tuple(jax.eval_shape(outputs, batch.inputs).shape[1:])
        return self._shapes[steps]


def _probed(network: Network, wanted: tuple[Variable, ...]) -> tuple[Network, dict[str, str]]:
    """A copy that records what is wanted and nothing else; and the names of probes by label."""
    made = duplicate(network)
    made.probes = []
    names: dict[str, str] = {}
    for variable in wanted:
        label = label_of(variable)
        if label not in names:
            population, what = variable
            names[label] = made.probe(made[population], what, name=f"fit {len(names)}").name
    return made, names


def _refuse_drawn_values(network: Network) -> None:
    """Refuse stimuli of which values are drawn: they would be others for each sample.

    Raises:
        ModelError: with the remedy.
    """
    for drive in network.drives:
        for name, value in (*vars(drive.stimulus).items(), ("weight", drive.weight)):
            if isinstance(value, Distribution):
                raise ModelError(f"stimulus {drive.name!r}: {name} is drawn, and would be another for each sample", got=value, fix="give an array of values")
