"""How target records, and the decays that they hold, lie in their arrays."""

from __future__ import annotations

LANES = {"float32": 16, "float64": 8}
"""Records that are taken at a time: one vector of 64 bytes for each of their numbers."""

HISTORY = 64
"""Spikes of a target that its history holds."""

STRIDE = {"float32": 16, "float64": 64}
REACH = {"float32": 64, "float64": 512}
VANISHED = {"float32": "2.0**-100", "float64": "2.0**-900"}
"""What a target left behind counts as zero below this, in units that move with `base`."""

CLOCK = ("base", "whole", "part_of", "limits", "since_m", "since_x", "met_m", "met_x", "records", "history")
"""Arrays of an owner beside those of the synapses: see `neuropil.engine.stores.target_record_store.RecordArrays`."""

BEGUN, NEW_SPIKES, FULL, BASES = 0, 1, 2, 3
"""Indices in `base`: whether the arrays follow from the states, whether spikes were recorded since, whether the history is full; the first of the bases."""

FLOOR, NEEDED = 0, 1
"""Indices in `limits`: all segments were met later than this decay says; those met earlier must respond before recorded spikes are lost."""
