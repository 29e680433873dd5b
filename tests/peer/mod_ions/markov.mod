: c1 <-> c2 <-> o
NEURON {
    SUFFIX markov
    NONSPECIFIC_CURRENT i
    RANGE g, e
}
UNITS { (mA) = (milliamp) (mV) = (millivolt) (S) = (siemens) }
PARAMETER { g = 0.0002 (S/cm2) e = -70 (mV) }
ASSIGNED { v (mV) i (mA/cm2) a (/ms) b (/ms) }
STATE { c1 c2 o }
INITIAL { rates(v) SOLVE kin STEADYSTATE sparse }
BREAKPOINT { SOLVE kin METHOD sparse
    i = g * o * (v - e) }
KINETIC kin {
    rates(v)
    ~ c1 <-> c2 (a, b)
    ~ c2 <-> o (a, b)
    CONSERVE c1 + c2 + o = 1
}
PROCEDURE rates(v (mV)) { a = 2 * exp(v / 50) b = exp(-v / 50) }
