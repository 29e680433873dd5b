"""Where a training became NaN or infinite: sample, step, population and variable."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from neuropil.errors import SimulationError
from neuropil.learn.fit.objective import Batch
from neuropil.learn.fit.observed import Observed
from neuropil.learn.fit.trainer import Trainer

_FIX = "a smaller learning rate, clip=1.0, or bounds of what is trained (npl.Trainable(..., bounds=...))"


def refuse(trainer: Trainer, free: Any, batch: Batch, seen: dict[str, Any], epoch: int) -> NoReturn:
    """Say what is not finite.

    Args:
        trainer: of the training.
        free: free numbers before the step.
        batch: its samples.
        seen: what was measured.
        epoch: its number, from 0.

    Raises:
        SimulationError: always.
    """
    where = f"epoch {epoch + 1}"
    with trainer.objective.x64:
        parameters, state = trainer.free.values(trainer.of_network(free))
        for label, values in free.items():
            if not np.all(np.isfinite(np.asarray(values))):
                raise SimulationError(f"{where}: a trained value is not finite", got=label, fix=_FIX)
        observed = Observed(trainer.objective.rollout.network, trainer.objective, trainer.objective.delays)
        if (found := observed.first_not_finite(batch, parameters, state)) is not None:
            sample, step, population, name, column = found
            dt = trainer.objective.settings.dt
            raise SimulationError(
                f"{where}: {population}.{name} is not finite", got=f"sample {sample}, step {step} ({(step + 1) * dt:g} ms), neuron or site {column}", fix=_FIX
            )
    bad = np.flatnonzero(~np.isfinite(np.asarray(seen["losses"])) & (batch.counts > 0))
    if bad.size:
        raise SimulationError(f"{where}: the loss of a sample is not finite, though all states are", got=f"sample {int(batch.numbers[bad[0]])}", fix="another scale of the loss, or targets nearer to the outputs")
    labels = [label for label, norm in seen["norms"].items() if not np.isfinite(norm)]
    raise SimulationError(f"{where}: a gradient is not finite, though all states are", got=", ".join(labels) or "the regularisers", fix=_FIX + ", or a flatter surrogate (height=)")
