"""B5: no mechanism in language models is global and fast; does that quadrant matter?

A network learns without pause, eight examples a step, a function of two inputs that switches every 50 steps between four: random,
unrelated teacher networks. A cue c names the context from the first step on. Five learners with as many parameters:

    none                a·tanh(W x + b)                                  the cue is not used
    global gate         a·(exp(v m) tanh(W x + b)),  m = u·c             one scalar for all units, to which each has its own receptor v
    shuffled gate       the same, with the cue of a random context
    local gate          a·(2 sigma(U x + d) tanh(W x + b))               each unit gated by what it sees itself
    cue as input        a·tanh(W [x, c] + b)                             nothing global: the cue is one more input

What counts is the mean square error in the first five steps after a switch, before they are learnt from, over the second half of the
stream. Where the four functions differ by a factor alone, for which one scalar is made, the same is measured as a control.

Perez et al. (2018) AAAI (FiLM); Hu, Shen & Sun (2018) CVPR (squeeze and excitation); Peebles & Xie (2023) ICCV (adaptive layer norm):
global and fast mechanisms of artificial networks. The task is this file's, and was fixed before the first run.

Args:
    arm: name of the learner.
    key: of JAX's random numbers.
    w: parameters by name.
    x: inputs, [..., points, INPUTS]; y: answers; cues: [steps, CONTEXTS].
    seed: of the random numbers; blocks: length of the stream.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from neuropil import rng
from neuropil.claims.claim import Claim, Condition, Findings, Measured, Trial
from neuropil.claims.drawing import SERIES, bars, label, legend, panels
from neuropil.claims.statistics import paired_ratio

CONTEXTS, INPUTS, BATCH, BLOCK, BLOCKS, AFTER = 4, 2, 8, 50, 400, 5
TEACHERS, RATE = 6, 0.003
FACTORS = (0.25, 0.5, 1.0, 2.0)
ARMS = ("none", "global gate", "shuffled gate", "local gate", "cue as input")
UNITS = {"none": 40, "global gate": 31, "shuffled gate": 31, "local gate": 23, "cue as input": 20}
LEAST_CUT = 0.20
Weights = dict[str, Any]


def begun(arm: str, key: Any) -> Weights:
    """The parameters of a new learner."""
    n, (k, *keys) = UNITS[arm], jax.random.split(key, 4)
    seen = INPUTS + CONTEXTS * (arm == "cue as input")
    w = {"W": jax.random.normal(k, (seen, n)), "b": jnp.zeros(n), "a": jax.random.normal(keys[0], (n,)) / np.sqrt(n), "a0": jnp.zeros(())}
    if arm in ("global gate", "shuffled gate"):
        w |= {"u": jax.random.normal(keys[1], (CONTEXTS,)), "v": 0.5 * jax.random.normal(keys[2], (n,))}
    if arm == "local gate":
        w |= {"U": jax.random.normal(keys[1], (INPUTS, n)), "d": jnp.zeros(n)}
    return w


def size(arm: str) -> int:
    """How many parameters a learner has."""
    return sum(int(p.size) for p in jax.tree.leaves(jax.eval_shape(partial(begun, arm), jax.random.key(0))))


def output(arm: str, w: Weights, x: Any, cue: Any) -> Any:
    """Answers [points] to inputs [points, INPUTS] under a cue [CONTEXTS]."""
    seen = jnp.concatenate([x, jnp.broadcast_to(cue, (len(x), CONTEXTS))], axis=1) if arm == "cue as input" else x
    h = jnp.tanh(seen @ w["W"] + w["b"][None])
    if arm in ("global gate", "shuffled gate"):
        h = h * jnp.exp(w["v"] * (w["u"] @ cue))[None]
    if arm == "local gate":
        h = h * 2 * jax.nn.sigmoid(x @ w["U"] + w["d"][None])
    return h @ w["a"] + w["a0"]


def examples(seed: int, related: bool, blocks: int) -> tuple[Any, ...]:
    """The stream of a seed: inputs [steps, BATCH, INPUTS], answers [steps, BATCH], the cue and a random one, [steps, CONTEXTS] each.

    Args:
        related: whether the four functions differ by a factor alone.
    """
    g = rng.generator(seed, "B5")
    shape = (1 if related else CONTEXTS, TEACHERS)
    w, b, a = 2 * g.standard_normal((*shape, INPUTS)), g.standard_normal(shape), g.standard_normal(shape)

    def taught(x: NDArray[Any]) -> NDArray[Any]:  # [points, functions]
        return np.einsum("pcn,cn->pc", np.tanh(np.einsum("pi,cni->pcn", x, w) + b), a)

    scale = taught(g.uniform(-1, 1, (2000, INPUTS))).std(axis=0)
    # The next context is never the last one.
    contexts = np.repeat(np.cumsum(g.integers(1, CONTEXTS, size=blocks)) % CONTEXTS, BLOCK)
    steps = contexts.size
    x = g.uniform(-1, 1, (steps, BATCH, INPUTS))
    y = (taught(x.reshape(-1, INPUTS)) / scale).reshape(steps, BATCH, -1)
    factors = FACTORS if related else np.ones(CONTEXTS)
    answers = np.take_along_axis(y * factors, contexts[:, None, None], axis=2)[:, :, 0]
    return x, answers, np.eye(CONTEXTS)[contexts], np.eye(CONTEXTS)[g.integers(CONTEXTS, size=steps)]


@partial(jax.jit, static_argnums=0)
def learnt(arm: str, key: Any, x: Any, y: Any, cues: Any) -> Any:
    """The error of each step before it is learnt from, [steps]; by Adam (Kingma & Ba 2015)."""

    def error(w: Weights, x: Any, y: Any, cue: Any) -> Any:
        return jnp.mean((output(arm, w, x, cue) - y) ** 2)

    optimiser = optax.adam(RATE)

    def step(carry: Any, example: Any) -> Any:
        w, state = carry
        e, g = jax.value_and_grad(error)(w, *example)
        moves, state = optimiser.update(g, state)
        return (optax.apply_updates(w, moves), state), e

    w = begun(arm, key)
    return jax.lax.scan(step, (w, optimiser.init(w)), (x, y, cues))[1]


def run(trial: Trial) -> Findings:
    """Learn both streams with each learner.

    Returns:
        The measurements, the conditions of the verdict and the figure.
    """
    blocks = trial.size(BLOCKS, 40)

    def measure(seed: int) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for related in (False, True):
            x, y, cue, other = (jnp.asarray(v, jnp.float32) for v in examples(seed, related, blocks))
            for arm in ARMS:
                course = learnt(arm, jax.random.key(seed), x, y, other if arm == "shuffled gate" else cue)
                late = np.asarray(course, float).reshape(blocks, BLOCK)[blocks // 2 :]
                row |= {f"{arm}, {related}": late[:, :AFTER].mean(), f"{arm}, {related}, course": late.mean(axis=0)}
        return row

    found = trial.each_seed(measure)
    base = ", False"
    errors = [Measured.over_seeds(f"error after a switch, {arm}", found[arm + base], control=arm != "global gate") for arm in ARMS]

    def cut(arm: str, against: str, kind: bool, text: str, control: bool = True) -> Measured:
        over = paired_ratio(found[f"{arm}, {kind}"], found[f"{against}, {kind}"])
        return Measured(text, 1 - over.value, 1 - over.high, 1 - over.low, control=control)

    gate = cut("global gate", "none", False, "share of the error after a switch that the global gate cuts", control=False)
    shuffled = cut("shuffled gate", "none", False, "share that it cuts with the cue shuffled")
    twin = cut("global gate", "shuffled gate", False, "share of the shuffled gate's error that the gate cuts")
    local = cut("local gate", "none", False, "the same of the local gate")
    cue = cut("cue as input", "none", False, "the same of the cue as an input")
    against = cut("global gate", "cue as input", False, "share of the error of the cue as an input that the global gate cuts")
    related = cut("global gate", "none", True, "share that the global gate cuts where contexts differ by a factor")
    related_cue = cut("cue as input", "none", True, "share that the cue as an input cuts where contexts differ by a factor")
    return Findings(
        [*errors, gate, shuffled, twin, local, cue, against, related, related_cue,
         *(Measured.exact(f"parameters, {arm}", size(arm), control=True) for arm in ARMS)],
        [
            Condition.at_least(gate, LEAST_CUT),
            Condition.at_most(shuffled, LEAST_CUT),
        ],
        [
            Condition.fact("no quadrant of its own is needed: the cue as one more input cuts at least as much", against.high <= 0),
        ],
        [
            f"An uninformative cue still cuts {shuffled.value:.0%}, and a local gate {local.value:.0%}: the error after a switch is also smaller for a learner that "
            f"fits the last context less well. Compared with the shuffled gate, the gate cuts {twin.value:.0%}.",
            "One scalar has to tell four contexts apart: its success differs strongly between seeds, "
            + ", ".join(f"{e:.2g}" for e in found["global gate, False"]) + ".",
            "The gate knows the context and 'none' does not; the cue as an input knows as much as the gate and is the fair comparison.",
            "Global and fast mechanisms exist in artificial networks (FiLM, squeeze and excitation, adaptive layer norm, learned temperature); whether "
            "language models lack them is a matter of their design and is not tested.",
        ],
        _figure(errors, found),
    )  # fmt: skip


def _figure(errors: list[Measured], found: dict[str, Any]) -> Any:
    figure, (left, middle, right) = panels(3, width=3.6)
    lows, highs = [m.low if np.isfinite(m.low) else m.value for m in errors], [m.high if np.isfinite(m.high) else m.value for m in errors]
    bars(left, [arm.replace(" ", "\n") for arm in ARMS], [m.value for m in errors], lows, highs)
    label(left, "", f"mean square error, first {AFTER} steps", "After a switch")
    for ax, kind, title in ((middle, False, "Contexts with nothing in common"), (right, True, "Contexts that differ by a factor")):
        for colour, arm in zip(SERIES, ARMS, strict=False):
            ax.semilogy(found[f"{arm}, {kind}, course"].mean(axis=0), color=colour, linewidth=1, label=arm)
        label(ax, "steps after a switch", "mean square error", title)
    legend(middle)
    return figure


CLAIM = Claim(
    id="B5",
    title="No global and fast mechanism in language models",
    article="000 §5",
    says="Global scope, fast timescale is where neuromodulators operate. No LLM component sits there; the quadrant that matters most for adaptive "
    "cognition is the one that's empty in artificial systems.",
    source="Perez et al. (2018) AAAI (FiLM); Hu, Shen & Sun (2018) CVPR; Peebles & Xie (2023) ICCV",
    traceable=True,
    tag="PART",
    criterion="That the quadrant matters: a global scalar gate cuts the error after a switch of context by at least 20 %, with equal parameters; with the "
    "cue shuffled it does not.",
    scope="Continual regression in four contexts by networks of about 160 parameters.",
    run=run,
    wrong="FiLM, squeeze and excitation, adaptive layer norm and learned temperature are global and fast, and in use.",
)
