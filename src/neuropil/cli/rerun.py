"""`neuropil rerun`: a run repeated from the network that is kept beside its results."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from neuropil.errors import CommandError, NetworkError
from neuropil.model import Network
from neuropil.model.network.load import load_described
from neuropil.model.network.save import save_described
from neuropil.result.folder import NETWORK_FILE
from neuropil.units import ms
from neuropil.version import __version__
from neuropil.view.progress import Reporter

_LIBRARIES = ("numpy", "scipy", "numba", "llvmlite", "jax", "jaxlib")


def versions() -> dict[str, str]:
    """What besides the network and its options may change a result: versions, and the kind of the processor."""
    return {"neuropil": __version__, "python": platform.python_version(), "machine": platform.machine(), **{name: version(name) for name in _LIBRARIES}}


def keep(network: Network, result: Any, folder: Path) -> None:
    """Write the network, and what it was run with, into the folder of its results; say on standard error if it cannot be saved.

    Args:
        network: as it was run.
        result: of the run.
        folder: of the results.
    """
    kept = {"network": network, "digest": result.summary["digest"], "versions": versions()}
    try:
        save_described(network.name, kept, folder / NETWORK_FILE)
    except NetworkError as error:
        (folder / NETWORK_FILE).unlink(missing_ok=True)
        print(f"neuropil: the network was not kept, so `neuropil rerun` cannot repeat this run\n{error}", file=sys.stderr)


def repeat(folder: Path, threads: int | None, trust: bool) -> bool:
    """Run what a folder keeps again, in memory, and print how the digests compare. Returns whether they are equal.

    Args:
        folder: of the results.
        threads: as of `Simulation`.
        trust: whether code of the user in the file may be executed.

    Raises:
        CommandError: a folder that cannot be repeated.
    """
    from neuropil.engine import Simulation
    from neuropil.result import Result

    earlier = Result.load(folder)
    was = earlier.summary
    if not (folder / NETWORK_FILE).is_file():
        raise CommandError("the folder does not hold the network of its run", got=str(folder), expected=NETWORK_FILE, fix="a folder that `neuropil run` wrote, of a circuit")
    if was.get("partial") or was.get("record_spikes") is False or earlier.t_start_ms != 0:
        raise CommandError("only a whole run, from its start and with its spikes, can be compared", got=str(folder), fix="neuropil run with another --out, without --record none")
    kept = load_described(folder / NETWORK_FILE, ("network", "digest", "versions"), trust=trust)
    if kept["digest"] != was["digest"]:
        raise CommandError(f"{NETWORK_FILE} belongs to another run", got=f"digest {kept['digest'][:12]}", expected=was["digest"][:12], fix="restore the folder from a copy")
    with Reporter(earlier.duration_ms) as progress:
        options = {"dt": was["dt_ms"] * ms, "seed": was["seed"], "precision": was["precision"], "threads": threads}
        with Simulation(kept["network"], progress=progress, **options) as simulation:
            now = simulation.run(earlier.duration_ms * ms).summary
    if now["digest"] == was["digest"]:
        print(f"the same digest: {now['digest']} ({now['spikes']:,} spikes)")
        return True
    print(f"another digest: {now['digest']} ({now['spikes']:,} spikes), was {was['digest']} ({was['spikes']:,} spikes)")
    for line in _reasons(kept["versions"], was, now):
        print(f"  {line}")
    return False


def _reasons(then: dict[str, str], was: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What differs: versions, options, the description, or nothing that is known."""
    here = versions()
    found = [f"{name}: {here.get(name, 'missing')}, was {value}" for name, value in then.items() if here.get(name) != value]
    found += [f"{key}: {now[key]}, was {was[key]}" for key in ("dt_ms", "seed", "precision") if now[key] != was[key]]
    found += [f"description: {key} {now[key]}, was {was[key]}" for key in ("neurons", "synapses") if now[key] != was.get(key)]
    if was.get("interventions") or was.get("interventions_unlisted"):
        found.append("description: parameters were changed while it ran, which is not repeated")
    return found or ["versions, options and sizes are the same: the text of neuropil, or the code of the model, has changed"]
