"""A posterior by sbi from `npl.simulator`: sys.argv[1] names the file of results. Run in an environment that has sbi and neuropil's dependencies."""

from __future__ import annotations

import json
import sys

import numpy as np
import sbi
import torch
from sbi.inference import NPE
from sbi.utils import BoxUniform

import neuropil as npl
from neuropil.units import Hz, ms, mV, pA
from neuropil.zoo.neurons.lif import LIFExp

TRUTH = np.array([12000.0, 12.0])

net = npl.Network("circuit")
exc = net.population("exc", LIFExp(), 20)
net.stimulate(exc, npl.Poisson(12000 * Hz), port="exc", weight=80 * pA, name="drive")
net.project(exc, exc, npl.FixedProbability(0.3), weight=20 * pA, delay=1 * ms, port="exc", name="local")
net.probe(exc, "v", interval=1 * ms)


def features(result: npl.Result) -> list[float]:
    """Rate, and mean, deviation and lowest value of potentials; a silent network has none."""
    rate, v = result.rates()["exc"], result.traces["exc.v"].values
    return [rate if rate > 0 else float("nan"), float(v.mean()), float(v.std()), float(v.min() / mV.value)]


simulate = npl.simulator(net, parameters={"drive.rate": (2000, 20000, Hz), "exc.tau_m": (5, 30, ms)}, outputs=features, duration=100 * ms)
torch.manual_seed(1)
torch.set_num_threads(1)
prior = BoxUniform(*torch.as_tensor(simulate.bounds.T, dtype=torch.float32))
theta = prior.sample((600,))
x = simulate(theta)
inference = NPE(prior, show_progress_bars=False)
inference.append_simulations(theta, x, exclude_invalid_x=True).train(max_num_epochs=200)
posterior = inference.build_posterior()
observed = simulate(torch.as_tensor(TRUTH[None], dtype=torch.float32), seeds=99)[0]
samples = posterior.sample((1000,), x=observed, show_progress_bars=False).numpy()
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump({
        "sbi": sbi.__version__, "tensor": isinstance(x, torch.Tensor), "invalid": int(torch.isnan(x).any(dim=1).sum()), "failed": sum(simulate.failed.values()), "truth": TRUTH.tolist(),
        "mean": samples.mean(axis=0).tolist(), "deviation": samples.std(axis=0).tolist(), "prior deviation": (np.diff(simulate.bounds, axis=1).ravel() / 12**0.5).tolist(),
    }, file)  # fmt: skip
