"""The equations of article 003, one function for each line of its two tables, beside the operations it lists for them.

The functions take a namespace of `exp` and `maximum` and bare numbers (mV, ms, mS/cm², µA/cm², µF/cm²), so that they can be
traced by JAX, run on counting numbers, and integrated with NumPy. Each is written with its forward-Euler update where the
article states a differential equation, because a simulation has to compute it.

Hodgkin & Huxley (1952) in today's sign, with the constants of CLAIMS F1. Synapse: see `neuropil.cost.article`.

Args:
    m: library with exp and maximum.
    v: membrane potential, mV.
    gate_m, gate_h, gate_n: open fractions of the gates.
    g_na, g_k, g_l, g: conductances; e_na, e_k, e_l, e: reversal potentials, mV.
    current: injected or synaptic current; c_m: capacitance.
    dt: time step, ms.
    s: open fraction of the receptors; transmitter: its concentration; alpha, beta: rates of binding.
    f, d: facilitation and depression; spike: 1 at a spike, else 0; base, tau_f, tau_d, jump, loss: their constants.
    magnesium: mM.
    ca: calcium; tau, gamma, baseline: of its decay, its entry and its source.
    c: activity of CaMKII; k1, k2, n: its constants.
    w: weight; eta, theta_p, theta_d: rate and thresholds of learning.
    activity, target, threshold: of the postsynaptic neuron.
    dopamine, k: concentration and gain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Line:
    """A line of a table.

    Attributes:
        name: as in the article.
        function: its equation, with the number of its arguments from `arguments`.
        arguments: names and values at which it is evaluated.
        items: operations the article lists: add (additions), sub, mul, div, compare, exp (exponentials and powers).
        total: FLOPs the article gives for the line.
        updates: multiplications by dt and additions of Euler steps that the function contains.
        note: what is wrong with the line, if anything.
    """

    name: str
    function: Callable[..., Any]
    arguments: Mapping[str, float]
    items: Mapping[str, int]
    total: int
    updates: int = 0
    note: str = ""

    def items_total(self, transcendental: int = 10) -> int:
        """The sum of the article's own items, exponentials at a price `transcendental` of ten."""
        return sum(n * (transcendental if op == "exp" else 1) for op, n in self.items.items())


# --- the neuron ------------------------------------------------------------------------------------------------------

G_NA, G_K, G_L = 120.0, 36.0, 0.3
E_NA, E_K, E_L = 50.0, -77.0, -54.387
C_M = 1.0


def membrane(m: Any, v: Any, g_na: Any, g_k: Any, g_l: Any, e_na: Any, e_k: Any, e_l: Any, current: Any, c_m: Any, dt: Any) -> Any:
    """C dV/dt = -g_Na (V - E_Na) - g_K (V - E_K) - g_L (V - E_L) + I."""
    return v + dt * (current - g_na * (v - e_na) - g_k * (v - e_k) - g_l * (v - e_l)) / c_m


def rates(m: Any, v: Any) -> tuple[Any, ...]:
    """alpha and beta of m, h and n, 1/ms."""
    return (
        0.1 * (v + 40.0) / (1.0 - m.exp(-(v + 40.0) / 10.0)), 4.0 * m.exp(-(v + 65.0) / 18.0),
        0.07 * m.exp(-(v + 65.0) / 20.0), 1.0 / (1.0 + m.exp(-(v + 35.0) / 10.0)),
        0.01 * (v + 55.0) / (1.0 - m.exp(-(v + 55.0) / 10.0)), 0.125 * m.exp(-(v + 65.0) / 80.0),
    )  # fmt: skip


def gates(m: Any, v: Any, gate_m: Any, gate_h: Any, gate_n: Any, dt: Any) -> tuple[Any, ...]:
    """dm/dt = alpha (1 - m) - beta m, likewise h and n, rates included."""
    a_m, b_m, a_h, b_h, a_n, b_n = rates(m, v)
    return (
        gate_m + dt * (a_m * (1.0 - gate_m) - b_m * gate_m),
        gate_h + dt * (a_h * (1.0 - gate_h) - b_h * gate_h),
        gate_n + dt * (a_n * (1.0 - gate_n) - b_n * gate_n),
    )


def conductances(m: Any, gate_m: Any, gate_h: Any, gate_n: Any, g_na: Any, g_k: Any) -> tuple[Any, Any]:
    """g_Na m³ h and g_K n⁴."""
    return g_na * gate_m**3 * gate_h, g_k * gate_n**4


def currents(m: Any, v: Any, g_na: Any, g_k: Any, g_l: Any, e_na: Any, e_k: Any, e_l: Any) -> tuple[Any, Any, Any]:
    """g (V - E) of each channel."""
    return g_na * (v - e_na), g_k * (v - e_k), g_l * (v - e_l)


def whole_step(m: Any, v: Any, gate_m: Any, gate_h: Any, gate_n: Any, current: Any, dt: Any) -> tuple[Any, ...]:
    """One forward-Euler step of the Hodgkin-Huxley neuron, each current formed once."""
    g_na, g_k = conductances(m, gate_m, gate_h, gate_n, G_NA, G_K)
    new_v = membrane(m, v, g_na, g_k, G_L, E_NA, E_K, E_L, current, C_M, dt)
    return (new_v, *gates(m, v, gate_m, gate_h, gate_n, dt))


_CELL = {"v": -60.0, "g_na": 1.0, "g_k": 2.0, "g_l": G_L, "e_na": E_NA, "e_k": E_K, "e_l": E_L}
_GATES = {"gate_m": 0.05, "gate_h": 0.6, "gate_n": 0.32}

NEURON = (
    Line("membrane potential", membrane, {**_CELL, "current": 10.0, "c_m": C_M, "dt": 0.01},
         {"sub": 3, "mul": 3, "add": 3, "div": 1}, 10, 2),
    Line("ion channel dynamics", gates, {"v": -60.0, **_GATES, "dt": 0.01}, {"exp": 6, "mul": 12, "add": 6}, 90, 6,
         "three gates are m, h and n: the leak has none; its items make 26 a gate, 78 in all; the arithmetic of the rates "
         "around their exponentials is left out"),
    Line("conductances", conductances, {**_GATES, "g_na": G_NA, "g_k": G_K}, {"mul": 5, "exp": 2}, 20, 0,
         "whole powers are two multiplications each, not exponentials"),
    Line("currents", currents, _CELL, {"sub": 3, "mul": 3}, 6, 0,
         "the same V - E and products as in the membrane's line: counted twice"),
)  # fmt: skip
NEURON_TOTAL = 126

# --- the synapse -----------------------------------------------------------------------------------------------------


def transmission(m: Any, s: Any, v: Any, transmitter: Any, g: Any, e: Any, alpha: Any, beta: Any, dt: Any) -> tuple[Any, Any]:
    """I = g s (V - E), ds/dt = alpha T (1 - s) - beta s."""
    return g * s * (v - e), s + dt * (alpha * transmitter * (1.0 - s) - beta * s)


def short_term(
    m: Any, f: Any, d: Any, spike: Any, base: Any, tau_f: Any, tau_d: Any, jump: Any, loss: Any, dt: Any
) -> tuple[Any, ...]:
    """dF/dt = (1 - F)/tau_F + f spike, dD/dt = (1 - D)/tau_D - d D spike, A = A_0 F D (Varela et al. 1997)."""
    new_f = f + dt * ((1.0 - f) / tau_f + jump * spike)
    new_d = d + dt * ((1.0 - d) / tau_d - loss * d * spike)
    return base * f * d, new_f, new_d


def block(m: Any, v: Any, magnesium: Any) -> Any:
    """Magnesium block of NMDA receptors (Jahr & Stevens 1990)."""
    return 1.0 / (1.0 + m.exp(-0.062 * v) * magnesium / 3.57)


def nmda(m: Any, s: Any, v: Any, magnesium: Any, g: Any, e: Any) -> Any:
    """I_NMDA = g s B(V) (V - E)."""
    return g * s * block(m, v, magnesium) * (v - e)


def calcium(m: Any, ca: Any, current: Any, tau: Any, gamma: Any, baseline: Any, dt: Any) -> Any:
    """d[Ca]/dt = -[Ca]/tau + gamma I + baseline."""
    return ca + dt * (gamma * current + baseline - ca / tau)


def camkii(m: Any, c: Any, ca: Any, k1: Any, k2: Any, n: Any, dt: Any) -> Any:
    """dc/dt = k_1 [Ca]ⁿ (1 - c) - k_2 c."""
    return c + dt * (k1 * ca**n * (1.0 - c) - k2 * c)


def weight(m: Any, w: Any, c: Any, eta: Any, theta_p: Any, theta_d: Any, dt: Any) -> Any:
    """dw/dt = eta (c - theta_p)₊ - eta (c - theta_d)₊; what the article's ()₋ means it does not say."""
    return w + dt * (eta * m.maximum(c - theta_p, 0.0) - eta * m.maximum(c - theta_d, 0.0))


def homeostasis(m: Any, w: Any, activity: Any, eta: Any, target: Any) -> Any:
    """w (1 + eta (target - activity))."""
    return w * (1.0 + eta * (target - activity))


def structure(m: Any, activity: Any, threshold: Any) -> tuple[Any, Any]:
    """P_form = sigmoid(activity - threshold), P_elim = 1 - P_form."""
    form = 1.0 / (1.0 + m.exp(threshold - activity))
    return form, 1.0 - form


def modulation(m: Any, dopamine: Any, baseline: Any, k: Any) -> Any:
    """baseline + k [dopamine]."""
    return baseline + k * dopamine


SYNAPSE = (
    Line("basic transmission", transmission,
         {"s": 0.1, "v": -60.0, "transmitter": 1.0, "g": 1.0, "e": 0.0, "alpha": 1.1, "beta": 0.2, "dt": 1.0},
         {"mul": 2, "sub": 2, "add": 1, "div": 1}, 6, 2, "its equations and their Euler step need 10"),
    Line("short-term plasticity", short_term,
         {"f": 1.2, "d": 0.8, "spike": 1.0, "base": 1.0, "tau_f": 100.0, "tau_d": 500.0, "jump": 0.1, "loss": 0.2, "dt": 1.0},
         {"sub": 4, "div": 3, "mul": 3, "add": 2}, 12, 4, "this F/D form is Varela et al. 1997, not Tsodyks & Markram"),
    Line("NMDA receptor", nmda, {"s": 0.1, "v": -60.0, "magnesium": 1.0, "g": 1.0, "e": 0.0},
         {"mul": 4, "sub": 2, "div": 1, "exp": 1}, 18, 0, "its items make 17"),
    Line("calcium", calcium, {"ca": 0.1, "current": 1.0, "tau": 20.0, "gamma": 0.1, "baseline": 0.01, "dt": 1.0},
         {"div": 1, "mul": 2, "add": 1, "sub": 1}, 5, 2),
    Line("CaMKII", camkii, {"c": 0.1, "ca": 0.5, "k1": 0.1, "k2": 0.05, "n": 4.0, "dt": 1.0},
         {"mul": 2, "sub": 1, "exp": 1, "div": 1}, 15, 2, "its items make 14"),
    Line("weight update", weight, {"w": 1.0, "c": 0.5, "eta": 0.01, "theta_p": 0.6, "theta_d": 0.3, "dt": 1.0},
         {"sub": 2, "compare": 2, "mul": 2}, 8, 2, "its items make 6"),
    Line("homeostatic plasticity", homeostasis, {"w": 1.0, "activity": 0.5, "eta": 0.01, "target": 0.4},
         {"sub": 2, "mul": 2, "add": 1}, 5),
    Line("structural plasticity", structure, {"activity": 0.5, "threshold": 0.4}, {"sub": 2, "exp": 1, "div": 1}, 14, 0,
         "its items make 13; P_elim = 1 - P_form makes every synapse form or vanish at each step"),
    Line("neuromodulation", modulation, {"dopamine": 0.1, "baseline": 1.0, "k": 0.5}, {"mul": 1, "add": 1}, 2),
)  # fmt: skip
SYNAPSE_TOTAL = 85
