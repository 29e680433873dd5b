"""D12: learning over several time scales: meta-learning, and synapses with hidden variables.

First half. Each task is a sine, A sin(x + phi) with A in [0.1, 5], phi in [0, pi], x in [-5, 5], of which ten points are seen.
A network of two hidden layers of 40 rectified units is prepared on many tasks, then adapts to a new one by ten steps of
gradient descent at 0.01 on its ten points:

    MAML           the start w is learnt so that one such step from it does well: w <- Adam(grad of L_new(w - 0.01 grad L_seen(w)))
    joint          w <- Adam(grad of L(w)) on the points of all tasks together; adapts at the best of several rates and numbers of steps
    fast and slow  a task changes fast weights f by ten steps, w + f -> w + f - 0.01 grad L; then w <- w + eps mean f, and f is gone

All see the same number of points in the same number of steps. Second half: see `cascade`.

Finn, Abbeel & Levine (2017) ICML, MAML; the fast and slow arm is Nichol, Achiam & Schulman (2018) arXiv:1803.02999, Reptile;
Benna & Fusi (2016) Nat. Neurosci. 19:1697. The sizes are Finn's, except 12,000 steps in place of 70,000.

Args:
    key: of JAX's random numbers.
    w: weights of the network.
    x: [points] or [tasks, points], inputs; y: answers.
    tasks, points: their numbers.
    rate: of learning; steps: of learning; iterations: of preparation.
    arm: how the network was prepared.
    seed: of the random numbers.
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
from neuropil.claims.cascade import expected_snr, measured_snr, power, residuals
from neuropil.claims.claim import Claim, Condition, Findings, Measured, Trial
from neuropil.claims.drawing import SERIES, label, legend, panels
from neuropil.claims.statistics import paired_ratio

HIDDEN, SHOTS, TASKS, ITERATIONS = 40, 10, 25, 12_000
INNER, OUTER, ADAPT = 0.01, 0.001, 10
RATES = (0.0003, 0.001, 0.003, 0.01, 0.03)
TEST_TASKS, TEST_POINTS = 500, 100
ARMS = ("MAML", "joint", "fast and slow")
LEAST_RATIO = 5.0
STAGES, SYNAPSES, MEMORIES = 8, 400, 20_000
LONG = np.unique(np.geomspace(10, 1000, 16).astype(int))  # lags of the power law
SHORT = np.arange(1, 33)  # lags of the single stage, whose time constant is 8
EXPONENT = (-0.65, -0.35)
Weights = list[tuple[Any, Any]]


def begun(key: Any) -> Weights:
    """Weights of a new network."""
    sizes = (1, HIDDEN, HIDDEN, 1)
    keys = jax.random.split(key, 6).reshape(3, 2)

    def drawn(k: Any, fan_in: int, *shape: int) -> Any:
        return jax.random.uniform(k, shape, minval=-1.0, maxval=1.0) / np.sqrt(fan_in)

    return [(drawn(k[0], a, a, b), drawn(k[1], a, b)) for k, a, b in zip(keys, sizes, sizes[1:], strict=False)]


def output(w: Weights, x: Any) -> Any:
    """The network's answers to x [points]."""
    h = x[:, None]
    for a, b in w[:-1]:
        h = jax.nn.relu(h @ a + b[None])
    return (h @ w[-1][0] + w[-1][1][None])[:, 0]


def loss(w: Weights, x: Any, y: Any) -> Any:
    """Mean square error."""
    return jnp.mean((output(w, x) - y) ** 2)


def sines(key: Any, tasks: int, points: int) -> tuple[Any, Any]:
    """Points of random sines, x and y [tasks, points]."""
    a, b, c = jax.random.split(key, 3)
    amplitude = jax.random.uniform(a, (tasks, 1), minval=0.1, maxval=5.0)
    phase = jax.random.uniform(b, (tasks, 1), maxval=jnp.pi)
    x = jax.random.uniform(c, (tasks, points), minval=-5.0, maxval=5.0)
    return x, amplitude * jnp.sin(x + phase)


def descended(w: Weights, x: Any, y: Any, rate: Any, steps: int) -> Weights:
    """Some steps of gradient descent on one task."""

    def step(w: Weights, _: Any) -> Any:
        return jax.tree.map(lambda p, g: p - rate * g, w, jax.grad(loss)(w, x, y)), None

    return jax.lax.scan(step, w, None, steps)[0]


def objective(arm: str, w: Weights, x: Any, y: Any) -> Any:
    """What MAML and joint training lower, over tasks [tasks, 2 SHOTS]."""
    if arm == "joint":
        return jnp.mean(jax.vmap(partial(loss, w))(x, y))
    adapted = partial(descended, w, rate=INNER, steps=1)
    return jnp.mean(jax.vmap(lambda a, b: loss(adapted(a[:SHOTS], b[:SHOTS]), a[SHOTS:], b[SHOTS:]))(x, y))


@partial(jax.jit, static_argnums=(0, 2))
def prepared(arm: str, key: Any, iterations: int) -> Weights:
    """The weights from which an arm adapts."""
    w = begun(jax.random.fold_in(key, 0))
    optimiser = optax.adam(OUTER)

    def adam(carry: Any, i: Any) -> Any:
        w, state = carry
        g = jax.grad(partial(objective, arm))(w, *sines(jax.random.fold_in(key, i + 1), TASKS, 2 * SHOTS))
        moves, state = optimiser.update(g, state)
        return (optax.apply_updates(w, moves), state), None

    def consolidate(carry: Any, i: Any) -> Any:
        w, state = carry
        x, y = sines(jax.random.fold_in(key, i + 1), TASKS, 2 * SHOTS)
        after = jax.vmap(partial(descended, w, rate=INNER, steps=ADAPT))(x, y)
        share = 1.0 - i / iterations
        return (jax.tree.map(lambda p, q: p + share * (q.mean(axis=0) - p), w, after), state), None

    step = consolidate if arm == "fast and slow" else adam
    prepared_weights: Weights = jax.lax.scan(step, (w, optimiser.init(w)), jnp.arange(iterations))[0][0]
    return prepared_weights


@partial(jax.jit, static_argnums=(3,))
def adapting(w: Weights, key: Any, rate: Any, tasks: int) -> Any:
    """The error on new points of new tasks after 0 … ADAPT steps on ten points, [ADAPT + 1], the mean over tasks."""
    x, y = sines(key, tasks, SHOTS + TEST_POINTS)

    def one(x: Any, y: Any) -> Any:
        def step(here: Weights, _: Any) -> Any:
            return descended(here, x[:SHOTS], y[:SHOTS], rate, 1), loss(here, x[SHOTS:], y[SHOTS:])

        return jax.lax.scan(step, w, None, ADAPT + 1)[1]

    return jax.vmap(one)(x, y).mean(axis=0)


def meta_learning(seed: int, iterations: int, tasks: int) -> dict[str, Any]:
    """Errors over the steps of adaptation, of each arm at 0.01, and the best that the other two reach at any rate and step."""
    key, test = jax.random.split(jax.random.key(seed))
    row: dict[str, Any] = {}
    for arm in ARMS:
        w = prepared(arm, key, iterations)
        row[arm] = np.asarray(adapting(w, test, INNER, tasks))
        if arm != "MAML":
            row[f"{arm}, best"] = min(float(jnp.nanmin(adapting(w, test, rate, tasks))) for rate in RATES)
    return row


def run(trial: Trial) -> Findings:
    """Adapt to sines with each arm, and measure how the chain of hidden variables forgets."""
    iterations, tasks = trial.size(ITERATIONS, 150), trial.size(TEST_TASKS, 50)
    synapses, memories = trial.size(SYNAPSES, 200), trial.size(MEMORIES, 6000)

    def measure(seed: int) -> dict[str, Any]:
        g = rng.generator(seed, "D12")
        long = measured_snr(STAGES, synapses, memories, LONG, g)
        short = measured_snr(1, synapses, memories, SHORT, g)
        exponential, law = residuals(SHORT[:16], np.maximum(short[:16], 1e-9))
        return meta_learning(seed, iterations, tasks) | {
            "long": long, "short": short, "power": power(LONG, long), "fit": law / exponential,
        }  # fmt: skip

    found = trial.each_seed(measure)
    error = {arm: Measured.over_seeds(f"10-shot mean square error, {arm}", found[arm][:, -1], control=arm == "joint") for arm in ARMS}
    best = {
        arm: Measured.over_seeds(f"the same at its best rate and number of steps, {arm}", found[f"{arm}, best"], control=arm == "joint")
        for arm in ARMS[1:]
    }
    ratio = Measured.estimate("error of joint training at its best over that of MAML", paired_ratio(found["joint, best"], found["MAML"][:, -1]))
    slow = Measured.estimate(
        "error of joint training over that of fast and slow weights, each at its best", paired_ratio(found["joint, best"], found["fast and slow, best"])
    )
    exponent = Measured.over_seeds(f"exponent of SNR over lag, {STAGES} stages", found["power"])
    single = Measured.over_seeds("one stage: residual of a power law over that of an exponential", found["fit"])
    theory = [
        Measured.exact(f"exponent by the exact kernel, {m} stages", power(LONG, expected_snr(m, synapses, LONG)), control=True)
        for m in range(3, STAGES + 1)
    ]
    return Findings(
        [*error.values(), *best.values(), ratio, slow, exponent, single, *theory],
        [
            Condition.at_least(ratio, LEAST_RATIO),
            Condition.within(exponent, *EXPONENT),
            Condition.at_least(single, 1.0),
        ],
        [],
        [
            "The criterion uses MAML. Fast and slow weights, without a gradient through the fast ones, come "
            f"{slow.value:.3g} times below joint training at their best rate and number of steps; at 0.01 and ten steps nothing keeps them "
            "from diverging on a single task, which the mean over tasks shows.",
            "'A single epoch-level update' is no description of today's training: every arm here, joint training too, changes its weights "
            f"at each of {iterations:,} steps.",
            f"A chain of m stages keeps the power law up to lags near 4^m; shorter chains end in an exponential: {_ends(theory)}.",
            f"After {memories:,} memories the slowest of {STAGES} stages are not yet filled with noise: measured SNR lies somewhat above that of a synapse "
            "in the limit of infinitely many memories; its exponent is the same.",
            "Tasks are drawn anew at each step: that the outer loop needs many tasks of one family is built in.",
        ],
        _figure(found, synapses),
    )


def _ends(theory: list[Measured]) -> str:
    return ", ".join(f"{m.value:.2f} with {k}" for k, m in enumerate(theory, start=3))


def _figure(found: dict[str, Any], synapses: int) -> Any:
    figure, (left, right) = panels(2, width=4.0)
    for colour, arm in zip(SERIES, ARMS, strict=False):
        left.semilogy(np.arange(ADAPT + 1), np.median(found[arm], axis=0), "o-", color=colour, markersize=3, label=arm)
    left.axhline(found["joint, best"].mean(), color=SERIES[1], linewidth=0.8, linestyle="--", label="joint, best rate and step")
    label(left, "steps of adaptation on ten points", "mean square error, median of seeds", "A new sine")
    legend(left)
    dense: NDArray[Any] = np.unique(np.geomspace(1, 3000, 60).astype(int))
    for colour, stages in zip(SERIES, (1, 2, 4, 8), strict=False):
        right.loglog(dense, expected_snr(stages, synapses, dense), color=colour, linewidth=1, label=f"{stages} stage{'s' * (stages > 1)}")
    right.loglog(LONG, found["long"].mean(axis=0), "o", color=SERIES[3], markersize=3, label="measured")
    right.loglog(SHORT, np.maximum(found["short"].mean(axis=0), 1e-3), "o", color=SERIES[0], markersize=3)
    right.loglog(dense, 8 * dense**-0.5, color="black", linewidth=0.6, linestyle="--", label="lag^-1/2")
    right.set_ylim(1e-2, 20)
    label(right, "lag (memories)", "signal to noise", "Forgetting")
    legend(right, loc="lower left")
    return figure


CLAIM = Claim(
    id="D12",
    title="Meta-learning over several time scales",
    article="001",
    says="The brain's plasticity operates on multiple timescales; current AI training pipelines collapse this hierarchy into a single epoch-level "
    "update. Meta-learning frameworks evolve both fast-adapting inner loops and slow-changing outer loops.",
    source="Finn, Abbeel & Levine (2017) ICML; Benna & Fusi (2016) Nat. Neurosci. 19:1697",
    traceable=True,
    tag="PART",
    criterion="On sines MAML's error after ten shots is at least five times below joint training's; the signal to noise of a synapse of eight stages "
    "falls as t^(-1/2 ± 0.15), that of one stage exponentially.",
    scope="A family of one-dimensional regressions; a linear chain of hidden variables under random memories.",
    run=run,
    wrong="Training does not update weights once an epoch but at every step.",
)
