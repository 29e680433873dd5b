TITLE High-voltage-activated calcium current
COMMENT
Reuveni et al. 1993; no temperature factor.
As used by Hay et al. 2011, PLoS Comput Biol 7: e1002107; see ../hay2011.md.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX Ca_HVA
    USEION ca READ eca WRITE ica
    RANGE gbar
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 0 (S/cm2)
}

ASSIGNED {
    v (mV)
    eca (mV)
    ica (mA/cm2)
    minf
    mtau (ms)
    hinf
    htau (ms)
}

STATE { m h }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ica = gbar*m*m*h*(v - eca)
}

DERIVATIVE states {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}

INITIAL {
    rates(v)
    m = minf
    h = hinf
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
    a = 0.055*3.8*ratio((v + 27)/3.8)
    b = 0.94*exp(-(v + 75)/17)
    minf = a/(a + b)
    mtau = 1/(a + b)
    a = 0.000457*exp(-(v + 13)/50)
    b = 0.0065/(1 + exp(-(v + 15)/28))
    hinf = a/(a + b)
    htau = 1/(a + b)
}
UNITSON
