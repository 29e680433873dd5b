"""One hierarchy of errors; each says what was wrong, what was found, what was expected and how to correct it."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable
from typing import Any


class NeuropilError(Exception):
    """Base of every error that neuropil raises on purpose.

    The parts are kept as fields, so that a program can act on them and a person can read them.

    Args:
        what: one sentence that names the object and what is wrong with it.
        got: the value that was found; any object, shown with at most 400 characters.
        expected: what is allowed.
        fix: what to do about it.
    """

    def __init__(self, what: str, *, got: object = None, expected: object = None, fix: str | None = None):
        self.what = what
        self.got = None if got is None else _short(got)
        self.expected = None if expected is None else _short(expected)
        self.fix = fix
        lines = [what]
        if self.got is not None:
            lines.append(f"  got:      {self.got}")
        if self.expected is not None:
            lines.append(f"  expected: {self.expected}")
        if fix is not None:
            lines.append(f"  fix:      {fix}")
        super().__init__("\n".join(lines))


class MissingNameError(NeuropilError, AttributeError):
    """An attribute or method that an object does not have."""


class UnitError(NeuropilError):
    """Two quantities whose dimensions do not agree."""


class ModelError(NeuropilError):
    """A neuron, synapse or stimulus description that cannot be used."""


class MorphologyError(NeuropilError):
    """A cell's shape that cannot be read, built, divided or pointed at."""


class NetworkError(NeuropilError):
    """A population, projection, stimulus or probe that does not fit its network."""


class LoweringError(NeuropilError):
    """A description that cannot be turned into a kernel."""


class PrimitiveError(LoweringError):
    """A mathematical operation that has no native form."""


class PlanError(NeuropilError):
    """A plan that breaks its specification: a defect of neuropil, not of the model."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C ended a simulation between two steps. A `KeyboardInterrupt`: loops around the simulation end as well.

    The simulation is whole: `run` and `step` go on from where it stopped, as if nothing had been.

    Args:
        what: the message.

    Attributes:
        result: what was recorded until then (a `Result`, saved if there is an `out` folder); None if nothing had run yet.
        spikes: of an interrupted `Simulation.step`, what it would have returned for the steps that were done.
    """

    def __init__(self, what: str, result: Any = None, spikes: Any = None):
        self.result, self.spikes = result, spikes
        super().__init__(what)


class MemoryLimitError(NeuropilError):
    """A network that would not fit into memory, refused before anything is allocated."""


class SimulationError(NeuropilError):
    """A run that had to stop: NaN, runaway state, a bad input between steps."""


class TrainingWarning(UserWarning):
    """A training that goes on, but that probably learns little: a dead population, gradients that vanish."""


class WorldError(NeuropilError):
    """An environment that does not exist, does not fit its agent, raised, or gave what is not a number."""


class CheckpointError(NeuropilError):
    """A checkpoint that cannot be read or belongs to another network."""


class ResultError(NeuropilError):
    """A result that cannot be read, written or converted."""


class StorageError(ResultError):
    """The system refused to write: the disk is full, a limit is reached, a permission is missing.

    Attributes:
        result: what a run had recorded until then, of an error that ended a run; else None.
    """

    result: Any = None


class CommandError(NeuropilError):
    """A command line that cannot be carried out."""


_REMEDIES = {
    errno.ENOSPC: "free some space on this disk, or choose a folder on another one",
    errno.EDQUOT: "your quota is used up: free some space, or choose a folder on another disk",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f), or record less",
    errno.EMFILE: "raise the limit on open files (ulimit -n), or use fewer probes: one probe may hold many neurons",
    errno.ENFILE: "close other programs: the machine has too many open files",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder on a disk that is not read-only",
    errno.ENOTDIR: "a part of this path is a file: choose another folder",
    errno.EISDIR: "this path is a folder: name a file",
    errno.ENOENT: "make the folder first",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EIO: "the disk reports an error: check it, and choose a folder on another one",
}


def storage_error(error: OSError, what: str) -> StorageError:
    """The error of the operating system as a `StorageError`, with its remedy.

    Args:
        error: as the system raised it.
        what: what could not be done; becomes the message.
    """
    fix = _REMEDIES.get(error.errno or 0, "check the disk and the permissions, or choose another folder")
    return StorageError(what, got=error.strerror or str(error), fix=fix)


def _short(value: object, limit: int = 400) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """A sentence naming the closest of the known names, or all of them.

    Args:
        name: what was asked for; any object.
        known: the names that exist.
    """
    known, asked = sorted(known), str(name).lower()
    close = [k for k in known if k.lower() == asked] or [k for k in known if asked and k.lower().startswith(asked)]
    close = close or difflib.get_close_matches(str(name), known, n=1)
    if close:
        return f"did you mean {close[0]!r}? Known: {', '.join(known)}"
    return f"use one of: {', '.join(known)}" if known else "there is none to choose from"
