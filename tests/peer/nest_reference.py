"""NEST's spikes of small networks with explicit connections: what neuropil's engine is compared with.

Runs in an environment of its own that has ``nest-simulator`` and ``numpy`` (no neuropil):

    python tests/peer/nest_reference.py --out tests/golden/nest_spikes.npz

and writes the networks (every synapse, input and parameter) together with the spikes NEST fires. Weights are rounded
to 0.001, so that the file is small; times are whole steps of 0.1 ms.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

DT = 0.1
DURATION = 500.0
RATE = 0.3  # input events per neuron, 1/ms
SIZE, EXCITATORY = 100, 80


@dataclass(frozen=True)
class Case:
    """A network to compare.

    Attributes:
        model: NEST's neuron model.
        parameters: in NEST's names and units.
        weights: of an excitatory, an inhibitory and an input event.
        current: spread of the constant current of each neuron, pA.
        recurrent: neurons project to any neuron; otherwise only from the first half to the second, so that what
            differs in a neuron cannot come back to it.
        seed: of the synapses and inputs.
    """

    model: str
    parameters: dict[str, float]
    weights: tuple[float, float, float]
    current: float = 100.0
    recurrent: bool = True
    seed: int = 1


_LEAK = {"C_m": 250.0, "tau_m": 10.0, "E_L": -65.0, "V_th": -50.0, "V_reset": -65.0, "t_ref": 2.0}
_CONDUCTANCE = {
    "C_m": 250.0, "g_L": 16.6667, "E_L": -70.0, "E_ex": 0.0, "E_in": -85.0, "V_th": -55.0, "V_reset": -60.0, "t_ref": 2.0,
    "tau_syn_ex": 0.5, "tau_syn_in": 2.0,
}  # fmt: skip

CASES = {
    "exp": Case("iaf_psc_exp", {**_LEAK, "tau_syn_ex": 0.5, "tau_syn_in": 2.0}, (150.0, -120.0, 1500.0)),
    "exp_equal_taus": Case("iaf_psc_exp", {**_LEAK, "tau_syn_ex": 10.0, "tau_syn_in": 3.0}, (12.0, -60.0, 80.0)),
    "alpha": Case("iaf_psc_alpha", {**_LEAK, "tau_syn_ex": 0.5, "tau_syn_in": 2.0}, (80.0, -60.0, 600.0)),
    "alpha_equal_taus": Case("iaf_psc_alpha", {**_LEAK, "tau_syn_ex": 10.0, "tau_syn_in": 3.0}, (5.0, -25.0, 30.0)),
    "delta": Case("iaf_psc_delta", dict(_LEAK), (0.3, -1.0, 3.0)),
    "cond_exp": Case("iaf_cond_exp", dict(_CONDUCTANCE), (2.0, 4.0, 15.0), recurrent=False),
    "cond_alpha": Case("iaf_cond_alpha", dict(_CONDUCTANCE), (0.8, 2.0, 6.0), recurrent=False),
}


def inputs() -> dict[str, np.ndarray]:
    """The input events of all cases: neurons, and times in steps."""
    rng = np.random.default_rng(0)
    times = [np.flatnonzero(rng.random(round(DURATION / DT) - 50) < RATE * DT) + 20 for _ in range(SIZE)]
    neurons = np.repeat(np.arange(SIZE), [t.size for t in times])
    return {"neuron": neurons.astype(np.uint8), "time": np.concatenate(times).astype(np.uint16)}


def synapses(case: Case) -> dict[str, np.ndarray]:
    """Every synapse and initial value of a case; delays in steps."""
    rng = np.random.default_rng(case.seed)
    degree = 20
    post = np.repeat(np.arange(SIZE) if case.recurrent else np.arange(SIZE // 2, SIZE), degree)
    pre = rng.integers(0, SIZE if case.recurrent else SIZE // 2, post.size)
    inhibitory = pre % 5 == 4
    size = np.where(inhibitory, case.weights[1], case.weights[0])
    return {
        "pre": pre.astype(np.uint8),
        "post": post.astype(np.uint8),
        "inhibitory": inhibitory,
        "weight": np.round(size * rng.uniform(0.5, 1.5, pre.size), 3),
        "delay": rng.integers(1, 41, pre.size).astype(np.uint8),
        "input_weight": np.round(case.weights[2] * rng.uniform(0.5, 1.5, SIZE), 3),
        "current": np.round(case.current * rng.uniform(0.0, 1.0, SIZE), 3),
        "start": np.round(rng.uniform(case.parameters["E_L"], case.parameters["V_th"] - 0.5, SIZE), 3),
    }


def simulate(case: Case, made: dict[str, np.ndarray], events: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Steps and neurons of NEST's spikes, sorted."""
    import nest

    nest.ResetKernel()
    nest.resolution = DT
    nest.local_num_threads = 1
    cells = nest.Create(case.model, SIZE, params=case.parameters)
    cells.V_m = made["start"].tolist()
    cells.I_e = made["current"].tolist()
    ids = np.asarray(cells.tolist())
    signed = np.where(made["inhibitory"], -np.abs(made["weight"]), made["weight"])
    spec = {"weight": signed, "delay": made["delay"] * DT}
    nest.Connect(ids[made["pre"]], ids[made["post"]], "one_to_one", spec)
    for i in range(SIZE):
        times = events["time"][events["neuron"] == i]
        # An event leaves the generator one step before it arrives.
        source = nest.Create("spike_generator", params={"spike_times": np.round((times - 1.0) * DT, 1).tolist()})
        nest.Connect(source, cells[i], syn_spec={"weight": float(made["input_weight"][i]), "delay": DT})
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Simulate(DURATION)
    spikes = recorder.get("events")
    step = np.round(np.asarray(spikes["times"]) / DT).astype(np.int64)
    neuron = np.asarray(spikes["senders"]) - ids[0]
    order = np.lexsort((neuron, step))
    return step[order], neuron[order]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="file for networks and spikes (.npz)")
    arguments = parser.parse_args()
    import nest

    nest.verbosity = nest.VerbosityLevel.ERROR
    events = inputs()
    kept: dict[str, np.ndarray] = {
        "simulator": np.array(f"NEST {nest.__version__}"),
        "cases": np.array(list(CASES)),
        "duration": np.array(DURATION),
        "input/neuron": events["neuron"],
        "input/time": events["time"],
    }
    for name, case in CASES.items():
        made = synapses(case)
        step, neuron = simulate(case, made, events)
        kept |= {f"{name}/{key}": value for key, value in made.items()}
        kept[f"{name}/model"] = np.array(case.model)
        kept[f"{name}/parameters"] = np.array(list(case.parameters))
        kept[f"{name}/values"] = np.array(list(case.parameters.values()))
        kept[f"{name}/step"], kept[f"{name}/neuron"] = step.astype(np.uint16), neuron.astype(np.uint8)
        print(f"{name}: {step.size} spikes, {1000 * step.size / SIZE / DURATION:.1f} Hz")
    np.savez_compressed(arguments.out, **kept)


if __name__ == "__main__":
    main()
