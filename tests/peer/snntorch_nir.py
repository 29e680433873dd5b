"""snnTorch's side of the comparison of NIR files.

Runs in an environment of its own that has ``torch``, ``snntorch``, ``nir`` and ``numpy`` (no neuropil):

    python snntorch_nir.py write FOLDER           # four networks as NAME.nir; what each layer fires for an input as NAME.npz
    python snntorch_nir.py run FILE.nir FILE.npz  # reads a file, runs it on "x" [steps, inputs], adds "spikes" of the outputs

Weights are multiples of 1/64 and thresholds lie between, so that rounding decides no spike.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import nir
import numpy as np
import snntorch as snn
import torch
from snntorch.export_nir import export_to_nir
from snntorch.import_nir import import_from_nir

STEPS, THRESHOLD = 100, 1.003
NIR_RESET = {"init_hidden": True, "reset_mechanism": "zero", "reset_delay": False}  # what NIR's v_reset says


def full(shape: int | tuple[int, ...], value: float) -> torch.Tensor:
    return torch.full(shape if isinstance(shape, tuple) else (shape,), value)


def leaky(shape: int | tuple[int, ...], beta: float, **reset: object) -> snn.Leaky:
    return snn.Leaky(beta=full(shape, beta), threshold=full(shape, THRESHOLD), **(reset or NIR_RESET))


def networks() -> Iterator[tuple[str, tuple[int, ...], torch.nn.Sequential]]:
    torch.manual_seed(0)
    linear, late = torch.nn.Linear, {"init_hidden": True}  # snnTorch's own default: the threshold is subtracted, a step later
    synaptic = snn.Synaptic(alpha=full(12, 0.5), beta=full(12, 0.75), threshold=full(12, THRESHOLD), **NIR_RESET)
    recurrent = snn.RLeaky(beta=0.875, threshold=THRESHOLD, linear_features=12, **NIR_RESET)
    conv, pool = torch.nn.Conv2d(1, 3, 3, stride=2, padding=1), torch.nn.AvgPool2d(2)
    yield "feedforward", (8,), torch.nn.Sequential(linear(8, 12), leaky(12, 0.875), linear(12, 5, bias=False), leaky(5, 0.75))
    yield "synaptic", (8,), torch.nn.Sequential(linear(8, 12), synaptic, linear(12, 5), leaky(5, 0.75))
    yield "convolution", (1, 8, 8), torch.nn.Sequential(conv, leaky((3, 4, 4), 0.875), pool, torch.nn.Flatten(), linear(12, 5), leaky(5, 0.75))
    yield "recurrent", (8,), torch.nn.Sequential(linear(8, 12), recurrent, linear(12, 5), leaky(5, 0.75))
    yield "subtract", (8,), torch.nn.Sequential(linear(8, 12), leaky(12, 0.875, **late), linear(12, 5), leaky(5, 0.75, **late))


def write(folder: str) -> None:
    for name, shape, net in networks():
        torch.manual_seed(1)
        with torch.no_grad():
            for module in net.modules():
                if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)):
                    module.weight.copy_(torch.round(module.weight * 192) / 64)
                    if module.bias is not None:
                        module.bias.copy_(torch.round(module.bias * 16) / 64)
        nir.write(f"{folder}/{name}.nir", export_to_nir(net, torch.zeros(1, *shape), ignore_dims=[0]), compression=None)
        for module in net.modules():
            if hasattr(module, "reset_mem"):
                module.reset_mem()
        x = (torch.rand(STEPS, 1, *shape) < 0.5).float()
        spikes = []
        with torch.no_grad():
            for t in range(STEPS):
                y, fired = x[t], []
                for layer in net:
                    y = layer(y)
                    if isinstance(layer, (snn.Leaky, snn.Synaptic, snn.RLeaky)):
                        fired.append(y.numpy().ravel())
                spikes.append(np.concatenate(fired))
        np.savez_compressed(f"{folder}/{name}.npz", x=x.numpy().reshape(STEPS, -1).astype(bool), spikes=np.array(spikes).astype(bool))


def run(file: str, data: str) -> None:
    net = import_from_nir(nir.read(file))
    given = dict(np.load(data))
    spikes, state = [], None
    with torch.no_grad():
        for x in torch.tensor(given["x"]).float():
            made = net(x[None], state) if state is not None else net(x[None])
            y, state = made if isinstance(made, tuple) else (made, None)
            spikes.append(np.ravel(y.numpy()))
    np.savez(data, **{**given, "spikes": np.array(spikes)})


if __name__ == "__main__":
    {"write": write, "run": run}[sys.argv[1]](*sys.argv[2:])
