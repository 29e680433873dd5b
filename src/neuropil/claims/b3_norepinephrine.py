"""B3: norepinephrine raises the signal-to-noise ratio; temperature is its nearest analog.

First arm. A unit answers x = 0 (nothing) and x = 1 (a signal) with y = 1 / (1 + exp(-(G x + b))), b = -1; its gain G stands for
norepinephrine. Noise of standard deviation s comes in before the gain or after it:

    upstream     y = f(G (x + s n) + b)        a monotone map of what comes in: it cannot change what is ranked before what
    downstream   y = f(G x + b) + s n          detection by Phi(D / (s sqrt 2)), with D the difference of the two answers

Detection is measured by the area under the receiver's operating curve (AUC), on the same draws for all gains.

Second arm. A softmax of ten classes reads x = e_class + s_t n as if its noise were always 0.5; the true s_t switches between 0.3, 0.6 and 1.2
at unannounced times. Temperature follows the running mean H of the softmax's own entropy, T = exp(p + q H), against the best fixed
T; both are fitted on one stream and scored by negative log-likelihood on another.

Servan-Schreiber, Printz & Cohen (1990) Science 249:892; Aston-Jones & Cohen (2005) Annu. Rev. Neurosci. 28:403. b = -1 is theirs (from
memory); the rest are choices of this file, made before the first run.

Args:
    seed: of the random numbers.
    draws: trials of detection.
    steps: length of a stream; part: which of two streams.
    logits: [steps, classes].
    chosen: int[steps], the class that is true.
    temperature: of the softmax.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logsumexp
from scipy.stats import norm, rankdata

from neuropil import rng
from neuropil.claims.claim import Claim, Condition, Findings, Measured, Trial
from neuropil.claims.drawing import SERIES, bars, label, legend, panels
from neuropil.claims.statistics import paired_difference

GAINS = np.array([0.25, 0.5, 1.0, 2.0, 4.0, 8.0])
BIAS, DRAWS = -1.0, 20_000
NOISE_BEFORE, NOISE_AFTER = 1.0, 0.3
FLAT = 0.005
CLASSES, READ_AS, LEVELS, HAZARD, MEMORY = 10, 0.5, (0.3, 0.6, 1.2), 1 / 200, 0.05
STREAM = 10_000
ARMS = ("T = 1", "best fixed", "by entropy", "shuffled entropy")


def auc(absent: NDArray[Any], present: NDArray[Any]) -> float:
    """The chance that a present one exceeds an absent one, ties by half (Mann & Whitney's U)."""
    ranks = rankdata(np.concatenate([absent, present]))[len(absent) :]
    return float((ranks.sum() - len(present) * (len(present) + 1) / 2) / (len(absent) * len(present)))


def detection(seed: int, draws: int) -> dict[str, NDArray[np.float64]]:
    """AUC over the gains, [gains], with noise before the gain, after it, and both."""
    absent, present, late_absent, late_present = rng.generator(seed, "B3").standard_normal((4, draws))
    found: dict[str, list[float]] = {"upstream": [], "downstream": [], "both": []}
    for gain in GAINS:
        for name, before, after in (
            ("upstream", NOISE_BEFORE, 0.0), ("downstream", 0.0, NOISE_AFTER), ("both", NOISE_BEFORE, NOISE_AFTER),
        ):  # fmt: skip
            low = expit(gain * before * absent + BIAS) + after * late_absent
            high = expit(gain * (1 + before * present) + BIAS) + after * late_present
            found[name].append(auc(low, high))
    return {name: np.array(values) for name, values in found.items()}


def predicted() -> NDArray[np.float64]:
    """AUC over the gains with noise after the gain, in closed form."""
    return np.asarray(norm.cdf((expit(GAINS + BIAS) - expit(BIAS)) / (NOISE_AFTER * np.sqrt(2))))


def evidence(seed: int, steps: int, part: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Logits [steps, classes], classes [steps] and the running mean of the softmax's entropy before each step [steps]."""
    g = rng.generator(seed, "B3", "temperature", part)
    switched = g.random(steps) < HAZARD
    level = g.choice(LEVELS, size=int(switched.sum()) + 1)[np.cumsum(switched)]
    chosen = g.integers(CLASSES, size=steps)
    x = np.eye(CLASSES)[chosen] + level[:, None] * g.standard_normal((steps, CLASSES))
    logits = x / READ_AS**2
    p = np.exp(logits - logsumexp(logits, axis=1, keepdims=True))
    entropy = -np.sum(p * np.log(np.maximum(p, 1e-300)), axis=1)
    running, mean = np.empty(steps), float(entropy[:200].mean())
    for t in range(steps):
        running[t] = mean
        mean += MEMORY * (entropy[t] - mean)
    return logits, chosen, running


def surprise(logits: NDArray[Any], chosen: NDArray[Any], temperature: Any) -> float:
    """The mean negative log-likelihood at a temperature, one for all or one each."""
    z = logits / np.reshape(temperature, (-1, 1))
    return float(np.mean(logsumexp(z, axis=1) - z[np.arange(len(z)), chosen]))


def temperatures(seed: int, steps: int) -> dict[str, float]:
    """The negative log-likelihood of each arm on the second stream, fitted on the first; and q."""
    logits, chosen, entropy = evidence(seed, steps, 0)
    fixed = minimize(lambda p: surprise(logits, chosen, np.exp(p[0])), [0.0], method="Nelder-Mead").x
    driven = minimize(lambda p: surprise(logits, chosen, np.exp(p[0] + p[1] * entropy)), [0.0, 0.0], method="Nelder-Mead").x
    logits, chosen, entropy = evidence(seed, steps, 1)
    mixed = rng.generator(seed, "B3", "shuffle").permutation(entropy)
    return {
        "T = 1": surprise(logits, chosen, 1.0), "best fixed": surprise(logits, chosen, np.exp(fixed[0])),
        "by entropy": surprise(logits, chosen, np.exp(driven[0] + driven[1] * entropy)),
        "shuffled entropy": surprise(logits, chosen, np.exp(driven[0] + driven[1] * mixed)), "q": driven[1],
    }  # fmt: skip


def run(trial: Trial) -> Findings:
    """Detect at each gain; then read the stream at each temperature.

    Returns:
        The measurements, the conditions of the verdict and the figure.
    """
    draws, steps = trial.size(DRAWS, 4000), trial.size(STREAM, 3000)
    found = trial.each_seed(lambda seed: detection(seed, draws) | temperatures(seed, steps))
    areas = {
        name: [
            Measured.over_seeds(f"AUC at gain {gain:g}, noise {text}", found[name][:, i], control=name == "both")
            for i, gain in enumerate(GAINS)
        ]
        for name, text in (("downstream", "after the gain"), ("upstream", "before it"), ("both", "before and after"))
    }
    steps_up = [
        Measured.over_seeds(f"rise of AUC from gain {a:g} to {b:g}, noise after it", found["downstream"][:, i + 1] - found["downstream"][:, i])
        for i, (a, b) in enumerate(pairwise(GAINS))
    ]
    spread = Measured.over_seeds(
        "largest deviation of AUC from its mean over gains, noise before", np.abs(found["upstream"] - found["upstream"].mean(axis=1, keepdims=True)).max(axis=1)
    )
    read = [Measured.over_seeds(f"negative log-likelihood, {arm}", found[arm], "nat", control=arm != "by entropy") for arm in ARMS]
    gain = Measured.estimate("gain of temperature by entropy over the best fixed one", paired_difference(found["best fixed"], found["by entropy"]), "nat")
    off = float(np.max(np.abs(found["downstream"].mean(axis=0) - predicted())))
    return Findings(
        [
            *(m for name in areas for m in areas[name]), *steps_up, spread,
            Measured.exact("largest deviation of the mean AUC from its closed form, noise after", off, control=True),
            *read, gain, Measured.over_seeds("q, by which temperature follows entropy", found["q"], "1/nat"),
        ],
        [
            Condition.fact("with noise after it, AUC rises at every step of the gain", all(m.low > 0 for m in steps_up)),
            Condition.at_most(spread, FLAT),
        ],
        [
            Condition.fact("gain leaves the signal-to-noise ratio of noise that is already in the input as it was", spread.high <= FLAT),
        ],
        [
            "That a monotone gain cannot change a ranking holds by construction; what is measured is that nothing else does.",
            f"With noise in both places the gain helps up to a point: AUC is {areas['both'][-2].value:.3f} at {GAINS[-2]:g} and "
            f"{areas['both'][-1].value:.3f} at {GAINS[-1]:g}.",
            "'In milliseconds' is not tested: it is a statement on axons and receptors; fibres of the locus coeruleus are slow and unmyelinated.",
            f"A dynamic temperature is possible and helps: {gain.value:.3f} nat over the best fixed one. Its sign here is q = {found['q'].mean():.2f}: "
            "noise makes this softmax overconfident, so that low entropy requires a high temperature.",
        ],
        _figure(areas, read),
    )  # fmt: skip


def _figure(areas: dict[str, list[Measured]], read: list[Measured]) -> Any:
    figure, (left, right) = panels(2, width=3.8)
    names = {"downstream": "noise after the gain", "upstream": "noise before it", "both": "both"}
    for colour, (name, m) in zip(SERIES, areas.items(), strict=False):
        left.semilogx(GAINS, [x.value for x in m], "o", color=colour, markersize=4, label=names[name])
    left.semilogx(GAINS, predicted(), color=SERIES[0], linewidth=0.8, label="closed form")
    left.set_xticks(GAINS, [f"{g:g}" for g in GAINS])
    left.minorticks_off()
    left.set_ylim(0.5, 1.0)
    label(left, "gain", "AUC", "Detection")
    legend(left, loc="upper left")
    lows, highs = [m.low if np.isfinite(m.low) else m.value for m in read], [m.high if np.isfinite(m.high) else m.value for m in read]
    bars(right, ["T = 1", "best\nfixed T", "T by\nentropy", "entropy\nshuffled"], [m.value for m in read], lows, highs)
    label(right, "", "negative log-likelihood (nat)", "Temperature")
    return figure


CLAIM = Claim(
    id="B3",
    title="Norepinephrine raises the signal-to-noise ratio",
    article="000 §5",
    says="A global sharpening of neural responses: weak inputs get more suppressed, strong inputs get more amplified; the signal-to-noise ratio of "
    "the entire cortex shifts in milliseconds. The closest LLM analog is temperature, a fixed hyperparameter.",
    source="Servan-Schreiber, Printz & Cohen (1990) Science 249:892; Aston-Jones & Cohen (2005) Annu. Rev. Neurosci. 28:403",
    traceable=True,
    tag="PART",
    criterion="The AUC of detection rises with gain where noise is added after it, and stays within 0.005 of its mean where noise is added before it.",
    scope="One sigmoid unit and its gain; a softmax of ten classes and its temperature.",
    run=run,
    wrong="Gain helps only against noise that comes after it; the speed of milliseconds has no source.",
)
