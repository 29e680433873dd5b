"""Pictures of a result, which `neuropil.view` makes: it lies above results, and is asked for as a service."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuropil.errors import ResultError
from neuropil.registry import provided
from neuropil.result.quantities import in_ms
from neuropil.result.spikes import Spikes
from neuropil.result.trace import Trace


class Drawn:
    """The part of a `Result` that draws it.

    Times are quantities, or numbers in ms. Figures are of matplotlib and belong to no window: `.savefig(path)` them, or let a
    notebook show them. With `ax`, matplotlib axes, a picture is drawn there, and the figure of the axes is returned.
    """

    spikes: Spikes
    traces: Mapping[str, Trace]
    summary: dict[str, Any]
    t_start_ms: float

    def plot_raster(self, ax: Any = None, **options: Any) -> Any:
        """Draw the spikes of every population over time; without `ax` with the rates below.

        Returns the figure.

        Args:
            ax: matplotlib axes; None: a new figure.
            options: as of `neuropil.view.draw_raster`, or `neuropil.view.raster_figure` without axes.
        """
        view, options = self._spiking("plot_raster"), _in_ms(options)
        if ax is None:
            return view.raster_figure(self, **options)
        start, stop = view.window(self, options.pop("t_from", None), options.pop("t_to", None))
        view.draw_raster(ax, self.spikes, t_from=start, t_to=stop, **options)
        return ax.figure

    def plot(self, path: str | os.PathLike[str] | None = None, **options: Any) -> Any:
        """The raster with the rate of each population; saved to `path` (.png, .svg or .pdf) if given.

        Returns the matplotlib figure.

        Args:
            options: as of `neuropil.view.raster_figure`.
        """
        figure = self.plot_raster(**options)
        if path is not None:
            figure.savefig(path, dpi=200)
        return figure

    def plot_traces(self, *names: str, t_from: Any = None, t_to: Any = None) -> Any:
        """Draw what probes recorded: a row for each, up to six neurons in it.

        Returns the figure.

        Args:
            names: of probes; none: all.
            t_from, t_to: of the window; None: the whole run.

        Raises:
            ResultError: no such probe, one without samples, or more than fit.
        """
        chosen = provided("drawing").chosen(names, self.traces, "probe")
        window = (-float("inf") if t_from is None else t_from, float("inf") if t_to is None else t_to)
        drawn = {name: self.traces[name].between(*window) for name in chosen}
        if empty := [name for name, trace in drawn.items() if not trace.values.size]:
            raise ResultError("a probe has no samples in the window", got=", ".join(empty), fix="a longer run or window, or the names of the others")
        return provided("drawing").traces_figure(drawn)

    def plot_rates(self, *populations: str, t_from: Any = None, t_to: Any = None, bin: Any = None, ax: Any = None) -> Any:
        """Draw the mean rate of populations over time, a line for each.

        Returns the figure.

        Args:
            populations: names; none: all.
            t_from, t_to: of the window; None: the whole run.
            bin: width of a bin, a whole number of time steps; None: about a 200th of the window.
            ax: matplotlib axes; None: a new figure.

        Raises:
            ResultError: no such population, more than fit, spikes that were not recorded, or a window or bin that does not fit.
        """
        return self._spiking("plot_rates").rates_figure(self, populations, ax=ax, **_in_ms({"t_from": t_from, "t_to": t_to, "bin": bin}))

    def plot_psd(self, *populations: str, t_from: Any = None, t_to: Any = None) -> Any:
        """Draw the power spectral density of populations' mean rates (Welch: 1 ms bins, windows of 256 ms), each in its axes.

        Returns the figure. Dashed: what independent Poisson neurons of the same rate would show.

        Args:
            populations: names; none: all.
            t_from, t_to: of the window; None: the whole run.

        Raises:
            ResultError: as `plot_rates`; a window shorter than 256 ms.
        """
        return self._spiking("plot_psd").psd_figure(self, populations, **_in_ms({"t_from": t_from, "t_to": t_to}))

    def plot_isi(self, *populations: str, t_from: Any = None, t_to: Any = None, ax: Any = None) -> Any:
        """Draw how intervals between successive spikes of a neuron are distributed, a line for each population.

        Returns the figure. Beside the names stand the mean coefficients of variation of neurons with at least three spikes.

        Args:
            populations: names; none: all.
            t_from, t_to: of the window; None: the whole run.
            ax: matplotlib axes; None: a new figure.

        Raises:
            ResultError: as `plot_rates`; no neuron fired twice.
        """
        return self._spiking("plot_isi").isi_figure(self, populations, ax=ax, **_in_ms({"t_from": t_from, "t_to": t_to}))

    def plot_weights(self, *names: str) -> Any:
        """Draw what probes of projections recorded: the distribution at the first and at the last sample, and mean and spread over time.

        Returns the figure.

        Args:
            names: of probes, of any variable; none: those of "weight".

        Raises:
            ResultError: no such probe, none of weights, or one without samples.
        """
        return provided("drawing").weights_figure(self.traces, names)

    def report(self, path: str | os.PathLike[str] = "report.html", published: Mapping[str, float] | None = None) -> Path:
        """Write a self-contained HTML report; `published` rates (population -> Hz) are set beside this run's.

        Args:
            path: of the file.

        Returns:
            The path.
        """
        written: Path = provided("drawing").write_report(self, path, published)
        return written

    def _repr_html_(self) -> str:
        """What a notebook shows: key figures, rates, and the raster."""
        html: str = provided("drawing").result_html(self)
        return html

    def _spiking(self, what: str) -> Any:
        """Who draws, if there are spikes to draw."""
        if self.summary.get("record_spikes") is False:
            raise ResultError(f"{what}() needs spikes, which were not recorded", fix="record_spikes=True")
        return provided("drawing")


def _in_ms(options: dict[str, Any]) -> dict[str, Any]:
    """Options of a picture with its times in ms."""
    return {n: in_ms(v, n) if n in ("t_from", "t_to", "bin") and v is not None else v for n, v in options.items()}
