"""A training that ends itself with SIGKILL: python killed_training.py FOLDER METHOD KILL; prints a digest of the trained weights. For test_fit_kills.py.

KILL is the number of the call of the encoder at which it dies ("encode 7": within a batch of an epoch, or of the validation), of a checkpoint that is complete but not yet
in its place ("replace 2"), or "never".
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from typing import Any

import numpy as np
import optax

import neuropil as npl
from neuropil.learn.methods import EProp
from neuropil.units import ms, mV
from neuropil.zoo.neurons.lif import LIFDelta
from neuropil.zoo.neurons.rate import LeakyReadout
from neuropil.zoo.neurons.relay import Relay

METHODS = {"bptt": "bptt", "eprop": EProp("learned", decay=0.01)}
EPOCHS = 5
KIND, _, AT = sys.argv[3].partition(" ")
calls = {"encode": 0, "replace": 0}


def counted(kind: str) -> None:
    """One more call; the last one, if it is the one to die at."""
    calls[kind] += 1
    if kind == KIND and calls[kind] == int(AT):
        os.kill(os.getpid(), signal.SIGKILL)


encode, replace = npl.data.RateEncoder.encode, os.replace


def encoded(*given: Any) -> Any:
    """A batch that is counted."""
    counted("encode")
    return encode(*given)


def replaced(source: Any, target: Any, **options: Any) -> None:
    """A rename that is counted."""
    if str(target).endswith("training.h5"):
        counted("replace")
    replace(source, target, **options)


npl.data.RateEncoder.encode, os.replace = encoded, replaced
random = np.random.default_rng(1)
x = random.uniform(size=(30, 6))
net = npl.Network("killed")
source, hidden, output = net.population("input", Relay(), 6), net.population("hidden", LIFDelta(t_ref=1 * ms), 8), net.population("output", LeakyReadout(), 3)
net.project(source, hidden, npl.AllToAll(), weight=npl.Normal(3 * mV, 6 * mV), delay=1 * ms, port="syn", name="in")
net.project(hidden, hidden, npl.FixedProbability(0.4), weight=npl.Normal(0 * mV, 2 * mV), delay=1 * ms, port="syn", name="again")
net.project(hidden, output, npl.AllToAll(), weight=npl.Normal(0.0, 0.5), delay=1 * ms, port="syn", name="out")
made = npl.fit(
    net, (x, x[:, :3].argmax(axis=1)), encoder=npl.data.RateEncoder(10 * ms, rate=300), optimizer=optax.adam(optax.exponential_decay(0.03, 5, 0.9)), validation=0.2, keep="best", batch=8,
    epochs=EPOCHS, method=METHODS[sys.argv[2]], backend="jax", checks=False, progress=False, out=sys.argv[1],
)  # fmt: skip
digest = hashlib.blake2b()
for projection in made.network.projections:
    digest.update(np.asarray(projection.weight).tobytes())
print(digest.hexdigest(), repr([{**row, "seconds": 0} for row in made.history.rows]))
