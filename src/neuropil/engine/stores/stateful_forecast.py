"""The memory that the store of a projection with states will take, from expected numbers of synapses."""

from __future__ import annotations

import numpy as np

from neuropil.codegen.event_driven_source import HISTORY
from neuropil.codegen.record_layout import HISTORY as RECORDED_HISTORY
from neuropil.connectivity.draw import delay_steps, expected_synapses
from neuropil.engine.exchange.exchange import steps_between_meetings
from neuropil.engine.ring import ring_length
from neuropil.engine.stores.buckets import bucket_bytes
from neuropil.lower.target_records import records_of
from neuropil.model.base import grid
from neuropil.plan.buffers import Buffer, Owner
from neuropil.plan.plan import Plan


def stateful_buffers(plan: Plan, index: int, threads: int, room: int) -> list[Buffer]:
    """What the store of a projection will hold, and besides while it is built, from expected numbers of synapses.

    Args:
        index: of the projection; threads: owners; room: spikes on their way to have room for.
    """
    p, program = plan.network.projections[index], plan.synapses[index]
    n, real = expected_synapses(p), np.dtype(plan.synapse_precision(index)).itemsize
    varied = len(program.traced.varied)
    own, shared = len(program.form.of("")), len(program.states) - len(program.form.of(""))
    records = records_of(plan.network, p, program)
    # The list (20 and a weight of 8), the index in it and the target; a step and a weight, or an index among the targets'; what it has responded to.
    per_synapse = 24 + 8 + 4 + real * (own + 1) + (real + 8) * 2 * varied + (4 + isinstance(records, str) if program.event_driven else 8)
    steps = delay_steps(p, plan.dt)
    segments = p.source.size * (steps.size + 1)
    bounds = threads * segments * (8.0 + (real + 4) * shared)
    if isinstance(records, str):
        bounds += p.target.size * p.sites * HISTORY * (4.0 + real * shared)
    else:
        bounds += threads * segments * (real + 8.0) * (1 + len(records.source_rates)) + p.target.size * p.sites * real * (records.size + RECORDED_HISTORY * records.per_spike)
    buckets = threads * (8.0 * room + bucket_bytes(ring_length(int(steps[-1])), room * steps.size))
    if program.responds:
        late = grid.steps(p.response_delay, plan.dt, "response_delay", least=0)
        targets = -(-p.target.size // threads) * p.sites
        buckets += threads * (bucket_bytes(ring_length(late), room * p.sites + steps_between_meetings(plan) * targets) + 8.0 * targets)
    held = {"synapses": n * per_synapse, "segment bounds": bounds, "spikes in flight": buckets, "while building": n * (60.0 + 8 * len(program.states))}
    return [Buffer(f"{p.name}: {purpose}", np.uint8, size, Owner.TARGET, purpose=purpose) for purpose, size in held.items()]
