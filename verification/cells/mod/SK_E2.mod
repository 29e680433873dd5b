TITLE Small-conductance calcium-activated potassium current
COMMENT
Kohler et al. 1996; no temperature factor.
As used by Hay et al. 2011, PLoS Comput Biol 7: e1002107; see ../hay2011.md.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX SK_E2
    USEION k READ ek WRITE ik
    USEION ca READ cai
    RANGE gbar
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
    (mM) = (milli/liter)
}

PARAMETER {
    gbar = 0 (S/cm2)
    tau = 1 (ms)
    half = 0.00043 (mM)
}

ASSIGNED {
    v (mV)
    ek (mV)
    ik (mA/cm2)
    cai (mM)
    zinf
}

STATE { z }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ik = gbar*z*(v - ek)
}

DERIVATIVE states {
    rates(cai)
    z' = (zinf - z)/tau
}

INITIAL {
    rates(cai)
    z = zinf
}

UNITSOFF
PROCEDURE rates(c (mM)) {
    LOCAL x
    x = c
    if (x < 1e-7) { x = x + 1e-7 }
    zinf = 1/(1 + (half/x)^4.8)
}
UNITSON
