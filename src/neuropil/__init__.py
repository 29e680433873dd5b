"""neuropil: describe a brain once, run it at native speed.

The names below are the public ones; units are in `neuropil.units`, functions for equations in `neuropil.maths`. What
runs, explains or draws is imported on first use, so that describing a network costs no start-up of JAX and Numba.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from neuropil import maths, units
from neuropil.errors import (
    CheckpointError,
    LoweringError,
    MemoryLimitError,
    ModelError,
    MorphologyError,
    NetworkError,
    NeuropilError,
    PlanError,
    PrimitiveError,
    ResultError,
    SimulationError,
    UnitError,
)
from neuropil.model import (
    STEADY,
    AllToAll,
    At,
    Branch,
    Branched,
    Cell,
    Channel,
    Compartments,
    Composite,
    Coupling,
    Distance,
    DistanceDependent,
    Distribution,
    DLambda,
    Edges,
    Evenly,
    Everywhere,
    FixedCount,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    InhomogeneousPoisson,
    Input,
    Kind,
    Location,
    LogNormal,
    MaxLength,
    Morphology,
    MorphologyBuilder,
    Network,
    Neuron,
    Noise,
    Normal,
    OneToOne,
    PointProcess,
    Poisson,
    Population,
    Port,
    Projection,
    Region,
    Regular,
    Rewiring,
    Section,
    Sections,
    Sine,
    SpikeList,
    Spread,
    State,
    Step,
    Synapse,
    TimeArray,
    Uniform,
    discretise,
)
from neuropil.model.validate import validate
from neuropil.units import (
    Capacitance,
    CapacitanceDensity,
    Concentration,
    Conductance,
    ConductanceDensity,
    Current,
    Length,
    Quantity,
    Rate,
    Resistance,
    Time,
    Voltage,
)

if TYPE_CHECKING:
    from neuropil.engine import Simulation, run
    from neuropil.lower.explain import explain
    from neuropil.result import Result, Spikes, Trace

__version__ = "0.1.0"

_LATER = {
    "run": "neuropil.engine",
    "Simulation": "neuropil.engine",
    "explain": "neuropil.lower",
    "Result": "neuropil.result",
    "Spikes": "neuropil.result",
    "Trace": "neuropil.result",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module 'neuropil' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


__all__ = [
    "STEADY",
    "AllToAll",
    "At",
    "Branch",
    "Branched",
    "Capacitance",
    "CapacitanceDensity",
    "Cell",
    "Channel",
    "CheckpointError",
    "Compartments",
    "Composite",
    "Concentration",
    "Conductance",
    "ConductanceDensity",
    "Coupling",
    "Current",
    "DLambda",
    "Distance",
    "DistanceDependent",
    "Distribution",
    "Edges",
    "Evenly",
    "Everywhere",
    "FixedCount",
    "FixedInDegree",
    "FixedOutDegree",
    "FixedProbability",
    "FixedTotal",
    "InhomogeneousPoisson",
    "Input",
    "Kind",
    "Length",
    "Location",
    "LogNormal",
    "LoweringError",
    "MaxLength",
    "MemoryLimitError",
    "ModelError",
    "Morphology",
    "MorphologyBuilder",
    "MorphologyError",
    "Network",
    "NetworkError",
    "Neuron",
    "NeuropilError",
    "Noise",
    "Normal",
    "OneToOne",
    "PlanError",
    "PointProcess",
    "Poisson",
    "Population",
    "Port",
    "PrimitiveError",
    "Projection",
    "Quantity",
    "Rate",
    "Region",
    "Regular",
    "Resistance",
    "Result",
    "ResultError",
    "Rewiring",
    "Section",
    "Sections",
    "Simulation",
    "SimulationError",
    "Sine",
    "SpikeList",
    "Spikes",
    "Spread",
    "State",
    "Step",
    "Synapse",
    "Time",
    "TimeArray",
    "Trace",
    "Uniform",
    "UnitError",
    "Voltage",
    "__version__",
    "discretise",
    "explain",
    "maths",
    "run",
    "units",
    "validate",
]  # fmt: skip
