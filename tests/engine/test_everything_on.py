"""Plasticity, structure and modulators in one network: the same bits for any number of threads, chunks, and over a kill."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from functools import cache

import numpy as np
import pytest

import neuropil as npl
from neuropil.engine import Simulation
from neuropil.maths import maximum, minimum
from neuropil.units import Current, Hz, Time, ms, mV, nM, nS, pA
from neuropil.zoo.neurons.branch_neuron import BranchNeuron
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.plasticity.three_factor import DopamineSTDP

END = 300.0


class Tagged(npl.Synapse):
    """Pairs of spikes leave a tag, dopamine turns it into weight."""

    tau: Time = 20 * ms
    tau_tag: Time = 80 * ms
    gain_pre: Current = 5 * pA
    dopamine: float = 0.0

    weight = npl.State(0 * pA)
    pre = npl.State(0.0)
    post = npl.State(0.0)
    tag = npl.State(0 * pA)

    def derivative(self, s, x):
        return dict(pre=-s.pre / self.tau, post=-s.post / self.tau, tag=-s.tag / self.tau_tag, weight=self.dopamine * s.tag / ms)

    def arrive(self, s, w):
        return dict(pre=s.pre + 1.0, tag=s.tag - self.gain_pre * s.post, weight=maximum(w, 0.0 * pA))

    def respond(self, s, w):
        return dict(post=s.post + 1.0, tag=s.tag + self.gain_pre * s.pre, weight=minimum(w, 2000 * pA))


def network():
    """Three projections learn: one (with traces shared) keeps its synapses, one rewires, one reaches branches that make NMDA
    spikes; two modulators change rules, time constants, thresholds, and what branches leak."""
    net = npl.Network("everything")
    source = net.population("source", PoissonSource(rate=40 * Hz), 40)
    nucleus = net.population("nucleus", PoissonSource(rate=8 * Hz), 10)
    cells = net.population("cells", LIFExp(), 60)
    net.stimulate(cells, npl.Step(385 * pA), input="current")
    (taught,) = net.project(source, cells, npl.FixedProbability(0.3), weight=200 * pA, delay=npl.Uniform(0.5 * ms, 3 * ms), port="exc", synapse=Tagged())
    (moving,) = net.project(
        cells, cells, npl.FixedProbability(0.1), weight=60 * pA, delay=1.5 * ms, port="exc", synapse=Tagged(), structure=npl.Rewiring(35 * ms, eliminate=3 * Hz),
        response_delay=1 * ms,
    )  # fmt: skip
    tufted = net.population("tufted", BranchNeuron(), 12)
    (onto_branches,) = net.project(
        cells, tufted, npl.FixedProbability(0.5), weight=2 * nS, delay=1 * ms, port="branch.exc", synapse=DopamineSTDP(a_plus=0.3, start=npl.Uniform(0.3, 0.7))
    )  # fmt: skip
    net.project(cells, cells, npl.FixedProbability(0.1), weight=-80 * pA, delay=1 * ms, port="inh")
    dopamine = net.modulator("dopamine", npl.FirstOrder(tau=40 * ms), volume=[taught, moving, onto_branches], tick=2 * ms)
    dopamine.modulates(onto_branches, "dopamine", lambda value, c: value + 4.0 * (c / (1 * nM)))
    dopamine.released_by(nucleus, 1 * nM)
    dopamine.modulates([taught, moving], "dopamine", lambda value, c: value + 0.004 * (c / (1 * nM)))
    noradrenaline = net.modulator("norepinephrine", npl.FirstOrder(tau=25 * ms), volume=[cells, moving, tufted], tick=5 * ms)
    noradrenaline.modulates(tufted, "branch.g_l", lambda value, c: value / (1.0 + c / (20 * nM)))
    noradrenaline.released_by(cells, 0.05 * nM)
    noradrenaline.modulates(cells, "tau_m", lambda value, c: value / (1.0 + c / (20 * nM)))
    noradrenaline.modulates(cells, "v_th", lambda value, c: value - 0.01 * mV * (c / (1 * nM)))
    noradrenaline.modulates(moving, "tau_tag", lambda value, c: value / (1.0 + c / (20 * nM)))
    return net


def digest(simulation, result) -> str:
    """Of the spikes, of every synapse and of every concentration."""
    found = hashlib.sha256(result.summary["digest"].encode())
    for projection in (p for p in simulation.network.projections if p.synapse is not None):
        for name, values in sorted(simulation.synapses(projection).items()):
            found.update(name.encode() + np.ascontiguousarray(values).tobytes())
    for trace in result.modulators.values():
        found.update(np.ascontiguousarray(trace.values).tobytes())
    return found.hexdigest()


@cache
def whole(precision: str) -> str:
    simulation = Simulation(network(), threads=1, precision=precision)
    result = simulation.run_until(END * ms)
    assert len(result.spikes.of("cells")) > 200 and len(result.spikes.of("tufted")) > 20 and simulation.core.turnover.min() > 10, "alive"
    weights = simulation.synapses(network().projections[0].name)["weight"]
    assert np.ptp(weights) > 5.0, "learning"
    simulation.close()
    return digest(simulation, result)


@pytest.mark.parametrize(("threads", "precision"), [(3, "float32"), *(pytest.param(*other, marks=pytest.mark.slow) for other in ((2, "float32"), (4, "float32"), (3, "float64")))])
def test_threads_do_not_matter(threads, precision):
    simulation = Simulation(network(), threads=threads, precision=precision)
    assert digest(simulation, simulation.run_until(END * ms)) == whole(precision)
    simulation.close()


def test_chunks_and_waking_do_not_matter(tmp_path):
    """Interrupted beside every tick and rewiring, woken with other numbers of threads."""
    resume = None
    for threads, until in ((2, 34.9), (1, 35.0), (3, 137.3), (2, END)):
        simulation = Simulation(network(), threads=threads, out=tmp_path / "run", resume=resume)
        simulation.step()
        if simulation.core.step < round(until / 0.1):
            result = simulation.run_until(until * ms)
        if until < END:
            resume = simulation.checkpoint().parent
            simulation.close()
    assert digest(simulation, result) == whole("float32")
    simulation.close()


KILLED = """
import sys
sys.path.insert(0, {here!r})
from test_everything_on import END, network
from neuropil.engine import Simulation
from neuropil.units import ms
simulation = Simulation(network(), threads=2, out={out!r})
simulation.run_until(END * ms, checkpoint_every=20 * ms)
"""


def test_a_kill_costs_nothing_but_time(tmp_path):
    """kill -9 while it runs; whatever checkpoint is there leads to the same end."""
    out = tmp_path / "run"
    program = KILLED.format(here=os.path.dirname(__file__), out=str(out))
    process = subprocess.Popen([sys.executable, "-c", program])
    patience = time.monotonic() + 120.0
    while not (out / "checkpoint.h5").exists() and process.poll() is None and time.monotonic() < patience:
        time.sleep(0.005)
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (out / "checkpoint.h5").exists()
    simulation = Simulation(network(), threads=1, out=out, resume=out)
    assert digest(simulation, simulation.run_until(END * ms)) == whole("float32")
    simulation.close()
