"""The files of a saved loop: network, episodes and counters, which belong together; an incomplete set is refused.

    loop.json                 the counters, and the seals of the two others; it is written last
    network-<number>.h5       a checkpoint
    episodes-<number>.h5      as in `neuropil.agents.history`

A kill leaves the loop that was saved before, whose files go when the new ones are complete.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuropil.agents.history import History
from neuropil.engine.record.snapshot import Snapshot
from neuropil.engine.simulation import Simulation
from neuropil.errors import CheckpointError
from neuropil.result.atomic import make_folder, read_bound, write_json
from neuropil.result.folder import FolderLock
from neuropil.result.sealed import seal_of


@dataclass(frozen=True)
class LoopSnapshot:
    """A loop between two runs, in memory.

    Attributes:
        counters: what else belongs to the loop.
        network: the state of its simulation.
        history: episodes that were finished.
    """

    counters: Mapping[str, Any]
    network: Snapshot
    history: History


FILE = "loop.json"
_KINDS = ("network", "episodes")


def write_saved(folder: Path, simulation: Simulation, history: History, counters: Mapping[str, Any], held: bool) -> None:
    """Write a loop in place of the one that the folder holds; `held`: the caller has locked the folder.

    Args:
        folder: made if absent.
        counters: what else belongs to the loop, in plain types.

    Raises:
        ResultError: another loop is writing there. StorageError: the system refused; the old loop is as it was.
    """
    make_folder(folder)
    lock = None if held else FolderLock(folder)
    number = secrets.token_hex(4)
    network, episodes = (folder / f"{kind}-{number}.h5" for kind in _KINDS)
    try:
        simulation.checkpoint(network)
        history.write(episodes)
        write_json(folder / FILE, counters, {path.name: seal_of(path) for path in (network, episodes)})
    except BaseException:
        for path in (network, episodes):
            with suppress(OSError):
                path.unlink(missing_ok=True)
        raise
    finally:
        if lock is not None:
            lock.release()
    with suppress(OSError):
        _remove(folder, keep=(network, episodes))


def read_saved(folder: Path) -> tuple[dict[str, Any], Path, Path]:
    """The counters of a saved loop, and the files of its network and its episodes, which are as they were written.

    Args:
        folder: that `write_saved` wrote.

    Raises:
        CheckpointError: there is none, or one of its files is missing, damaged, or of another loop.
    """
    if not (folder / FILE).exists():
        raise CheckpointError("there is no saved loop", got=str(folder), expected=FILE, fix="name the folder that Loop.save wrote")
    counters, files = read_bound(folder / FILE)
    paths = [folder / name for kind in _KINDS for name in files if name.startswith(f"{kind}-")]
    for path in paths:
        if not path.exists() or seal_of(path) != files[path.name]:
            raise CheckpointError(f"{path} is missing, or of another loop", fix="restore the folder from a copy")
    return counters, paths[0], paths[1]


def _remove(folder: Path, keep: tuple[Path, ...]) -> None:
    for kind in _KINDS:
        for path in folder.glob(f"{kind}-????????.h5"):
            if path not in keep:
                path.unlink(missing_ok=True)
