"""Pictures of a run, and a plan as text: rasters, spectra and other statistics, a report in one file, explanations."""

from neuropil.view.panels import traces_figure
from neuropil.view.raster import draw_raster, draw_rates, raster_figure
from neuropil.view.report import render_report, write_report
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
    "correlations",
    "describe",
    "draw_raster",
    "draw_rates",
    "isi_cv",
    "ks_distance",
    "neuron_rates",
    "population_rate",
    "power_spectrum",
    "raster_figure",
    "render_report",
    "traces_figure",
    "write_report",
]
