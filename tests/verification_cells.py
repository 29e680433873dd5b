"""The scripts of ``verification/cells``, which are no package, as modules for the tests."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

FOLDER = str(Path(__file__).resolve().parents[1] / "verification" / "cells")
if FOLDER not in sys.path:
    sys.path.append(FOLDER)

compare = importlib.import_module("compare")
rallpacks = importlib.import_module("rallpacks")
cases = importlib.import_module("cases")
