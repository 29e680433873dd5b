"""One job of the training benchmark by a library on PyTorch: `torch_training.py JOB snntorch|spikingjelly|norse THREADS`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from threads import hold

name, library, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
hold(threads)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from training_jobs import DECAY, JOBS, Job, measured  # noqa: E402

torch.set_num_threads(threads)


def by_snntorch(job: Job, x: torch.Tensor, weights: list[torch.Tensor]) -> list[torch.Tensor]:
    """Leaky neurons, time step by time step; the products with the input at once."""
    given, rates = x, []
    for j, cell in enumerate(CELLS):
        came, mem, spikes = torch.nn.functional.linear(given, weights[j]), cell.init_leaky(), []
        s = torch.zeros_like(came[0])
        for t in range(job.steps):
            now = came[t] + torch.nn.functional.linear(s, weights[-1]) if job.recurrent else came[t]
            s, mem = cell(now, mem)
            spikes.append(s)
        given = torch.stack(spikes)
        rates.append(given)
    return rates


def by_spikingjelly(job: Job, x: torch.Tensor, weights: list[torch.Tensor]) -> list[torch.Tensor]:
    """Multi-step LIF nodes; a recurrent layer step by step."""
    given, rates = x, []
    for j, cell in enumerate(CELLS):
        functional.reset_net(cell)
        came = torch.nn.functional.linear(given, weights[j])
        if job.recurrent:
            s, spikes = torch.zeros_like(came[0]), []
            for t in range(job.steps):
                s = cell(came[t] + torch.nn.functional.linear(s, weights[-1]))
                spikes.append(s)
            given = torch.stack(spikes)
        else:
            given = cell(came)
        rates.append(given)
    return rates


def by_norse(job: Job, x: torch.Tensor, weights: list[torch.Tensor]) -> list[torch.Tensor]:
    """LIF steps without synaptic current; an input counts by dt / tau of its membrane."""
    given, rates = x, []
    for j, cell in enumerate(CELLS):
        came, state, spikes = torch.nn.functional.linear(given, weights[j]), None, []
        s = torch.zeros_like(came[0])
        for t in range(job.steps):
            now = came[t] + torch.nn.functional.linear(s, weights[-1]) if job.recurrent else came[t]
            s, state = cell(now / (1 - DECAY), state)
            spikes.append(s)
        given = torch.stack(spikes)
        rates.append(given)
    return rates


layers = len(JOBS[name].sizes) - 1
if library == "snntorch":
    import snntorch
    from snntorch import surrogate

    CELLS = [snntorch.Leaky(beta=DECAY, spike_grad=surrogate.fast_sigmoid(), reset_mechanism="zero") for _ in range(layers)]
    run, version = by_snntorch, snntorch.__version__
elif library == "spikingjelly":
    from importlib.metadata import version as version_of

    from spikingjelly.activation_based import functional, neuron

    CELLS = [neuron.LIFNode(tau=1 / (1 - DECAY), decay_input=False, step_mode="s" if JOBS[name].recurrent else "m") for _ in range(layers)]
    run, version = by_spikingjelly, version_of("spikingjelly")
else:
    from importlib.metadata import version as version_of

    import norse.torch as norse

    CELLS = [norse.LIFBoxCell(norse.LIFBoxParameters(tau_mem_inv=torch.tensor(100.0))) for _ in range(layers)]
    run, version = by_norse, version_of("norse")


def gradient(job: Job) -> Callable[[], float]:
    """The gradient of the number of spikes of the last layer."""
    x = torch.tensor(np.swapaxes(job.spikes().astype("f"), 0, 1).copy())
    weights = [torch.nn.Parameter(torch.tensor(w.T.copy())) for w in job.weights()]

    def step() -> float:
        for w in weights:
            w.grad = None
        rates = run(job, x, weights)
        (rates[-1] ** 2).sum().backward()
        return float(sum(r.detach().mean() for r in rates) / len(rates))

    return step


measured(f"{library} {version}" + (f", {threads} threads" if threads > 1 else ""), name, gradient)
