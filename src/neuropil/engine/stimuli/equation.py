"""Any stimulus that has an equation: its kernel is written from the trace."""

from __future__ import annotations

import numpy as np

from neuropil import registry
from neuropil.codegen.cache import load
from neuropil.codegen.equation_source import NAME, stimulus_source
from neuropil.engine.stimuli.driven import Driven
from neuropil.lower.equation import STEP, parameter_leaves, stimulus_program
from neuropil.model.stimulus.stimulus import CurrentStimulus, EventStimulus
from neuropil.plan.operations import Given, Kernel, Operation


@registry.register(EventStimulus, "engine")
@registry.register(CurrentStimulus, "engine")
def equation(driven: Driven) -> Operation:
    """Add weight · events, or the current, that an equation gives."""
    stimulus, connection, dt = driven.stimulus, driven.connection, driven.plan.dt
    program = stimulus_program(stimulus)
    values = program.constants({STEP: dt, **{leaf: driven.filled(n) for n, leaf in parameter_leaves(stimulus.parameters).items()}})
    varying = [j for j, value in enumerate(values) if np.ndim(value)]
    numbers = np.array([value for value in values if not np.ndim(value)], float)
    weight = driven.own(connection.everywhere(np.ones(connection.size)) if connection.port is None else driven.weight, float)
    arrays = [driven.own(values[j], float) for j in varying]
    kernel = load(NAME, stimulus_source(program, stimulus.equation.random, varying))
    return driven.operation(
        Kernel.of(kernel.add), (Given.STEP,),
        [(r.start, r.counters, *driven.key, dt, numbers, weight[t], r.target, *(a[t] for a in arrays)) for t, r in enumerate(driven.threads)],
    )  # fmt: skip
