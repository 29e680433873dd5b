"""B1: dopamine is a temporal-difference error.

A cue in bin 5 of 25 is followed by a reward of 1 in bin 15. The stimulus is a complete serial compound: one feature for
each bin from the cue on, none before it, because the cue itself cannot be predicted. Linear TD(lambda) (see `td`) with
gamma = 0.98 and alpha = 0.1 learns for 500 trials; its error delta is compared with what dopamine neurons do: respond to
the reward at first, then to the cue instead, and pause when the reward is omitted.

Montague, Dayan & Sejnowski (1996) J. Neurosci. 16:1936; Schultz, Dayan & Montague (1997) Science 275:1593. Whether the
response travels from reward to cue: Pan, Schmidt, Wickens & Hyland (2005) J. Neurosci. 25:6235 saw no travelling; Amo et
al. (2022) Nat. Neurosci. 25:1082 did. Seeds differ by the weights that learning starts from, and by the rewards of the control.

Args:
    seed: of the random numbers.
    trace: λ, 0 to 1.
    trials: their number.
    random: whether the reward comes in any bin.
    errors: [trials, bins + 1].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil import rng
from neuropil.claims.claim import Claim, Condition, Findings, Measured, Trial
from neuropil.claims.drawing import SERIES, label, legend, panels
from neuropil.claims.td import learn_trial

BINS, CUE, REWARD = 25, 5, 15
GAMMA, ALPHA, TRACES, TRIALS = 0.98, 0.1, (0.0, 0.5, 0.9), 500
START = 0.05  # standard deviation of the first weights
FIRST = (0.9, 1.1)  # what counts as an error of about 1 at the first reward
MOST_AT_REWARD, LEAST_AT_CUE, MOST_AT_OMISSION = 0.05, 0.7, -0.5


def compound() -> NDArray[np.float64]:
    """What is seen in each bin, [bins, features]: nothing before the cue, then one feature a bin."""
    return np.eye(BINS)[:, CUE:]


def conditioned(seed: int, trace: float, trials: int, *, random: bool = False) -> tuple[NDArray[Any], ...]:
    """Learn, with the reward in its bin or, as a control, in any bin of each trial.

    Returns:
        The error of each trial and bin [trials, bins + 1], of each trial's reward [trials], and of a probe in which the reward
        is left out [bins + 1].
    """
    g = rng.generator(seed, "B1", int(random))
    w = START * g.standard_normal(BINS - CUE)
    when = g.integers(BINS, size=trials) if random else np.full(trials, REWARD)
    x, none = compound(), np.zeros(BINS)
    errors = np.array([learn_trial(w, x, np.eye(BINS)[t], alpha=ALPHA, gamma=GAMMA, trace=trace) for t in when])
    return errors, errors[np.arange(trials), when], learn_trial(w, x, none, alpha=0.0, gamma=GAMMA, trace=trace)


def between(errors: NDArray[Any]) -> int:
    """In how many bins strictly between cue and reward the error peaked in some trial."""
    peaks = np.argmax(errors, axis=1)
    return len(set(peaks[(peaks > CUE) & (peaks < REWARD)].tolist()))


def asymmetry() -> float:
    """How far the expected update b - A w is from a gradient: |A - Aᵀ| / |A|, zero for the gradient of any loss."""
    x = np.vstack([compound(), np.zeros(BINS - CUE)])
    a = x[:-1].T @ (x[:-1] - GAMMA * x[1:])
    return float(np.linalg.norm(a - a.T) / np.linalg.norm(a))


def run(trial: Trial) -> Findings:
    """Condition with each lambda, leave a reward out, and condition with rewards at random."""
    trials = trial.size(TRIALS, 200)
    shown: dict[float, tuple[NDArray[Any], NDArray[Any]]] = {}

    def measure(seed: int) -> dict[str, float]:
        row: dict[str, float] = {}
        for trace in TRACES:
            errors, at_reward, omitted = conditioned(seed, trace, trials)
            shown[trace] = (errors, omitted)
            row |= {
                f"first {trace}": at_reward[0], f"reward {trace}": abs(at_reward[-1]), f"cue {trace}": errors[-1, CUE],
                f"omission {trace}": omitted[REWARD], f"when {trace}": float(np.argmin(omitted)), f"between {trace}": between(errors),
            }  # fmt: skip
        errors, at_reward, _ = conditioned(seed, TRACES[-1], trials, random=True)
        row["random"], row["random cue"] = at_reward[trials // 2 :].mean(), errors[trials // 2 :, CUE].mean()
        return row

    found = trial.each_seed(measure)
    m = {
        (name, trace): Measured.over_seeds(f"{text}, λ = {trace:g}", found[f"{name} {trace}"], unit, control=name == "between")
        for name, text, unit in (
            ("first", "error at the first reward", ""), ("reward", "size of the error at the learnt reward", ""),
            ("cue", "error at the learnt cue", ""), ("omission", "error where a reward is left out", ""),
            ("when", "bin of the deepest error when the reward is left out", ""),
            ("between", "bins between cue and reward where the error peaked on its way", ""),
        ) for trace in TRACES
    }  # fmt: skip
    random = [
        Measured.over_seeds("mean error at a reward in any bin, after learning", found["random"], control=True),
        Measured.over_seeds("mean error at the cue, rewards in any bin", found["random cue"], control=True),
    ]
    bend = Measured.exact("asymmetry of the expected update, |A - Aᵀ| / |A|", asymmetry())
    return Findings(
        [*m.values(), *random, bend],
        [c for trace in TRACES for c in (
            Condition.within(m["first", trace], *FIRST), Condition.at_most(m["reward", trace], MOST_AT_REWARD),
            Condition.at_least(m["cue", trace], LEAST_AT_CUE), Condition.at_most(m["omission", trace], MOST_AT_OMISSION),
            Condition.within(m["when", trace], REWARD, REWARD),
        )],
        [Condition.fact("the update is the gradient of no loss: its Jacobian is not symmetric, and delta is one number for all weights",
                        bend.value > 0)],
        [
            "On its way to the cue the error peaks in "
            + ", ".join(f"{m['between', t].value:.3g} bins in between at λ = {t:g}" for t in TRACES)
            + ": whether the response travels depends on the trace, not on temporal-difference errors.",
            f"With rewards in any bin the error at a reward stays at {random[0].value:.2f}: what cannot be predicted keeps its error.",
            "Zero error is the baseline of a few spikes a second, not silence; a negative error has less room below that baseline "
            "than a positive one above it, which is not modelled here.",
            f"By construction the learnt cue is worth γ^{REWARD - CUE} = {GAMMA ** (REWARD - CUE):.3f}.",
        ],
        _figure(shown),
    )  # fmt: skip


def _figure(shown: dict[float, tuple[NDArray[Any], NDArray[Any]]]) -> Any:
    figure, axes = panels(3, width=3.4)
    for ax, trace in zip(axes, (TRACES[0], TRACES[-1]), strict=False):
        ax.imshow(shown[trace][0][:120, :BINS], aspect="auto", cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
        label(ax, "bin", "trial", f"delta from −1 (blue) to 1, λ = {trace:g}")
    errors, omitted = shown[TRACES[-1]]
    curves = (("first trial", errors[0]), ("learnt", errors[-1]), ("reward left out", omitted))
    for i, (name, curve) in enumerate(curves):
        axes[-1].plot(np.arange(BINS), curve[:BINS] + 2.5 * (2 - i), color=SERIES[i], drawstyle="steps-mid", label=name)
    for bin in (CUE, REWARD):
        axes[-1].axvline(bin, color="black", linewidth=0.6, linestyle=":")
    axes[-1].set_ylim(-1.5, 9.0)
    axes[-1].set_yticks([0, 2.5, 5.0], ["0", "0", "0"])
    label(axes[-1], "bin (cue 5, reward 15)", "delta, curves set apart by 2.5", f"λ = {TRACES[-1]:g}")
    legend(axes[-1], loc="upper left")
    return figure


CLAIM = Claim(
    id="B1",
    title="Dopamine is a temporal-difference error",
    article="000 §5",
    says="Dopamine neurons are silent for expected rewards, fire for surprising rewards, and are suppressed for predicted rewards that don't "
    "arrive: a real-time temporal difference (TD) learning signal, whose engineering parallel is the loss gradient.",
    source="Montague, Dayan & Sejnowski (1996) J. Neurosci. 16:1936; Schultz, Dayan & Montague (1997) Science 275:1593",
    traceable=True,
    tag="OK",
    criterion="For λ = 0, 0.5 and 0.9 the error at the reward falls from about 1 to below 0.05, the error at the cue rises above 0.7, and a reward "
    "left out gives an error below -0.5 in its bin.",
    scope="A linear critic on a serial compound; that its error behaves as the neurons do, not that the neurons compute it.",
    run=run,
    wrong="For expected rewards the neurons stay at their baseline of a few spikes a second, they are not silent; the error is a scalar, not "
    "the gradient of a loss.",
    seeds=10,
)
