"""Pictures of a run, and a plan as text: rasters, spectra and other statistics, a report in one file, explanations."""

from neuropil.view.panels import traces_figure
from neuropil.view.plots import chosen, isi_figure, psd_figure, rates_figure, weights_figure, window
from neuropil.view.raster import draw_raster, draw_rates, raster_figure
from neuropil.view.report import render_report, write_report
from neuropil.view.shown import result_html, simulation_html, trace_html
from neuropil.view.statistics import (
    PopulationStatistics,
    correlations,
    describe,
    isi_cv,
    ks_distance,
    neuron_rates,
    population_rate,
    power_spectrum,
)

__all__ = [
    "PopulationStatistics",
    "chosen",
    "correlations",
    "describe",
    "draw_raster",
    "draw_rates",
    "isi_cv",
    "isi_figure",
    "ks_distance",
    "neuron_rates",
    "population_rate",
    "power_spectrum",
    "psd_figure",
    "raster_figure",
    "rates_figure",
    "render_report",
    "result_html",
    "simulation_html",
    "trace_html",
    "traces_figure",
    "weights_figure",
    "window",
    "write_report",
]
