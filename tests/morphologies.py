"""Where real morphologies lie for the tests: the folder that NEUROPIL_MORPHOLOGIES names, or one beside the project."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(os.environ.get("NEUROPIL_MORPHOLOGIES") or Path(__file__).resolve().parents[2] / "shared" / "data" / "morphology")
