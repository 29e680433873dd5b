"""Conductances by BluePyOpt from features of eFEL, by `npl.simulator`: sys.argv[1] names the file of results. Run in an environment that has both."""

from __future__ import annotations

import json
import sys

import bluepyopt
import efel
import numpy as np
from bluepyopt.deapext.optimisations import IBEADEAPOptimisation
from bluepyopt.evaluators import Evaluator
from bluepyopt.objectives import Objective
from bluepyopt.parameters import Parameter

import neuropil as npl
from neuropil.units import cm, mS, ms, pA
from neuropil.zoo.neurons.hodgkin_huxley import HodgkinHuxley

TRUTH, DEVIATION = np.array([110.0, 30.0]), np.array([2.0, 0.1, 2.0, 2.0])
FEATURES = ("AP_amplitude", "AP_duration_half_width", "mean_frequency", "AHP_depth_abs")

net = npl.Network("cell")
cell = net.population("cell", HodgkinHuxley(), 1)
net.stimulate(cell, npl.Step(1000 * pA, start=20 * ms, stop=120 * ms), input="current")
net.probe(cell, "v", interval=0.05 * ms)


def features(result: npl.Result) -> list[float]:
    """Of eFEL: amplitude and width of spikes, their rate, and how deep the potential falls after them."""
    v = result.traces["cell.v"]
    trace = {"T": v.times_ms, "V": v.values[:, 0], "stim_start": [20.0], "stim_end": [120.0]}
    (found,) = efel.get_feature_values([trace], list(FEATURES))
    return [float(np.mean(found[name])) for name in FEATURES]


unit = mS / cm**2
simulate = npl.simulator(net, parameters={"cell.g_na": (60, 200, unit), "cell.g_k": (15, 60, unit)}, outputs=features, duration=140 * ms, dt=0.05 * ms)
target = simulate(TRUTH, seeds=0)


class Fitted(Evaluator):
    """Errors of the features, in deviations."""

    def __init__(self) -> None:
        super().__init__([Objective(name) for name in FEATURES], [Parameter(name, bounds=tuple(bound)) for name, bound in zip(simulate.names, simulate.bounds, strict=True)])

    def evaluate_with_lists(self, theta: list[float]) -> list[float]:
        """The errors of one set of parameters; 250 where a feature does not exist."""
        return list(np.nan_to_num(np.abs(simulate(np.array(theta), seeds=0) - target) / DEVIATION, nan=250.0))

    def init_simulator_and_evaluate_with_lists(self, theta: list[float]) -> list[float]:
        """What its optimisers call: there is no simulator to start."""
        return self.evaluate_with_lists(theta)


_, best, log, _ = IBEADEAPOptimisation(evaluator=Fitted(), offspring_size=12, seed=1).run(max_ngen=12)
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump({
        "bluepyopt": bluepyopt.__version__, "efel": efel.__version__, "truth": TRUTH.tolist(), "target": target.tolist(), "found": list(best[0]),
        "errors": Fitted().evaluate_with_lists(list(best[0])), "simulated": simulate.simulated, "first": float(log.select("min")[0]), "last": float(log.select("min")[-1]),
    }, file)  # fmt: skip
