"""AdEx whose spikes can be seen in v, with an after-depolarisation and a threshold that jumps: for rules that read v.

    C dV/dt   = -g_L (V - E_L) + g_L Delta_T exp((V - V_T) / Delta_T) - w + z - g_exc (V - E_exc) - g_inh (V - E_inh) + I
    tau_w dw/dt = a (V - E_L) - w,   tau_z dz/dt = -z,   tau_T dV_T/dt = V_rest - V_T,
    where V rises through V_peak: spike, V <- V_top, w <- w + b, z <- I_sp, V_T <- V_max; for `width` V stays at V_top, for as
    long again it is drawn to V_reset with the time constant `quick`.

Clopath, Büsing, Vasilaki & Gerstner (2010) Nat. Neurosci. 13:344, Methods, after Badel et al. (2008) J. Neurophysiol. 99:656;
parameters from memory. Its spike is a jump to a fixed potential for 1 ms; width and quick are chosen here; times after a spike are
distinguished by `since`, the time since the last spike.

Must show: a spike of 1 to 2 ms that passes 0 mV; a second spike needs more current soon after the first.
"""

from __future__ import annotations

from neuropil.maths import exp, minimum, where
from neuropil.model import Input, Neuron, Port, State
from neuropil.units import Capacitance, Conductance, Current, Time, Voltage, ms, mV, nS, pA, pF


class SpikeShapeAdEx(Neuron):
    """A weight (nS, positive on both ports) is the jump of the conductance."""

    c_m: Capacitance = 281 * pF
    g_l: Conductance = 30 * nS
    e_l: Voltage = -70.6 * mV
    delta_t: Voltage = 2 * mV
    v_rest: Voltage = -50.4 * mV  # of the threshold
    v_max: Voltage = -30.4 * mV
    tau_t: Time = 50 * ms
    a: Conductance = 4 * nS
    tau_w: Time = 144 * ms
    b: Current = 80.5 * pA
    i_sp: Current = 400 * pA
    tau_z: Time = 40 * ms
    v_peak: Voltage = 0 * mV
    v_top: Voltage = 33 * mV
    v_reset: Voltage = -70.6 * mV
    width: Time = 1.03 * ms  # between two steps of the usual sizes, so that rounding does not decide when it ends
    quick: Time = 0.2 * ms
    e_exc: Voltage = 0 * mV
    e_inh: Voltage = -85 * mV
    tau_exc: Time = 2 * ms
    tau_inh: Time = 5 * ms

    v = State("e_l")
    w = State(0 * pA)
    z = State(0 * pA)
    v_t = State("v_rest")
    since = State(1000 * ms)
    g_exc = State(0 * nS)
    g_inh = State(0 * nS)
    exc = Port(nS)
    inh = Port(nS)
    current = Input(pA)

    integrator = "rk4"
    spikes_on = "rising"

    def derivative(self, s, x):
        v = minimum(s.v, self.v_peak)
        upswing = self.g_l * self.delta_t * exp((v - s.v_t) / self.delta_t)
        i_syn = -s.g_exc * (s.v - self.e_exc) - s.g_inh * (s.v - self.e_inh)
        free = (-self.g_l * (s.v - self.e_l) + upswing - s.w + s.z + i_syn + x.current) / self.c_m
        drawn = (where(s.since < self.width, self.v_top, self.v_reset) - s.v) / self.quick
        return {
            "v": where(s.since < 2.0 * self.width, drawn, free),
            "w": (self.a * (v - self.e_l) - s.w) / self.tau_w,
            "z": -s.z / self.tau_z,
            "v_t": (self.v_rest - s.v_t) / self.tau_t,
            "since": 1.0,
            "g_exc": -s.g_exc / self.tau_exc,
            "g_inh": -s.g_inh / self.tau_inh,
        }

    def receive(self, s, w):
        return {"g_exc": w.exc, "g_inh": w.inh}

    def fires(self, s):
        return s.v >= self.v_peak

    def reset(self, s):
        return {"v": self.v_top, "w": s.w + self.b, "z": self.i_sp, "v_t": self.v_max, "since": 0 * ms}
