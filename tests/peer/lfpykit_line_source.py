"""Line-source matrices by LFPykit, run by an interpreter that has it: python lfpykit_line_source.py IN.json OUT.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import lfpykit
import numpy as np

given = json.loads(Path(sys.argv[1]).read_text())
x, y, z = (np.array(given[axis]) for axis in "xyz")
at = np.array(given["electrodes"])
found = {}
for method in ("LineSourcePotential", "PointSourcePotential"):
    geometry = lfpykit.CellGeometry(x=x, y=y, z=z, d=np.array(given["d"]))
    made = getattr(lfpykit, method)(geometry, x=at[:, 0], y=at[:, 1], z=at[:, 2], sigma=given["sigma"])
    found[method] = made.get_transformation_matrix().tolist()
Path(sys.argv[2]).write_text(json.dumps(found))
