"""Morphologies for the tests: where real ones lie, and those of a piece of text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from neuropil.model.cell import swc
from neuropil.model.cell.morphology import Morphology

FOLDER = Path(os.environ.get("NEUROPIL_MORPHOLOGIES") or Path(__file__).resolve().parents[2] / "shared" / "data" / "morphology")


def parse_swc(content: bytes | str, *where: str, **options: Any) -> Morphology:
    """The morphology that an SWC file of this content holds; arguments as of `neuropil.model.cell.swc.parse_swc`."""
    return Morphology(*swc.parse_swc(content, *where, **options))
