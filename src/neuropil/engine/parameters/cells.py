"""The parameters of cells with morphology: the constants of the loops over their membranes and point processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from neuropil.engine.core import Core
from neuropil.errors import SimulationError
from neuropil.model.contents.contents import Population


def changing_cells(core: Core, population: Population, part: str, values: Mapping[str, Any]) -> Callable[[], None]:
    """What gives parameters of a channel or a point process new values, after all checks.

    Args:
        core: of the simulation.
        population: of cells.
        part: name of the channel or point process.
        values: by the name of the parameter: a number, or float64[cells, sites].

    Raises:
        SimulationError: not possible.
    """
    raise SimulationError("parameters of cells with morphology cannot be changed yet", got=f"{population.name}.{part}", fix="Network.replace")


def present_value(core: Core, population: Population, part: str, name: str) -> Any:
    """A parameter as it is, modulators aside: a number, or float64[cells, sites].

    Args:
        core: of the simulation.
        population, part: whose.
        name: of the parameter.

    Raises:
        SimulationError: not possible.
    """
    raise SimulationError("parameters of cells with morphology cannot be changed yet", got=f"{population.name}.{part}.{name}", fix="Network.replace")
