"""A network started from a snapshot of another: by name; what is new starts fresh, and what does not fit is an error that names it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from neuropil.engine.layout import Layout
from neuropil.engine.record.fingerprint import parts, wiring
from neuropil.engine.record.snapshot import Snapshot
from neuropil.engine.saved import Arrays, Saved, group
from neuropil.engine.stores.built import Built
from neuropil.errors import CheckpointError, did_you_mean
from neuropil.plan.plan import Plan

_SYNAPSES, _GRADED = "synapses", "graded"
_MOST_LISTED = 10


def fitted(snapshot: Snapshot, plan: Plan, saved: dict[str, Saved]) -> dict[str, Arrays]:
    """The arrays of a snapshot as a simulation of another network takes them up.

    Args:
        snapshot: the state to start from.
        plan: of the simulation.
        saved: its parts, by name, as they are when it has been made.

    Returns:
        Arrays of each part. Things that the snapshot does not have are left out.

    Raises:
        CheckpointError: a time step or precision other than the snapshot's; populations, projections, modulators or states that the
            snapshot has and the network has not, or has in other sizes.
    """
    _check_options(snapshot, plan)
    names = _names(plan)
    then: dict[str, Collection[str]] = {"population": snapshot.saved["spikes"], "projection": snapshot.wiring, "modulator": snapshot.saved["modulators"]}
    faults = [
        f"{kind} {name!r} of the snapshot is missing ({did_you_mean(name, names[kind])})"
        for kind, things in then.items() for name in things if name not in names[kind]
    ]  # fmt: skip
    made: dict[str, Arrays] = {}
    changed = _described_anew(snapshot, plan) if any(part.overrides and snapshot.saved.get(name) for name, part in saved.items()) else set()
    for name, part in saved.items():
        held, fresh = snapshot.saved.get(name, {}), part.save()
        if not part.named_by:
            made[name] = {**fresh, **held}
            continue
        known = [n for n in held if n in names[part.named_by] and not (part.overrides and f"{part.named_by} {n!r}" in changed)]
        faults += [fault for n in known if n in fresh for fault in part.faults(n, group(held, n), group(fresh, n))]
        made[name] = {n: _overlaid(f"{part.named_by} {n!r}", group(held, n), _group(fresh, n), part.free(n), faults) for n in known}
    faults += _other_synapses(snapshot, plan, {**made[_SYNAPSES], **made[_GRADED]})
    if faults:
        listed = "; ".join(faults[:_MOST_LISTED]) + (f"; and {len(faults) - _MOST_LISTED} more" if len(faults) > _MOST_LISTED else "")
        raise CheckpointError(
            f"network {plan.network.name!r} cannot start from the snapshot of {snapshot.network!r}", got=listed,
            expected="all populations, projections and modulators of the snapshot, in their sizes; new ones beside them start fresh",
            fix="keep them (weights of zero silence a projection); stimuli, probes, parameters and the seed may differ",
        )  # fmt: skip
    return made


def shared(snapshot: Snapshot, plan: Plan, layout: Layout) -> Built | None:
    """What a simulation need not build, because the snapshot has it: None where neurons or threads are numbered otherwise.

    Args:
        snapshot: the state to start from.
        plan, layout: of the simulation.
    """
    if snapshot.built is None or not snapshot.built.alike(plan, layout):
        return None
    changed, now = _described_anew(snapshot, plan), wiring(plan)
    return replace(snapshot.built, same=frozenset(n for n, d in now.items() if snapshot.wiring.get(n) == d and f"projection {n!r}" not in changed))


def _check_options(snapshot: Snapshot, plan: Plan) -> None:
    for what, then, now in (("dt", f"{snapshot.dt:.12g} ms", f"{plan.dt:.12g} ms"), ("precision", snapshot.precision, plan.precision)):
        if then != now:
            raise CheckpointError(f"a simulation cannot start from a snapshot with another {what}", got=now, expected=then, fix=f"leave {what} out")


def _names(plan: Plan) -> dict[str, Collection[str]]:
    network = plan.network
    listed = {"projection": [p.name for p in (*network.projections, *network.graded)], "stimulus": [d.name for d in network.drives]}
    return {"population": list(network.populations), "modulator": list(network.modulators), **listed}


def _described_anew(snapshot: Snapshot, plan: Plan) -> set[str]:
    """What is described otherwise than in the network of the snapshot, such as "stimulus 'noise'"."""
    return {name for name, digest in parts(plan).items() if snapshot.parts.get(name) != digest}


def _group(arrays: Arrays, name: str) -> Arrays:
    return group(arrays, name) if name in arrays else {}


def _overlaid(what: str, then: Arrays, fresh: Arrays, free: frozenset[str], faults: list[str]) -> Arrays:
    """Arrays as they are in a new simulation, with those of the snapshot in their place; what does not fit is added to the faults."""
    made = dict(fresh)
    for name, value in then.items():
        now = fresh.get(name)
        if name in free:
            made[name] = value
        elif now is None:
            faults.append(f"{what} has no {name!r}, which the snapshot has")
        elif isinstance(value, dict) or isinstance(now, dict):
            if isinstance(value, dict) and isinstance(now, dict):
                made[name] = _overlaid(what, value, now, free, faults)
        elif np.shape(value) != np.shape(now):
            faults.append(f"{what} has another size: {name!r} has {_size(now)} values, in the snapshot {_size(value)}")
        else:
            made[name] = value
    return made


def _size(values: np.ndarray) -> str:
    return " x ".join(map(str, values.shape)) or "1"


def _other_synapses(snapshot: Snapshot, plan: Plan, arrays: Arrays) -> list[str]:
    """Projections whose states or weights belong to a list of synapses that is not theirs."""
    now = wiring(plan) if arrays else {}
    return [
        f"projection {name!r} has other synapses: its rule, neurons, delays or positions differ"
        for name in arrays if snapshot.wiring.get(name) != now[name]
    ]  # fmt: skip
