"""This machine, measured with real kernels, once: multiply-adds, memory, synaptic events, and the kernels of neurons.

Figures are kept in the cache directory under the machine's identity (processor, cores, Numba), and a kernel's under the
digest of its source besides, so that a second question is answered from the file.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np

from neuropil.codegen import clock_driven_source
from neuropil.codegen.cache import load, path_of
from neuropil.codegen.clock_driven_source import SynapseKernel, emit_step
from neuropil.codegen.kernel import NAME, source_of
from neuropil.cost import kernels
from neuropil.errors import ResultError
from neuropil.kept_files import directory
from neuropil.lower.synapse import SynapseProgram
from neuropil.plan.parts import KernelBatch
from neuropil.plan.plan import Plan
from neuropil.plan.signature import Kind
from neuropil.plan.synapse_signature import LIST_INDEX, SynapseArgument, SynapseKind
from neuropil.result.atomic import read_json, write_json

KERNEL_SECONDS = 0.005
"""Wall time of one try of a kernel."""
TRIES = 25
"""Short tries, the best of which counts: other work comes and goes."""
PER_THREAD = 20_000
"""Neurons a thread advances in a measurement at most: their state stays in the second-level cache, as in most circuits."""


@dataclass(frozen=True)
class Measured:
    """This machine, all threads together.

    Attributes:
        processor: its name; threads: how many were used.
        flops32, flops64: multiply-adds counted as two, FLOP/s.
        bandwidth: triad from main memory, bytes/s.
        events: packed synaptic events whose words come from main memory, 1/s.
        poisson: counts drawn, 1/s.
        memory: bytes of main memory.
        load: the system's load average when it was measured; other work makes a machine look slower than it is.
    """

    processor: str
    threads: int
    flops32: float
    flops64: float
    bandwidth: float
    events: float
    poisson: float
    memory: float
    load: float

    def peak(self, precision: str) -> float:
        """FLOP/s in the precision "float32" or "float64"."""
        return self.flops32 if precision == "float32" else self.flops64


def this_machine(threads: int | None = None, *, again: bool = False) -> Measured:
    """The figures of this machine, measured (in about two seconds) or read from the cache.

    Args:
        threads: all that this process may use, if None.
        again: measure even if there are figures.
    """
    threads = threads or available_threads()
    return Measured(**_remembered(f"machine {threads}", lambda: asdict(_measure(threads)), again))


def neuron_seconds(
    group: KernelBatch, plan: Plan, threads: int | None = None, *, size: int | None = None, again: bool = False
) -> float:
    """Seconds of wall time per neuron-step of a group's own kernel, all threads together.

    Args:
        size: neurons each thread advances; its share of the group, up to `PER_THREAD`, if None.
        group: the kernel with its populations.
        threads: None: all cores.
        again: measure even if there are figures.
    """
    threads = threads or available_threads()
    size = size or max(512, min(PER_THREAD, -(-group.size // threads)))
    source = path_of(NAME, source_of(group)).stem
    found = _remembered(f"{source} {threads} {size}", lambda: {"seconds": _kernel(group, plan, threads, size)}, again)
    return float(found["seconds"])


def synapse_seconds(
    program: SynapseProgram, precision: str, threads: int | None = None, *, targets: int = 24, each: int = 1000, again: bool = False
) -> float:
    """Seconds of wall time per synapse-step of the kernel of clock-driven synapses, all threads together.

    Args:
        targets: of each thread, with so many synapses `each`; the states of the default (0.8 MB in float32) stay in a cache.
        program: the traced synapse model.
        precision: "float32" or "float64".
        threads: None: all cores.
        again: measure even if there are figures.
    """
    threads = threads or available_threads()
    kernel = emit_step(program, precision, frozenset())
    found = _remembered(
        f"{path_of(clock_driven_source.NAME, kernel.source).stem} {threads} {targets} {each}",
        lambda: {"seconds": _synapses(program, kernel, precision, threads, targets, each)},
        again,
    )
    return float(found["seconds"])


def available_threads() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """The name of the processor."""
    try:
        with open("/proc/cpuinfo") as file:
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "unknown")
    except OSError:
        return platform.processor() or platform.machine()


def _measure(threads: int) -> Measured:
    import psutil

    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0  # before we add to it
    return Measured(
        processor(),
        threads,
        kernels.multiply_add_rate(threads, np.float32, tries=TRIES),
        kernels.multiply_add_rate(threads, np.float64, tries=TRIES),
        kernels.triad_rate(threads, 8_000_000, tries=TRIES),
        threads / kernels.event_seconds(threads, 1 << 23, 38_600, tries=TRIES),
        threads / kernels.poisson_seconds(threads, tries=TRIES),
        float(psutil.virtual_memory().total),
        load,
    )


def _kernel(group: KernelBatch, plan: Plan, threads: int, size: int) -> float:
    """Time the kernel that the engine runs, on arrays like the engine's, from the initial state and without input."""
    advance = load(NAME, source_of(group)).advance
    return _seconds(advance, lambda: _arguments(group, plan, size), threads) / (size * threads)


def _synapses(
    program: SynapseProgram, kernel: SynapseKernel, precision: str, threads: int, targets: int, each: int
) -> float:
    """The same of synapses at rest, on targets at -65 mV that are silent."""
    real: Any = np.dtype(precision)
    model = program.traced.model
    constants = program.constants({n: getattr(model, n).value for n in model.spec.parameters}, dt=0.1)
    numbers = np.array(program.step.evaluate(kernel.hoisted, {f"p.{n}": v for n, v in constants.items()}), real)
    run, zero = np.arange(targets + 1) * each, np.zeros(targets, real)

    def arguments() -> tuple[Any, ...]:
        noise = np.uint32(1), np.uint32(2), real.type(1.0)
        fixed = (1, numbers, run, np.zeros(1, real), noise, zero, real.type(1.0), np.zeros(each, real), np.zeros(targets))
        return *fixed, *(argument(n) for n in kernel.arguments)

    def argument(given: SynapseArgument) -> np.ndarray:
        """Of the target's states the potential is not 0; the others are of the synapses."""
        if given.kind is SynapseKind.SEEN:
            return np.full(targets, -65.0 if given.name == "v" else 0.0, real)
        return np.zeros(targets * each, np.int32 if given == LIST_INDEX else real)

    return _seconds(load(clock_driven_source.NAME, kernel.source).advance, arguments, threads) / (targets * each * threads)


def _seconds(kernel: Callable[..., object], arguments: Callable[[], tuple[Any, ...]], threads: int) -> float:
    """Wall time of a call, each thread making its own at once; `arguments` makes arrays for one thread.

    Calls are repeated by compiled code: threads that come back to Python after every call wait for each other there.
    """

    def repeated(rounds: int) -> Callable[[], Callable[[], object]]:
        return lambda: kernels.job(kernels.repeat, kernel, rounds, arguments())

    kernels.best(repeated(1), 1, tries=1)  # compiles, or loads what was compiled
    rounds = max(1, int(KERNEL_SECONDS / kernels.best(repeated(1), 1, tries=3)))
    return kernels.best(repeated(rounds), threads, tries=TRIES) / rounds


def _arguments(group: KernelBatch, plan: Plan, size: int) -> tuple[Any, ...]:
    """Arguments of a kernel for `size` elements of the first site of the group's first part."""
    member, arrays = group.members[0], []
    for argument in group.signature.arguments:
        array = np.zeros(size, plan.element_type(group, argument))
        if argument.kind is Kind.STATE:
            array[:] = np.resize(member.initial[str(argument.name)], size)
        elif argument in member.arrays:
            array[:] = np.resize(member.arrays[argument], size)
        elif argument.kind is Kind.UNIFORM:
            array[:] = 0.5
        elif argument.kind is Kind.SOMA_SHIFT:  # each element's soma is at its own index
            array = np.zeros(1, np.uint64)
        arrays.append(array)
    numbers = np.ascontiguousarray(member.numbers[:1], group.precision)
    return np.array([[0, size]], np.int64), numbers, np.array([member.period], np.int32), *arrays


def _remembered(what: str, measure: Callable[[], dict[str, Any]], again: bool) -> dict[str, Any]:
    path = _file()
    known: dict[str, Any] = {}
    if path.exists():
        with suppress(ResultError):  # damaged: measured again
            known = read_json(path)
    if again or what not in known:
        known = {**known, what: measure()}
        with suppress(ResultError):  # no room to remember it
            write_json(path, known)
    found: dict[str, Any] = known[what]
    return found


def _file() -> Path:
    """Named by the machine and by the code that measures: what is kept from another version is not asked for."""
    identity = f"{processor()} {os.cpu_count()} {platform.machine()} {platform.node()} {numba.__version__}"
    digest = hashlib.sha256(identity.encode())
    for code in (__file__, kernels.__file__):
        digest.update(Path(code).read_bytes())
    return directory() / f"measured_{digest.hexdigest()[:12]}.json"
