"""Results in the types of other libraries: pandas, xarray and neo, each of them an extra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.result.extras import library
from neuropil.result.quantities import unit_of
from neuropil.result.spikes import Spikes
from neuropil.result.trace import Trace

EVEN = 1e-3
"""Times are evenly spaced if none is further from its place than this part of the interval."""

_KEPT = ("model", "seed", "digest", "precision")
"""What of the summary stands beside exported data."""


class Exported:
    """The part of a `Result` that gives it to other libraries."""

    spikes: Spikes
    traces: Mapping[str, Trace]
    summary: dict[str, Any]
    duration_ms: float
    t_start_ms: float

    def __getitem__(self, name: str) -> Spikes | Trace:
        raise NotImplementedError

    def to_frame(self, name: str | None = None) -> Any:
        """A pandas DataFrame: of spikes a row for each (time_ms, population, neuron); of a probe a row for each time, a column for each neuron.

        Args:
            name: a population or probe; None: the spikes of all.

        Raises:
            ResultError: there is neither. NeuropilError: pandas is not installed.
        """
        return (self.spikes if name is None else self[name]).to_frame()

    def to_xarray(self) -> Any:
        """An xarray DataTree: "spikes" (time, population, neuron of each spike), and "traces/NAME" with the "value" (time, neuron) of a probe.

        Raises:
            NeuropilError: xarray is not installed.
        """
        xarray = library("xarray", "xarray")
        spikes = self.spikes
        code, neuron = spikes.located()
        names = np.array(list(spikes.populations), dtype=np.str_)
        kept = {key: self.summary[key] for key in _KEPT if isinstance(self.summary.get(key), str | int | float)}
        parts = {
            "/": xarray.Dataset(attrs={"duration_ms": self.duration_ms, "t_start_ms": self.t_start_ms, "dt_ms": spikes.dt, **kept}),
            "/spikes": xarray.Dataset({
                "time": ("spike", spikes.times(), {"units": "ms"}), "population": ("spike", names[code] if len(names) else np.zeros(0, np.str_)),
                "neuron": ("spike", neuron),
            }),
        }  # fmt: skip
        for name, trace in self.traces.items():
            parts[f"/traces/{name}"] = xarray.Dataset({"value": trace.to_xarray()})
        return xarray.DataTree.from_dict(parts, name=str(self.summary.get("model", "run")))

    def to_neo(self) -> Any:
        """The result as a neo.Block, for Elephant and other tools: one SpikeTrain per neuron, one signal per probe.

        Samples at even intervals become an AnalogSignal, others an IrregularlySampledSignal; indices of neurons (and sites) are
        array annotations.

        Raises:
            NeuropilError: neo is not installed.
        """
        neo, quantities = library("neo", "neo"), library("quantities", "neo")
        ms, spikes = quantities.ms, self.spikes
        segment = neo.Segment(name=str(self.summary.get("model", "run")))
        # A stamp k·dt may lie one rounding error behind the end of the run.
        end = max(self.t_start_ms + self.duration_ms, float(spikes.step[-1] * spikes.dt) if len(spikes) else self.t_start_ms + self.duration_ms)
        window = {"t_start": self.t_start_ms * ms, "t_stop": end * ms, "sampling_rate": 1.0 / spikes.dt / ms}
        for population in spikes.populations:
            for neuron, times in enumerate(spikes.trains(population)):
                train = neo.SpikeTrain(times, units="ms", name=f"{population}[{neuron}]", **window)
                train.annotate(population=population, neuron=neuron)
                segment.spiketrains.append(train)
        for name, trace in self.traces.items():
            columns = {"neuron": trace.neurons} | ({} if trace.sites is None else {"site": trace.sites})
            options = {"units": _neo_unit(quantities, trace.unit), "name": name, "array_annotations": columns, **trace.about}
            interval = interval_of(trace.times_ms)
            if interval is None:
                segment.irregularlysampledsignals.append(neo.IrregularlySampledSignal(trace.times_ms * ms, np.asarray(trace.values), **options))
            else:
                segment.analogsignals.append(
                    neo.AnalogSignal(np.asarray(trace.values), t_start=trace.times_ms[0] * ms, sampling_period=interval * ms, **options)
                )
        whole = neo.Block(name=segment.name)
        whole.segments.append(segment)
        return whole


def interval_of(times_ms: NDArray[np.float64]) -> float | None:
    """The interval between evenly spaced `times_ms` (n,), ms; None where they are not (`EVEN`), or fewer than two."""
    if times_ms.size < 2:
        return None
    # Of twelve digits, so that 0.30000000000000004 - 0.2 is 0.1.
    interval = float(f"{(times_ms[-1] - times_ms[0]) / (times_ms.size - 1):.12g}")
    places = times_ms[0] + interval * np.arange(times_ms.size)
    return interval if interval > 0 and float(np.abs(times_ms - places).max()) <= EVEN * interval else None


def _neo_unit(quantities: Any, text: str) -> Any:
    """A unit of the library `quantities`; one that it does not write as we do is made of its base units."""
    try:
        return quantities.unit_registry[text or "dimensionless"]
    except LookupError:
        pass
    unit = quantities.dimensionless
    for base, power in zip(("ms", "mV", "pA", "um", "mM"), unit_of(text).dimension, strict=True):
        unit = unit * quantities.unit_registry[base] ** power
    return unit
