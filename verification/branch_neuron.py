"""The dendritic-branch neuron fitted to a layer-5 pyramidal cell with morphology, and how far the two differ.

    python verification/branch_neuron.py --morphologies DIRECTORY

The detailed cell: `l5pc_with_axon.swc` (Hay et al. 2011), passive: the leak densities and capacitances of
`zoo/cells/layer5_pyramidal.py`, rest at -70 mV, d_lambda 0.1. In the middle of each of its 20 longest basal branches that
end freely, and of its free oblique branches, sit synapses of AMPA and NMDA conductance (`zoo/synapses/ampa_nmda.py`),
0.5 nS and twice that, which are active all at once. Measured at the soma over 100 ms: peak and area of the depolarisation.

The fit, by least squares on every second basal branch: mean curves of peak and area against the number of synapses, 1 to
40, clustered on one branch and dealt to all ten in turn; each of the four divided by its own root mean square. Free: of
the soma capacitance and leak; of a branch capacitance, coupling, and the ratio of NMDA to AMPA conductance. The leak of a
branch is the mean of the two-ports that have, at rest, the cell's resistances at the branch, at the soma and between
them (left free it goes to zero); decay times and the AMPA conductance are the detailed synapse's.

Not used for the fit: the other ten basal branches, the oblique ones, and random patterns over all basal branches: 400 of 10
to 80 synapses, 400 of 40.
The same is done with `ca1_n120.swc` under the same membrane. The values of the layer-5 cell, rounded, are the defaults
of `zoo/neurons/branch_neuron.py`.

Writes docs/verification/branch_neuron.md and its figure.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

import neuropil as npl
from neuropil import rng
from neuropil.claims.drawing import SERIES, label, legend, panels
from neuropil.claims.statistics import r_squared
from neuropil.units import Ohm, cm, mS, ms, mV, nS, pF
from neuropil.zoo.cells.layer5_pyramidal import CAPACITANCES, DENSITIES
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.neurons.branch_neuron import BranchNeuron
from neuropil.zoo.neurons.relay import Relay
from neuropil.zoo.synapses.ampa_nmda import AMPANMDA

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "verification" / "branch_neuron.md"
FIGURE = ROOT / "docs" / "images" / "branch_neuron.png"
Floats = NDArray[np.float64]

REST_MV, WEIGHT_NS, NMDA_RATIO, DURATION_MS = -70.0, 0.5, 2.0, 100.0
PREDICTORS = ("branch neuron, nothing fitted to patterns", "point neuron with the best gain", "best cubic function of the number")
COUNTS = np.r_[1:11, 12:41:2]
BRANCHES, OBLIQUE_WITHIN_UM, OBLIQUE_LEAST_UM = 20, 330.0, 80.0
PATTERNS, CONCENTRATION = 400, (1, 20)  # branches they fall on
SIZES = {"10 to 80 synapses": (10, 80), "40 synapses": (40, 40)}
FREE = ("soma capacitance (pF)", "soma leak (nS)", "branch capacitance (pF)", "branch coupling (nS)", "NMDA/AMPA")
CELLS = ("l5pc_with_axon.swc", "ca1_n120.swc")
FITTED, HELD_OUT = np.arange(0, BRANCHES, 2), np.arange(1, BRANCHES, 2)


# --- the detailed cell ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Detailed:
    """A passive cell with a synapse in the middle of each of some branches.

    Attributes:
        cell: the description; its synapses are "synapse", one site per branch.
        names: of the branches: first the basal ones, then the oblique ones.
        basal: how many of them are basal.
    """

    cell: npl.Cell
    names: list[str]
    basal: int

    @classmethod
    def of(cls, path: Path) -> Detailed:
        """A morphology with leak and synapses."""
        shape = npl.Morphology.from_swc(path)
        start, parents = shape.distances(), {s.parent for s in shape.sections}
        free = [(s.length, start[i], s) for i, s in enumerate(shape.sections) if i not in parents]
        basal = sorted((-length, s.name) for length, _, s in free if s.kind == "basal")[:BRANCHES]
        names = [name for _, name in basal]
        names += [
            s.name
            for length, begin, s in free
            if s.kind == "apical" and begin < OBLIQUE_WITHIN_UM and length >= OBLIQUE_LEAST_UM
        ]
        capacitance = {kind: CAPACITANCES[kind] for kind in shape.kinds}
        cell = npl.Cell(shape, capacitance=capacitance, resistivity=100 * Ohm * cm, initial=REST_MV * mV)
        for kind in shape.kinds:
            cell.paint(kind, Leak(g=DENSITIES[kind][Leak] * mS / cm**2, e=REST_MV * mV))
        cell.place("synapse", AMPANMDA(ratio=NMDA_RATIO), at=[npl.At(name) for name in names])
        return cls(cell, names, len(basal))

    def responses(self, active: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Peak and area for `active` synapses [cells, branches]."""
        return responses(self.cell, "synapse.exc", active, sites=[self.cell.trigger[0]], dt=0.025)

    def leak(self, branch: int) -> float:
        """Leak (nS) of a branch: of the circuit of three conductances with the cell's resistances at branch and soma."""
        return float(np.linalg.inv(self.resistances([branch]))[1].sum())

    def resistances(self, branches: list[int]) -> Floats:
        """Input and transfer resistances (GΩ) at rest of the soma and the middles of branches, in this order."""
        made = self.cell.compartments
        leak = np.zeros(len(made))
        for name in self.cell.channels:
            where = np.flatnonzero(self.cell.channels[name])
            leak[where] = self.cell.parameters(name, where)[1]["g"] * made.area[where]
        g = np.diag(leak)
        for child, parent in enumerate(made.parent):
            if parent >= 0:
                axial = 1 / made.resistance[child]
                g[[child, parent], [child, parent]] += axial
                g[[child, parent], [parent, child]] -= axial
        places = [self.cell.trigger[0], *(made.at(self.names[b]) for b in branches)]
        return np.linalg.inv(g)[np.ix_(places, places)]


def responses(neuron, port: str, active: NDArray[np.int64], *, sites=None, dt: float) -> tuple[Floats, Floats]:
    """Peak (mV) and area (mV ms) of the somatic depolarisation; a neuron for each row of `active` synapses [rows, sites]."""
    net = npl.Network("responses")
    relay, target = net.population("relay", Relay(), 1), net.population("target", neuron, len(active))
    net.stimulate(relay, npl.SpikeList(1 * ms), port="spikes", weight=1.0)
    post, site = np.nonzero(active)
    weight = WEIGHT_NS * active[post, site] * nS
    net.project(relay, target, npl.Edges(np.zeros_like(post), post), weight=weight, delay=1 * ms, port=port, site=site)
    net.probe(target, "v", sites=sites, interval=0.5 * ms)
    v = npl.run(net, DURATION_MS * ms, dt=dt * ms, precision="float64").traces["target.v"].values - REST_MV
    return v.max(axis=0), v.sum(axis=0) * 0.5


# --- what is activated ------------------------------------------------------------------------------------------------


def clustered(branch: int, branches: int) -> NDArray[np.int64]:
    """[counts, branches]: all synapses on one branch."""
    active = np.zeros((COUNTS.size, branches), np.int64)
    active[:, branch] = COUNTS
    return active


def spread(over: NDArray[np.int64], branches: int) -> NDArray[np.int64]:
    """[counts, branches]: synapses dealt to some branches in turn."""
    active = np.zeros((COUNTS.size, branches), np.int64)
    for row, n in zip(active, COUNTS, strict=True):
        np.add.at(row, over[np.arange(n) % over.size], 1)
    return active


def patterns(branches: int, size: tuple[int, int], g: np.random.Generator) -> NDArray[np.int64]:
    """[patterns, branches]: N synapses dealt at random to m basal branches chosen at random."""
    active = np.zeros((PATTERNS, branches), np.int64)
    for row in active:
        m = int(g.integers(CONCENTRATION[0], CONCENTRATION[1] + 1))
        chosen = g.permutation(BRANCHES)[:m]
        row[chosen] = g.multinomial(int(g.integers(size[0], size[1] + 1)), np.full(m, 1 / m))
    return active


# --- the branch neuron ------------------------------------------------------------------------------------------------


def branch_neuron(values: Floats, leak: float) -> BranchNeuron:
    """A branch neuron, out of reach of its threshold, with values of `FREE` and the leak of its branches, nS."""
    soma_c, soma_g, c_m, g_c, ratio = values
    synapse = AMPANMDA()
    return BranchNeuron(BRANCHES).with_(
        c_m=soma_c * pF, tau_m=soma_c / soma_g * ms, e_l=REST_MV * mV, v_th=1e6 * mV,
        branch__c_m=c_m * pF, branch__g_l=leak * nS, branch__g_c=g_c * nS, branch__nmda_ratio=ratio,
        branch__tau_ampa=synapse.ampa_decay, branch__tau_nmda=synapse.nmda_decay,
    )  # fmt: skip


def four_curves(model: BranchNeuron, over: int) -> Floats:
    """[4, counts]: peak and area, clustered on one branch, then spread over so many."""
    active = np.concatenate([clustered(0, BRANCHES), spread(np.arange(over), BRANCHES)])
    peak, area = responses(model, "branch.exc", active, dt=0.1)
    return np.array([peak[: COUNTS.size], area[: COUNTS.size], peak[COUNTS.size :], area[COUNTS.size :]])


def fit(target: Floats, over: int, leak: float) -> Floats:
    """Values of `FREE` nearest to the four curves."""
    scale = np.sqrt((target**2).mean(axis=1, keepdims=True))

    def residual(x: Floats) -> Floats:
        return ((four_curves(branch_neuron(np.exp(x), leak), over) - target) / scale).ravel()

    return np.exp(least_squares(residual, np.log([300.0, 25.0, 7.5, 3.0, NMDA_RATIO]), diff_step=1e-3).x)


# --- what is left over ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """A fit and its residuals.

    Attributes:
        name: of the morphology.
        values, leak: of `FREE`, and of a branch, nS.
        resistance: at the soma, MΩ: of the cell and of the branch neuron.
        peak, area: [sets, counts] of the cell; the sets are its branches, then spread over fitted and held-out ones.
        model: [4, counts] of the branch neuron.
        pattern: by sizes, peaks for the patterns: of the cell, the branch neuron, a point neuron with the best gain, and
            the best cubic function of the number of synapses.
        basal: branches among the sets that are basal.
    """

    name: str
    values: Floats
    leak: float
    resistance: tuple[float, float]
    peak: Floats
    area: Floats
    model: Floats
    pattern: dict[str, tuple[Floats, Floats, Floats, Floats]]
    basal: int

    def groups(self) -> dict[str, NDArray[np.int64]]:
        """The branches used for the fit and those that were not."""
        return {
            "basal, fitted": FITTED, "basal, held out": HELD_OUT,
            "oblique, held out": np.arange(self.basal, len(self.peak) - 2),
        }  # fmt: skip


def analyse(path: Path, seed: int = 1) -> Outcome:
    """Measure a cell, fit to it, and compare."""
    detailed = Detailed.of(path)
    n = len(detailed.names)
    active = [*(clustered(b, n) for b in range(n)), spread(FITTED, n), spread(HELD_OUT, n)]
    g = rng.generator(seed, "branch neuron", "patterns")
    shown = {name: patterns(n, size, g) for name, size in SIZES.items()}
    peak, area = detailed.responses(np.concatenate([*active, *shown.values()]))
    single = (n + 2) * COUNTS.size
    of_patterns = dict(zip(shown, peak[single:].reshape(len(shown), PATTERNS), strict=True))
    peak, area = (values[:single].reshape(n + 2, COUNTS.size) for values in (peak, area))
    target = np.array([peak[FITTED].mean(0), area[FITTED].mean(0), peak[n], area[n]])
    leak = float(np.mean([detailed.leak(b) for b in FITTED]))
    values = fit(target, FITTED.size, leak)
    model = branch_neuron(values, leak)
    resistance = 1e3 * detailed.resistances([])[0, 0], 1e3 / (values[1] + BRANCHES * leak * values[3] / (leak + values[3]))
    compared = {}
    for name, truth in of_patterns.items():
        size = shown[name].sum(axis=1)
        predicted, _ = responses(model, "branch.exc", shown[name][:, :BRANCHES], dt=0.1)
        cubic = np.polynomial.Polynomial.fit(size, truth, min(3, np.unique(size).size - 1))(size)
        compared[name] = truth, predicted, size * (size @ truth) / (size @ size), cubic
    curves = four_curves(model, FITTED.size)
    return Outcome(path.stem, values, leak, resistance, peak, area, curves, compared, detailed.basal)


def residual_rows(o: Outcome) -> list[tuple[str, Floats, Floats]]:
    """What is compared: a name, curves of the cell [curves, counts], and the branch neuron's [counts]."""
    rows = []
    for name, which in o.groups().items():
        rows += [
            (f"each branch: {name}, peak", o.peak[which], o.model[0]),
            (f"each branch: {name}, area", o.area[which], o.model[1]),
            (f"mean: {name}, peak", o.peak[which].mean(axis=0, keepdims=True), o.model[0]),
            (f"mean: {name}, area", o.area[which].mean(axis=0, keepdims=True), o.model[1]),
        ]
    for k, name in ((-2, "basal, fitted"), (-1, "basal, held out")):
        rows += [(f"spread: {name}, peak", o.peak[[k]], o.model[2]), (f"spread: {name}, area", o.area[[k]], o.model[3])]
    return rows


# --- the page ---------------------------------------------------------------------------------------------------------


READING = """
## Reading

The mean of branches is met, a single branch is not: thin branches saturate at half the depolarisation of thick ones, and one
kind of branch cannot be both. So at equal numbers of synapses the neuron explains almost nothing of how patterns differ in
the detailed cell; where the number varies it is hardly better than a function of the number. In the CA1 cell, with distant
basal branches that share stems, the fit is degenerate (no leak is left to the soma) and its values are not used. Branches
with parameters of their own (`BranchNeuron(20, g_c=[...] * nS, ...)`) are the way on; they are not fitted here.
"""


def page(outcomes: list[Outcome]) -> str:
    """The text."""
    text = "# The dendritic-branch neuron against a detailed cell\n\n    python verification/branch_neuron.py --morphologies DIRECTORY\n"
    paragraphs = (__doc__ or "").strip().split("\n\n")[2:-1]
    text += "\n" + "\n\n".join(" ".join(p.split()) for p in paragraphs) + "\n\n![fit](../images/branch_neuron.png)\n\n"
    text += "## Values\n\n| cell | " + " | ".join(FREE) + " | branch leak (nS) | resistance at the soma, cell and neuron (MΩ) |\n"
    text += "|" + "---|" * (len(FREE) + 3) + "\n"
    for o in outcomes:
        text += f"| {o.name} | " + " | ".join(f"{v:.3g}" for v in o.values) + f" | {o.leak:.3g} | {o.resistance[0]:.0f}, {o.resistance[1]:.0f} |\n"
    text += (
        f"\nThe detailed synapse has {NMDA_RATIO:g} times as much NMDA as AMPA conductance. The fitted ratio, and the resistance at the soma, are "
        "effective values: one compartment stands for a cable, one kind of branch for thin and thick ones.\n"
    )
    for o in outcomes:
        text += f"\n## {o.name}\n\n| curve | R² | largest relative error | median relative error |\n|---|---|---|---|\n"
        for name, truth, model in residual_rows(o):
            error = np.abs(model / truth - 1)
            fitness = r_squared(truth, np.broadcast_to(model, truth.shape))
            text += f"| {name} | {fitness:.3f} | {100 * error.max():.0f} % | {100 * np.median(error):.0f} % |\n"
        for sizes, (truth, *predicted) in o.pattern.items():
            text += f"\n{PATTERNS} random patterns of {sizes} on {CONCENTRATION[0]} to {CONCENTRATION[1]} basal branches, peak:\n\n"
            text += "| predicted by | R² | root mean square error (mV) |\n|---|---|---|\n"
            for name, y in zip(PREDICTORS, predicted, strict=True):
                text += f"| {name} | {r_squared(truth, y):.3f} | {np.sqrt(np.mean((truth - y) ** 2)):.2f} |\n"
    return text + READING


def figure(o: Outcome):
    """Curves of every branch, the fit, and the patterns."""
    made, axes = panels(2 + len(o.pattern), width=3.0)
    colours = dict(zip(o.groups(), (SERIES[6], SERIES[0], SERIES[2]), strict=True))
    for name, which in o.groups().items():
        for k, b in enumerate(which):
            axes[0].plot(COUNTS, o.peak[b], color=colours[name], linewidth=0.6, label=None if k else name)
    axes[0].plot(COUNTS, o.model[0], color="black", linewidth=1.6, label="branch neuron")
    label(axes[0], "synapses on one branch", "peak at the soma (mV)", f"clustered, {o.name}")
    for k, name in ((-2, "basal, fitted"), (-1, "basal, held out")):
        axes[1].plot(COUNTS, o.peak[k], "o", color=colours[name], markersize=3, label=name)
    axes[1].plot(COUNTS, o.model[2], color="black", linewidth=1.6, label="branch neuron")
    label(axes[1], "synapses on ten branches", "peak at the soma (mV)", "spread")
    for ax, (sizes, (truth, predicted, line, _)) in zip(axes[2:], o.pattern.items(), strict=True):
        for y, colour, name in ((line, SERIES[1], "point neuron"), (predicted, SERIES[0], "branch neuron")):
            ax.plot(truth, y, ".", color=colour, markersize=3, label=f"{name}, R² {r_squared(truth, y):.2f}")
        ax.plot([0, truth.max()], [0, truth.max()], color="black", linewidth=0.6)
        label(ax, "detailed cell, peak (mV)", "predicted (mV)", f"patterns of {sizes}")
    for ax in axes:
        legend(ax)
    return made


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--morphologies", type=Path, required=True, help=f"directory with {', '.join(CELLS)}")
    outcomes = [analyse(parser.parse_args().morphologies / name) for name in CELLS]
    PAGE.write_text(page(outcomes))
    figure(outcomes[0]).savefig(FIGURE)
    print(page(outcomes))


if __name__ == "__main__":
    main()
