"""`neuropil rerun`: the same digest from the saved network, and the reason where it is another."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import neuropil as npl
from neuropil.cli import app, rerun
from neuropil.cli.rerun import keep
from neuropil.units import Hz, ms, pA
from neuropil.zoo.neurons.lif import LIFExp


def network(weight: float = 80.0) -> npl.Network:
    net = npl.Network("small")
    exc = net.population("exc", LIFExp(), 20)
    net.stimulate(exc, npl.Poisson(20000 * Hz), port="exc", weight=weight * pA)
    return net


def test_a_run_is_repeated_or_says_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "out"
    result = npl.run(network(), 50 * ms, seed=7, out=folder, threads=1)
    assert len(result.spikes) > 10

    def again() -> tuple[int, str]:
        done = CliRunner().invoke(app, ["rerun", str(folder), "--threads", "1"])
        return done.exit_code, done.output

    assert again()[0] == 2 and "network.h5" in again()[1]
    keep(network(), result, folder)
    code, text = again()
    assert code == 0 and text.endswith(f"the same digest: {result.summary['digest']} ({len(result.spikes)} spikes)\n")

    keep(network(70.0), result, folder)  # as if the code of the model had changed
    code, text = again()
    assert code == 1 and "another digest" in text and "the code of the model" in text
    monkeypatch.setattr(rerun, "versions", lambda: {"numpy": "0"})
    assert f"numpy: 0, was {np.__version__}" in again()[1]

    monkeypatch.undo()
    other = npl.run(network(), 20 * ms, seed=8, threads=1)
    keep(network(), other, folder)
    code, text = again()
    assert code == 2 and "belongs to another run" in text
    npl.run(network(), 10 * ms, out=folder, overwrite=True, threads=1)
    assert not (folder / "network.h5").exists()
