TITLE Kv3.1 potassium current
COMMENT
Rettig et al. 1992; no temperature factor.
As used by Hay et al. 2011, PLoS Comput Biol 7: e1002107; see ../hay2011.md.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX SKv3_1
    USEION k READ ek WRITE ik
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
    ek (mV)
    ik (mA/cm2)
    minf
    mtau (ms)
}

STATE { m }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ik = gbar*m*(v - ek)
}

DERIVATIVE states {
    rates(v)
    m' = (minf - m)/mtau
}

INITIAL {
    rates(v)
    m = minf
}

UNITSOFF
PROCEDURE rates(v (mV)) {
    minf = 1/(1 + exp(-(v - 18.7)/9.7))
    mtau = 4/(1 + exp(-(v + 46.56)/44.14))
}
UNITSON
