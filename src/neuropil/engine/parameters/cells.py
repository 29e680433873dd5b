"""The parameters of cells with morphology: the constants of the loops over their membranes and point processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neuropil.engine.core import Core
from neuropil.errors import SimulationError
from neuropil.model.contents.contents import Population
from neuropil.model.network.changes import ParameterChange


def changing_cells(core: Core, population: Population, part: str, changes: Sequence[ParameterChange]) -> Callable[[], None]:
    """What gives parameters of a channel or a point process new values, after all checks.

    Args:
        core: of the simulation.
        population: of cells.
        part: name of the channel or point process.
        changes: of its parameters.

    Raises:
        SimulationError: not possible.
    """
    raise SimulationError("parameters of cells with morphology cannot be changed yet", got=f"{population.name}.{part}", fix="Network.replace")
