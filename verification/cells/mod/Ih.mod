TITLE Hyperpolarisation-activated cation current
COMMENT
Kole, Hallermann & Stuart 2006; no temperature factor.
As used by Hay et al. 2011, PLoS Comput Biol 7: e1002107; see ../hay2011.md.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX Ih
    NONSPECIFIC_CURRENT i
    RANGE gbar, e
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 0 (S/cm2)
    e = -45 (mV)
}

ASSIGNED {
    v (mV)
    i (mA/cm2)
    minf
    mtau (ms)
}

STATE { m }

BREAKPOINT {
    SOLVE states METHOD cnexp
    i = gbar*m*(v - e)
}

DERIVATIVE states {
    rates(v)
    m' = (minf - m)/mtau
}

INITIAL {
    rates(v)
    m = minf
}

: x / (1 - exp(-x)), by its series where x is small
FUNCTION ratio(x) {
    if (fabs(x) < 1e-4) {
        ratio = 1 + x/2 + x*x/12
    } else {
        ratio = x/(1 - exp(-x))
    }
}

UNITSOFF
PROCEDURE rates(v (mV)) {
    LOCAL a, b
    a = 0.00643*11.9*ratio(-(v + 154.9)/11.9)
    b = 0.193*exp(v/33.1)
    minf = a/(a + b)
    mtau = 1/(a + b)
}
UNITSON
