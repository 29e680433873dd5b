"""What a run did, beside the clock: FLOPs and bytes from its plan, events from its counters, joules as intervals.

Made from a run's summary alone (`summary["work"]` and its counters), so that a saved run can be costed later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuropil.cost.circuit import watts_of
from neuropil.cost.interval import Interval
from neuropil.plan.cost import ADVANCED, KernelCost


@dataclass(frozen=True)
class Done:
    """A kind of work over a whole run: how often, FLOPs, bytes.

    Attributes:
        kind: of work.
        times: how often.
        flops: FLOPs in total.
        bytes: read and written in total.
    """

    kind: str
    times: float
    flops: float
    bytes: float


@dataclass(frozen=True)
class Achieved:
    """A run's work and rates.

    Attributes:
        done: by kind of work; flops, bytes: of all.
        flops_per_second, bytes_per_second: of wall time (0 if the run took none).
        joules: by platform, for the whole run; on platforms other than this one what it would have taken there.
    """

    done: tuple[Done, ...]
    flops: float
    bytes: float
    flops_per_second: float
    bytes_per_second: float
    joules: Mapping[str, Interval]


def achieved(summary: Mapping[str, Any]) -> Achieved | None:
    """The cost of a run by its summary; None if it does not say what work was done.

    Work per step is done in every step of the run; work per event as often as the run's counters say: synaptic events
    by their counter, spikes by theirs.
    """
    works = [KernelCost(**record) for record in summary.get("work", ())]
    if not works or not summary.get("neurons"):
        return None
    steps = summary.get("neuron_steps", 0) / summary["neurons"]
    counted = {"synaptic event": summary.get("synaptic_events", 0), "spike": summary.get("spikes", 0)}
    done = []
    for kind in dict.fromkeys(w.kind for w in works):
        mine = [w for w in works if w.kind == kind]
        if kind in counted:
            # Each is the same work wherever it happens: a mean over the records, weighted by their items.
            items = sum(w.count for w in mine) or 1.0
            each = [sum(getattr(w, what) * w.count for w in mine) / items for what in ("flops", "bytes")]
            done.append(Done(kind, counted[kind], counted[kind] * each[0], counted[kind] * each[1]))
        else:
            amounts = [sum(getattr(w, what) * w.count for w in mine) * steps for what in ("flops", "bytes")]
            done.append(Done(kind, sum(w.count for w in mine) * steps, *amounts))
    flops, moved = sum(d.flops for d in done), sum(d.bytes for d in done)
    wall = summary.get("wall_seconds") or 0.0
    flops_rate, bytes_rate = (x / wall if wall else 0.0 for x in (flops, moved))
    advanced = sum(d.times for d in done if d.kind in ADVANCED)
    exact = [Interval.exact(float(x)) for x in (flops, moved, counted["synaptic event"], advanced)]
    return Achieved(tuple(done), flops, moved, flops_rate, bytes_rate, watts_of(*exact))
