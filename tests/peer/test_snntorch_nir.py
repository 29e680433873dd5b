"""snnTorch, run now: the stored NIR files are still what it writes, and it fires what neuropil fires on files that neuropil wrote.

Needs an environment with torch, snntorch and nir; name its interpreter in NEUROPIL_TORCH_PYTHON and select the marker: pytest -m peer.

Recurrent networks go in one direction alone: snnTorch 1.0.0 reads back neither its own file of `RLeaky` (an AttributeError) nor another's (its importer
leads the input of the layer through the recurrent weights).
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import neuropil as npl
from golden.test_snntorch_nir import STORED, fired
from neuropil.units import ms

pytestmark = pytest.mark.peer
SCRIPT = Path(__file__).with_name("snntorch_nir.py")


def snntorch(*arguments: str | Path) -> None:
    python = os.environ.get("NEUROPIL_TORCH_PYTHON")
    if not python or not Path(python).exists():
        pytest.skip("no snnTorch: set NEUROPIL_TORCH_PYTHON to an interpreter that has torch, snntorch and nir")
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run([python, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, env=clean)
    assert done.returncode == 0, done.stderr[-2000:]


def test_stored_files_are_what_snntorch_writes(tmp_path):
    snntorch("write", tmp_path)
    for file in STORED.glob("*.npz"):
        with np.load(file) as old, np.load(tmp_path / file.name) as new:
            np.testing.assert_array_equal(new["spikes"], old["spikes"])
        again = npl.from_nir(tmp_path / file.with_suffix(".nir").name)
        for p, q in zip(npl.from_nir(file.with_suffix(".nir")).projections, again.projections, strict=True):
            one, other = (getattr(w, "dense", lambda w=w: w)() for w in (p.weight, q.weight))
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["feedforward", "synaptic", "convolution"])
def test_snntorch_fires_on_a_file_of_ours_what_neuropil_fires(name, tmp_path):
    """A network read from snnTorch's file, with other weights, written and read by snnTorch."""
    net = npl.from_nir(STORED / f"{name}.nir")
    last = [n for n in net.populations if n != "input"][-1]
    changed = {p.name: {"weight": np.round(p.weight * 1.25 * 64) / 64} for p in net.projections if isinstance(p.weight, np.ndarray)}
    net = net.replace(projections=changed)
    with np.load(STORED / f"{name}.npz") as stored:
        x = stored["x"]
    np.savez(tmp_path / "run.npz", x=x.reshape(len(x), *shape_of(name)))
    snntorch("run", npl.to_nir(net, tmp_path / "ours.nir"), tmp_path / "run.npz")
    mine = fired(net, x, [n for n in net.populations if n != "input"])[:, -net[last].size :]
    with np.load(tmp_path / "run.npz") as theirs:
        assert mine.sum() > 30
        np.testing.assert_array_equal(mine, theirs["spikes"].reshape(len(x), -1).astype(bool))


def shape_of(name: str) -> tuple[int, ...]:
    """The shape of the input."""
    return (1, 8, 8) if name == "convolution" else (8,)


def test_a_network_described_here_runs_in_snntorch(tmp_path):
    """Made of neuropil's own nodes, with a convolution and pooling, which snnTorch reads as Conv2d and AvgPool2d."""
    from neuropil.nir import models

    random = np.random.default_rng(4)
    net = npl.Network("described")
    seen = net.population("input", models.InputSpikes(), 64)
    conv = npl.Convolution(np.round(random.normal(0.2, 0.4, (3, 1, 3, 3)) * 64) / 64, (1, 8, 8), padding=1)
    lif = {"tau": 0.8, "r": 8.0, "v_threshold": 1.003}
    first = net.population("first", models.node(models.LIF, 192, 0.1, **lif), 192)
    second = net.population("second", models.node(models.LIF, 48, 0.1, **lif), 48)
    net.project(seen, first, npl.AllToAll(), weight=conv, delay=0.1 * ms, port="pulses", name="conv")
    net.project(first, second, npl.AllToAll(), weight=npl.Pooling(conv.target_shape, 2, 0.25), delay=0.1 * ms, port="pulses", name="pool")
    x = random.random((80, 64)) < 0.4
    np.savez(tmp_path / "run.npz", x=x.reshape(80, 1, 8, 8))
    snntorch("run", npl.to_nir(net, tmp_path / "ours.nir"), tmp_path / "run.npz")
    mine = fired(net, x, ["first", "second"])[:, -48:]
    with np.load(tmp_path / "run.npz") as theirs:
        assert mine.sum() > 30
        np.testing.assert_array_equal(mine, theirs["spikes"].reshape(80, -1).astype(bool))
